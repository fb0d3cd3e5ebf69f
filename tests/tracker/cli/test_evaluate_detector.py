"""``track evaluate detector`` on frames of the committed sample, whose boxes are known exactly."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import pytest

from detectors import load_detector
from detectors.evaluation.kinds import FALSE_ALARMS, MISSES, Tally
from tracker.cli.evaluate_detector import _print_errors

Track = Callable[..., Any]
SAMPLE = Path(__file__).parents[3] / "sample_videos"
CLASSES = ("car", "bus", "truck", "motorbike", "bicycle", "person")
FRAMES = (60, 250)
REPORT = {"figures.json", "errors.csv", "precision_recall.png", "misses.png", "false_alarms.png"}


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one set a frame, all of split val."""
    with (SAMPLE / "road.truth.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with av.open(str(SAMPLE / "road.mp4")) as video:
        images = {i: f.to_ndarray(format="bgr24") for i, f in enumerate(video.decode(video=0)) if i in FRAMES}
    folder = tmp_path_factory.mktemp("sets")
    for index, image in images.items():
        write_set(folder / f"frame_{index}", image, [row for row in rows if int(row["frame"]) == index])
    return folder


def write_set(folder: Path, image: Any, rows: list[dict[str, str]]) -> None:
    (folder / "images").mkdir(parents=True)
    cv2.imwrite(str(folder / "images" / "0.png"), image)
    annotations = []
    for row in rows:
        x1, y1, x2, y2 = (float(row[name]) for name in ("x1", "y1", "x2", "y2"))
        box = {"bbox": [x1, y1, x2 - x1, y2 - y1], "category_id": CLASSES.index(row["class"])}
        annotations.append({"id": len(annotations), "image_id": 0, **box})
    size = {"width": image.shape[1], "height": image.shape[0]}
    content = {
        "images": [{"id": 0, "file_name": "0.png", "split": "val", **size}],
        "annotations": annotations,
        "categories": [{"id": i, "name": name} for i, name in enumerate(CLASSES)],
    }
    (folder / "labels.json").write_text(json.dumps(content))


def test_by_class_size_and_set(track: Track, sets: Path) -> None:
    done = track("evaluate", "detector", "--data", sets, "--json")
    assert done.code == 0, done.err
    content = json.loads(done.out)
    assert content["pictures"] == len(FRAMES)
    whole = content["by_class"]["any_vehicle"]
    assert whole["ap50"] > 0.4
    mended = content["ap50_mean_if_mended"]
    assert set(mended) == {"class", "box"}
    assert all(content["ap50_mean"] < value <= 1 for value in mended.values())
    assert set(content["by_set"]) == {f"frame_{index}" for index in FRAMES}
    for parts in (content["by_set"], content["by_size"]):
        numbers = [
            part.get("by_class", {}).get("any_vehicle", {"boxes": 0})["boxes"] for part in parts.values()
        ]
        assert sum(numbers) == whole["boxes"], numbers


def test_report(track: Track, sets: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "report"
    done = track("evaluate", "detector", "--data", sets, "--json", "--out", folder)
    assert done.code == 0, done.err
    content = json.loads(done.out)
    assert json.loads((folder / "figures.json").read_text()) == content
    assert {path.name for path in folder.iterdir()} == REPORT
    in_use = content["in_use"]
    assert in_use["score"] == load_detector().score  # type: ignore[attr-defined]
    whole = in_use["by_class"].pop("any_vehicle")
    assert whole["boxes"] == content["by_class"]["any_vehicle"]["boxes"]
    assert whole["found"] + sum(whole["misses"].values()) == whole["boxes"]
    with (folder / "errors.csv").open(newline="") as stream:
        kinds = [row["what"] for row in csv.DictReader(stream)]
    for what, key in (("miss", "misses"), ("false alarm", "false_alarms")):
        assert kinds.count(what) == sum(sum(part[key].values()) for part in in_use["by_class"].values())
    times = content["time"]
    assert (times["looks"], times["threads"] >= 1, bool(times["processor"])) == (len(FRAMES), True, True)
    assert 0 <= sum(times["ms_by_stage"].values()) <= 1.5 * times["ms"]


@pytest.mark.parametrize("out", ["file/report", "file"])
def test_a_folder_that_cannot_be_is_refused_before_anything_is_loaded(
    track: Track, tmp_path: Path, out: str
) -> None:
    (tmp_path / "file").write_text("")
    done = track("evaluate", "detector", "--data", tmp_path / "none", "--out", tmp_path / out)
    assert done.code == 1
    assert "is a file, not a folder" in done.complaint


def test_tables(track: Track, sets: Path) -> None:
    done = track("evaluate", "detector", "--data", sets / "frame_60", "--set", "nms_iou=0.5")
    assert done.code == 0, done.err
    assert "any vehicle" in done.out
    assert "mean of classes" in done.out
    assert "false alarms, by what is labelled there" in done.out
    assert "if all answers had the class of what they lie at" in done.out
    assert "ms a look" in done.out
    assert "frame_60" not in done.out  # a single set needs no table of sets


def test_tables_of_errors_fit_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    many = Tally(28999, Counter(dict.fromkeys(MISSES, 12345)), Counter(dict.fromkeys(FALSE_ALARMS, 12345)))
    _print_errors({"other_vehicle": many}, 0.4)
    out = capsys.readouterr().out
    assert "other vehicle" in out
    assert out.count("12345") == len(MISSES) + len(FALSE_ALARMS), "no number is cut off"
    assert {"precision", "duplicate", "background", "nothing"} <= set(out.split()), "no heading is cut off"
    tables = [line.rstrip() for line in out.splitlines() if line.startswith(("┃", "│"))]
    assert all(line.endswith(("┃", "│")) for line in tables), "no column is cut off"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--detector", "replay:det.txt"], "does not look at pictures"),
        (["--detector", "smaler_vgg"], "smaller_vgg"),
        (["--set", "nms_iou"], "option=value"),
        (["--set", "nms=0.5"], "nms_iou"),
        (["--split", "test"], "no pictures of split 'test'"),
    ],
)
def test_what_cannot_be_measured_is_one_line(
    track: Track, sets: Path, arguments: list[str], words: str
) -> None:
    done = track("evaluate", "detector", "--data", sets, *arguments)
    assert done.code in (1, 2)
    assert words in done.complaint
