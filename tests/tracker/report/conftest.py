"""A run folder with every file that a run can write, and a real browser that looks at its report."""

from __future__ import annotations

import base64
import csv
import fcntl
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracker.scene import Gate, Lane, Line, Scene, Zone, write_scene
from tracker.scene.model import Calibration

WIDTH, HEIGHT, INTERVAL_S, INTERVALS = 320, 180, 60.0, 8
CLASSES = ("car", "bus", "truck", "motorbike", "bicycle", "person")
#: A name as anybody may write it: it must be shown, and never run.
HOSTILE = "<script>alert('Ponte')</script> $x_1$ & Cia"
WAYS = ((HOSTILE, "centro"), (HOSTILE, "bairro"), ("Acesso", "entra"), ("Acesso", "sai"))
START = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
EVENTS = (
    "time_s,clock,frame,kind,name,direction,track_id,class,class_score,speed_kmh,speed_error_kmh,dwell_s,"
    "headway_s,origin,x1,y1,x2,y2,evidence"
)
HEAD = "start_s,end_s,start,end"
COUNTS = f"{HEAD},line,direction,class,count,pcu,coverage,speed_mean_kmh,speed_median_kmh,speed_v85_kmh"
ZONES = f"{HEAD},zone,entered,left,mean_present,most_present,occupancy,most_queued,mean_dwell_s,coverage"
TURNS = f"{HEAD},origin,destination,class,count"
TRACKS = "frame,time_s,track_id,class,score,x1,y1,x2,y2,origin,confidence"


def write_table(path: Path, head: str, rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head.split(","))
        writer.writerows(rows)


def clock(time_s: float) -> str:
    return (START + timedelta(seconds=time_s)).isoformat(timespec="milliseconds")


def times(place: int) -> tuple[Any, ...]:
    begin = place * INTERVAL_S
    return begin, begin + INTERVAL_S, clock(begin), clock(begin + INTERVAL_S)


