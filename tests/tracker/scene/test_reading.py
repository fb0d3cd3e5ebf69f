"""Scene files: what is written is read again, and what is wrong is said by file, key and what is allowed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.errors import SceneError
from tracker.scene import Calibration, Gate, Lane, Line, PlanePoint, Scene, Zone, read_scene, write_scene
from tracker.scene.reading import check_classes, parse_scene

FULL = """
size = [640, 360]
name = "BR-116 km 38"
time_zone = "America/Sao_Paulo"
start = 2026-03-02T07:30:00
interval_s = 300

[[line]]
name = "right"
points = [[120, 170], [600, 170.5]]
directions = ["towards", "away"]
classes = ["car", "bus"]
anchor = "foot"

[[zone]]
name = "stop"
points = [[0, 0], [100, 0], [100, 100]]

[[gate]]
name = "north"
points = [[0, 10], [50, 10], [90, 20]]

[[ignore]]
points = [[0, 300], [50, 300], [50, 360]]

[[calibration.point]]
pixel = [0, 0]
metres = [0, 0]
[[calibration.point]]
pixel = [600, 0]
metres = [10, 0]
[[calibration.point]]
pixel = [600, 300]
metres = [10, 40]
[[calibration.point]]
pixel = [0, 300]
metres = [0, 40]
[[calibration.lane]]
points = [[10, 10], [20, 100], [30, 300]]
metres = [0, 12, 24]

[pcu]
car = 1
bus = 2.25
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "scene.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_everything_that_a_scene_file_can_say(tmp_path: Path) -> None:
    scene = read_scene(write(tmp_path, FULL))
    assert scene.size == (640, 360)
    assert scene.lines == (
        Line("right", ((120, 170), (600, 170.5)), ("towards", "away"), ("car", "bus"), "foot"),
    )
    assert scene.zones == (Zone("stop", ((0, 0), (100, 0), (100, 100))),)
    assert scene.gates == (Gate("north", ((0, 10), (50, 10), (90, 20))),)
    assert scene.ignore == (((0, 300), (50, 300), (50, 360)),)
    assert scene.calibration is not None
    assert scene.calibration.points[2] == PlanePoint((600, 300), (10, 40))
    assert scene.calibration.lanes == (Lane(((10, 10), (20, 100), (30, 300)), (0, 12, 24)),)
    assert scene.start == datetime(2026, 3, 2, 7, 30, tzinfo=ZoneInfo("America/Sao_Paulo"))
    assert scene.start.utcoffset() == timedelta(hours=-3)
    assert (scene.interval_s, scene.pcu) == (300, {"car": 1.0, "bus": 2.25})
    assert scene.name == "BR-116 km 38"


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    scene = read_scene(write(tmp_path, FULL))
    again = read_scene(write(tmp_path, write_scene(scene)))
    assert again == scene


