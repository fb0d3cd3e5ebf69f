"""Settings from a TOML file and from ``key=value``."""

from __future__ import annotations

from pathlib import Path

import pytest

from detectors.errors import UnknownNameError, UsageError
from tracker.config import DEFAULTS, Settings, read_settings


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "road.toml"
    path.write_text(text)
    return path


def test_the_defaults_are_those_that_were_measured() -> None:
    settings = read_settings(None)
    assert settings == Settings()
    assert [settings.detector, settings.propagate, settings.trigger, settings.associate] == [
        *DEFAULTS.values()
    ]


def test_a_file_is_read(tmp_path: Path) -> None:
    settings = read_settings(
        write(
            tmp_path,
            'video = "a.mp4"\nclasses = ["car", "bus"]\nscore = 0\ndevice = "cpu"\npropagate = "kalman"\n'
            '[trigger]\nuse = "confidence,interval"\n[trigger.confidence]\nthreshold = 0.3\n',
        )
    )
    assert (settings.video, settings.classes, settings.device) == ("a.mp4", ("car", "bus"), "cpu")
    assert settings.score == 0.0
    assert settings.propagate == "kalman"
    assert settings.triggers == ("confidence", "interval")
    assert settings.of("trigger", "confidence") == {"threshold": 0.3}
    assert settings.of("trigger", "interval") == {}


def test_the_later_assignment_wins(tmp_path: Path) -> None:
    file = write(tmp_path, "score = 0.2\n[propagate.dlib]\nmargin = 1\n")
    assignments = ["score=0.3", "propagate.dlib.margin=2", "score = 0.4", "video=a=b.mp4"]
    settings = read_settings(file, assignments)
    assert settings.score == 0.4
    assert settings.of("propagate", "dlib") == {"margin": "2"}
    assert settings.video == "a=b.mp4"


@pytest.mark.parametrize(
    ("text", "classes"), [("car", ("car",)), ("car, bus", ("car", "bus")), ("car,,bus,", ("car", "bus"))]
)
def test_classes_are_written_as_people_do(text: str, classes: tuple[str, ...]) -> None:
    assert read_settings(None, [f"classes={text}"]).classes == classes


@pytest.mark.parametrize(
    "assignment", ["score", "trigger=", "nothing=1", "trigger.confidence=1", "a.b.c=1", "trigger.a.b.c=1"]
)
def test_assignments_that_mean_nothing(assignment: str) -> None:
    if assignment == "trigger=":
        assert read_settings(None, [assignment]).triggers == ()
        return
    with pytest.raises(UsageError):
        read_settings(None, [assignment])


@pytest.mark.parametrize("score", ["-0.1", "1.1", "nan", "inf", "a"])
def test_a_score_lies_between_0_and_1(score: str) -> None:
    with pytest.raises(UsageError, match="score"):
        read_settings(None, [f"score={score}"])


def test_an_unreadable_file_is_told(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.toml", tmp_path):
        with pytest.raises(UsageError, match=r"cannot be read"):
            read_settings(path)
    (tmp_path / "latin.toml").write_bytes(b'video = "stra\xdfe.mp4"')
    with pytest.raises(UsageError, match="not TOML"):
        read_settings(tmp_path / "latin.toml")


def test_settings_are_never_changed_in_place() -> None:
    first = Settings().with_option("trigger", "confidence", "threshold", 0.1)
    second = first.with_option("trigger", "confidence", "threshold", 0.2)
    assert first.of("trigger", "confidence") == {"threshold": 0.1}
    assert second.of("trigger", "confidence") == {"threshold": 0.2}
    first.of("trigger", "confidence")["threshold"] = 9
    assert first.of("trigger", "confidence") == {"threshold": 0.1}


def test_changed_is_checked() -> None:
    assert Settings().changed(score=None, classes=["car"]).classes == ("car",)
    assert Settings().changed(options={"sink": {"csv": {"hold_s": 1}}}).of("sink", "csv") == {"hold_s": 1}
    with pytest.raises(UnknownNameError, match="did you mean score"):
        Settings().changed(scor=1)
    with pytest.raises(UsageError, match="device"):
        Settings().changed(device="tpu")