def make_run(folder: Path, road_users: int = 80) -> Path:
    """Write a run of eight minutes: every third road user is a truck, the 3rd interval was hardly seen."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    length_s = INTERVALS * INTERVAL_S
    tracks, events, counts = [], [], np.zeros((INTERVALS, len(WAYS), len(CLASSES)), int)
    for id_ in range(1, road_users + 1):
        begin_s, label = float(rng.uniform(0, length_s - 10)), (0, 0, 2, 3, 5)[id_ % 5]
        for step in range(4 if id_ % 10 == 0 else 20):
            x, y = 20 + step * 14.0, 60 + (id_ % 7) * 10.0
            row = (f"{begin_s + step * 0.2:.3f}", id_, CLASSES[label], 0.9, x, y, x + 20, y + 12)
            tracks.append((round((begin_s + step * 0.2) * 25), *row, "detected", 0.9))
        if id_ % 10 == 0:
            continue
        way, time_s = id_ % len(WAYS), begin_s + 2
        speed = f"{rng.normal(50, 6):.1f}" if id_ % 9 else ""
        what = (
            id_,
            CLASSES[label],
            0.9,
            speed,
            speed and "3.5",
            "",
            id_ % 4 + 0.5,
            "predicted" if id_ == 7 else "detected",
        )
        events.append((time_s, clock(time_s), 1, "crossing", *WAYS[way], *what, 1, 1, 2, 2, ""))
        counts[int(time_s // INTERVAL_S), way, label] += 1
    tracks.sort()
    write_table(folder / "tracks.csv", TRACKS, tracks)
    write_table(folder / "events.csv", EVENTS, events)
    _write_counts(folder, counts)
    zones = [(*times(at), "Fila", 9, 8, 1.5, 4, 0.62, 3, 7.25, coverage(at)) for at in range(INTERVALS)]
    write_table(folder / "zones.csv", ZONES, zones)
    turns = [(*times(0), "Norte", "Sul", "car", 1234), (*times(0), "Sul", "Norte", "bus", 7)]
    write_table(folder / "turns.csv", TURNS, turns)
    (folder / "scene.toml").write_text(write_scene(make_scene()), "utf-8")
    (folder / "run.json").write_text(json.dumps(facts(length_s)), "utf-8")
    return folder


def _write_counts(folder: Path, counts: np.ndarray) -> None:
    rows = []
    for (at, way, label), number in np.ndenumerate(counts):
        what = (*WAYS[way], CLASSES[label], number, 1.5 * number, coverage(at))
        rows.append((*times(at), *what, "", "", ""))
    write_table(folder / "counts.csv", COUNTS, rows)


def coverage(at: int) -> float:
    return 0.25 if at == 2 else 1.0


def make_scene() -> Scene:
    return Scene(
        size=(WIDTH, HEIGHT),
        name=f"Rua {HOSTILE}",
        start=START,
        time_zone="America/Sao_Paulo",
        interval_s=INTERVAL_S,
        lines=(
            Line(HOSTILE, ((160.0, 170.0), (160.0, 20.0)), ("centro", "bairro")),
            Line("Acesso", ((30.0, 100.0), (30.0, 170.0)), ("entra", "sai")),
        ),
        zones=(Zone("Fila", ((60.0, 60.0), (140.0, 60.0), (140.0, 140.0))),),
        gates=(Gate("Norte", ((10.0, 10.0), (90.0, 10.0))), Gate("Sul", ((10.0, 175.0), (90.0, 175.0)))),
        ignore=(((250.0, 10.0), (310.0, 10.0), (310.0, 60.0)),),
        calibration=Calibration(lanes=(Lane(((10.0, 10.0), (10.0, 50.0), (10.0, 120.0)), (0, 5, 12)),)),
    )


def facts(length_s: float) -> dict[str, Any]:
    return {
        "source": {"name": "ponte.mp4", "width": WIDTH, "height": HEIGHT},
        "start": START.isoformat(),
        "class_names": CLASSES,
        "settings": {"propagate": "dcf", "trigger": "confidence"},
        "detector": {"name": "smaller_vgg_rep_medium_int8", "sha256": "ab" * 32},
        "versions": {"road-tracker": "0.1.0"},
        "processor": "a processor",
        "frames": 12000,
        "cnn_runs": {"total": 1500, "interval": 900, "track_lost": 600},
        "cnn_share": 0.125,
        "wall_s": 100.0,
        "fps": 120.0,
        "duration_s": length_s,
        "seen_s": [[0.0, 120.0], [165.0, length_s]],
        "completed": True,
        "warnings": ["a gap of 45 s <b>"],
    }


@pytest.fixture(scope="session")
def made_run() -> Callable[[Path], Path]:
    """Return the function that writes a run folder."""
    return make_run


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


@pytest.fixture
def edit(run_folder: Path) -> Callable[..., None]:
    """Return a function that changes entries of run.json; None takes one out."""

    def changed(**entries: Any) -> None:
        path = run_folder / "run.json"
        content = json.loads(path.read_text()) | entries
        path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))

    return changed


class Browser:
    """Chromium by its own protocol, over two pipes: no port, no driver, no network."""

    def __init__(self, program: str, folder: str) -> None:
        here_in, to_browser = os.pipe()
        from_browser, here_out = os.pipe()
        # numbers that cannot be 3 and 4 themselves, which the browser reads from and writes to
        theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in (here_in, here_out)]

        def hand_on() -> None:
            os.dup2(theirs[0], 3)
            os.dup2(theirs[1], 4)

        options = ["headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync"]
        options += ["disable-background-networking", "disable-component-update", "disable-dev-shm-usage"]
        self.process = subprocess.Popen(
            [
                program,
                *(f"--{name}" for name in options),
                f"--user-data-dir={folder}",
                "--remote-debugging-pipe",
            ],
            preexec_fn=hand_on,  # noqa: PLW1509 - no thread of the tests is running here
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (here_in, here_out, *theirs):
            os.close(end)
        self._out, self._in = os.fdopen(to_browser, "wb", 0), os.fdopen(from_browser, "rb")
        self._numbers, self._session, self.events = itertools.count(1), "", list[Any]()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Network.enable")

    def _read(self) -> dict[str, Any]:
        message = bytearray()
        while (letter := self._in.read(1)) != b"\0":
            assert letter, "the browser is gone"
            message += letter
        return json.loads(message)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        message |= {"sessionId": self._session} if self._session else {}
        self._out.write(json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != number:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, page: Path, width: int) -> None:
        """Show a page at a width, and wait until it is loaded."""
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.events.clear()
        self.call("Page.navigate", url=page.as_uri())
        while "Page.loadEventFired" not in [event.get("method") for event in self.events]:
            self.events.append(self._read())

    def requests(self) -> list[str]:
        """Return what the page asked for, but for what it holds itself."""
        sent = [
            e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in sent if not url.startswith("data:")]

    def ask(self, script: str) -> Any:
        """Return what a script of the test finds in the page."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def picture(self) -> bytes:
        """Return the whole page as PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        taken = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(taken["data"])

    def pdf(self) -> bytes:
        """Return the page as it is printed."""
        return base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True)["data"])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("REPORT NOT LOOKED AT: there is no chromium (apt-get install chromium)")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        shown = Browser(program, folder)
        try:
            yield shown
        finally:
            with suppress(AssertionError, BrokenPipeError):
                shown.call("Browser.close")
            shown.process.terminate()
            shown.process.wait()
