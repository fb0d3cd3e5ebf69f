"""Who stops a training loses nothing, and no step is cut in two."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from detectors.training.detector import prepare
from detectors.training.engine import Training
from detectors.training.interruption import Interruption
from detectors.training.request import Request, Schedule

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def _own_state() -> Iterator[None]:
    """Hear Ctrl-C even where a shell that runs the tests in the background has switched it off."""
    before, state = {number: signal.getsignal(number) for number in SIGNALS}, torch.get_rng_state()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    torch.set_rng_state(state)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_noted_and_the_second_raises(number: signal.Signals) -> None:
    signal.signal(number, signal.default_int_handler)
    with Interruption() as stop:
        assert not stop.noted
        signal.raise_signal(number)
        assert stop.noted
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) is signal.default_int_handler


def test_what_is_no_ctrl_c_is_left_alone() -> None:
    heard: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    with Interruption() as stop:
        signal.raise_signal(signal.SIGTERM)
    assert heard == [signal.SIGTERM]
    assert not stop.noted


def test_another_thread_hears_no_signals() -> None:
    failures: list[BaseException] = []

    def enter() -> None:
        try:
            with Interruption():
                pass
        except ValueError as exc:
            failures.append(exc)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert not failures


@pytest.mark.parametrize("workers", [0, 1])
def test_a_training_that_is_stopped_goes_on_where_it_was(
    make_set: Callable[..., Path], tmp_path: Path, workers: int
) -> None:
    rows = [[{"category": "car", "bbox": [10 + 20 * n, 30, 40, 24]}] for n in range(3)]
    data = make_set("tiny", rows)

    def begun(name: str, resume: bool = False) -> Training:
        torch.manual_seed(0)
        more = {"architecture": "one_stage", "backbone": "smaller_vgg_rep_nano", "input_size": (64, 64)}
        schedule = Schedule(4, batch=2, warmup=2)
        given = {"device": "cpu", "precision": "fp32", "workers": workers, "resume": resume}
        return prepare(Request((data,), tmp_path / name, schedule, **more, **given))  # type: ignore[arg-type]

    def stop(training: Training, losses: dict[str, float]) -> None:
        if training.step == 1:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        begun("stopped").run(stop)
    again = begun("stopped", resume=True)
    assert again.step == 2, "the step after the signal is done whole"
    again.run(lambda training, losses: None)
    whole = begun("whole")
    whole.run(lambda training, losses: None)
    for one, two in zip(again.net.parameters(), whole.net.parameters(), strict=True):
        assert torch.equal(one, two)
