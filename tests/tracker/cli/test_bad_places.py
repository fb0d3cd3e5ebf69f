"""Places where results cannot go: one line that says so, the right exit code, nothing under a final name."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tracker.sinks._files import check_folder

Track = Callable[..., Any]
Debris = Callable[[Path], list[str]]


def test_an_output_folder_that_is_a_file(replay: Track, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    for place in ("taken", "taken/below/it"):
        done = replay("--out", place)
        assert done.code == 1
        assert "is a file, not a folder" in done.complaint
    assert (tmp_path / "taken").read_text() == "mine"


def test_results_that_are_folders(replay: Track, tmp_path: Path, debris: Debris) -> None:
    (tmp_path / "o" / "annotated.mp4").mkdir(parents=True)
    for more in (("--out", "o"), ("--out", "o", "--overwrite"), ("--csv", "o", "--overwrite")):
        done = replay(*more)
        assert done.code == 1
        assert "it is a folder" in done.complaint
    assert debris(tmp_path) == ["annotated.mp4"]


def test_show_without_a_display(
    replay: Track, tmp_path: Path, debris: Debris, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    done = replay("--show")
    assert done.code == 1
    assert "--show needs a display" in done.complaint
    assert debris(tmp_path) == []


def test_show_on_a_display_that_is_gone(
    replay: Track, tmp_path: Path, debris: Debris, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenCV would abort the process here: exit code 134."""
    monkeypatch.setenv("DISPLAY", ":97")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    done = replay("--show")
    assert done.code == 1
    assert ":97" in done.complaint
    assert debris(tmp_path) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a disk of 24 kB; where none may be mounted, a folder in which no file may grow beyond 16 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", str(folder)]
    mounted = shutil.which("mount") and not subprocess.run(mount, capture_output=True, check=False).returncode
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    if not mounted:
        resource.setrlimit(resource.RLIMIT_FSIZE, (16384, before[1]))
    yield folder
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    if mounted:
        subprocess.run(["umount", str(folder)], check=False)


def test_a_disk_that_fills_up(replay: Track, small_disk: Path, debris: Debris) -> None:
    done = replay("--out", small_disk / "o")
    assert done.code == 1
    assert done.complaint.startswith("track: cannot write")
    left = debris(small_disk)
    assert not [name for name in left if name.endswith(".part")]
    assert "annotated.mp4" not in left
    lines = (small_disk / "o" / "tracks.csv").read_text().splitlines()
    assert all(line.count(",") == 10 for line in lines)


def test_files_that_may_not_grow(tmp_path: Path, tiny_video: Path, tiny_boxes: Path, debris: Debris) -> None:
    """In a process of its own, from beginning to end: a file may not grow beyond 16 kB."""
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384));"
        "from tracker.cli import main; main()"
    )
    run = [sys.executable, "-c", script, "--video", str(tiny_video), "--detector", f"replay:{tiny_boxes}"]
    done = subprocess.run([*run, "--out", "o"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("track: cannot write")
    assert "annotated.mp4" not in debris(tmp_path)
    assert not [name for name in debris(tmp_path) if name.endswith(".part")]


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="FULL DISK NOT TESTED: this system has no /dev/full"
)
def test_a_device_that_is_full(replay: Track, tmp_path: Path, debris: Debris) -> None:
    """Every write to it fails with the error of a full disk."""
    done = replay("--out", "o", "--csv", "/dev/full", "--overwrite")
    assert done.code == 1
    assert "cannot write /dev/full: No space left on device; free some space" in done.complaint
    assert debris(tmp_path) == []


# ---- without the rights


def test_a_folder_of_the_kernel(replay: Track) -> None:
    """Here even root may not write."""
    done = replay("--out", "/proc/1/road-tracker")
    assert done.code == 1
    assert done.complaint.startswith("track: cannot write into /proc/1/road-tracker: ")


def test_trying_whether_a_folder_can_be_written_leaves_nothing(tmp_path: Path) -> None:
    check_folder(tmp_path / "deep" / "er")
    assert list(tmp_path.iterdir()) == []


#: As root, a first run loads what is imported late: nobody else may look where the interpreter lies.
AS_NOBODY = """
import contextlib, io, json, os, sys
import tracker
from tracker.cli.app import run_app

def ran(words):
    with contextlib.redirect_stderr(io.StringIO()) as err:
        return run_app(words), err.getvalue()

common = ["--video", "tiny.mp4", "--detector", "replay:det.txt", "--propagate", "kalman"]
if os.getuid() == 0:
    code, err = ran([*common, "--out", "first"])
    assert code == 0, err
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
if not all(os.access(path, os.R_OK) for path in (tracker.__file__, "tiny.mp4")):
    sys.exit(77)
print(json.dumps([ran([*common, *words]) for words in json.loads(sys.argv[1])]))
"""
REFUSED = [
    (("--out", "locked/o"), "cannot write into locked/o: Permission denied; choose a folder"),
    (("--out", "locked/deep/er"), "cannot write into locked/deep/er: Permission denied; choose a folder"),
    (
        ("--out", "open/o", "--csv", "locked/x.csv"),
        "cannot write into locked: Permission denied; choose a folder",
    ),
    ((), "cannot write into runs/tiny: Permission denied; choose a folder"),
    (("--out", "private/o"), "cannot write into private/o: Permission denied; choose a folder"),
    (("--out", "open/o", "--video", "secret.mp4"), "secret.mp4: may not be read by this user"),
    (("--out", "open/o", "--video", "private/a.mp4"), "private/a.mp4: Permission denied"),
    (("--out", "open/o", "--video", "private"), "private: cannot be read (Permission denied)"),
    (("--out", "open/o", "--detector", "replay:private/det.txt"), "private/det.txt: Permission denied"),
]


@pytest.fixture(scope="module")
def nobody(tiny_video: Path, tiny_boxes: Path) -> Iterator[list[tuple[int, str, list[str]]]]:
    """Run every line of ``REFUSED`` as a user with no rights; yield code, standard error and what is left."""
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        place = Path(name)
        shutil.copy(tiny_video, place / "tiny.mp4")
        shutil.copy(tiny_video, place / "secret.mp4")
        shutil.copy(tiny_boxes, place / "det.txt")
        for folder, mode in (("locked", 0o555), ("private", 0o000), ("open", 0o777)):
            (place / folder).mkdir()
            (place / folder).chmod(mode)
        (place / "secret.mp4").chmod(0o000)
        place.chmod(0o555)
        words = json.dumps([words for words, _ in REFUSED])
        command = [sys.executable, "-c", AS_NOBODY, words]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
        if done.returncode == 77:
            pytest.skip(f"RIGHTS NOT TESTED: user nobody may not read this checkout or {place}")
        assert done.returncode == 0, done.stderr
        left = sorted(path.name for folder in ("locked", "open") for path in (place / folder).rglob("*"))
        yield [(code, err, left) for code, err in json.loads(done.stdout)]


@pytest.mark.parametrize("number", range(len(REFUSED)), ids=[" ".join(words) for words, _ in REFUSED])
def test_without_the_rights(nobody: list[tuple[int, str, list[str]]], number: int) -> None:
    code, err, left = nobody[number]
    assert code == 1, err
    assert len(err.splitlines()) == 1, err
    assert err.startswith("track: ")
    assert REFUSED[number][1] in err
    assert left == []
