"""Emissions in which blank frames are told in brief, against those of all frames."""

import math

import pytest
import torch
from torch import Tensor

from handler.decode import Allowlist, best_path
from handler.emissions import Emissions, of_batch

ALPHABET = "abc"
LOGITS = torch.tensor([[9.0, 0, 0, 0], [0, 9, 1, 0], [8, 0, 0, 0], [0, 1, 0, 6], [0, 1, 0, 9], [9, 0, 0, 0]])


def skimmed(logits: Tensor, blanks: list[int]) -> Emissions:
    """Frames `blanks`, whose characters are equally probable, by the odds of their blank only."""
    odds = torch.zeros(len(logits))
    odds[blanks] = logits[blanks, 0] - math.log(logits.shape[1] - 1)
    looked_at = torch.tensor([frame for frame in range(len(logits)) if frame not in blanks])
    return Emissions(logits[looked_at].log_softmax(1), looked_at, odds, logits.shape[1] - 1)


@pytest.mark.parametrize("allowlist", [None, "ab", "c", ""])
@pytest.mark.parametrize("forced", [False, True])
def test_blank_frames_in_brief_read_as_all_frames_do(allowlist: str | None, forced: bool) -> None:
    allowed = None if allowlist is None else Allowlist(allowlist, forced)
    brief = best_path(skimmed(LOGITS, [0, 2, 5]), ALPHABET, allowlist=allowed)
    whole = best_path(Emissions.everywhere(LOGITS), ALPHABET, allowlist=allowed)
    assert brief.text == whole.text
    assert brief.confidence == pytest.approx(whole.confidence, abs=1e-5)
    assert [vars(c) for c in brief.characters] == [
        vars(c) | {"confidence": pytest.approx(c.confidence, abs=1e-5)} for c in whole.characters
    ]


def test_the_probabilities_of_a_frame_sum_to_one() -> None:
    line = skimmed(LOGITS, [0, 2, 5])
    for emissions in (line, line.allowing(torch.tensor([True, True, False, True]))):
        assert emissions.of(range(4)).exp().sum(1).tolist() == pytest.approx([1.0] * 6, abs=0.01)


def test_parts_put_together_again_are_the_whole() -> None:
    line = skimmed(LOGITS, [0, 2])
    for cut in range(len(line) + 1):
        again = line.part(0, cut).then(line.part(cut, len(line)))
        assert torch.equal(again.of(range(4)), line.of(range(4)))


def test_lines_of_a_batch_come_apart_even_where_nothing_was_looked_at() -> None:
    log_probs = LOGITS.log_softmax(1)
    looked_at = torch.tensor([[0, 1], [0, 3], [2, 0]])
    foreign = torch.tensor([1.0, 3.0, -1.0])
    first, second, third = of_batch(torch.full((3, 4), 7.0), looked_at, log_probs[:3], foreign)
    written = [frame for frame, scores in enumerate(log_probs[:2]) if scores.argmax()]
    assert first.foreign_odds() == (foreign[written].mean() if written else 0)
    assert second.foreign_odds() == 0
    assert (len(first.looked_at), len(second.looked_at), third.looked_at.tolist()) == (2, 0, [0])
    assert second.best_path() == (pytest.approx([torch.tensor(7.0).sigmoid().item()] * 4), [0] * 4)
    assert best_path(second, ALPHABET).text == ""
    assert torch.equal(third.log_probs, log_probs[2:3])
