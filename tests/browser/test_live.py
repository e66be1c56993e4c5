"""Live video: a file, a camera, their lines over the picture and in the transcript, and bad days."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Browser, BrowserContext, Locator, Page, WebSocketRoute, expect

from frontend.web.i18n import translations
from tests.browser import axe, chromium, clips
from tests.browser.complaints import Complaints
from tests.browser.conftest import OpenPage
from tests.browser.drop import drop
from tests.browser.workspace import say
from tests.conftest import KEY
from tests.e2e.service import Service

SUBTITLES = ("Mind the gap", "Chapter 1", "", "The doors close at 9:30")
SECONDS = 1.5
EARLY, LATE = 0.4, 0.9
"""Seconds by which times may be off: frames are some way apart, and the machine may be busy."""
PATIENCE_MS = 60_000

_TRANSCRIPT = "const transcript = await import('/static/js/live/transcript.js');"
_PLACES = """() => ["#live-overlay polygon.outlines", "#live-video"].map(
    (selector) => document.querySelector(selector).getBoundingClientRect().toJSON()
)"""  # at one moment: with each picture the line is drawn anew
_HERE = [[0.1, 0.8], [0.9, 0.9]]
_ABOVE = [[0.1, 0.6], [0.9, 0.7]]


class Cue(NamedTuple):
    start: float
    end: float
    text: str


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.webm(tmp_path_factory.mktemp("films") / "the film.webm", SUBTITLES, SECONDS)


@pytest.fixture
def live(open_page: OpenPage) -> Page:
    return open_page("/#live", permissions=["camera", "clipboard-read", "clipboard-write"])


def said(page: Page) -> Locator:
    """The texts of the transcript."""
    return page.locator("#live-transcript .said")


def expect_state(page: Page, state: str) -> None:
    expect(page.locator("#live-state")).to_have_text(say(f"live.state.{state}"), timeout=PATIENCE_MS)


def play_to_the_end(page: Page) -> None:
    expect(page.locator("#live-video")).to_have_js_property("ended", True, timeout=PATIENCE_MS)
    expect(page.locator("#live-shown")).to_have_text(SUBTITLES[-1])


def saved(page: Page, kind: str) -> tuple[str, str]:
    """The name and the content of the transcript as a file."""
    with page.expect_download() as download:
        page.locator(f"#live-{kind}").click()
    return download.value.suggested_filename, Path(download.value.path()).read_text("utf-8")


def cues(srt: str) -> list[Cue]:
    """The cues of a SubRip file, which must be one: numbered, in order, without overlaps."""
    found = []
    for number, block in enumerate(srt.strip().split("\n\n"), 1):
        index, times, *text = block.split("\n")
        assert index == str(number)
        parsed = re.fullmatch(r"(\d\d):(\d\d):(\d\d),(\d{3}) --> (\d\d):(\d\d):(\d\d),(\d{3})", times)
        assert parsed, times
        h, m, s, ms, *end = map(int, parsed.groups())
        found.append(Cue(h * 3600 + m * 60 + s + ms / 1000,
                         end[0] * 3600 + end[1] * 60 + end[2] + end[3] / 1000, "\n".join(text)))  # fmt: skip
    for cue, following in zip(found, found[1:], strict=False):
        assert cue.start < cue.end <= following.start
    return found


def test_a_film_that_is_dropped_becomes_a_transcript(live: Page, film: Path) -> None:
    drop(live.locator("#live-stage"), film)
    play_to_the_end(live)
    expect(said(live)).to_have_text(SUBTITLES[:2])  # the last one is shown still

    name, srt = saved(live, "srt")
    assert name == "the film.srt"
    expected = [
        Cue(number * SECONDS, (number + 1) * SECONDS, text) for number, text in enumerate(SUBTITLES) if text
    ]
    found = cues(srt)
    assert [cue.text for cue in found] == [cue.text for cue in expected]
    for cue, truth in zip(found, expected, strict=True):
        assert truth.start - EARLY <= cue.start <= truth.start + LATE
        assert truth.end - LATE <= cue.end <= truth.end + LATE

    name, text = saved(live, "txt")
    assert name == "the film.txt"
    rows = [re.fullmatch(r"\d\d:\d\d–\d\d:\d\d  (.+)", row) for row in text.splitlines()]
    assert [row and row[1] for row in rows] == [cue.text for cue in expected]
    live.locator("#live-copy").click()
    expect(live.locator("#notices")).to_contain_text(say("live.copied"))
    assert live.evaluate("navigator.clipboard.readText()") == text

    assert int(live.locator("#live-sent").inner_text()) > len(SUBTITLES)
    assert live.locator("#live-dropped").inner_text().isdigit()
    assert live.locator("#live-trip").inner_text().endswith("ms")


def test_playing_a_part_again_writes_nothing_twice(live: Page, film: Path) -> None:
    live.locator("#live-file").set_input_files(film)
    play_to_the_end(live)
    live.locator("#live-transcript button").first.click()
    expect(live.locator("#live-shown")).to_have_text(SUBTITLES[0])
    live.locator("#live-pause").click()
    expect(live.locator("#live-shown")).to_have_text(SUBTITLES[1])
    live.locator("#live-stop").click()
    expect(said(live)).to_have_text([text for text in SUBTITLES if text])


@pytest.mark.parametrize("height", [760, 420])  # the lower one has bars beside the picture
def test_lines_are_drawn_where_they_stand(live: Page, film: Path, height: int) -> None:
    live.set_viewport_size({"width": 1280, "height": height})
    live.locator("#live-file").set_input_files(film)
    live.locator("#live-pause").click()
    live.evaluate(f"document.getElementById('live-video').currentTime = {SECONDS / 2}")  # wherever it was
    expect(live.locator("#live-overlay text")).to_have_text(SUBTITLES[0])
    live.locator("#live-style").select_option("outlines")
    outline = live.locator("#live-overlay polygon.outlines")
    expect(outline).to_be_visible()
    drawn, picture = live.evaluate(_PLACES)
    scale = min(picture["width"] / clips.SIZE[0], picture["height"] / clips.SIZE[1])
    left = picture["x"] + (picture["width"] - scale * clips.SIZE[0]) / 2
    top = picture["y"] + (picture["height"] - scale * clips.SIZE[1]) / 2
    ink = ImageDraw.Draw(clips.picture("")).textbbox(
        (clips.SIZE[0] // 2, clips.SIZE[1] - 30), SUBTITLES[0], ImageFont.load_default(40), "md"
    )
    found = [
        (drawn["x"] - left) / scale, (drawn["y"] - top) / scale,
        (drawn["x"] + drawn["width"] - left) / scale, (drawn["y"] + drawn["height"] - top) / scale,
    ]  # fmt: skip
    assert found == pytest.approx(ink, abs=12)
    live.locator("#live-style").select_option("nothing")
    expect(live.locator("#live-overlay polygon")).to_have_count(0)


def test_rows_of_the_transcript_are_as_high_as_their_text(live: Page) -> None:
    entries = [{"text": "a line of words " * 12, "start": n, "end": n + 0.9, "confidence": 0.9,
                "bbox": [[0, n], [1, n + 1]]} for n in range(30)]  # fmt: skip
    kept = json.dumps({"name": "film", "entries": entries})
    live.add_init_script(f"sessionStorage.setItem('ocr-transcript', {json.dumps(kept)})")
    live.reload()
    rows = live.locator("#live-transcript li")
    expect(rows).to_have_count(30)
    assert rows.evaluate_all(
        "(rows) => rows.every((row) => row.querySelector('.said').offsetHeight <= row.clientHeight)"
    )


def test_what_is_not_read_is_counted(live: Page) -> None:
    """The camera shows more frames a second than are read."""
    live.locator("#live-use-camera").click()
    expect(live.locator("#live-shown")).to_have_text(re.compile("|".join(clips.CAMERA)), timeout=PATIENCE_MS)
    expect(live.locator("#live-dropped")).to_have_text(re.compile(r"[1-9]"))


def test_the_transcript_of_a_file_does_not_depend_on_the_machine(open_page: OpenPage, film: Path) -> None:
    """Read once as fast as can be, and once by a browser that is slowed down and halts in the middle."""
    found = []
    for slowness in (1, 6):
        page = open_page("/#live")
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowness})
        page.locator("#live-file").set_input_files(film)
        if slowness > 1:
            expect(page.get_by_role("progressbar", name=say("live.progress"))).to_be_visible()
            expect(said(page)).to_have_count(1, timeout=PATIENCE_MS)
            for _ in range(2):
                page.locator("#live-pause").click()
        play_to_the_end(page)
        found.append(saved(page, "srt")[1])
    assert found[0] == found[1]


def test_the_camera_is_read_and_let_go(live: Page) -> None:
    live.locator("#live-use-camera").click()
    expect(said(live).first).to_have_text(re.compile("|".join(clips.CAMERA)), timeout=PATIENCE_MS)
    expect(live.locator("#live-rate")).not_to_have_text("0")
    remember = "window.track = document.getElementById('live-video').srcObject.getVideoTracks()[0]"
    live.evaluate(remember)

    live.get_by_role("link", name=say("shell.history")).click()  # nothing is filmed unseen
    expect(live.locator("#view-history")).to_be_visible()
    assert live.evaluate("track.readyState") == "ended"
    live.get_by_role("link", name=say("shell.live")).click()
    expect(live.locator("#live-shown")).to_have_text(re.compile("|".join(clips.CAMERA)))
    live.evaluate(remember)
    assert live.evaluate("track.readyState") == "live"

    live.locator("#live-stop").click()
    assert live.evaluate("track.readyState") == "ended"
    expect(live.locator("#live-use-camera")).to_be_focused()
    expect(said(live).first).to_be_visible()


def test_a_screen_is_read(browser: Browser, site: Service, complaints: Complaints) -> None:
    tab = "--auto-select-tab-capture-source-by-title=CRNN OCR: problems"  # nobody is there to choose one
    with browser.browser_type.launch(executable_path=chromium.PATH, args=["--disable-gpu", tab]) as other:
        context = other.new_context(base_url=site.address, locale="en-GB")
        complaints.watch(context)
        share(context)


def share(context: BrowserContext) -> None:
    """A tab of the context is read until it is closed."""
    shared, page = context.new_page(), context.new_page()
    shared.goto("/problems/busy")
    page.goto("/#live")
    page.locator("#live-use-screen").click()
    expect(page.locator("#live-shown")).to_contain_text("queue is full", timeout=PATIENCE_MS)
    expect(page.locator("#live-txt")).to_be_enabled()
    shared.close()  # as the browser's own button ends it
    expect(page.locator("#alerts")).to_contain_text(say("live.screen.gone"))
    expect(page.locator("#live-sources")).to_be_visible()
    expect(said(page).filter(has_text="queue is full")).not_to_have_count(0)


def test_what_cannot_be_had_is_said(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page("/#live", permissions=[])
    alerts = page.locator("#alerts")
    page.locator("#live-use-camera").click()
    expect(alerts).to_contain_text(say("camera.refused"))
    text = tmp_path / "notes.mp4"
    text.write_text("no film")
    page.locator("#live-file").set_input_files(text)
    expect(alerts).to_contain_text(say("live.file.unplayable", name=text.name))
    expect(page.locator("#live-sources")).to_be_visible()
    image = tmp_path / "page.png"
    clips.picture("No film").save(image)
    drop(page.locator("#live-stage"), image)
    expect(alerts).to_contain_text(say("live.file.image", name=image.name))


class Silence:
    """Between the page and the service's stream: while it is `on`, no answer arrives."""

    def __init__(self, page: Page) -> None:
        self.on = False
        self._held: list[Callable[[], None]] = []
        page.route_web_socket(re.compile("/stream"), self._connect)

    def end(self) -> None:
        self.on = False
        for send in self._held:
            send()

    def _connect(self, route: WebSocketRoute) -> None:
        def pass_on(message: str | bytes) -> None:
            if self.on:
                self._held.append(lambda: route.send(message))
            else:
                route.send(message)

        route.connect_to_server().on_message(pass_on)


