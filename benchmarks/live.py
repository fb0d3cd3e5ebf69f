"""What ``track --serve`` promises, on this machine: latency, memory, lost lines, viewers, damaged streams.

    python benchmarks/live.py overload --minutes 10 VIDEO
    python benchmarks/live.py restarts --times 20 VIDEO
    python benchmarks/live.py viewers --number 20 [--browser /usr/bin/chromium] VIDEO
    python benchmarks/live.py damaged --minutes 10 VIDEO
    python benchmarks/live.py counts SCENES VIDEO...

A real RTSP server (GStreamer's, run by the system's Python) plays the video at its own speed on this machine,
again and again for as long as is needed; ``track`` is run as its users run it, and asked through its own API.
``overload`` plays it enlarged to 1920x1080 at 60 frames a second. A browser (``pip install '.[test]'``) among
the viewers draws in the time that the tracker leaves, as if it were a machine of its own. ``damaged`` flips
bytes between the server and the tracker. ``counts`` compares crossings over RTSP with those of file mode;
SCENES is a folder of scene files with the videos' names.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rtsp_clips import CAMERA, damaging, enlarged, free_port, lengthened, playing, served, url

TRACK = str(Path(sys.executable).with_name("track"))


def main() -> None:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    for name, option, default in (
        ("overload", "--minutes", 10.0),
        ("restarts", "--times", 20),
        ("viewers", "--number", 20),
        ("damaged", "--minutes", 10.0),
    ):
        kind = kinds.add_parser(name)
        kind.add_argument(option, type=type(default), default=default, dest="amount")
        kind.add_argument("video", type=Path)
    kinds.choices["viewers"].add_argument("--browser", default="", help="a Chromium that watches, too")
    counts_kind = kinds.add_parser("counts")
    counts_kind.add_argument("scenes", type=Path)
    counts_kind.add_argument("videos", type=Path, nargs="+")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.kind == "counts":
            counts(Path(folder), arguments.scenes, arguments.videos)
        elif arguments.kind == "viewers":
            viewers(Path(folder), arguments.video, arguments.amount, arguments.browser)
        else:
            MEASURES[arguments.kind](Path(folder), arguments.video, arguments.amount)


def overload(folder: Path, video: Path, minutes: float) -> None:
    """A source faster than the machine: latency, memory, and whether the ledger adds up."""
    clip = enlarged(video, folder / "fast.mp4", seconds=20)
    clip = lengthened(clip, folder / "long.mp4", 60 * minutes + 60)
    with served(free_port(), clip) as port, tracked(folder / "run", port) as api:
        states = watch(api, 60 * minutes, 5)
    rows = [state for state in states if state["latency_ms"]]
    worst = max(row["latency_ms"]["p99"] for row in rows)
    pooled = np.mean([row["latency_ms"]["median"] for row in rows])
    memory = [row["memory_mb"] for row in rows]
    last = rows[-1]
    print(
        f"1920x1080 at 60 a second for {minutes:g} minutes: {mean(rows, 'fps'):.1f} frames a second processed"
    )
    print(f"latency: median {pooled:.0f} ms, the worst ten seconds' 99th percentile {worst:.0f} ms")
    quarter = max(len(memory) // 4, 1)
    print(
        f"memory: {np.mean(memory[:quarter]):.0f} MB in the first quarter, "
        f"{np.mean(memory[-quarter:]):.0f} in the last"
    )
    print(f"CNN: {mean(rows, 'cnn_share'):.0%} of the frames, budget {last['budget']:.2f} in the end")
    print_ledger(folder / "run", last)


def restarts(folder: Path, video: Path, times: int) -> None:
    """The server is killed and started again, again and again."""
    clip = lengthened(video, folder / "long.mp4", 3600)
    port, back, noticed = free_port(), [], []
    with ExitStack() as stack:
        server = stack.enter_context(playing(port, clip))
        api = stack.enter_context(tracked(folder / "run", port))
        rows = 0
        for number in range(times):
            until(lambda: api()["state"] == "open" and api()["fps"] > 1, 60)
            time.sleep(random.Random(number).uniform(1, 4))
            server.kill()
            server.wait()
            noticed.append(until(lambda: api()["state"] == "lost", 20))
            now = lines_of(folder / "run" / "tracks.csv")
            assert now >= rows, "rows that were written are gone"
            rows = now
            time.sleep(random.Random(number).uniform(0, 6))
            server = stack.enter_context(playing(port, clip))
            back.append(until(lambda: api()["state"] == "open", 60))
        last = api()
    about = json.loads((folder / "run" / "run.json").read_text())
    print(
        f"{times} times: noticed within {max(noticed):.1f} s, "
        f"seen again {max(back):.1f} s after its return at most"
    )
    print(f"losses entered: {last['losses']}; stretches of seen time in run.json: {len(about['seen_s'])}")
    print_ledger(folder / "run", last)


def viewers(folder: Path, video: Path, number: int, browser: str) -> None:
    """Frames a second without and with viewers, in turns."""
    clip = lengthened(enlarged(video, folder / "fast.mp4", seconds=20), folder / "long.mp4", 900)
    rates: dict[bool, list[float]] = {False: [], True: []}
    costs: dict[bool, list[float]] = {False: [], True: []}
    with served(free_port(), clip) as port, tracked(folder / "run", port) as api:
        time.sleep(15)
        for _ in range(4):
            for watched in (False, True):
                with ExitStack() as stack:
                    received = stack.enter_context(watching(api.address, number if watched else 0))
                    if watched and browser:
                        stack.enter_context(page_open(api.address, browser, folder))
                    time.sleep(12)  # the figures are those of ten seconds
                    before, cpu_s = api()["frames"], api.cpu_s()
                    begin = time.monotonic()
                    time.sleep(20)
                    frames = api()["frames"] - before
                    rates[watched].append(frames / (time.monotonic() - begin))
                    costs[watched].append((api.cpu_s() - cpu_s) / frames)
                    if watched:
                        rate = np.mean(received) / (time.monotonic() - begin + 12)
                        print(f"  {api()['viewers']} viewers, {rate:.1f} pictures a second each", flush=True)
    alone, seen = np.mean(rates[False]), np.mean(rates[True])
    who = f"{number} viewers and a browser" if browser else f"{number} viewers"
    print(f"{alone:.1f} frames a second alone, {seen:.1f} with {who}: {1 - seen / alone:+.1%} lost")
    alone, seen = np.mean(costs[False]) * 1000, np.mean(costs[True]) * 1000
    print(f"processor time of the tracker: {alone:.1f} ms a frame alone, {seen:.1f} with them")


def damaged(folder: Path, video: Path, minutes: float) -> None:
    """Bytes are flipped on the way, and pieces are missing."""
    clip = lengthened(video, folder / "long.mp4", 60 * minutes + 120)
    with ExitStack() as stack:
        port = stack.enter_context(damaging(stack.enter_context(served(free_port(), clip))))
        api = stack.enter_context(tracked(folder / "run", port, "--set", "source.video.silent_s=2"))
        last = watch(api, 60 * minutes, 5)[-1]
    print(f"{minutes:g} minutes of damage: alive, {last['frames']} frames processed, {last['losses']} losses")
    print_ledger(folder / "run", last)


def counts(folder: Path, scenes: Path, videos: Sequence[Path]) -> None:
    """Crossings over RTSP at the clip's own speed beside those of file mode."""
    for video in videos:
        scene = ("--scene", str(scenes / f"{video.stem}.toml"), "--no-video")
        clip = lengthened(video, folder / f"{video.stem}.mp4", 0)
        track("--video", str(clip), "--out", str(folder / video.stem / "file"), *scene)
        with served(free_port(), clip) as port:
            once = ("--set", "source.video.reconnect=false")
            track("--video", url(port), "--out", str(folder / video.stem / "live"), *scene, *once)
        found = {kind: crossings(folder / video.stem / kind) for kind in ("file", "live")}
        differ = (found["file"] - found["live"]) + (found["live"] - found["file"])
        about = json.loads((folder / video.stem / "live" / "run.json").read_text())
        total = {kind: sum(counter.values()) for kind, counter in found.items()}
        print(
            f"{video.stem}: file {total['file']}, live {total['live']}, {about['frames']} frames; "
            f"differ {dict(differ)}"
        )


