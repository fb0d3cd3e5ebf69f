"""``track --video``: what a whole run leaves behind."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from detectors.registry import Registry
from tracker.config import DEFAULTS
from tracker.types import Reason

Track = Callable[..., Any]
COLUMNS = "frame,time_s,track_id,class,score,x1,y1,x2,y2,origin,confidence"
FRAMES = 50
FILES = {"run.json", "tracks.csv", "tracks.mot.txt", "annotated.mp4"}


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "tracks.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def run_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return content


def frames_of(path: Path) -> int:
    with av.open(str(path)) as file:
        return sum(1 for _ in file.decode(video=0))


def test_a_run_leaves_its_four_files_and_a_closing_table(replay: Track, tmp_path: Path) -> None:
    done = replay("--out", tmp_path / "out")
    assert done.code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    assert "Traceback" not in done.err
    assert done.out == ""
    for word in ("tracks", "3 person", "CNN runs", "1 first frame", "frames saved", "annotated.mp4"):
        assert word in done.err
    assert str(tmp_path / "out" / "tracks.csv") in done.err  # on one line, however long


def test_the_tracks_are_those_of_the_three_vehicles(replay: Track, tmp_path: Path) -> None:
    replay("--out", tmp_path / "out")
    assert (tmp_path / "out" / "tracks.csv").read_text().splitlines()[0] == COLUMNS
    rows = rows_of(tmp_path / "out")
    assert {row["track_id"] for row in rows} == {"1", "2", "3"}
    assert [row["frame"] for row in rows if row["track_id"] == "1"] == [str(i) for i in range(FRAMES)]
    assert {row["origin"] for row in rows} >= {"detected", "propagated"}
    for row in rows:
        right = {"1": (4, 2), "2": (128, -2), "3": (60, 1)}[row["track_id"]]
        assert float(row["x1"]) == pytest.approx(right[0] + right[1] * int(row["frame"]), abs=4)
        assert float(row["time_s"]) == pytest.approx(int(row["frame"]) / 25, abs=1e-3)
        assert row["class"] == "person"
    mot = (tmp_path / "out" / "tracks.mot.txt").read_text().splitlines()
    seen = [row for row in rows if row["origin"] != "predicted"]
    assert len(mot) == len(seen)
    assert mot[0].startswith("1,1,")


def test_run_json_adds_up(replay: Track, tmp_path: Path, tiny_video: Path) -> None:
    replay("--out", tmp_path / "out")
    run = run_of(tmp_path / "out")
    runs = run["cnn_runs"]
    assert run["frames"] == FRAMES
    assert runs["first_frame"] == 1
    assert runs["total"] == sum(number for reason, number in runs.items() if reason != "total")
    assert set(runs) - {"total"} <= {reason.value for reason in Reason}
    assert runs["total"] < FRAMES / 2
    assert run["cnn_pixels_share"] == pytest.approx(runs["total"] / FRAMES, abs=1e-4)
    assert run["cnn_share"] == pytest.approx(runs["total"] / FRAMES, abs=1e-4)
    assert run["completed"] is True
    assert run["warnings"] == []
    assert run["tracks_by_class"] == {"person": 3}
    assert run["settings"]["video"] == str(tiny_video)
    assert run["settings"]["propagate"] == DEFAULTS["propagate"]
    assert run["source"]["frames"] == FRAMES
    assert (run["source"]["width"], run["source"]["height"]) == (160, 120)
    assert run["detector"]["name"] == "replay"
    assert {"versions", "processor", "stage_s", "fps", "peak_memory_mb", "start", "end"} <= set(run)
    assert set(run["stage_s"]) == {"read", "propagate", "trigger", "detect", "associate"}


def test_the_annotated_video_is_as_long_and_as_large_as_the_source(replay: Track, tmp_path: Path) -> None:
    replay("--out", tmp_path / "out")
    with av.open(str(tmp_path / "out" / "annotated.mp4")) as file:
        context = file.streams.video[0].codec_context
        assert (context.width, context.height, context.pix_fmt) == (160, 120, "yuv420p")
        assert context.name == "h264"
        assert file.duration == pytest.approx(2_000_000, abs=50_000)
        assert sum(1 for _ in file.decode(video=0)) == FRAMES


def test_twice_the_same_run_gives_the_same_tracks(replay: Track, tmp_path: Path) -> None:
    replay("--out", tmp_path / "a", "--no-video")
    replay("--out", tmp_path / "b", "--no-video")
    assert (tmp_path / "a" / "tracks.csv").read_bytes() == (tmp_path / "b" / "tracks.csv").read_bytes()


def test_without_out_the_results_go_to_runs_stem(replay: Track, tmp_path: Path) -> None:
    assert replay("--no-video").code == 0
    assert {path.name for path in (tmp_path / "runs" / "tiny").iterdir()} == FILES - {"annotated.mp4"}


def test_csv_names_another_place(replay: Track, tmp_path: Path) -> None:
    place = tmp_path / "deep" / "mine.csv"
    assert replay("--out", tmp_path / "out", "--no-video", "--csv", place).code == 0
    assert place.read_text().startswith(COLUMNS)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"run.json", "tracks.mot.txt"}


@pytest.mark.parametrize(("codec", "name"), [("vp9", "vp9"), ("av1", "libdav1d")])
def test_codec(replay: Track, tmp_path: Path, codec: str, name: str) -> None:
    assert replay("--out", tmp_path / "out", "--codec", codec).code == 0
    with av.open(str(tmp_path / "out" / "annotated.mp4")) as file:
        assert file.streams.video[0].codec_context.name == name
        assert sum(1 for _ in file.decode(video=0)) == FRAMES


def test_an_earlier_run_is_kept_unless_told_otherwise(replay: Track, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    assert replay("--out", folder).code == 0
    before = (folder / "run.json").read_bytes()
    refused = replay("--out", folder, "--no-video")
    assert refused.code == 2
    assert "--overwrite" in refused.complaint
    assert (folder / "run.json").read_bytes() == before
    assert replay("--out", folder, "--no-video", "--overwrite").code == 0
    assert not (folder / "annotated.mp4").exists()  # it would be the other run's


def test_overwrite_destroys_nothing_when_the_new_run_cannot_begin(replay: Track, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    replay("--out", folder, "--no-video")
    before = (folder / "run.json").read_bytes()
    for wrong in (("--codec", "divx"), ("--classes", "tram"), ("--video", "gone.mp4")):
        assert replay("--out", folder, "--overwrite", *wrong).code in (1, 2)
        assert (folder / "run.json").read_bytes() == before


def test_a_video_is_never_replaced_by_its_own_results(
    track: Track, tmp_path: Path, tiny_video: Path, tiny_boxes: Path
) -> None:
    (tmp_path / "out").mkdir()
    source = shutil.copy(tiny_video, tmp_path / "out" / "annotated.mp4")
    for more in (("--out", tmp_path / "out"), ("--out", tmp_path / "new", "--csv", source)):
        done = track("--video", source, "--detector", f"replay:{tiny_boxes}", "--overwrite", *more)
        assert done.code == 2
        assert "itself" in done.complaint
    assert frames_of(Path(source)) == FRAMES


@pytest.mark.parametrize("name", ["run.json", "tracks.mot.txt", "annotated.mp4"])
def test_csv_may_not_be_another_result(replay: Track, tmp_path: Path, name: str) -> None:
    done = replay("--out", tmp_path / "out", "--csv", tmp_path / "out" / name)
    assert done.code == 2
    assert "another result" in done.complaint


def test_classes_are_followed_alone(track: Track, tmp_path: Path, tiny_video: Path) -> None:
    lines = ["frame,class,score,x1,y1,x2,y2"]
    for i in range(FRAMES):
        lines.append(f"{i},car,0.9,{4 + 2 * i},20,{34 + 2 * i},38")
        lines.append(f"{i},bus,0.9,{128 - 2 * i},52,{154 - 2 * i},72")
        lines.append(f"{i},person,0.9,{60 + i},94,{84 + i},112")
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("\n".join(lines) + "\n")
    done = track(
        "--video", tiny_video, "--detector", boxes, "--out", "o", "--no-video", "--classes", "car, bus"
    )
    assert done.code == 0
    assert {row["class"] for row in rows_of(tmp_path / "o")} == {"car", "bus"}
    assert run_of(tmp_path / "o")["settings"]["classes"] == ["car", "bus"]


def test_score_leaves_detections_out(replay: Track, tmp_path: Path) -> None:
    assert replay("--out", tmp_path / "o", "--no-video", "--score", "0.95").code == 0
    assert rows_of(tmp_path / "o") == []


def test_a_glob_makes_one_run_a_file_and_keeps_equal_stems_apart(
    track: Track, tmp_path: Path, tiny_video: Path, tiny_boxes: Path
) -> None:
    for place in ("a/x.mp4", "b/x.mp4", "c/x-2.mp4"):
        (tmp_path / place).parent.mkdir()
        shutil.copy(tiny_video, tmp_path / place)
    done = track("--video", "*/x*.mp4", "--detector", f"replay:{tiny_boxes}", "--no-video", "--out", "o")
    assert done.code == 0
    names = {run_of(folder)["source"]["name"]: folder.name for folder in (tmp_path / "o").iterdir()}
    assert names == {"a/x.mp4": "x", "b/x.mp4": "x-2", "c/x-2.mp4": "x-2-2"}


def test_one_broken_video_does_not_keep_the_others_from_being_tracked(
    track: Track, tmp_path: Path, tiny_video: Path, tiny_boxes: Path
) -> None:
    shutil.copy(tiny_video, tmp_path / "1.mp4")
    (tmp_path / "2.mp4").write_bytes(b"not a video" * 99)
    shutil.copy(tiny_video, tmp_path / "3.mp4")
    done = track("--video", "?.mp4", "--detector", f"replay:{tiny_boxes}", "--no-video", "--out", "o")
    assert done.code == 1
    assert [line for line in done.err.splitlines() if line.startswith("track: 2.mp4")]
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == ["1", "3"]


def test_a_glob_with_csv_is_refused(track: Track, tmp_path: Path, tiny_video: Path, tiny_boxes: Path) -> None:
    for name in ("1.mp4", "2.mp4"):
        shutil.copy(tiny_video, tmp_path / name)
    done = track("--video", "?.mp4", "--detector", f"replay:{tiny_boxes}", "--csv", "all.csv")
    assert done.code == 2
    assert "--csv" in done.complaint


def test_a_wrong_option_is_told_once_for_all_videos_of_a_glob(
    track: Track, tmp_path: Path, tiny_video: Path, tiny_boxes: Path
) -> None:
    for name in ("1.mp4", "2.mp4"):
        shutil.copy(tiny_video, tmp_path / name)
    for wrong in (("--classes", "tram"), ("--propagate", "dlip"), ("--codec", "divx")):
        done = track("--video", "?.mp4", "--detector", f"replay:{tiny_boxes}", *wrong)
        assert done.code == 2
        assert wrong[1] in done.complaint
    assert not (tmp_path / "runs").exists()


def test_settings_come_from_a_file_and_the_command_line_lies_on_top(
    track: Track, tmp_path: Path, tiny_video: Path, tiny_boxes: Path
) -> None:
    file = tmp_path / "road.toml"
    file.write_text(
        f'video = "{tiny_video}"\nscore = 0.2\n'
        f'[detector]\nuse = "replay:{tiny_boxes}"\n[detector.replay]\nclass_name = "car"\n'
        '[propagate]\nuse = "kalman"\n[trigger.confidence]\nthreshold = 0.1\ninterval_s = 9.0\n'
    )
    done = track(
        *("--config", file, "--out", "o", "--no-video", "--trigger", "interval", "--score", "0.5"),
        *("--set", "trigger.interval.interval_s=0.4", "--set", "associate=centroid"),
    )
    assert done.code == 0, done.err
    run = run_of(tmp_path / "o")
    settings = run["settings"]
    assert [settings[k] for k in ("propagate", "trigger", "associate", "score")] == [
        "kalman",
        "interval",
        "centroid",
        0.5,
    ]
    assert settings["options"]["trigger"] == {"interval": {"interval_s": 0.4}}
    assert run["cnn_runs"] == {"total": 5, "interval": 4, "first_frame": 1}
    assert set(run["tracks_by_class"]) == {"car"}


def test_shorthands_reach_the_chosen_trigger(replay: Track, tmp_path: Path) -> None:
    assert replay("--out", "a", "--no-video", "--confidence", "0", "--interval", "1.0").code == 0
    run = run_of(tmp_path / "a")
    options = run["settings"]["options"]["trigger"]["confidence"]
    assert (options["threshold"], options["interval_s"]) == (0.0, 1.0)
    assert run["cnn_runs"]["unconfirmed"] == 1
    assert "low_confidence" not in run["cnn_runs"]
    assert replay("--out", "b", "--no-video", "--trigger", "interval", "--interval", "0.5").code == 0
    assert run_of(tmp_path / "b")["cnn_runs"] == {"total": 4, "interval": 3, "first_frame": 1}


@pytest.mark.parametrize("name", Registry("tracker.triggers", "trigger").names())
def test_the_longest_interval_reaches_every_trigger_that_has_one(
    replay: Track, tmp_path: Path, name: str
) -> None:
    if not hasattr(Registry("tracker.triggers", "trigger").config(name), "interval_s"):
        assert replay("--trigger", name, "--interval", "0.7").code == 2
        return
    assert replay("--out", "o", "--no-video", "--trigger", name, "--interval", "0.7").code == 0
    assert run_of(tmp_path / "o")["settings"]["options"]["trigger"][name]["interval_s"] == 0.7


def test_sink_options_are_used(replay: Track, tmp_path: Path) -> None:
    """``hold_s`` 0 gives up every row of a track that is not yet confirmed."""
    replay("--out", "a", "--no-video")
    replay("--out", "b", "--no-video", "--set", "sink.csv.hold_s=0")
    assert len(rows_of(tmp_path / "b")) < len(rows_of(tmp_path / "a"))


def test_always_without_propagation_looks_at_every_frame(replay: Track, tmp_path: Path) -> None:
    assert replay("--out", "o", "--no-video", "--trigger", "always", "--propagate", "none").code == 0
    run = run_of(tmp_path / "o")
    assert run["cnn_runs"] == {"total": FRAMES, "always": FRAMES}
    assert run["cnn_share"] == 1.0
    assert {row["origin"] for row in rows_of(tmp_path / "o")} == {"detected"}


def test_the_first_reason_of_several_triggers_counts(replay: Track, tmp_path: Path) -> None:
    assert replay("--out", "o", "--no-video", "--trigger", "confidence, always").code == 0
    runs = run_of(tmp_path / "o")["cnn_runs"]
    assert runs["first_frame"] == 1
    assert runs["total"] == FRAMES


@pytest.mark.parametrize("propagate", ["dlib", "kalman"])
@pytest.mark.parametrize("associate", ["two_stage", "iou", "centroid"])
def test_every_way_of_tracking_follows_the_three(
    replay: Track, tmp_path: Path, propagate: str, associate: str
) -> None:
    done = replay("--out", "o", "--no-video", "--propagate", propagate, "--associate", associate)
    assert done.code == 0, done.err
    assert run_of(tmp_path / "o")["tracks_by_class"] == {"person": 3}


def test_brackets_in_a_name_are_shown_as_they_are(
    track: Track, tmp_path: Path, tiny_video: Path, tiny_boxes: Path
) -> None:
    """rich would take them for markup: swallow [bold], and fail at [/x]."""
    video = shutil.copy(tiny_video, tmp_path / "clip[bold].mp4")
    done = track("--video", video, "--detector", f"replay:{tiny_boxes}", "--no-video", "--out", "o[b]/[/x]")
    assert done.code == 0
    assert "o[b]/[/x]/tracks.csv" in done.err


def test_a_scene_cut_is_a_reason_to_look(
    track: Track, tmp_path: Path, tiny_video: Path, tiny_boxes: Path
) -> None:
    """The second shot is the first, turned by 180 degrees."""
    with av.open(str(tiny_video)) as file:
        images = [frame.to_ndarray(format="bgr24") for frame in file.decode(video=0)]
    with av.open(str(tmp_path / "two.mp4"), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.height, stream.width, stream.pix_fmt = 120, 160, "yuv420p"
        for image in (*images[:25], *(image[::-1, ::-1].copy() for image in images[25:])):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        file.mux(stream.encode(None))
    done = track("--video", "two.mp4", "--detector", f"replay:{tiny_boxes}", "--no-video", "--out", "o")
    assert done.code == 0, done.err
    assert run_of(tmp_path / "o")["cnn_runs"]["cut"] == 1
    frames: dict[str, list[int]] = {}
    for row in rows_of(tmp_path / "o"):
        frames.setdefault(row["track_id"], []).append(int(row["frame"]))
    assert len(frames) > 3
    assert all(max(numbers) < 25 or min(numbers) >= 25 for numbers in frames.values())
