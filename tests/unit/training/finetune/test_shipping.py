"""What is shipped, under which names, and what is refused."""

import re
from pathlib import Path

import pytest

from handler.model import CRNN, CRNNConfig, Stage, load_weights, save_weights
from training import package
from training.evaluation.evaluate import UnusableInputError
from training.finetune.shipping import BEGINS_AS, WorseModelError, check, check_name, ship, table

BEFORE = {
    "own": {"cer": 0.12, "exact": 0.3, "lines": 40},
    "Japanese": {"cer": 0.04, "exact": 0.8, "lines": 150},
}


def after(own: float, japanese: float) -> dict[str, dict[str, float]]:
    return {"own": BEFORE["own"] | {"cer": own}, "Japanese": BEFORE["Japanese"] | {"cer": japanese}}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    (folder / "weights").mkdir(parents=True)
    (folder / "model-config.yaml").write_bytes((package.STORE / "model-config.yaml").read_bytes())
    (folder / "archives.toml").write_text('retired = ["old"]\n[archives]\nboth = ["large"]\n')
    for name in ("large", "old"):
        weights(folder / "weights" / f"{name}.safetensors", {})
    return folder


def weights(path: Path, facts: dict[str, str]) -> Path:
    config = CRNNConfig("ab", (Stage(4, 1, (2, 2)), Stage(4, 1, (2, 2))), hidden=4, height=16)
    save_weights(CRNN(config), path, facts)
    return path


def test_what_reads_no_worse_may_be_shipped() -> None:
    check(BEFORE, after(0.12, 0.045), "own")
    check(BEFORE, after(0.05, 0.0), "own")


@pytest.mark.parametrize(
    ("own", "japanese", "says"),
    [
        (0.1201, 0.04, "own: CER 0.1200 before, 0.1201 after (+0.01 points, 0.00 allowed)"),
        (0.01, 0.0451, "Japanese: CER 0.0400 before, 0.0451 after (+0.51 points, 0.50 allowed)"),
    ],
)
def test_what_reads_worse_is_refused_by_how_much(own: float, japanese: float, says: str) -> None:
    with pytest.raises(WorseModelError, match=re.escape(says)):
        check(BEFORE, after(own, japanese), "own")


def test_the_table_has_a_row_for_each_set_of_lines() -> None:
    rows = table(BEFORE, after(0.05, 0.041)).splitlines()
    assert rows[2] == "| own | 40 | 0.1200 | 0.0500 | 0.300 | 0.300 |"
    assert len(rows) == 4


@pytest.mark.parametrize("name", ["", "Shop", "my-shop", "../shop", "9lives", "x" * 61, "läden"])
def test_a_name_is_of_plain_characters(store: Path, name: str) -> None:
    with pytest.raises(UnusableInputError, match="is no name for a model"):
        check_name(name, store)


@pytest.mark.parametrize("name", ["large", "old", "both"])
def test_names_of_the_project_are_taken(store: Path, name: str) -> None:
    with pytest.raises(UnusableInputError, match="is a model of the project"):
        check_name(name, store)


def test_a_model_is_shipped_whole_and_again_under_its_name(store: Path, tmp_path: Path) -> None:
    check_name("shop", store)
    candidate = weights(tmp_path / "candidate.safetensors", {"version": "3.0", BEGINS_AS: "large"})
    before = set(store.rglob("*"))
    built = ship(candidate, "shop", "# Model card: shop\n", store)
    shipped = {built, store / "shop.md", store / "weights" / "shop.safetensors"}
    assert set(store.rglob("*")) == before | shipped
    assert load_weights(store / "weights" / "shop.safetensors")[1][BEGINS_AS] == "large"
    assert package.is_current(package.Archive("shop", (store / "weights" / "shop.safetensors",)), store=store)
    check_name("shop", store)
