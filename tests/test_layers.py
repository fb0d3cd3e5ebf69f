"""Imports point down only: the layer table of the architecture, read from the source."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("detectors", "tracker")
#: Layer of every room; the longest prefix of a module's name counts.
LAYERS = {
    "detectors": 0,  # the package's own lazy doors
    "detectors.frame": 0,
    "detectors.detections": 0,
    "detectors.boxes": 0,
    "detectors.protocol": 0,
    "detectors.registry": 0,
    "detectors.errors": 0,
    "detectors.opencv": 0,  # the one door to cv2, for every room above
    "detectors.networks": 1,
    "detectors.runtimes": 1,
    "detectors.zoo": 2,
    "detectors.catalog": 3,
    "detectors.bank": 2,  # labelled pictures of any format, as sets
    "detectors.classifiers": 3,  # networks that name a picture: by name, as weight files, as embeddings
    "detectors.tiles": 1,  # contact sheets, of errors and of what is labelled
    "detectors.classifiers.opening": 4,  # any network by its name, released detectors too
    "detectors.dataset": 1,  # labelled pictures, which evaluation reads too
    "detectors.evaluation": 4,
    "detectors.training": 5,
    "tracker": 0,  # the package's own lazy doors
    "tracker.errors": 0,
    "tracker.scene": 1,  # what a camera looks at: plain types, and the file that says them
    "tracker.traffic": 1,  # clocks, intervals, coverage: quantities that sinks and reports share
    "tracker.storage": 1,  # the database: written by a sink, read by reports
    "tracker.types": 1,
    "tracker.protocols": 1,
    "tracker.motion": 1,
    "tracker.confidence": 1,  # the propagators' own, and how it is fitted in the lab
    "tracker.config": 1,
    "tracker.parts": 1,  # recordings: by a sink with boxes, by a source as they came
    "tracker.track_rows": 1,  # tracks.csv as arrays, for a recount and for reports
    "tracker.tracks": 1,  # associators need the life cycle, and siblings do not import one another
    "tracker.sources": 2,
    "tracker.triggers": 2,
    "tracker.propagation": 2,
    "tracker.association": 2,
    "tracker.sinks": 2,
    "tracker.analytics": 2,
    "tracker.pipeline": 3,
    "tracker.compose": 4,
    "tracker.recount": 4,  # an earlier run's tracks through the observers again
    "tracker.evaluation": 4,
    "tracker.live": 5,
    "tracker.report": 5,
    "tracker.lab": 5,
    "tracker.cli": 6,
}
#: Rooms whose files (components) do not import one another: any one can be deleted alone.
#: What begins with an underscore there belongs to the room.
COMPONENTS = ("sources", "triggers", "propagation", "association", "analytics", "sinks")
#: Open to their own layer too: the types that flow, and the tree of errors.
FOUNDATION = {
    "detectors.errors",
    "detectors.frame",
    "detectors.detections",
    "tracker.errors",
    "tracker.scene",
    "tracker.types",
}
#: The lazy doors of both packages are opened by the registry, the only use of importlib.
DOORS = {"detectors": {"detectors.registry"}, "tracker": {"detectors.registry"}}
#: Private modules that a layer above may know, and why.
OPEN_PRIVATE = {
    # what a name stands for
    "tracker.sources._kinds": {
        "tracker.compose",
        "tracker.compose.checks",
        "tracker.cli.job",
        "tracker.cli.places",
        "tracker.lab.reading",
    },
    "tracker.sinks._summary": {"tracker.cli.job"},  # the closing table
    "tracker.sinks._retention": {"tracker.cli.places", "tracker.cli.purge"},  # which files show people
    "tracker.sinks._evidence_name": {"tracker.cli.job", "tracker.cli.places"},  # the folder's name
    # the picture of a watched camera is drawn, and people hidden in it, as in a recording
    "tracker.sinks._blur": {"tracker.live.feed"},
    "tracker.sinks._draw": {"tracker.live.feed"},
    # a probability for any propagator's confidence
    "tracker.propagation._calibrated": {"tracker.compose"},
    # a limit on all triggers together
    "tracker.triggers._budget": {"tracker.compose"},
    # what an observer must be shown, and nothing else
    "tracker.analytics._lines": {"tracker.recount._results"},
    "tracker.analytics._seen": {
        "tracker.recount._block",
        "tracker.recount._results",
        "tracker.recount._row",
        "tracker.recount._sheet",
    },
    # foreign errors into the project's own
    "tracker.sinks._files": {
        "tracker.cli.places",
        "tracker.cli.data_check",
        "tracker.cli.data_view",
        "tracker.cli.data_extract",
        "tracker.cli.data_import_cvat",
        "tracker.cli.evaluate_detector",
        "tracker.cli.export_cvat",
        "tracker.cli.find",
        "tracker.cli.export_detector",
        "tracker.cli.model_show",
        "tracker.cli.model_summary",
        "tracker.cli.recount",
        "tracker.cli.scene",
        "tracker.cli.serve",
        "tracker.cli.train_compare",
        "tracker.report.page",
    },
    # the format of weight files
    "detectors.zoo._weights": {
        "detectors.training",
        "detectors.catalog",
        "detectors.classifiers",
        "detectors.classifiers.opening",
    },
    "detectors.zoo._appearance": {"detectors.classifiers"},  # colours of a box
    # the size of picture that a detector takes
    "detectors.zoo._letterbox": {"detectors.classifiers.opening", "detectors.classifiers.showing"},
    "detectors.zoo._export": {"tracker.cli.export_detector"},  # an ONNX model of the zoo's own weights
}


def modules() -> dict[str, Path]:
    """Return every module of both packages by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(path: Path) -> set[str]:
    """Return what a file imports at run time, wherever in it: ``if TYPE_CHECKING`` is left out."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            base = node.module or ""
            found |= {
                f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base for alias in node.names
            }
    return found


def own_imports(name: str) -> set[str]:
    return {target for target in imports(MODULES[name]) if target.split(".")[0] in PACKAGES}


def room_of(name: str) -> str:
    """Return the longest entry of the table that holds the module."""
    parts = name.split(".")
    prefixes = (".".join(parts[:length]) for length in range(len(parts), 1, -1))
    return next((prefix for prefix in prefixes if prefix in LAYERS), parts[0])


def may_import(name: str, target: str) -> bool:
    room, other = room_of(name), room_of(target)
    if other in FOUNDATION or room == other or target in DOORS.get(name, ()):
        return True
    return LAYERS[other] < LAYERS[room]


def is_private(name: str) -> bool:
    return name.rsplit(".", 1)[-1].startswith("_")


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_module_has_a_place(name: str) -> None:
    """A new room must be entered in the table: nothing may fall through to the package itself."""
    assert room_of(name) not in PACKAGES or name in PACKAGES


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_point_down_only(name: str) -> None:
    wrong = [target for target in own_imports(name) if not may_import(name, target)]
    assert not wrong, f"{name} (layer {LAYERS[room_of(name)]}) imports {wrong}"


@pytest.mark.parametrize("name", sorted(MODULES))
def test_detectors_never_import_the_tracker(name: str) -> None:
    if name.startswith("detectors"):
        assert not [target for target in own_imports(name) if target.split(".")[0] == "tracker"]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_components_do_not_import_one_another(name: str) -> None:
    room = room_of(name)
    if room.removeprefix("tracker.") not in COMPONENTS or is_private(name) or name == room:
        return
    siblings = [t for t in own_imports(name) if room_of(t) == room and not is_private(t) and t != room]
    assert not siblings, f"{name} imports {siblings}"


@pytest.mark.parametrize("name", sorted(MODULES))
def test_what_begins_with_an_underscore_belongs_to_its_room(name: str) -> None:
    for target in own_imports(name):
        if is_private(target) and room_of(target) != room_of(name):
            assert {name, room_of(name)} & OPEN_PRIVATE.get(target, set()), f"{name} imports {target}"


@pytest.mark.parametrize("name", sorted(MODULES))
def test_importlib_is_the_registrys_alone(name: str) -> None:
    if name == "detectors.registry":
        return
    allowed = {"importlib.metadata", "importlib.resources"}
    tree = ast.parse(MODULES[name].read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "importlib":
            assert {f"importlib.{alias.name}" for alias in node.names} <= allowed
    named = {target for target in imports(MODULES[name]) if target.startswith("importlib.")}
    assert named <= allowed
    assert "__import__" not in MODULES[name].read_text()


@pytest.mark.parametrize("name", ["tracker.pipeline", "tracker.protocols", "tracker.types"])
def test_the_loop_knows_protocols_only(name: str) -> None:
    rooms = {room_of(target).removeprefix("tracker.") for target in own_imports(name)}
    assert not rooms & set(COMPONENTS)


def test_networks_and_the_heart_import_no_foreign_io() -> None:
    for name in MODULES:
        if name.startswith("detectors.networks") or name in ("tracker.tracks", "tracker.motion"):
            assert not imports(MODULES[name]) & {"cv2", "av"}, name


def test_pyproject_lists_every_package_folder() -> None:
    """The flat layout needs the list spelled out: a folder that is forgotten is missing in the wheel."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for package in (*PACKAGES, "weights")
        for path in (ROOT / package).rglob("*.py")
    }
    assert sorted(listed) == sorted(folders)
    for package in listed:
        assert (ROOT / package.replace(".", "/") / "__init__.py").is_file(), package


def test_no_drawer_for_everything() -> None:
    names = {path.stem for path in MODULES.values()}
    assert not names & {"utils", "helpers", "misc", "common"}
