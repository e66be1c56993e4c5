"""CTC best path on alignments made by hand."""

import math

import pytest
import torch

from handler.charset import ASCII, encode
from tests.plain import greedy

ALPHABET = "abc"


def logits(path: str, confidence: float = 0.9) -> torch.Tensor:
    """Logits (T, 4) whose best path is `path`, "-" the blank, each step with the given probability."""
    rest = (1 - confidence) / 3
    rows = [[confidence if i == "-abc".index(step) else rest for i in range(4)] for step in path]
    return torch.tensor(rows).log()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("-a-b-", "ab"),
        ("aaabb", "ab"),
        ("aa-aa", "aa"),
        ("a-a-a", "aaa"),
        ("----", ""),
        ("-", ""),
        ("cba", "cba"),
    ],
)
def test_repeats_collapse_unless_a_blank_parts_them(path: str, text: str) -> None:
    assert greedy(logits(path), ALPHABET).text == text


def test_spaces_at_the_ends_are_no_part_of_a_line() -> None:
    """They take nothing from the confidence either: the model was sure of all that it read."""
    rows = [[0.91 if i == "- ab".index(step) else 0.03 for i in range(4)] for step in "-  a b- "]
    reading = greedy(torch.tensor(rows).log(), " ab")
    assert reading.text == "a b"
    assert [c.char for c in reading.characters] == ["a", " ", "b"]
    assert reading.characters[0].start > 1
    assert reading.confidence > 0.91**8
    assert greedy(torch.tensor(rows[:3]).log(), " ab").text == ""


def test_all_blank_is_empty_with_the_probability_that_every_frame_is_blank() -> None:
    reading = greedy(logits("----", 0.9), ALPHABET)
    assert reading.characters == ()
    assert reading.confidence == pytest.approx(0.9**4, rel=1e-4)


def test_line_confidence_sums_over_all_alignments() -> None:
    """Two frames spell "a" as aa, a- and -a."""
    reading = greedy(torch.tensor([[0.3, 0.5, 0.1, 0.1], [0.3, 0.5, 0.1, 0.1]]).log(), ALPHABET)
    assert reading.text == "a"
    assert reading.confidence == pytest.approx(0.5 * 0.5 + 0.5 * 0.3 + 0.3 * 0.5, rel=1e-4)


def test_character_confidence_is_the_best_of_its_run() -> None:
    steps = torch.tensor([[0.1, 0.7, 0.1, 0.1], [0.05, 0.85, 0.05, 0.05], [0.9, 0.04, 0.03, 0.03]]).log()
    (character,) = greedy(steps, ALPHABET).characters
    assert character.confidence == pytest.approx(0.85, rel=1e-4)


def test_extents_are_ordered_and_meet_between_characters() -> None:
    characters = greedy(logits("--aa--b--c--"), ALPHABET).characters
    assert [c.char for c in characters] == ["a", "b", "c"]
    for left, right in zip(characters, characters[1:], strict=False):
        assert left.end == right.start
    for c, (start, end) in zip(characters, [(2, 4), (6, 7), (9, 10)], strict=True):
        assert 0 <= c.start <= start < end <= c.end <= 12


def test_extents_end_where_the_line_ends_and_padding_begins() -> None:
    (character,) = greedy(logits("-a------"), ALPHABET, frames=3).characters
    assert (character.start, character.end) == (0, 3)


def test_confidence_is_a_probability_for_any_logits() -> None:
    generator = torch.Generator().manual_seed(0)
    for frames in (1, 2, 7, 40):
        reading = greedy(torch.randn(frames, 4, generator=generator) * 5, ALPHABET)
        assert 0 <= reading.confidence <= 1
        assert all(0 <= c.confidence <= 1 for c in reading.characters)
        assert set(reading.text) <= set(ALPHABET)
        assert not math.isnan(reading.confidence)


def test_encode_names_the_character_it_lacks() -> None:
    assert encode("A z", ASCII) == [34, 1, 91]
    with pytest.raises(ValueError, match="é"):
        encode("café", ASCII)