def test_what_was_read_fades_as_it_grows_old(live: Page) -> None:
    overlay = live.locator("#live-overlay")
    silence = Silence(live)
    live.locator("#live-use-camera").click()
    expect(overlay.locator("text")).to_have_text(re.compile("|".join(clips.CAMERA)), timeout=PATIENCE_MS)
    silence.on = True
    expect(overlay).to_have_css("opacity", "0")
    expect(overlay.locator("text")).to_have_count(1)
    silence.end()
    expect(overlay).to_have_css("opacity", "1")


def test_what_was_read_goes_with_its_scene(
    browser: Browser, site: Service, complaints: Complaints, tmp_path: Path
) -> None:
    scenes = clips.picture("Stay where you are"), Image.new("RGB", clips.SIZE, "white")
    camera = clips.mjpeg_of(tmp_path / "scenes.mjpeg", scenes, seconds=4)
    with chromium.launch(browser.browser_type, camera) as other:
        context = other.new_context(base_url=site.address, locale="en-GB", permissions=["camera"])
        complaints.watch(context)
        page = context.new_page()
        page.goto("/#live")
        silence = Silence(page)
        page.locator("#live-use-camera").click()
        text = page.locator("#live-overlay text")
        expect(text).to_have_text("Stay where you are", timeout=PATIENCE_MS)
        silence.on = True  # nobody but the page itself can see that the scene is another
        expect(text).to_have_count(0)


