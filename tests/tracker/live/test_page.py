"""The page in a real browser, on a real server, with a camera at the other end of a pipe."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tracker.live.messages import Happened, Record, Restart, Watch
from tracker.scene.reading import read_scene

Live = Any  # conftest.Live and Camera: test files do not import one another
CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(),
    reason=f"THE PAGE IS NOT TESTED: Chromium is missing at {CHROMIUM}; apt-get install chromium",
)
playwright = pytest.importorskip("playwright.sync_api", reason="THE PAGE IS NOT TESTED: no playwright")
Page = Any  # playwright.sync_api.Page
_PIXELS = "() => document.querySelector('canvas').toDataURL()"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as tool:
        args = ["--no-sandbox", "--disable-gpu"]
        browser = tool.chromium.launch(executable_path=str(CHROMIUM), args=args)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Page]:
    """A tab in English; what goes wrong in it fails the test."""
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(8000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    yield page
    context.close()
    # to the browser's console, a server that ends and what is refused are errors; both are meant
    assert [line for line in wrong if not re.search("WebSocket|status of 4(01|22)", line)] == []


class Film:
    """A camera that sends moving pictures while somebody watches."""

    def __init__(self, camera: Any) -> None:
        self.camera = camera
        self.heard: list[object] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        watched, number = False, 0
        with contextlib.suppress(EOFError, OSError):  # the hub was closed
            while not self._end.wait(0.08):
                while (order := self.camera.heard(0)) is not None:
                    self.heard.append(order)
                    watched = order.on if isinstance(order, Watch) else watched
                if watched:
                    number += 1
                    self.camera.picture(number)

    def stop(self) -> None:
        self._end.set()
        self._thread.join(5)


@pytest.fixture
def film(live: Live, tmp_path: Path) -> Iterator[Film]:
    film = Film(live.open(scene_file=tmp_path / "scene.toml"))
    yield film
    film.stop()


def see(page: Page, selector: str, text: str) -> None:
    """Wait until an element shows a text."""
    playwright.expect(page.locator(selector).first).to_contain_text(text, timeout=8000)


def see_it_move(live: Live, page: Page) -> None:
    """Wait until the picture is live and another one comes."""
    playwright.expect(page.locator('.frame[data-live="true"]')).to_have_count(1, timeout=8000)
    first = page.evaluate(_PIXELS)
    live.until(lambda: page.evaluate(_PIXELS) != first, 8)


def spot(page: Page, x: float, y: float) -> tuple[float, float]:
    """Return where on the screen a place of the picture is, given in shares of it."""
    box = page.locator(".surface").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def drag(page: Page, begin: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*spot(page, *begin))
    page.mouse.down()
    page.mouse.move(*spot(page, (begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2))
    page.mouse.move(*spot(page, *end))
    page.mouse.up()


def test_the_picture_moves_and_counts_grow(live: Live, film: Film, address: str, page: Page) -> None:
    page.goto(address)
    see(page, ".badge", "Live")
    see_it_move(live, page)
    film.camera.send(Happened([live.crossing(), live.crossing(label="bus")]))
    see(page, ".cards strong", "2")
    see(page, "tfoot", "2")
    film.camera.send(Happened([live.crossing()]))
    see(page, ".cards strong", "3")
    see(page, ".events", "North, in")
    see(page, ".chart .legend", "North → in")
    assert "3 in all" in page.locator(".chart svg").get_attribute("aria-label")
    see(page, ".cards li:nth-child(4)", "61 ms")
    see(page, ".cards li:nth-child(4)", "180 ms")


def test_who_does_not_look_costs_the_camera_nothing(film: Film, live: Live, address: str, page: Page) -> None:
    page.goto(address)
    live.until(lambda: Watch(True) in film.heard)
    page.click("text=Pause picture")
    live.until(lambda: Watch(False) in film.heard)
    see(page, ".frame .note", "Picture paused")


def test_recording_is_asked_and_shown(live: Live, film: Film, address: str, page: Page) -> None:
    page.goto(address)
    page.click("button.record")
    live.until(lambda: Record(True) in film.heard)
    film.camera.send(live.status(recording=True))
    see(page, ".frame .recording", "Recording")
    see(page, "button.record", "Stop recording")
    page.click("button.record")
    live.until(lambda: Record(False) in film.heard)


def test_a_line_is_drawn_with_the_mouse_and_saved(
    live: Live, film: Film, address: str, page: Page, tmp_path: Path
) -> None:
    page.goto(address)
    page.click("text=Edit lines and zones")
    page.click("text=New line")
    drag(page, (0.25, 0.5), (0.75, 0.5))
    page.locator(".figures input").nth(0).fill("Ponte")
    page.locator(".figures input").nth(1).fill("Centro")
    page.click("text=New zone")
    for corner in ((0.1, 0.1), (0.4, 0.1), (0.4, 0.3), (0.1, 0.1)):
        page.mouse.click(*spot(page, *corner))
    playwright.expect(page.locator(".figures li")).to_have_count(2)
    drag(page, (0.4, 0.3), (0.45, 0.35))  # moves a corner of the zone
    page.click("text=Save")
    see(page, ".problem", "Saved.")
    live.until(lambda: Restart() in film.heard)
    scene = read_scene(tmp_path / "scene.toml")
    (line,) = scene.lines
    assert (line.name, line.directions) == ("Ponte", ("Centro", "Direction B"))
    assert line.points[0] == pytest.approx((80, 90), abs=1.5)
    assert line.points[1] == pytest.approx((240, 90), abs=1.5)
    assert scene.zones[0].points[2] == pytest.approx((144, 63), abs=1.5)


def test_what_the_server_refuses_is_said_at_its_place_and_can_be_undone(
    film: Film, address: str, page: Page, tmp_path: Path
) -> None:
    page.goto(address)
    page.click("text=Edit lines and zones")
    for y in (0.3, 0.6):
        page.click("text=New line")
        drag(page, (0.2, y), (0.8, y))
    page.locator(".figures li").nth(1).locator("input").first.fill("Line 1")
    page.click("text=Save")
    second = page.locator(".figures li").nth(1)
    playwright.expect(second.locator(".error")).to_contain_text("twice")
    playwright.expect(second.locator("input").first).to_have_attribute("aria-invalid", "true")
    page.click("text=Undo")
    page.click("text=Undo")
    playwright.expect(page.locator(".figures li")).to_have_count(1)
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("text=Cancel")
    playwright.expect(page.locator(".editor")).to_have_count(0)
    assert not (tmp_path / "scene.toml").exists()


def test_a_line_can_be_drawn_with_the_keyboard(film: Film, address: str, page: Page, tmp_path: Path) -> None:
    page.goto(address)
    page.locator("text=Edit lines and zones").press("Enter")
    # the heading is given the focus when the scene has come; a key pressed before it would go astray
    playwright.expect(page.locator("#editor-title")).to_be_focused(timeout=8000)
    page.locator("text=New line").press("Enter")
    begins = re.compile("^Line 1, point 1")
    playwright.expect(page.locator("*:focus")).to_have_attribute("aria-label", begins)
    for key in ("ArrowLeft", "ArrowLeft", "Shift+ArrowUp"):
        page.keyboard.press(key)
    page.locator("text=Save").press("Enter")
    see(page, ".problem", "Saved.")
    assert read_scene(tmp_path / "scene.toml").lines[0].points == ((94, 80), (224, 90))


def test_nothing_is_drawn_before_the_scene_has_come(film: Film, address: str, page: Page) -> None:
    waiting: list[Any] = []

    def hold(request: Any) -> None:
        waiting.append(request)

    page.route("**/scene", hold)
    page.goto(address)
    page.click("text=Edit lines and zones")
    for name in ("New line", "New zone", "Undo", "Save"):
        playwright.expect(page.get_by_role("button", name=name, exact=True)).to_be_disabled()
    playwright.expect(page.get_by_text("No lines or zones yet")).to_be_hidden()
    waiting[0].continue_()
    page.click("text=New line")
    drag(page, (0.2, 0.5), (0.8, 0.5))
    playwright.expect(page.locator(".figures li")).to_have_count(1)


def test_it_speaks_portuguese(live: Live, film: Film, address: str, page: Page) -> None:
    film.camera.send(Happened([live.crossing(label="motorbike")]))
    page.goto(f"{address}/?lang=pt-BR")
    see(page, "h1", "Tráfego ao vivo")
    see(page, ".badge", "Ao vivo")
    see(page, "thead", "Motocicletas")
    assert page.evaluate("document.documentElement.lang") == "pt-BR"
    page.click("text=English")
    see(page, "thead", "Motorcycles")
    assert "lang=en" in page.url


def test_a_lost_camera_is_said(live: Live, film: Film, address: str, page: Page) -> None:
    page.goto(address)
    see(page, ".badge", "Live")
    film.camera.send(live.status("lost"))
    see(page, ".badge", "Source lost since")
    see(page, ".frame .note", "Source lost since")


def test_a_lost_server_is_said_and_found_again(live: Live, film: Film, server: Any, page: Page) -> None:
    page.goto(server.address)
    see_it_move(live, page)
    server.stop()
    see(page, "#offline", "No connection to the server")
    server.start()
    playwright.expect(page.locator("#offline")).to_have_text("", timeout=8000)
    see_it_move(live, page)


def test_the_token_is_typed(film: Film, server: Any, page: Page) -> None:
    server.stop()
    server.token = "a-token-of-many-letters"
    server.start()
    page.goto(server.address)
    page.fill("#token", "wrong")
    page.click("button")
    see(page, "main p", "not the token")
    page.fill("#token", server.token)
    page.click("button")
    see(page, ".badge", "Live")
    assert page.url == f"{server.address}/"


def test_a_link_on_another_site_with_the_token_opens_the_page(film: Film, server: Any, page: Page) -> None:
    server.stop()
    server.token = "a-token-of-many-letters"
    server.start()
    link = f'<a href="{server.address}/?token={server.token}">open</a>'
    page.route("http://mail.example/", lambda route: route.fulfill(content_type="text/html", body=link))
    page.goto("http://mail.example/")
    page.click("a")
    see(page, ".badge", "Live")
    assert page.url == f"{server.address}/"


def test_several_cameras_are_a_grid(live: Live, film: Film, address: str, page: Page) -> None:
    live.open("ramp")
    page.goto(address)
    playwright.expect(page.locator(".tile")).to_have_count(2)
    page.click("text=ramp")
    see(page, "h2", "ramp")
    assert page.url.endswith("#ramp")
    page.click("text=All cameras")
    playwright.expect(page.locator(".tile")).to_have_count(2)


def test_it_fits_on_a_phone(live: Live, film: Film, address: str, browser: Any) -> None:
    labels = ("car", "bus", "motorbike", "truck", "van", "bicycle", "person")
    film.camera.send(Happened([live.crossing("Avenida Brasil", "Centro", label) for label in labels]))
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, locale="pt-BR")
    page = context.new_page()
    page.goto(address)
    see(page, "tfoot", "7")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.click("text=Editar linhas e zonas")
    page.tap("text=Nova linha")
    for x in (0.2, 0.8, 0.8):
        page.touchscreen.tap(*spot(page, x, 0.5))
    playwright.expect(page.locator(".figures li")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    context.close()


def test_every_control_has_a_name(film: Film, address: str, page: Page) -> None:
    page.goto(address)
    page.click("text=Edit lines and zones")
    page.click("text=New line")
    drag(page, (0.2, 0.5), (0.8, 0.5))
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, a, [tabindex='0']")]
        .filter((x) => !(x.ariaLabel || x.textContent.trim() || x.labels?.[0]?.textContent.trim()))
        .map((x) => x.outerHTML)"""
    )
    assert nameless == []
    assert re.match(r"Live picture of camera gate", page.locator("canvas").get_attribute("aria-label"))
