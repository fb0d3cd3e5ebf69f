"""The page as a person gets it: in a browser, on a desk, on a phone, on paper; and what its text says."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from detectors.errors import UsageError
from tracker.errors import SinkError
from tracker.report import write_report
from tracker.types import Reason

FIGURES = ("scene", "counts", "speeds", "zones", "trajectories", "heatmap", "coverage", "cnn_runs")


def text_of(page: Path) -> str:
    """Return the words of a page, without marks and pictures."""
    body = re.sub(r"(?s)<style>.*?</style>|<[^>]*>", " ", page.read_text("utf-8"))
    return re.sub(r"\s+", " ", html.unescape(body).replace("\N{NARROW NO-BREAK SPACE}", " "))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, made_run: Callable[[Path], Path]) -> dict[str, Path]:
    """Write the same run in both languages."""
    folder = made_run(tmp_path_factory.mktemp("pages") / "run")
    Image.new("RGB", (320, 180), "#556655").save(folder / "background.jpg")
    return {
        "en": write_report(folder),
        "pt-BR": write_report(folder, folder.parent / "relatório.html", "pt-br"),
    }


@pytest.mark.parametrize("lang", ["en", "pt-BR"])
@pytest.mark.parametrize("width", [1280, 360])
def test_nothing_is_cut_and_nothing_is_fetched(
    browser: Any, pages: dict[str, Path], width: int, lang: str
) -> None:
    browser.open(pages[lang], width)
    assert browser.ask("document.documentElement.scrollWidth") <= width
    script = (
        "[...document.images].map(i => i.naturalWidth > 0 && i.getBoundingClientRect().right <= innerWidth)"
    )
    assert browser.ask(script) == [True] * len(FIGURES)
    assert browser.ask("[...document.images].filter(i => i.alt.length < 20).length") == 0
    assert browser.ask("document.documentElement.lang") == lang
    # everything wide scrolls inside its own frame
    outside = "[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll'))"
    assert browser.ask(f"{outside}.filter(e => e.getBoundingClientRect().right > innerWidth + 1).length") == 0
    assert browser.ask("document.querySelectorAll('script').length") == 0
    assert browser.requests() == [pages[lang].as_uri()]


def test_a_phone_gets_figures_of_its_own(browser: Any, pages: dict[str, Path]) -> None:
    shapes = {}
    for width in (1280, 360):
        browser.open(pages["en"], width)
        shapes[width] = browser.ask("[...document.images].map(i => i.naturalWidth / i.naturalHeight)")
    assert all(phone < desk for phone, desk in zip(shapes[360][1:4], shapes[1280][1:4], strict=True))


def test_the_page_is_not_blank_and_can_be_printed(
    browser: Any, pages: dict[str, Path], tmp_path: Path
) -> None:
    browser.open(pages["pt-BR"], 360)
    (tmp_path / "page.png").write_bytes(browser.picture())
    with Image.open(tmp_path / "page.png") as picture:
        assert picture.height > 4000
        assert np.asarray(picture.convert("L")).std() > 20
    sheets = len(re.findall(rb"/Type\s*/Page\b", browser.pdf()))
    assert 3 <= sheets <= 9


def test_names_of_the_scene_are_text(pages: dict[str, Path]) -> None:
    page = pages["en"].read_text("utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;alert(&#39;Ponte&#39;)&lt;/script&gt; $x_1$ &amp; Cia" in page
    assert "a gap of 45 s &lt;b&gt;" in page


def test_the_figures_stand_beside_the_page(pages: dict[str, Path]) -> None:
    for page in pages.values():
        written = sorted(path.name for path in page.with_suffix("").iterdir())
        assert written == sorted(f"{name}.png" for name in FIGURES)
        for name in written:
            with Image.open(page.with_suffix("") / name) as picture:
                assert picture.width == 1350
    assert pages["en"].name == "report.html"


def test_the_headline_in_english(pages: dict[str, Path]) -> None:
    text = text_of(pages["en"])
    assert "2 March 2026, 07:30:00 to 07:38:00" in text
    assert "56 vehicle crossings of 2 lines" in text
    assert "91% of the time was seen 7 min 15 s of 8 min" in text
    assert "12% of the frames seen by the CNN 1,500 of 12,000 frames" in text


def test_headways_of_the_vehicles_of_a_direction(pages: dict[str, Path]) -> None:
    """In the made run every fourth track takes the same way, and has its number's headway.

    The direction stands twice: once for the wide page, once for a phone.
    """
    text = text_of(pages["en"])
    section = text[text.index("Headways") :]
    assert re.search(r"Acesso entra entra \d+ 2\.5 0%", section), section[:600]
    assert re.search(r"Acesso sai sai \d+ 3\.5 0%", section), section[:600]
    assert "Abaixo de 2 s" in text_of(pages["pt-BR"])


def test_numbers_dates_and_terms_in_portuguese(pages: dict[str, Path]) -> None:
    text = text_of(pages["pt-BR"])
    for words in (
        "Contagem volumétrica classificada",
        "2 de março de 2026",
        "12% dos quadros vistos pela CNN 1.500 de 12.000 quadros",
        "Automóveis",
        "Caminhões",
        "Motocicletas",
        "Pedestres",
        "V85",
        "UCP",
        "Taxa de ocupação",
        "Matriz origem\N{NON-BREAKING HYPHEN}destino de movimentos",
        "1.234",
        "±3,5",
    ):
        assert words in text, words


def test_the_tables_hold_the_real_numbers(pages: dict[str, Path]) -> None:
    page = pages["en"].read_text("utf-8")
    rows = re.findall(r'(?s)<tr>\s*<th scope="row">(.*?)</th>(.*?)</tr>', page)
    cells = {
        re.sub(r"<small>.*", "", name): re.findall(r"<td[^>]*>(.*?)</td>", row)
        for name, row in reversed(rows)
    }
    assert cells["Norte"] == ["0", "1,234", "1,234"]
    assert cells["Fila"] == ["72", "64", "1.50", "4", "62%", "3", "7.2 s".replace(" ", "\u202f")]
    assert cells["Track lost"] == ["600", "5.0%"]


def test_what_was_left_out_is_said(pages: dict[str, Path]) -> None:
    text = text_of(pages["en"])
    assert "45 s in one gap were not seen. Nobody was counted there" in text
    assert "One of 8 intervals was seen to less than 95%" in text
    assert "One of 72 crossings was only predicted" in text
    assert "It counts." in text
    assert (
        "8 of 80 tracks crossed no line and are in no count. 8 of them were shorter than one second." in text
    )
    assert "16 of 80 tracks are pedestrians" in text
    assert "vehicle crossings no speed could be told" in text


def test_a_run_without_a_scene_says_how_to_get_one(run_folder: Path, edit: Callable[..., None]) -> None:
    for name in ("scene.toml", "events.csv", "counts.csv", "zones.csv", "turns.csv"):
        (run_folder / name).unlink()
    # what newer runs tell is not needed either
    about = ("settings", "detector", "versions", "processor", "wall_s", "fps")
    edit(seen_s=None, completed=False, **dict.fromkeys(about))
    text = text_of(write_report(run_folder))
    assert "--scene scene.toml" in text
    assert "80 road users tracked" in text
    assert "broken off" in text
    assert "Speeds" not in text
    assert "Turning" not in text
    assert "Zones" not in text
    written = {path.stem for path in (run_folder / "report").iterdir()}
    assert written == {"trajectories", "heatmap", "cnn_runs"}


def test_without_calibration_one_sentence_says_how_to_get_speeds(run_folder: Path) -> None:
    for name in ("tracks.csv", "counts.csv", "zones.csv"):
        (run_folder / name).unlink()
    scene = run_folder / "scene.toml"
    scene.write_text(re.sub(r"(?s)\[\[calibration.*?(?=\n\n|\Z)", "", scene.read_text("utf-8")), "utf-8")
    events = (run_folder / "events.csv").read_text("utf-8").splitlines()
    header, rows = events[0], [re.sub(r",0\.9,[\d.]*,[\d.]*,", ",0.9,,,", row) for row in events[1:]]
    (run_folder / "events.csv").write_text("\n".join([header, *rows]) + "\n", "utf-8")
    text = text_of(write_report(run_folder))
    assert "No speeds: the scene has no calibration. Give the scene file four points" in text
    assert "V85" not in text


def test_a_gap_of_seconds_in_days_is_not_the_whole_time(run_folder: Path, edit: Callable[..., None]) -> None:
    for name in ("tracks.csv", "events.csv", "counts.csv", "zones.csv", "turns.csv", "scene.toml"):
        (run_folder / name).unlink()
    edit(duration_s=864_000.0, seen_s=[[0, 400_000], [400_030, 864_000]])
    text = text_of(write_report(run_folder))
    assert "99.9% of the time was seen" in text
    assert "30 s in one gap" in text


def test_an_empty_run_has_a_page(run_folder: Path, edit: Callable[..., None]) -> None:
    for name in ("tracks.csv", "events.csv", "counts.csv", "zones.csv", "turns.csv"):
        path = run_folder / name
        path.write_text(path.read_text("utf-8").splitlines()[0] + "\n", "utf-8")
    edit(frames=0, duration_s=0.0, cnn_runs={"total": 0}, cnn_share=0.0, seen_s=[])
    assert "0 road users tracked" in text_of(write_report(run_folder, lang="en"))


def test_a_name_of_any_letters_is_drawn(run_folder: Path) -> None:
    """Letters that this machine has no font for are the browser's business, and no warning."""
    for name in ("tracks.csv", "zones.csv", "turns.csv"):
        (run_folder / name).unlink()
    for path in (run_folder / "scene.toml", run_folder / "events.csv", run_folder / "counts.csv"):
        path.write_text(path.read_text("utf-8").replace("Acesso", "广州 🚦 $\\frac"), "utf-8")
    scene = run_folder / "scene.toml"
    scene.write_text(scene.read_text("utf-8").replace("$\\frac", "$\\\\frac\\u0007"), "utf-8")
    assert "广州 🚦 $\\frac" in write_report(run_folder).read_text("utf-8")


