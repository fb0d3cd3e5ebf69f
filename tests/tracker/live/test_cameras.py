"""``cameras.toml``."""

from __future__ import annotations

from pathlib import Path

import pytest

from detectors.errors import UsageError
from tracker.live.cameras import read_cameras

TWO = """
serve = "0.0.0.0:9000"
out = "/data/runs"
mqtt = "mqtt://broker/road"

[all]
budget = 0.25
retention_days = 14
[all.trigger.confidence]
threshold = 0.5
interval_s = 1.0

[[camera]]
name = "north"
video = "rtsp://u:p@10.0.0.7/1"
scene = "north.toml"
budget = 0.5
[camera.trigger.confidence]
threshold = 0.3

[[camera]]
name = "South_2"
video = "0"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "cameras.toml"
    path.write_text(text)
    return path


def test_what_is_said_for_all_and_for_one(tmp_path):
    plan = read_cameras(written(tmp_path, TWO))
    assert (plan.address.host, plan.address.port) == ("0.0.0.0", 9000)
    assert plan.broker is not None
    assert (plan.broker.host, plan.broker.prefix) == ("broker", "road")
    north, south = plan.cameras
    assert (north.name, north.folder) == ("north", Path("/data/runs/north"))
    assert (north.settings.budget, south.settings.budget) == (0.5, 0.25)
    assert north.settings.of("trigger", "confidence") == {"threshold": 0.3, "interval_s": 1.0}
    assert south.settings.of("trigger", "confidence") == {"threshold": 0.5, "interval_s": 1.0}
    assert (north.settings.scene, south.settings.scene) == ("north.toml", None)
    assert south.settings.retention_days == 14


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "names no camera"),
        ("camera = 3", "names no camera"),
        ("[camera]\nname = 'a'", "names no camera"),
        ("serv = '1'\n[[camera]]\nname='a'\nvideo='0'", "unknown key .*'serv'.*did you mean serve"),
        ("[[camera]]\nvideo = '0'", "a camera's name"),
        ("[[camera]]\nname = '../x'\nvideo = '0'", "a camera's name"),
        ("[[camera]]\nname = 'a'", "camera a: it needs video"),
        (
            "[[camera]]\nname = 'a'\nvideo = '0'\n[[camera]]\nname = 'A'\nvideo = '1'",
            "two cameras are called",
        ),
        ("[[camera]]\nname = 'a'\nvideo = '0'\nbudgett = 1", "camera a: unknown setting 'budgett'"),
        ("[[camera]]\nname = 'a'\nvideo = '0'\nbudget = 7", "camera a: budget"),
        ("all = 3\n[[camera]]\nname = 'a'\nvideo = '0'", r"\[all\] must be a table"),
        ("out = 3\n[[camera]]\nname = 'a'\nvideo = '0'", "out must be a folder"),
        ("serve = 'x'\n[[camera]]\nname = 'a'\nvideo = '0'", r"\[HOST:\]PORT"),
        ("mqtt = 'x'\n[[camera]]\nname = 'a'\nvideo = '0'", "--mqtt takes"),
        ("= 3", "are not TOML"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, text, says):
    with pytest.raises(UsageError, match=says) as caught:
        read_cameras(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_cameras(tmp_path / "nothing.toml")
