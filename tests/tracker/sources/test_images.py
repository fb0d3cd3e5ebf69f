"""Folders and globs of pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tracker.errors import SourceError
from tracker.sources.images import Config, build


def picture(value: int, height: int = 20, width: int = 30) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in (1, 2, 10, 9):
        cv2.imwrite(str(tmp_path / f"frame{i}.png"), picture(i))
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "._frame1.png").write_bytes(b"what macOS leaves behind")
    return tmp_path


def values(path: Path | str, **options: object) -> tuple[list[tuple[int, float, int]], tuple[str, ...]]:
    with build(Config(str(path), **options)) as source:
        return [(f.index, f.time_s, int(f.image[0, 0, 0])) for f in source], source.warnings


def test_natural_order_at_a_nominal_rate(folder):
    expected = [(0, 0 / 10, 1), (1, 1 / 10, 2), (2, 2 / 10, 9), (3, 3 / 10, 10)]
    got, warnings = values(folder, rate_fps=10)
    assert got == expected
    assert warnings == ()
    assert values(folder / "*.png", rate_fps=10)[0] == expected
    assert [v for *_, v in values(folder / "frame1*.png")[0]] == [1, 10]
    assert [v for *_, v in values(folder / "frame9.png")[0]] == [9]


def test_info(folder):
    with build(Config(str(folder))) as source:
        info = source.info
    assert (info.width, info.height, info.frames, info.rate_fps, info.live) == (30, 20, 4, 25.0, False)
    assert info.duration_s == pytest.approx(0.16)


def test_an_unreadable_picture_is_left_out_but_counted(folder):
    (folder / "frame2.png").write_bytes(b"broken")
    (folder / "frame9.png").write_bytes(b"")
    got, warnings = values(folder, rate_fps=1)
    assert got == [(0, 0.0, 1), (3, 3.0, 10)]
    assert [w.partition(": ")[2] for w in warnings] == ["pictures that cannot be read, left out: 2"]


def test_other_sizes_are_scaled_to_the_first(folder):
    cv2.imwrite(str(folder / "frame2.png"), picture(2, 40, 40))
    with build(Config(str(folder))) as source:
        assert {f.image.shape for f in source} == {(20, 30, 3)}
        assert [w.partition(": ")[2] for w in source.warnings] == [
            "pictures of another size than the first, scaled to it: 1"
        ]


@pytest.mark.parametrize(
    "grey", [picture(7)[..., 0], picture(7).astype(np.uint16) * 257, np.dstack([picture(7)] * 2)[..., :4]]
)
def test_grey_deep_and_transparent_pictures_become_bgr(tmp_path, grey):
    cv2.imwrite(str(tmp_path / "a.png"), grey)
    with build(Config(str(tmp_path))) as source:
        image = next(iter(source)).image
    assert image.shape == (20, 30, 3)
    assert image.dtype == np.uint8
    assert (image == 7).all()


def test_nothing_to_read(tmp_path):
    def says(path: Path | str) -> str:
        with pytest.raises(SourceError) as caught:
            build(Config(str(path))).__enter__()
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "no such file" in says(tmp_path / "missing")
    assert "has no pictures in it" in says(tmp_path)
    (tmp_path / "a.mp4").touch()
    (tmp_path / "b.avi").touch()
    (tmp_path / "c.avi").touch()
    assert f"for the videos in it give a glob in quotes, such as '{tmp_path}/*.avi'" in says(tmp_path)
    assert "matches 3 files, but no picture" in says(tmp_path / "*")
    assert "matches no file" in says(tmp_path / "*.png")
    (tmp_path / "a.jpg").write_bytes(b"broken")
    assert "not one of the 1 pictures can be read" in says(tmp_path)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_the_rate_must_be_positive(rate):
    with pytest.raises(ValueError, match="rate_fps"):
        Config("x", rate_fps=rate)
