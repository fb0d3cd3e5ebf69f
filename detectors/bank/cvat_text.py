"""CVAT's own XML, version 1.1, written as CVAT imports it: "for images" and "for video"."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from detectors.bank.cvat_xml import Corners, CvatTask


def task_text(task: CvatTask, name: str) -> bytes:
    """Return a task as a file that CVAT imports, in UTF-8.

    Args:
        task: with tracks or with images.
        name: of the task.
    """
    root = ET.Element("annotations")
    _put(root, "version", "1.1")
    root.append(_meta(task, name))
    for number, track in enumerate(task.tracks):
        element = ET.SubElement(root, "track", id=str(number), label=_clean(track.label), source="auto")
        for keyframe in track.keyframes:
            state = {"keyframe": "1", "outside": str(int(keyframe.outside))}
            _put_box(element, {"frame": str(keyframe.frame), **state}, keyframe.xyxy, keyframe.occluded)
    for number, image in enumerate(task.images):
        element = ET.SubElement(root, "image", id=str(number), name=_clean(image.name))
        if image.size is not None:
            element.attrib |= {"width": str(image.size[0]), "height": str(image.size[1])}
        for label, corners, occluded in image.boxes:
            _put_box(element, {"label": _clean(label), "source": "auto"}, corners, occluded)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _meta(task: CvatTask, name: str) -> ET.Element:
    meta = ET.Element("meta")
    about = ET.SubElement(meta, "task")
    _put(about, "name", name)
    frames = task.frames if task.frames is not None else range(len(task.images))
    _put(about, "size", str(len(frames)))
    _put(about, "mode", "annotation" if task.images else "interpolation")
    _put(about, "start_frame", str(frames.start))
    _put(about, "stop_frame", str(frames.stop - 1))
    _put(about, "frame_filter", f"step={frames.step}" if frames.step > 1 else "")
    labels = ET.SubElement(about, "labels")
    for label in task.labels:
        element = ET.SubElement(labels, "label")
        _put(element, "name", label)
        _put(element, "attributes", "")
    if task.size is not None:
        size = ET.SubElement(about, "original_size")
        _put(size, "width", str(task.size[0]))
        _put(size, "height", str(task.size[1]))
    _put(about, "source", task.source)
    return meta


def _put(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, tag).text = _clean(text)


def _put_box(parent: ET.Element, first: dict[str, str], corners: Corners, occluded: bool) -> None:
    sides = {side: f"{value:.2f}" for side, value in zip(("xtl", "ytl", "xbr", "ybr"), corners, strict=True)}
    ET.SubElement(parent, "box", {**first, "occluded": str(int(occluded)), **sides, "z_order": "0"})


def _clean(text: str) -> str:
    """Return a text without what XML cannot hold, such as the bytes of a file name that is not UTF-8."""
    return "".join(c if c.isprintable() else "?" for c in text)
