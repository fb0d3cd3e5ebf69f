"""Commands and options put together, and errors turned into one line and an exit code."""

from __future__ import annotations

import traceback
from collections.abc import Sequence

import typer

from detectors.errors import ProjectError
from tracker.cli.advice import advised
from tracker.cli.calibrate import calibrate
from tracker.cli.classify import classify
from tracker.cli.complain import complain
from tracker.cli.data_check import check_data
from tracker.cli.data_extract import data_extract
from tracker.cli.data_import import import_data
from tracker.cli.data_import_cvat import data_import_cvat
from tracker.cli.data_view import view_data
from tracker.cli.detectors import list_detectors
from tracker.cli.evaluate_classifier import evaluate_classifier
from tracker.cli.evaluate_counts import evaluate_counts
from tracker.cli.evaluate_detector import evaluate_detector
from tracker.cli.evaluate_tracking import evaluate_tracking
from tracker.cli.export_cvat import export_cvat
from tracker.cli.export_detector import export_detector
from tracker.cli.find import find
from tracker.cli.model_show import model_show
from tracker.cli.model_summary import model_summary
from tracker.cli.purge import purge
from tracker.cli.recount import recount
from tracker.cli.report import report
from tracker.cli.run import track
from tracker.cli.scene import make_scene
from tracker.cli.serve import serve
from tracker.cli.train_average import train_average
from tracker.cli.train_classifier import train_classifier
from tracker.cli.train_compare import train_compare
from tracker.cli.train_detector import train_detector

INTERRUPTED = 130
KEPT = "interrupted; what was done so far is kept"


def build_app() -> typer.Typer:
    """Return the ``track`` command with all that is below it."""
    app = typer.Typer(
        name="track",
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(track)
    app.command("classify")(classify)
    app.command("detectors")(list_detectors)
    app.command("scene")(make_scene)
    app.command("calibrate")(calibrate)
    app.command("find")(find)
    app.command("recount")(recount)
    app.command("report")(report)
    app.command("purge")(purge)
    app.command("serve")(serve)
    data = typer.Typer(help="Labelled pictures: bring them in, check them, look at them.")
    data.command("check")(check_data)
    data.command("extract")(data_extract)
    data.command("import")(import_data)
    data.command("import-cvat")(data_import_cvat)
    data.command("view")(view_data)
    data.callback()(_nothing)
    app.add_typer(data, name="data")
    train = typer.Typer(help="Train on your own labelled pictures.")
    train.command("average")(train_average)
    train.command("classifier")(train_classifier)
    train.command("compare")(train_compare)
    train.command("detector")(train_detector)
    train.callback()(_nothing)
    app.add_typer(train, name="train")
    evaluate = typer.Typer(help="Score a run, a detector or a classifier against the truth.")
    evaluate.command("classifier")(evaluate_classifier)
    evaluate.command("counts")(evaluate_counts)
    evaluate.command("detector")(evaluate_detector)
    evaluate.command("tracking")(evaluate_tracking)
    evaluate.callback()(_nothing)
    app.add_typer(evaluate, name="evaluate")
    export = typer.Typer(help="Write a detector, or the tracks of a run, for other programs.")
    export.command("cvat")(export_cvat)
    export.command("detector")(export_detector)
    export.callback()(_nothing)
    app.add_typer(export, name="export")
    model = typer.Typer(help="Lay a network open: its layers, and what it makes of a picture.")
    model.command("show")(model_show)
    model.command("summary")(model_summary)
    model.callback()(_nothing)
    app.add_typer(model, name="model")
    return app


def _nothing() -> None:
    """Typer makes a group of a single command only if the group has a callback."""


def run_app(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code.

    ``--debug`` is taken out first: it may stand before or behind any command.
    """
    words = [word for word in arguments if word != "--debug"]
    try:
        code = _run(words)
        message = KEPT if code == INTERRUPTED else ""  # typer makes an exit code of Ctrl-C
    except (Exception, KeyboardInterrupt) as exc:
        if len(words) < len(arguments):
            traceback.print_exc()
        message, code = explain(exc, words)
    if message:
        complain(message)
    return code


def _run(arguments: Sequence[str]) -> int:
    try:
        return int(build_app()(list(arguments), standalone_mode=False) or 0)
    except typer.Exit as exc:
        return exc.exit_code


def explain(exc: BaseException, words: Sequence[str]) -> tuple[str, int]:
    """Return one line for the user, and the exit code, of what ``words`` came to."""
    if isinstance(exc, (KeyboardInterrupt, typer.Abort)):
        return KEPT, INTERRUPTED
    if isinstance(exc, typer.TyperException):
        return advised(exc, words), exc.exit_code
    if isinstance(exc, ProjectError):
        return str(exc), exc.exit_code
    return f"unexpected {type(exc).__name__}: {exc} (--debug shows where)", 1
