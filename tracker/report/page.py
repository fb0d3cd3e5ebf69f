"""Write the page: everything in one file, and the figures beside it."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata, resources
from pathlib import Path

from detectors.errors import UsageError
from tracker.report.charts import way_colours
from tracker.report.drawing import Picture
from tracker.report.headways import headway_section
from tracker.report.parts import Draft, Section
from tracker.report.results import read_results
from tracker.report.road_sections import path_section, scene_section
from tracker.report.run_sections import (
    cards_of,
    computing_section,
    facts_of,
    missing_section,
    shares_of,
    title_of,
)
from tracker.report.scenes import read_ground
from tracker.report.traffic_sections import count_section, speed_section, turn_section, zone_section
from tracker.report.words import Language
from tracker.sinks._files import discard, draft, prepare, publish, writing

_ENDINGS = (".html", ".htm")


def write_report(run_folder: Path, out: Path | None = None, lang: str = "en") -> Path:
    """Write what a run looked like as one HTML page, and its figures as PNG files in a folder beside it.

    Args:
        run_folder: what ``track --video`` wrote its results to.
        out: the page; ``report.html`` in the run folder without it. The figures go into the folder with its
            name without the ending.
        lang: ``en`` or ``pt-BR``.

    Returns:
        The page.

    Raises:
        UsageError: ``out`` is no HTML file, or there is no such language.
        ResultError: the folder holds no run, or a file in it is damaged.
        SceneError: its scene is wrong.
        SinkError: the page cannot be written.
    """
    out = run_folder / "report.html" if out is None else out
    if out.suffix.lower() not in _ENDINGS:
        raise UsageError(f"the page {out} must end in .html")
    say = Language(lang)
    results = read_results(run_folder)
    prepare(out)
    drafted = Draft(results, say, read_ground(run_folder / "background.jpg"), way_colours(results.ways))
    sections = [section for section in _sections(drafted) if section is not None]
    page = _render(drafted, sections, run_folder)
    _write(out, page.encode("utf-8", "backslashreplace"))
    for picture in (picture for section in sections for picture in section.pictures):
        _write_picture(out.with_suffix(""), picture)
    return out


def _sections(drafted: Draft) -> Iterable[Section | None]:
    yield scene_section(drafted)
    yield count_section(drafted)
    yield speed_section(drafted)
    yield headway_section(drafted)
    yield turn_section(drafted)
    yield zone_section(drafted)
    yield path_section(drafted)
    yield missing_section(drafted)
    yield computing_section(drafted)


def _render(drafted: Draft, sections: list[Section], run_folder: Path) -> str:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    def load(name: str) -> str:
        return resources.files("tracker.report").joinpath(name).read_text("utf-8")

    environment = Environment(
        loader=FunctionLoader(load),
        autoescape=True,  # names in scene files are anybody's text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    title, shares = shares_of(drafted)
    return environment.get_template("page.html.j2").render(
        say=drafted.say,
        title=title_of(drafted),
        facts=facts_of(drafted),
        cards=cards_of(drafted),
        shares_title=title,
        shares=shares,
        sections=sections,
        css=load("page.css"),
        footer=drafted.say(
            "footer", version=metadata.version("road-tracker"), folder=run_folder.resolve().name
        ),
    )


def _write_picture(folder: Path, picture: Picture) -> None:
    _write(folder / f"{picture.name}.png", picture.png)


def _write(path: Path, content: bytes) -> None:
    prepare(path)
    try:
        with writing(path):
            draft(path).write_bytes(content)
        publish(path)
    finally:
        discard(path)