def test_directions_and_clock_have_defaults(tmp_path: Path) -> None:
    text = (
        'units = "fractions"\nstart = 2026-03-02T07:30:00\n'
        '[[line]]\nname = "a"\npoints = [[0, 0.5], [1, 0.5]]\n'
    )
    scene = read_scene(write(tmp_path, text))
    assert scene.lines[0].directions == ("A", "B")
    assert scene.start == datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
    assert scene.at(640, 360).lines[0].points == ((0, 180), (640, 180))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("size = [640, 360]", ""), "size is missing: [width, height] of the picture"),
        (("size = [640, 360]", "size = [640]"), "size must be [width, height] in whole pixels"),
        (("size = [640, 360]", 'units = "feet"'), 'units must be "pixels" or "fractions"'),
        (("size = [640, 360]", 'units = "fractions"'), "lies far outside the picture: it is a fraction"),
        (('name = "right"', ""), "line 1: name is missing"),
        (('name = "right"', "name = 3"), "line 1: name must be a text in quotes, not 3"),
        (
            ('[[zone]]\nname = "stop"', '[[zone]]\nname = "stop"\ncolour = 1'),
            "zone 1: colour is unknown; there is",
        ),
        (("[[zone]]", "[[zome]]"), "zome is unknown; there is size, units"),
        (("[600, 170.5]]", "[6000, 170.5]]"), "line 1: points x = 6000 lies far outside the picture"),
        (("[600, 170.5]]", '["a", 1]]'), "line 1: points must be two numbers [x, y]"),
        (("[[120, 170], [600, 170.5]]", "[[120, 170]]"), "line 1: points must be 2 or more [x, y]"),
        (("[[120, 170], [600, 170.5]]", "[[1, 1], [1, 1]]"), "line 1: points hold one point twice"),
        (("[100, 0], [100, 100]]", "[50, 0], [90, 0]]"), "zone 1: points lie on one line"),
        (('["towards", "away"]', '["in", "in"]'), "line 1: directions must be two different names"),
        (('anchor = "foot"', 'anchor = "head"'), "line 1: anchor must be centre or foot, not 'head'"),
        (('"America/Sao_Paulo"', '"Brazil/Nowhere"'), "time_zone must be an IANA name such as"),
        (("2026-03-02T07:30:00", '"07:30"'), "start must be a time without quotes"),
        (("2026-03-02T07:30:00", "2026-03-02"), "start must be date and time"),
        (("interval_s = 300", "interval_s = 7000"), "interval_s must be seconds that divide a day"),
        (("bus = 2.25", 'bus = "2"'), "pcu.bus must be a number"),
        (
            ("[[calibration.point]]\npixel = [0, 0]\nmetres = [0, 0]\n", ""),
            "calibration needs four points or more",
        ),
        (
            ("metres = [0, 12, 24]", "metres = [0, 12]"),
            "calibration.lane 1: points and metres must be as many",
        ),
        (("metres = [0, 12, 24]", "metres = [0, 12, 5]"), "calibration.lane 1: metres must grow or fall"),
        (("pixel = [600, 0]", "pixels = [600, 0]"), "calibration.point 2: pixels is unknown"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    assert change[0] in FULL
    path = write(tmp_path, FULL.replace(*change, 1))
    with pytest.raises(SceneError) as caught:
        read_scene(path)
    message = str(caught.value)
    assert message.startswith(f"scene {path}: ")
    assert words in message
    assert "\n" not in message


@pytest.mark.parametrize("content", [b"size = [", b"\xff\xfe\x00", None])
def test_no_toml_or_no_file(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "scene.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SceneError, match=r"scene .*scene\.toml (is not TOML|cannot be read)"):
        read_scene(path)


def test_names_are_unique() -> None:
    line = {"name": "a", "points": [[0, 0], [1, 1]]}
    with pytest.raises(SceneError, match="line 'a' is there 2 times: names must differ"):
        parse_scene({"units": "fractions", "line": [line, line]}, "x")


def test_classes_are_the_detectors() -> None:
    scene = Scene(lines=(Line("a", ((0, 0), (1, 1)), classes=("lorry",)),))
    with pytest.raises(SceneError, match="scene x: line 'a': no class 'lorry'; there is car, bus"):
        check_classes(scene, ("car", "bus"), "x")


NUMBERS = st.floats(0, 1, allow_nan=False).map(lambda x: round(x, 4))
POINT = st.tuples(NUMBERS, NUMBERS)
NAME = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).map(str.strip).filter(bool)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-3)), timezone(timedelta(hours=5, minutes=30))])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(NAME, max_size=3, unique=True),
    st.lists(POINT, min_size=2, max_size=4, unique=True),
    st.one_of(st.none(), st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=ZONES)),
)
def test_any_scene_survives_its_file(
    names: list[str], points: list[tuple[float, float]], start: datetime | None
) -> None:
    import tomllib

    lines = tuple(Line(name, tuple(points), ('to "x"', "back\\")) for name in names)
    scene = Scene(lines=lines, start=start)
    again = parse_scene(tomllib.loads(write_scene(scene)), "x")
    assert replace(again, start=None) == replace(scene, start=None)
    assert again.start == start


def test_another_size_moves_everything() -> None:
    plane = Calibration(
        (PlanePoint((100, 50), (0, 0)),) * 4, (Lane(((0, 0), (10, 10), (20, 20)), (0, 1, 2)),)
    )
    scene = Scene((200, 100), (Line("a", ((20, 10), (200, 100))),), calibration=plane)
    twice = scene.at(400, 200)
    assert twice.size == (400, 200)
    assert twice.lines[0].points == ((40, 20), (400, 200))
    again = scene.in_fractions().at(200, 100).lines[0].points
    assert twice.calibration is not None
    assert twice.calibration.points[0] == PlanePoint((200, 100), (0, 0))
    assert twice.calibration.lanes[0].points == ((0, 0), (20, 20), (40, 40))
    assert again[0] == pytest.approx((20, 10))
    assert again[1] == pytest.approx((200, 100))
