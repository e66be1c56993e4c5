"""Every way of adding images, and those refused before they are sent."""

from __future__ import annotations

import io
import shutil
import struct
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser import clipboard, clips
from tests.browser.complaints import Complaints
from tests.browser.conftest import CLIPBOARD, OpenPage
from tests.browser.drop import dragged, drop
from tests.browser.workspace import expect_read, expect_state, posts, row, say
from tests.e2e import lines, pages
from tests.golden import GOLDEN, WIDE
from tests.unit.frontend.fake_web import INSIDE, FakeWeb, serving

SIGN = next(golden for golden in GOLDEN if golden.path.name == "sign.jpg")
MENU = next(golden for golden in WIDE if golden.path.name == "menu.png")


@pytest.fixture
def web() -> Iterator[FakeWeb]:
    """Where the service may fetch from."""
    with serving() as server:
        server.image = SIGN.path.read_bytes()
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images, one of them in a folder of its own, a note, and what desktops leave behind."""
    inner = tmp_path / "receipts" / "old"
    inner.mkdir(parents=True)
    shutil.copy(SIGN.path, inner.parent)
    shutil.copy(MENU.path, inner)
    (inner / "note.txt").write_text("not an image")
    (inner / "Thumbs.db").write_bytes(b"\0")
    return inner.parent


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG: enough to tell its size."""
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height) + b"\x08\2\0\0\0"


def tiff(*images: Image.Image) -> bytes:
    buffer = io.BytesIO()
    images[0].save(buffer, "TIFF", save_all=True, append_images=images[1:])
    return buffer.getvalue()


def zipped(**entries: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("_", "."), content)
    return buffer.getvalue()


REFUSED = {
    "empty.png": (b"", "refuse.empty"),
    "logo.svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "refuse.svg"),
    "letter.docx": (zipped(word_xml=b"<w/>"), "refuse.office"),
    "note.txt": (b"not an image", "refuse.type"),
}


def test_files_are_chosen(page: Page) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=say("get.choose")).click()
    chooser.value.set_files([SIGN.path, MENU.path])
    expect_read(page, SIGN.path.name, SIGN.text)
    expect_read(page, MENU.path.name, MENU.text)


def test_fingers_choose_and_copy_on_a_phone(open_page: OpenPage) -> None:
    phone = {"width": 360, "height": 740}
    page = open_page(viewport=phone, is_mobile=True, has_touch=True, device_scale_factor=2)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=say("get.choose")).tap()
    chooser.value.set_files([SIGN.path, MENU.path])
    expect_state(page, SIGN.path.name, "done")
    expect_state(page, MENU.path.name, "done")
    row(page, MENU.path.name).get_by_role("button").first.tap()
    expect(page.locator("#lines")).to_have_text(MENU.text)
    page.get_by_role("button", name=say("result.copy"), exact=True).tap()
    expect(page.get_by_role("status").filter(has_text=say("result.copied"))).to_be_visible()
    assert clipboard.text(page) == MENU.text


def test_a_folder_is_chosen(page: Page, folder: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=say("get.folder")).click()
    chooser.value.set_files(folder)
    expect(page.locator("#notices")).to_contain_text("note.txt")  # it is gone after some seconds
    expect_read(page, "receipts/sign.jpg", SIGN.text)
    expect_read(page, "receipts/old/menu.png", MENU.text)
    expect(page.locator("#jobs > li")).to_have_count(2)


def test_a_file_is_dropped(page: Page) -> None:
    drop(page.locator("#intake"), SIGN.path)
    expect_read(page, SIGN.path.name, SIGN.text)


def test_files_are_dropped_anywhere(page: Page) -> None:
    some = GOLDEN[4:8]
    drop(page.get_by_role("navigation"), *[golden.path for golden in some])
    for golden in some:
        expect_read(page, golden.path.name, golden.text)


def test_a_folder_is_dropped(page: Page, folder: Path) -> None:
    drop(page.locator("#intake"), folder)
    expect(page.locator("#notices")).to_contain_text("note.txt")  # it is gone after some seconds
    expect_read(page, "receipts/sign.jpg", SIGN.text)
    expect_read(page, "receipts/old/menu.png", MENU.text)
    expect(page.locator("#jobs > li")).to_have_count(2)