MEASURES: dict[str, Callable[[Path, Path, Any], None]] = {
    "overload": overload,
    "restarts": restarts,
    "damaged": damaged,
}


class Api:
    """Asks a running ``track`` about its camera."""

    def __init__(self, address: str, process: int) -> None:
        self.address, self.process = address, process

    def cpu_s(self) -> float:
        """Return the processor time that it took until now."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __call__(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.address}api/cameras", timeout=10) as answer:
            cameras: list[dict[str, Any]] = json.load(answer)
        return cameras[0]


@contextmanager
def tracked(folder: Path, port: int, *more: str) -> Iterator[Api]:
    """Run ``track --serve`` on the server at a port; stop it in the end, and see that it ended well."""
    page = free_port()
    command = [TRACK, "--video", url(port), "--serve", str(page), "--out", str(folder), "--no-video", *more]
    with (folder.parent / "track.log").open("w") as log:
        process = subprocess.Popen(command, stderr=log)
    api = Api(f"http://127.0.0.1:{page}/", process.pid)
    try:
        until(lambda: process.poll() is not None or answers(api), 90)
        yield api
        assert process.poll() is None, (folder.parent / "track.log").read_text()
    finally:
        process.terminate()
        code = process.wait(30)
    assert code == 130, (folder.parent / "track.log").read_text()


def answers(api: Api) -> bool:
    """Return whether the camera is tracked by now."""
    try:
        return bool(api()["frames"])
    except (OSError, KeyError, IndexError, TypeError):
        return False


def watch(api: Api, seconds: float, every_s: float) -> list[dict[str, Any]]:
    """Ask now and then."""
    states, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(every_s)
        states.append(api())
    return states


@contextmanager
def watching(address: str, number: int) -> Iterator[list[int]]:
    """Let so many viewers read the pictures; gives how many each of them got."""
    got, stop = [0] * number, threading.Event()

    def view(place: int) -> None:
        with urllib.request.urlopen(f"{address}api/cameras/{CAMERA}/stream", timeout=30) as stream:
            while not stop.is_set():
                got[place] += stream.read1(65536).count(b"Content-Type")

    threads = [threading.Thread(target=view, args=(place,), daemon=True) for place in range(number)]
    for thread in threads:
        thread.start()
    yield got
    stop.set()
    for thread in threads:
        thread.join(10)


@contextmanager
def page_open(address: str, browser: str, folder: Path) -> Iterator[None]:
    """Let a real browser show the page; see that its picture moves."""
    from playwright.sync_api import sync_playwright

    polite = folder / "browser"
    # Playwright gives it a session of its own, and Linux shares the processor among sessions first
    politely = "[ ! -w /proc/self/autogroup ] || echo 19 > /proc/self/autogroup"
    polite.write_text(f'#!/bin/sh\n{politely}\nexec nice -n 19 "{browser}" "$@"\n')
    polite.chmod(0o755)
    with sync_playwright() as player:
        opened = player.chromium.launch(executable_path=polite, args=["--no-sandbox", "--disable-gpu"])
        page = opened.new_page()
        page.goto(address)
        picture = page.locator("img, canvas").first
        before = picture.screenshot(timeout=60_000)
        yield
        assert picture.screenshot(timeout=60_000) != before, "the picture in the browser stands still"
        opened.close()


def track(*arguments: str) -> None:
    """Run ``track`` to its end."""
    subprocess.run([TRACK, *arguments], check=True, stderr=subprocess.DEVNULL)


def crossings(folder: Path) -> Counter[tuple[str, str]]:
    """Return how many crossed each line in each direction."""
    with (folder / "events.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "crossing"]
    return Counter((row["name"], row["direction"]) for row in rows)


def print_ledger(run: Path, last: dict[str, Any]) -> None:
    """Say what became of every picture, and see that none is missing."""
    dropped = sum(last["dropped"].values())
    waiting = last["received"] - last["frames"] - dropped
    print(
        f"ledger: {last['received']} received = {last['frames']} processed + {dropped} dropped "
        f"{last['dropped']} + {waiting} waiting; {lines_of(run / 'tracks.csv')} rows of tracks"
    )
    assert 0 <= waiting <= 64, "the ledger does not add up"


def mean(rows: Sequence[dict[str, Any]], key: str) -> float:
    """Return the mean of a figure."""
    return float(np.mean([row[key] for row in rows]))


def lines_of(path: Path) -> int:
    """Return the number of rows of a file, without its header."""
    return max(path.read_bytes().count(b"\n") - 1, 0) if path.exists() else 0


def until(condition: Callable[[], object], seconds: float) -> float:
    """Wait; return for how long."""
    begin = time.monotonic()
    while not condition():
        if time.monotonic() - begin > seconds:
            raise TimeoutError(f"still not so after {seconds} s")
        time.sleep(0.05)
    return time.monotonic() - begin


if __name__ == "__main__":
    main()
