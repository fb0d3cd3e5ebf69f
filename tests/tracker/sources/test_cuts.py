"""Where a new shot begins, on drawn scenes and on real clips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tracker.sources._cuts import mark_cuts
from tracker.sources.video import Config, build

WIDE = 480


def scene(seed: int, width: int = 320) -> np.ndarray:
    """Draw a grey-brown scene of soft patches and some hard edges."""
    rng = np.random.default_rng(seed)
    image = cv2.resize(rng.integers(30, 220, (9, width // 20, 3), dtype=np.uint8), (width, 180))
    for _ in range(12):
        x, y, w, h = (int(v) for v in rng.integers((0, 0, 10, 10), (width, 180, 60, 60)))
        cv2.rectangle(image, (x, y), (x + w, y + h), [int(v) for v in rng.integers(0, 255, 3)], -1)
    return image


def film(pictures: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Add the noise of a camera to every picture."""
    rng = np.random.default_rng(0)
    for picture in pictures:
        noisy = picture.astype(np.int16) + rng.integers(-6, 7, picture.shape)
        yield np.clip(noisy, 0, 255).astype(np.uint8)


def cuts(pictures: Iterable[np.ndarray]) -> list[int]:
    marked = mark_cuts(film(pictures), lambda image: image)
    return [i for i, (_, cut) in enumerate(marked) if cut]


def scaled(image: np.ndarray, gain: float, offset: float = 0) -> np.ndarray:
    return np.clip(image * gain + offset, 0, 255).astype(np.uint8)


def test_every_new_shot_but_not_the_first():
    shots = [scene(s) for s in (1, 2, 3, 1)]
    assert cuts(s for s in shots for _ in range(10)) == [10, 20, 30]


def test_shots_of_one_picture_each():
    assert cuts(scene(s) for s in range(6)) == [1, 2, 3, 4, 5]


def test_the_last_picture_can_be_a_new_shot():
    assert cuts([scene(1)] * 5 + [scene(2)]) == [5]


def test_a_change_of_brightness_is_no_cut():
    one = scene(1)
    levels = [1.0] * 5 + [0.5] * 5 + [0.3] * 5 + [1.0] * 5 + [1.3] * 5
    assert cuts(scaled(one, level) for level in levels) == []


@pytest.mark.parametrize("length", [1, 2])
@pytest.mark.parametrize("kind", ["white", "black", "burnt out", "noise"])
def test_a_flash_is_no_cut(kind, length):
    one = scene(1)
    flash = {
        "white": np.full_like(one, 255),
        "black": np.zeros_like(one),
        "burnt out": scaled(one, 2.0, 120),
        "noise": scene(9),
    }[kind]
    assert cuts([one] * 8 + [flash] * length + [one] * 8) == []


def test_black_between_two_shots_is_one_cut():
    one, two = scene(1), scene(2)
    assert cuts([one] * 8 + [np.zeros_like(one)] * 5 + [two] * 8) == [13]
    assert cuts([one] * 8 + [np.zeros_like(one)] * 5 + [one] * 8) == []


@pytest.mark.parametrize("speed", [2, 8, 20])
def test_a_pan_is_no_cut(speed):
    wide = scene(4, 320 + 40 * speed)
    assert cuts(wide[:, speed * i : speed * i + 320] for i in range(40)) == []


def test_a_zoom_is_no_cut():
    one = scene(5)
    zooms = [one[i : 180 - i, 2 * i : 320 - 2 * i] for i in range(0, 50, 2)]
    assert cuts(cv2.resize(z, (320, 180)) for z in zooms) == []


def test_a_lorry_that_fills_most_of_the_picture_is_no_cut():
    road = scaled(scene(6), 0.1, 100)

    def passing(i: int) -> np.ndarray:
        image = road.copy()
        image[20:170, max(0, 32 * i - 260) : max(0, 32 * i)] = (230, 230, 240)
        return image

    assert cuts(passing(i) for i in range(20)) == []


def test_an_item_is_at_most_two_pictures_late():
    drawn: list[int] = []

    def pictures() -> Iterator[np.ndarray]:
        for i in range(10):
            drawn.append(i)
            yield scene(1)

    marked = mark_cuts(pictures(), lambda image: image)
    next(marked)
    assert len(drawn) == 3
    marked.close()


MULTISHOT = "bikes_city_multishot_640x272.mp4"


@pytest.mark.parametrize("step", [1, 2])
def test_the_five_cuts_of_the_real_clip(shared_data: Path, step: int):
    with build(Config(str(shared_data / "video" / MULTISHOT), cuts=False)) as source:
        images = [f.image for f in source][::step]
    expected = [-(-first // step) for first in (30, 76, 137, 187, 242)]
    marked = mark_cuts((i for i in images), lambda image: image)
    assert [i for i, (_, cut) in enumerate(marked) if cut] == expected


@pytest.mark.parametrize(
    "name", ["intel_car_detection_768x432.mp4", "freeway_us_320x240.avi", "otc_cars_cyclist_800x600.mp4"]
)
def test_no_cut_in_a_clip_of_one_shot(shared_data: Path, name: str):
    with build(Config(str(shared_data / "video" / name))) as source:
        assert [f.index for f in source if f.cut] == []
        assert source.warnings == ()