def test_the_page_says_where_to_let_go(page: Page) -> None:
    veil = page.get_by_text(say("get.let_go"))
    with dragged(page.locator("#intake"), SIGN.path):
        expect(veil).to_be_visible()
    expect(veil).to_be_hidden()
    expect(page.locator("#jobs > li")).to_have_count(0)


@pytest.mark.parametrize("view", ["history", "live"])
def test_no_drop_leaves_the_page(open_page: OpenPage, view: str) -> None:
    page = open_page(f"/#{view}")
    drop(page.locator(f"#view-{view} h1"), SIGN.path)
    page.wait_for_timeout(300)
    assert page.url.endswith(f"/#{view}")


def test_a_screenshot_is_pasted(page: Page) -> None:
    clipboard.copy_png(page, MENU.path.read_bytes())
    clipboard.paste(page)
    expect_read(page, say("get.screenshot"), MENU.text)


def test_a_screenshot_is_pasted_by_the_button(page: Page) -> None:
    clipboard.copy_png(page, MENU.path.read_bytes())
    page.get_by_role("button", name=say("get.paste")).click()
    expect_read(page, say("get.screenshot"), MENU.text)


def test_an_address_is_pasted(page: Page, web: FakeWeb) -> None:
    clipboard.copy_text(page, web.address("/image.jpg"))
    clipboard.paste(page)
    expect_read(page, "image.jpg", SIGN.text)


def test_other_text_is_no_image(page: Page) -> None:
    clipboard.copy_text(page, "just words")
    clipboard.paste(page)
    expect(page.get_by_role("alert").filter(has_text=say("get.paste.nothing"))).to_be_visible()


def test_text_is_pasted_into_fields(page: Page, web: FakeWeb) -> None:
    clipboard.copy_text(page, web.address("/image.jpg"))
    page.locator("#url").focus()
    clipboard.paste(page)
    expect(page.locator("#url")).to_have_value(web.address("/image.jpg"))
    expect(page.locator("#jobs > li")).to_have_count(0)


def test_an_address_is_imported(page: Page, web: FakeWeb) -> None:
    page.locator("#url").fill(web.address("/redirect?to=/image.jpg"))
    page.get_by_role("button", name=say("get.import")).click()
    expect_read(page, "redirect", SIGN.text)
    expect(page.locator("#url")).to_have_value("")


def test_an_address_that_gives_no_image_stays(page: Page, web: FakeWeb, complaints: Complaints) -> None:
    page.locator("#url").fill(web.address("/status?code=404"))
    page.keyboard.press("Enter")
    expect(page.locator("#import-problem")).to_contain_text("404")
    expect(page.locator("#url")).to_have_value(web.address("/status?code=404"))
    complaints.expect("/import")


def test_an_address_may_leave_out_its_scheme(page: Page) -> None:
    picture = lines.png("fetched")
    page.route("**/import", lambda route: route.fulfill(body=picture, content_type="image/png"))
    page.locator("#url").fill("example.com/a.png")
    with page.expect_request("**/import") as asked:
        page.keyboard.press("Enter")
    assert asked.value.post_data_json == {"url": "https://example.com/a.png"}
    expect_read(page, "a.png", "fetched")


def test_our_own_network_is_not_imported_from(page: Page, complaints: Complaints) -> None:
    page.locator("#url").fill(f"http://{INSIDE}/image.png")
    page.keyboard.press("Enter")
    expect(page.locator("#import-problem")).to_have_text(say("problem.private-address"))
    complaints.expect("/import")


def test_what_is_no_address_is_not_sent(page: Page) -> None:
    page.locator("#url").fill("receipt.png")
    with posts(page) as posted:
        page.keyboard.press("Enter")
        expect(page.locator("#import-problem")).to_have_text(say("get.url.wrong"))
    assert posted == []
    expect(page.locator("#url")).to_have_value("receipt.png")


def test_a_photo_is_taken(open_page: OpenPage) -> None:
    page = open_page(permissions=[*CLIPBOARD, "camera"])
    page.get_by_role("button", name=say("get.camera")).click()
    page.get_by_role("button", name=say("camera.take")).click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect_state(page, say("get.photo"), "done")
    shown = page.locator("#lines").inner_text()
    assert any(text in shown for text in clips.CAMERA), shown