def test_the_page_must_be_one(run_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"must end in \.html"):
        write_report(run_folder, tmp_path / "report.pdf")
    with pytest.raises(UsageError, match="unknown language 'xx': there is en, pt-BR"):
        write_report(run_folder, lang="xx")
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(SinkError, match="it is a folder"):
        write_report(run_folder, tmp_path / "folder.html")


def test_both_languages_say_the_same_things() -> None:
    from tracker.report.words import _all_words

    words = _all_words()

    def shape(table: dict[str, Any]) -> dict[str, Any]:
        return {
            key: shape(value) if isinstance(value, dict) else sorted(re.findall(r"{\w+}", str(value)))
            for key, value in table.items()
        }

    assert shape(words["en"]) == shape(words["pt-BR"])
    assert len(words["pt-BR"]["months"]) == 12
    assert set(words["en"]["reasons"]) == {reason.value for reason in Reason}


def test_every_text_is_used() -> None:
    from tracker.report import words

    folder = Path(words.__file__).parent
    source = "".join(path.read_text("utf-8") for path in folder.iterdir() if path.suffix in (".py", ".j2"))
    tables = ("classes", "class", "reasons")
    keys = {key.removesuffix("_one") for key in words._all_words()["en"] if key not in tables}
    assert [key for key in sorted(keys) if f'"{key}"' not in source and f"'{key}'" not in source] == []