def test_a_broken_connection_is_mended(live: Page) -> None:
    routes: list[WebSocketRoute] = []

    def connect(route: WebSocketRoute) -> None:
        routes.append(route)
        route.connect_to_server()

    live.route_web_socket(re.compile("/stream"), connect)
    live.locator("#live-use-camera").click()
    expect(live.locator("#live-shown")).to_have_text(re.compile("|".join(clips.CAMERA)))
    shown = live.locator("#live-shown").inner_text()
    routes[0].close(code=1011, reason="for the test")
    expect(live.locator("#live-advice")).to_contain_text(say("live.broken"))
    expect(said(live).first).to_have_text(shown)  # what was shown is not lost
    expect_state(live, "open")
    assert len(routes) == 2
    expect(live.locator("#live-shown")).to_have_text(re.compile("|".join(clips.CAMERA)))


def test_the_transcript_outlives_a_reload(live: Page, film: Path) -> None:
    live.locator("#live-file").set_input_files(film)
    play_to_the_end(live)
    live.reload()
    kept = [text for text in SUBTITLES if text]
    expect(said(live)).to_have_text(kept)

    live.locator("#live-file").set_input_files(film)
    expect(live.locator("#live-dialog")).to_be_visible()
    live.keyboard.press("Escape")
    expect(live.locator("#live-sources")).to_be_visible()
    live.locator("#live-file").set_input_files(film)
    live.get_by_role("button", name=say("live.continue.go")).click()
    expect(live.locator("#live-shown")).to_have_text(re.compile("|".join(kept)))  # any: a film is read fast
    live.locator("#live-stop").click()
    expect(said(live)).to_have_text(kept)

    live.locator("#live-clear").click()
    expect(said(live)).to_have_count(0)
    live.locator("#notices").get_by_role("button", name=say("shell.undo")).click()
    expect(said(live)).to_have_text(kept)

    live.locator("#live-use-camera").click()  # another source: the reader decides
    live.get_by_role("button", name=say("live.continue.clear")).click()
    expect(said(live).first).to_have_text(re.compile("|".join(clips.CAMERA)), timeout=PATIENCE_MS)
    expect(said(live).filter(has_text=SUBTITLES[0])).to_have_count(0)


