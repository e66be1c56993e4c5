"""From what readers correct to a better model, all the way: review, export, fine-tuning, rollout and back."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.e2e import archives
from tests.e2e.lines import encode
from tests.e2e.service import Service
from tests.e2e.test_rollout import default_model, is_right, load, run, wait_for_more
from tests.unit.corpus import small_corpus
from tests.unit.training.finetune import printer
from training.evaluation.metrics import edit_distance
from training.finetune import __main__ as finetuning
from training.finetune import shipping
from training.fonts import coverage, merge, typefaces
from training.labelled import Sample
from training.package import STORE
from training.text import generator

MODEL, SHOP = "crnn_v3_lite", "crnn_v3_lite_shop"
CORRECTED, ROUND, NEW = 30, 20, 20
STEPS, RENDERED = 50, 12
"""Few, for time's sake: of the optimizer, and lines of each language on which the model is measured."""
LATIN_FONT = Path("/usr/share/fonts/opentype/inter/Inter-Regular.otf")
WIDE_FONT = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model store of its own, for the new model is put into it."""
    folder = archives.make_store(tmp_path_factory.mktemp("loop") / "store")
    (folder / "weights").mkdir()
    (folder / "archives.toml").write_text("[archives]\n")
    return folder


@pytest.fixture(scope="module")
def stack(store: Path) -> Iterator[Service]:
    settings = {"OCR_MODEL_STORE": str(store), "OCR_FEEDBACK": "true", "OCR_DEFAULT_MODEL": MODEL}
    with Service(store.with_name("data"), **settings) as service:
        yield service


@pytest.fixture
def fonts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small corpus and the fonts of `make browser`: those of `make fonts` take minutes."""
    if not all(path.exists() for path in (LATIN_FONT, WIDE_FONT)):
        pytest.skip("Inter or Noto Sans CJK is not installed: make browser")
    small_corpus(tmp_path / "corpus")
    written = "".join(path.read_text("utf-8") for path in (tmp_path / "corpus").iterdir())
    wide = tmp_path / "wide.otf"  # a part: the glyphs of the whole font would take a minute to look at
    wide.write_bytes(merge.saved(merge.cut(WIDE_FONT.read_bytes(), set(map(ord, written)))))
    sections = {name: (str(wide if name.startswith("wide") else LATIN_FONT),) for name in coverage.families()}
    monkeypatch.setattr(typefaces, "_fonts", lambda: sections)
    monkeypatch.setattr(generator, "CORPUS", tmp_path / "corpus")
    monkeypatch.setattr(finetuning, "LINES_A_LANGUAGE", RENDERED)
    monkeypatch.setattr(shipping, "TOLERANCE", 0.1)  # one of so few lines is more than half a point
    monkeypatch.chdir(tmp_path)


def post(service: Service, sample: Sample) -> tuple[str, str]:
    """Text and record of a line."""
    answer = service.post(encode(Image.fromarray(sample.image)), mode="line").json()
    return answer["text"], answer["history_id"]


def correct(page: Page, service: Service, texts: dict[str, str]) -> None:
    """By keyboard alone, round after round; `texts` by records."""
    done = 0
    while done < CORRECTED:
        page.goto(f"{service.address}/#review")
        page.reload()
        queue = service.get(f"/feedback/queue?limit={ROUND}").json()["items"]
        for number, line in enumerate(queue, 1):
            expect(page.locator("#review-status")).to_contain_text(f"Line {number} of {len(queue)}")
            expect(page.locator("#review-text")).to_be_focused()
            page.keyboard.press("Control+a")
            page.keyboard.type(texts[line["record_id"]])
            with page.expect_response("**/feedback/lines/*"):
                page.keyboard.press("Enter")
            if (done := done + 1) == CORRECTED:
                break


def export(service: Service, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(service.get("/feedback/export").content)) as archive:
        archive.extractall(folder)
    return folder


def errors(service: Service, samples: list[Sample]) -> int:
    return sum(edit_distance(post(service, sample)[0], sample.text) for sample in samples)


@pytest.mark.usefixtures("fonts")
def test_readers_corrections_become_a_better_model(
    stack: Service, store: Path, browser: Browser, tmp_path: Path
) -> None:
    posted = [(sample, *post(stack, sample)) for sample in printer.samples(2 * CORRECTED, seed=1)]
    page = browser.new_context(locale="en-GB").new_page()
    correct(page, stack, {record: sample.text for sample, _, record in posted})
    page.context.close()
    folder = export(stack, tmp_path / "corrections")
    assert len((folder / "labels.tsv").read_text().splitlines()) == CORRECTED

    weights = STORE / "weights" / f"{MODEL}.safetensors"
    assert finetuning.main([str(weights), str(folder), SHOP, "--steps", str(STEPS)], store) == 0

    unseen = printer.samples(NEW, seed=2)
    before = errors(stack, unseen)
    with load(stack) as outcomes:
        assert run(stack, "rollout", SHOP) == (0, "")
        wait_for_more(outcomes)
        assert default_model(stack) == SHOP
        assert errors(stack, unseen) < before
        assert run(stack, "rollback") == (0, "")
        wait_for_more(outcomes)
    assert default_model(stack) == MODEL
    assert [outcome for outcome in outcomes if not is_right(stack, outcome)] == []
