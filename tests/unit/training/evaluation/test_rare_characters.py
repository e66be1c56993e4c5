"""Which share of rare characters is found."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from handler.charset import ASCII
from handler.decode import Recognition
from handler.model import CRNN, CRNNConfig, Stage, save_weights
from tests.unit.box_font import WIDE
from training.evaluation import rare_characters
from training.test_sets import mixed_lines
from training.text import generator as text

pytestmark = pytest.mark.usefixtures("one_font")

TINY = CRNNConfig(
    ASCII, (Stage(16, 1, (2, 2)), Stage(32, 1, (2, 2)), Stage(32, 1, (4, 1))), hidden=32, dropout=0.0
)


@pytest.mark.parametrize("main", [mixed_lines.main, rare_characters.main])
def test_a_missing_corpus_ends_in_a_sentence(
    main: Callable[[list[str]], int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    weights = tmp_path / "tiny.safetensors"
    save_weights(CRNN(TINY), weights, {})
    monkeypatch.setattr(text, "CORPUS", tmp_path / "nowhere")
    assert main([str(weights)]) == 2
    assert "run `make corpus` first" in capsys.readouterr().err


@pytest.mark.usefixtures("wide_font")
def test_bands_say_what_share_of_their_characters_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that takes 日 for 曰 has lost it in its band, and nothing else."""
    monkeypatch.setattr(rare_characters, "OCCURRENCES", 30)
    drawn = ["中国 日本", "Total 12"]
    monkeypatch.setattr(text, "draw", lambda rng, *_: rng.choice(drawn))
    monkeypatch.setattr(
        rare_characters,
        "read_all",
        lambda _, samples: [Recognition(s.text.replace("日", "曰"), 1, ()) for s in samples],
    )
    model = CRNN(replace(TINY, alphabet=WIDE + "龘"))
    often = Counter(dict.fromkeys(ASCII, 2000) | {"日": 3, "本": 3, "龘": 7})
    unmet, rare, common = rare_characters.report(model, often, 12)
    assert "drawn 0 to 0 times:     8 characters, 1.0000" in unmet
    assert "drawn 1 to 4 times:     2 characters, 0." in rare
    assert rare.endswith("found   日")
    assert "1.0000" in common


def test_random_strings_are_as_long_as_a_font_allows() -> None:
    rng = random.Random(1)
    assert rare_characters.random_line(rng, ["龘"], ASCII + "龘") is None
    texts = {
        sample.text
        for _ in range(30)
        if (sample := rare_characters.random_line(rng, ["a", "龘"], ASCII + "龘"))
    }
    assert texts
    assert set("".join(texts)) == {"a"}
    assert len(rare_characters.random_line(rng, list("abc"), ASCII).text) == rare_characters.LONGEST