def test_a_key_is_asked_for_and_a_full_service_waited_for(
    browser: Browser, strict: Service, film: Path
) -> None:
    heard = Complaints(strict.address)
    context = browser.new_context(base_url=strict.address, locale="en-GB", permissions=["camera"])
    heard.watch(context)
    heard.expect("WebSocket connection to")
    heard.expect("status of 401")
    heard.expect("status of 426")
    page = context.new_page()
    page.goto("/#live")
    page.locator("#live-file").set_input_files(film)
    page.locator("#key").fill(KEY)
    page.get_by_role("button", name=say("key.use")).click()
    play_to_the_end(page)
    expect_state(page, "idle")

    other = context.new_page()
    other.goto("/#live")
    other.evaluate(f"sessionStorage.setItem('ocr-api-key', '{KEY}')")
    other.locator("#live-use-camera").click()
    expect_state(other, "open")
    page.locator("#live-pause").click()  # from the beginning
    expect(page.locator("#live-advice")).to_contain_text(say("live.full"))
    other.close()
    expect_state(page, "open")
    context.close()
    heard.check()


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_everything_is_accessible_while_a_film_plays(
    open_page: OpenPage, film: Path, axe_source: str, locale: str
) -> None:
    page = open_page("/#live", locale=locale, reduced_motion="reduce")
    page.locator("#live-file").set_input_files(film)
    expect(said(page).first).to_have_text(SUBTITLES[0], timeout=PATIENCE_MS)
    assert page.locator("#live-pause").get_attribute("aria-label") in translations()["live.pause"]
    for width in (1280, 360):
        for theme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 740})
            page.emulate_media(color_scheme=theme)
            assert axe.findings(page, axe_source) == [], (width, theme)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


