"""The wheel: built from the checkout, installed alone, run from an empty folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("detectors", "tracker", "weights")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy: setuptools leaves a build folder, whose old files would go in too."""
    source = tmp_path_factory.mktemp("source")
    leave = shutil.ignore_patterns("__pycache__", "*.training", "*.part")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=leave)
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source / name)
    out = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(out)]
    pip("wheel", *options, str(source))
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel, without what it depends on, into a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    pip("install", "--quiet", "--no-deps", "--no-index", "--target", str(folder), str(wheel))
    return folder


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def installed(site: Path, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command from a folder with nothing of the checkout on its path."""
    environment = {**os.environ, "PYTHONPATH": str(site), "COLUMNS": "160"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def track(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return installed(site, folder, sys.executable, str(site / "bin" / "track"), *arguments)


def test_the_wheel_holds_every_module_and_weight(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if "__pycache__" not in path.parts
    }
    manifest = tomllib.loads((ROOT / "weights" / "manifest.toml").read_text())
    files = ["manifest.toml", "SOURCES.md", *(entry["file"] for entry in manifest.values())]
    wanted |= {f"weights/{name}" for name in files}
    assert wanted <= names
    assert not [name for name in names if name.startswith(("tests", "benchmarks", "sample_videos"))]
    assert {Path(name).name for name in names if "/licenses/" in name} == {"LICENSE", "NOTICE"}


def test_whose_pictures_the_weights_learnt_from_is_credited() -> None:
    """Also when somebody replaces an entry by hand: sets are added, and the key is easily forgotten."""
    sources = (ROOT / "weights" / "SOURCES.md").read_text("utf-8")
    for name, entry in tomllib.loads((ROOT / "weights" / "manifest.toml").read_text()).items():
        assert "weights/SOURCES.md" in entry["sources"], name
        assert [data for data in entry["data"] if f"| `{data}` | https://" not in sources] == [], name


def test_what_runs_is_what_was_installed(site: Path, tmp_path: Path) -> None:
    script = (
        "import tracker, detectors, weights; print(tracker.__file__, detectors.__file__, weights.__file__)"
    )
    done = installed(site, tmp_path, sys.executable, "-c", script)
    assert done.stdout.split() == [
        str(site / package / "__init__.py") for package in ("tracker", "detectors", "weights")
    ]


def test_version_comes_from_the_package(site: Path, tmp_path: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert track(site, tmp_path, "--version").stdout == f"track {version}\n"


def test_the_manifest_is_found_from_an_empty_folder(site: Path, tmp_path: Path) -> None:
    done = track(site, tmp_path, "detectors")
    assert done.returncode == 0, done.stderr
    for name in tomllib.loads((ROOT / "weights" / "manifest.toml").read_text()):
        assert name in done.stdout
    assert "replay:FILE" in done.stdout


def test_every_component_is_there(site: Path, tmp_path: Path) -> None:
    """The registry lists folders: a package that is missing in the wheel is missing here."""
    script = (
        "import json; from tracker.compose.registries import REGISTRIES as all;"
        "print(json.dumps({kind: registry.names() for kind, registry in all.items()}))"
    )
    done = installed(site, tmp_path, sys.executable, "-c", script)
    assert done.returncode == 0, done.stderr
    rooms = {
        "source": "tracker/sources",
        "detector": "detectors/zoo",
        "propagate": "tracker/propagation",
        "trigger": "tracker/triggers",
        "associate": "tracker/association",
        "sink": "tracker/sinks",
    }
    for kind, names in json.loads(done.stdout).items():
        files = {path.stem for path in (ROOT / rooms[kind]).glob("[!_]*.py")}
        assert set(names) == files
        assert names


def test_the_main_job_runs_from_an_empty_folder(
    site: Path, tmp_path: Path, tiny_video: Path, tiny_boxes: Path
) -> None:
    done = track(site, tmp_path, "--video", str(tiny_video), "--detector", f"replay:{tiny_boxes}")
    assert done.returncode == 0, done.stderr
    run = json.loads((tmp_path / "runs" / "tiny" / "run.json").read_text())
    assert run["frames"] == 50
    assert run["versions"]["road-tracker"]
    assert (tmp_path / "runs" / "tiny" / "annotated.mp4").stat().st_size > 1000


def ci(*words: str) -> str:
    """Return what a function of ``.ci/run`` prints."""
    script = f". .ci/run; {' '.join(words)}"
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_ci_runs_the_readmes_own_test_command() -> None:
    environment = "python3 -m venv .venv && . .venv/bin/activate && pip install '.[test]'"
    assert ci("test_command") == f"{environment} && pytest -n 2 --dist loadfile"


def test_ci_tells_a_missing_package_from_what_cannot_be_installed(tmp_path: Path) -> None:
    log = tmp_path / "pytest.log"
    bad = "SKIPPED [1] tests/test_a.py:3: could not import 'trackeval'"
    allowed = (
        "SKIPPED [2] tests/test_b.py:5: ../shared is not here",
        "SKIPPED [9] x: RIGHTS NOT TESTED: closed",
    )
    log.write_text("\n".join((bad, *allowed)))
    assert ci("forbidden_skips", str(log)) == bad
    log.write_text("1 passed\n")
    assert ci("forbidden_skips", str(log)) == ""