def test_a_camera_that_is_not_allowed(page: Page) -> None:
    page.get_by_role("button", name=say("get.camera")).click()
    expect(page.get_by_role("dialog")).to_contain_text(say("camera.refused"))
    expect(page.get_by_role("button", name=say("camera.take"))).to_be_disabled()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("button", name=say("get.camera"))).to_be_focused()


@pytest.mark.parametrize("kind", ["pdf", "tif"])
def test_every_page_of_a_document_is_read(page: Page, tmp_path: Path, kind: str) -> None:
    first, second = uuid.uuid4().int % 2000, 2000 + uuid.uuid4().int % 2000
    images = [pages.draw(first), pages.draw(second)]
    document = tmp_path / f"two.{kind}"
    document.write_bytes(pages.pdf(*images) if kind == "pdf" else tiff(*images))
    drop(page.locator("#intake"), document)
    expect_read(page, document.name, f"RECEIPT {1000 + first}")
    page.get_by_role("button", name=say("stage.next")).click()
    expect(page.locator("#lines")).to_contain_text(f"RECEIPT {1000 + second}")


def test_a_zip_is_taken_apart(page: Page, tmp_path: Path) -> None:
    archive = tmp_path / "both.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.write(SIGN.path, "street/sign.jpg")
        packed.write(MENU.path, "menu.png")
        packed.writestr("notes.txt", "not an image")
    drop(page.locator("#intake"), archive)
    expect_read(page, "both.zip/street/sign.jpg", SIGN.text)
    expect(page.locator("#stage img")).to_be_visible()
    expect_read(page, "both.zip/menu.png", MENU.text)
    expect(page.locator("#jobs > li")).to_have_count(2)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("发票/收据 3.png", "gb18030"),
        ("レシート/領収書.png", "shift_jis"),
        ("Übersicht.png", "utf-8"),
        ("Café.png", "latin-1"),
        ("plain.png", "ascii"),
    ],
)
def test_names_in_a_zip_are_as_they_were_packed(page: Page, name: str, encoding: str) -> None:
    module = 'const { entryName } = await import("/static/js/read/entry_names.js");'
    bytes_as_text = name.encode(encoding).decode("latin-1")
    assert page.evaluate(f"async (name) => {{ {module} return entryName(name); }}", bytes_as_text) == name


def test_a_zip_that_the_browser_cannot_open_is_left_to_the_service(page: Page, tmp_path: Path) -> None:
    archive = tmp_path / "damaged.zip"
    archive.write_bytes(zipped(sign_jpg=SIGN.path.read_bytes())[:-30])
    drop(page.locator("#intake"), archive)
    expect_state(page, "damaged.zip", "failed")
    expect(row(page, "damaged.zip").locator(".state")).not_to_be_empty()


def test_what_cannot_be_read_is_not_sent(page: Page, tmp_path: Path) -> None:
    for name, (content, _reason) in REFUSED.items():
        (tmp_path / name).write_bytes(content)
    with posts(page) as posted:
        drop(page.locator("#intake"), *[tmp_path / name for name in REFUSED])
        for name, (_content, reason) in REFUSED.items():
            expect(row(page, name)).to_contain_text(say(reason))
    assert posted == []


def test_what_is_too_large_is_not_sent(page: Page, tmp_path: Path) -> None:
    (tmp_path / "wide.png").write_bytes(png_header(20_000, 20_000))
    with (tmp_path / "heavy.png").open("wb") as file:
        file.write(png_header(10, 10))
        file.truncate(40 * 1024**2)
    with posts(page) as posted:
        drop(page.locator("#intake"), tmp_path / "wide.png", tmp_path / "heavy.png")
        expect(row(page, "wide.png")).to_contain_text("400 megapixels")
        expect(row(page, "heavy.png")).to_contain_text("the limit is")
    assert posted == []


def test_the_rest_of_a_drop_is_read(page: Page, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("not an image")
    drop(page.locator("#intake"), tmp_path / "note.txt", SIGN.path)
    expect(row(page, "note.txt")).to_contain_text(say("refuse.type"))
    expect_read(page, SIGN.path.name, SIGN.text)


def test_examples_are_read(page: Page) -> None:
    page.get_by_role("button", name=say("get.example.receipt")).click()
    expect_read(page, "receipt.jpg", "RIVERSIDE MARKET", "TOTAL")