# The transcript itself, as the page computes it


def entry(text: str, start: float, end: float, **other: Any) -> dict[str, Any]:
    return {"text": text, "start": start, "end": end, "confidence": 0.9, "bbox": _HERE, **other}


def compute(page: Page, expression: str, *entries: dict[str, Any]) -> Any:
    return page.evaluate(f"async (entries) => {{ {_TRANSCRIPT} return {expression}; }}", list(entries))


ENTERED = "entries.reduce(transcript.enter, []).map(({ text, start, end }) => [text, start, end])"


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([entry("b", 5, 6), entry("a", 1, 2)], [["a", 1, 2], ["b", 5, 6]]),
        # flickering, and played again
        ([entry("a", 1, 2), entry("a", 2.5, 4)], [["a", 1, 4]]),
        ([entry("a", 1, 4), entry("b", 4, 5), entry("a", 2, 4)], [["a", 1, 4], ["b", 4, 5]]),
        ([entry("a", 1, 2), entry("a", 3.5, 4)], [["a", 1, 2], ["a", 3.5, 4]]),
        # read otherwise in the same place at the same time: the surer reading
        ([entry("Chapter l", 1, 3, confidence=0.4), entry("Chapter 1", 1.2, 3)], [["Chapter 1", 1, 3]]),
        ([entry("OK", 1, 3), entry("OK", 1, 3, bbox=_ABOVE)], [["OK", 1, 3], ["OK", 1, 3]]),
    ],
)
def test_entries_are_in_order_and_each_once(page: Page, entries: list[Any], expected: list[Any]) -> None:
    assert compute(page, ENTERED, *entries) == expected


def test_lines_that_are_shown_together_are_one_subtitle(page: Page) -> None:
    entries = [entry("below", 1.1, 3), entry("above", 1, 3.2, bbox=_ABOVE), entry("next", 3.3, 3.5)]
    srt = compute(page, "transcript.asSrt(entries)", *entries)
    assert cues(srt) == [Cue(1, 3, "above\nbelow"), Cue(3, 3.8, "next")]


def test_a_line_that_stays_is_in_each_subtitle_that_it_sees(page: Page) -> None:
    entries = [entry("logo", 0, 9, bbox=_ABOVE), entry("one", 2, 4), entry("two", 4, 6)]
    found = cues(compute(page, "transcript.asSrt(entries)", *entries))
    assert found == [
        Cue(0, 2, "logo"), Cue(2, 4, "logo\none"), Cue(4, 6, "logo\ntwo"), Cue(6, 9, "logo")
    ]  # fmt: skip


def test_times_are_written_as_players_want_them(page: Page) -> None:
    (cue,) = cues(compute(page, "transcript.asSrt(entries)", entry("a --> b", 3661.0015, 3661.2)))
    assert cue.text == "a → b"
    assert (cue.start, cue.end) == pytest.approx((3661.002, 3661.802), abs=0.001)
    assert compute(page, "transcript.asText(entries)", entry("a", 59.6, 3725)) == "01:00–1:02:05  a\n"
    assert compute(page, "transcript.asSrt(entries)") == ""
