"""CVAT's XML read as CVAT reads it, and written so that it reads the same again."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.bank.cvat import frame_number, labels_at, read_cvat
from detectors.bank.cvat_text import task_text
from detectors.bank.cvat_xml import CvatImage, CvatTask, CvatTrack, read_task
from detectors.bank.formats import guess, read_labelled
from detectors.bank.keyframes import Keyframe, at_frame, thinned, visible_spans
from detectors.bank.labels import Box
from detectors.errors import DataError

META = """<version>1.1</version><meta><{kind}><id>7</id><name>road</name><size>{size}</size>
<mode>{mode}</mode><start_frame>{start}</start_frame><stop_frame>{stop}</stop_frame>
<frame_filter>{step}</frame_filter>
<labels><label><name>car</name><color>#fa3253</color><type>any</type><attributes></attributes></label>
<label><name>bus</name><attributes></attributes></label></labels>
<original_size><width>64</width><height>48</height></original_size><source>road.mp4</source>
</{kind}><dumped>2026-11-27 02:00:00</dumped></meta>"""
USUAL = {"kind": "task", "size": 10, "mode": "interpolation", "start": 0, "stop": 9, "step": ""}


def written(path: Path, body: str, **meta: object) -> Path:
    """Write a file as CVAT exports it."""
    head = META.format(**{**USUAL, **meta})
    path.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>{head}{body}</annotations>')
    return path


def shape(frame: int, x: float, keyframe: int = 1, outside: int = 0, more: str = "") -> str:
    corners = f'xtl="{x:.2f}" ytl="4.00" xbr="{x + 10:.2f}" ybr="14.00"'
    states = f'keyframe="{keyframe}" outside="{outside}" occluded="0"'
    return f'<box frame="{frame}" {states} {corners} z_order="0" {more}></box>'


def pictures(folder: Path, names: list[str], size: tuple[int, int] = (64, 48)) -> Path:
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        image = np.random.default_rng(number).integers(0, 255, (size[1], size[0], 3), np.uint8)
        assert cv2.imwrite(str(folder / name), image)
    return folder


def test_a_video_is_read_between_its_keyframes(tmp_path: Path) -> None:
    moving = shape(2, 0) + shape(4, 99, keyframe=0) + shape(6, 8) + shape(8, 8, outside=1)
    staying = shape(5, 40)
    body = f'<track id="0" label="car">{moving}</track><track id="1" label="bus">{staying}</track>'
    file = written(tmp_path / "road.xml", body)
    folder = pictures(tmp_path / "frames", [f"frame_{number:06d}.PNG" for number in range(10)])
    found = {one.name: one.boxes for one in read_cvat(file, folder)}
    assert found["frame_000001.PNG"] == ()
    assert found["frame_000004.PNG"] == (Box("car", (4.0, 4.0, 14.0, 14.0)),)  # not 99: no keyframe
    assert found["frame_000007.PNG"] == (
        Box("car", (8.0, 4.0, 18.0, 14.0)),
        Box("bus", (40.0, 4.0, 50.0, 14.0)),
    )
    assert found["frame_000009.PNG"] == (Box("bus", (40.0, 4.0, 50.0, 14.0)),)


def test_a_job_with_a_frame_filter_has_only_its_own_frames(tmp_path: Path) -> None:
    file = written(
        tmp_path / "a.xml",
        f'<track id="0" label="car">{shape(3, 0)}{shape(9, 12)}</track>',
        **{"kind": "job", "start": 3, "stop": 9, "step": "step=3"},
    )
    folder = pictures(tmp_path / "images", [f"frame_{number:06d}.jpg" for number in range(12)])
    found = read_cvat(file)
    assert [one.name for one in found] == ["frame_000003.jpg", "frame_000006.jpg", "frame_000009.jpg"]
    assert found[1].boxes == (Box("car", (6.0, 4.0, 16.0, 14.0)),)
    assert found[1].path == folder / "frame_000006.jpg"


def test_pictures_are_read_with_their_folders_and_splits(tmp_path: Path) -> None:
    box = '<box label="bus" source="manual" occluded="1" xtl="1.5" ytl="2" xbr="30" ybr="20" z_order="0"/>'
    body = f"""<image id="0" name="day1/a.png" subset="Validation" width="64" height="48">{box}</image>
    <image id="1" name="day1/b.png" subset="Train" width="64" height="48"><tag label="car"/></image>
    <image id="2" name="frame_000005" width="64" height="48"/>"""
    file = written(tmp_path / "a.xml", body, mode="annotation")
    folder = pictures(tmp_path / "p", ["images/Validation/day1/a.png", "day1/b.png", "frame_000005.PNG"])
    first, second, third = read_cvat(file, folder)
    assert (first.name, first.split, second.split, third.split) == ("day1/a.png", "val", "train", None)
    assert first.path == folder / "images/Validation/day1/a.png"
    assert first.boxes == (Box("bus", (1.5, 2.0, 30.0, 20.0)),)
    assert (second.boxes, third.boxes) == ((), ())
    assert third.name == "frame_000005.PNG"


def test_turned_boxes_and_polygons_become_the_rectangles_around_them(tmp_path: Path) -> None:
    body = """<image id="0" name="a.png" width="64" height="48">
    <box label="car" occluded="0" xtl="10" ytl="10" xbr="30" ybr="20" rotation="90.00"/>
    <polygon label="car" occluded="0" points="1.00,2.00;9.00,3.00;4.00,8.00"/></image>"""
    file = written(tmp_path / "a.xml", body)
    (one,) = read_cvat(file, pictures(tmp_path / "p", ["a.png"]))
    assert one.boxes[0].xyxy == pytest.approx((15, 5, 25, 25))
    assert one.boxes[1].xyxy == (1.0, 2.0, 9.0, 8.0)


CAR = f'<track id="4" label="car">{shape(0, 0)}</track>'
IMAGE = '<image id="0" name="{}" width="{}" height="48"></image>'


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('<track id="4" label="tram"></track>', "track 4 has no keyframe"),
        (CAR.replace('"car"', '"tram"'), "the label 'tram' is not in its list of labels (car, bus)"),
        (CAR.replace("xtl", "left"), "lacks its 'xtl'"),
        (CAR.replace('xtl="0.00"', 'xtl="wide"'), "wide"),
        (CAR.replace('xtl="0.00"', 'xtl="nan"'), "track 4 has a box that is none"),
        (CAR.replace('frame="0"', 'frame="-3"'), "track 4 has the frame -3"),
        (CAR.replace("box", "cuboid"), "track 4 has a cuboid, of which no box is read"),
        (CAR, "no frame of"),
        (CAR + IMAGE.format("a.png", 64), "both pictures and tracks"),
        (IMAGE.format("gone.png", 64), "gone.png is missing"),
        (IMAGE.format("../a.png", 64), "does not lie in a folder of pictures"),
        (IMAGE.format("a.png", 640), "labels are for 640x48 pixels, the picture has 64x48"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, body: str, words: str) -> None:
    file = written(tmp_path / "a.xml", body)
    folder = pictures(tmp_path / "p", ["a.png"])
    with pytest.raises(DataError) as caught:
        read_cvat(file, folder)
    assert words in str(caught.value)
    assert "a.xml" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<annotation><object/></annotation>", "it begins with <annotation>"),
        (b"<annotations><image/></annotations>", "lacks its 'name'"),
        (b"<annotations></annotations>", "it has no <meta>"),
        (b"<annotations><meta><task/></meta></annotations>", "lists no labels"),
        (b"<annotations><meta>", "is damaged"),
        (b"frame,time_s\n", "not CVAT's XML"),
        (b"PK\x03\x04rest", "is a ZIP: unpack it"),
    ],
)
def test_files_of_other_tools(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "a.xml"
    file.write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_task(file)
    with pytest.raises(DataError, match=r"cannot read .*gone.xml: No such file"):
        read_task(tmp_path / "gone.xml")


def test_a_project_of_two_videos_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path / "a.xml", CAR, kind="project")
    two = "<tasks><task><id>1</id></task><task><id>2</id></task></tasks></project>"
    file.write_text(file.read_text().replace("</project>", two))
    with pytest.raises(DataError, match="export its tasks one by one"):
        read_task(file)


LABELS = st.sampled_from(("car", 'bus "7" & <x>'))
SIDES = st.integers(-500, 200_000).map(lambda n: n / 100)
CORNERS = st.tuples(SIDES, SIDES, SIDES, SIDES).map(
    lambda c: (min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3]))
)


@st.composite
def visible_boxes(draw: st.DrawFn) -> list[Keyframe]:
    """Return a box a frame of an object that moves, stops, is hidden and gone now and then."""
    steps = draw(
        st.lists(st.tuples(st.sampled_from((1, 1, 1, 1, 3)), st.booleans()), min_size=1, max_size=40)
    )
    seed = draw(st.integers(0, 99))
    speed = draw(st.sampled_from((0.0, 0.4, 5.0)))
    rng = np.random.default_rng(seed)
    places = 100 + np.cumsum(rng.normal(speed, 0.1 + speed / 4, (len(steps), 4)), axis=0)
    places[:, 2:] += 20
    frames = np.cumsum([step for step, _ in steps])
    return [
        Keyframe(int(frame), tuple(np.round(place, 2).tolist()), occluded=hidden)
        for frame, place, (_, hidden) in zip(frames, places, steps, strict=True)
    ]


@settings(max_examples=40)
@given(visible_boxes(), st.sampled_from(((0, 0), (0.5, 0), (2, 0.01), (1, 0.2))), st.integers(0, 3))
def test_thinned_boxes_are_near_all_boxes(
    boxes: list[Keyframe], limits: tuple[float, float], rest: int
) -> None:
    last = boxes[-1].frame + rest
    kept = thinned(boxes, limits[0], last, limits[1])
    assert [k.frame for k in kept] == sorted({k.frame for k in kept})
    assert kept[-1].frame <= last
    seen = {box.frame: box for box in boxes}
    for frame in range(last + 1):
        at = at_frame(kept, frame)
        assert (at is not None) == (frame in seen)
        if at is not None:
            x1, y1, x2, y2 = seen[frame].xyxy
            slack = max(limits[0], limits[1] * math.sqrt((x2 - x1) * (y2 - y1)))
            assert np.abs(np.subtract(at.xyxy, seen[frame].xyxy)).max() <= slack + 1e-6
            assert at.occluded == seen[frame].occluded
    spans = [(first, last if end is None else end) for first, end in visible_spans(kept)]
    assert sorted(seen) == [frame for first, end in spans for frame in range(first, end + 1)]


def test_a_straight_way_needs_two_keyframes_and_one_behind_it() -> None:
    boxes = [Keyframe(n, (n * 3.0, 5.0, n * 3.0 + 20, 30.0)) for n in range(100)]
    assert [k.frame for k in thinned(boxes, 1.0, 99)] == [0, 99]
    kept = thinned(boxes, 1.0, 500)
    assert [(k.frame, k.outside) for k in kept] == [(0, False), (99, False), (100, True)]


TRACKS = st.lists(st.builds(lambda label, b: CvatTrack(label, tuple(b)), LABELS, visible_boxes()), max_size=3)
IMAGES = st.lists(
    st.builds(
        CvatImage, st.sampled_from(("a.jpg", "Süd/b.png")), st.just((64, 48)),
        st.lists(st.tuples(LABELS, CORNERS, st.booleans()), max_size=3).map(tuple),
    ),
    min_size=1, max_size=3,
)  # fmt: skip
LIST = ("car", 'bus "7" & <x>', "tram")


@settings(max_examples=15)
@given(TRACKS, IMAGES)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, tracks: list[CvatTrack], images: list[CvatImage]
) -> None:
    file = tmp_path_factory.getbasetemp() / "again.xml"
    video = CvatTask(LIST, "road.mp4", (1280, 720), range(5, 500, 5), tuple(tracks))
    file.write_bytes(task_text(video, "road"))
    assert read_task(file) == video
    shown = CvatTask(LIST, "road.mp4", None, range(len(images)), images=tuple(images))
    file.write_bytes(task_text(shown, "bad \x00\udcff name"))
    assert read_task(file) == shown


def test_numbers_of_frames() -> None:
    assert frame_number("images/frame_000123.PNG") == 123
    assert frame_number("frame_1234567") == 1_234_567
    assert frame_number("road_000123.jpg") is None


def test_an_object_without_area_is_none() -> None:
    flat = CvatTrack("car", (Keyframe(0, (5.0, 5.0, 5.0, 9.0)),))
    assert labels_at(CvatTask(("car",), tracks=(flat,)), 3) == ()


def test_it_is_told_from_other_formats(tmp_path: Path) -> None:
    """By what the XML begins with; of a folder with several files it is ``annotations.xml``."""
    folder = pictures(tmp_path, ["images/frame_000003.PNG"])
    file = written(tmp_path / "annotations.xml", f'<track id="0" label="car">{shape(2, 0)}</track>')
    assert guess(file) == guess(folder) == "cvat"
    for path in (file, folder):
        assert [one.boxes[0].label for one in read_labelled(path)] == ["car"]
    written(tmp_path / "other.xml", "")
    assert len(read_labelled(folder)) == 1
    file.rename(tmp_path / "another.xml")
    with pytest.raises(DataError, match="holds 0 files of CVAT's"):
        read_labelled(folder, name="cvat")
    (tmp_path / "voc.xml").write_text("<annotation><filename>a.png</filename></annotation>")
    assert guess(tmp_path / "voc.xml") == "voc"
