"""A network's output for a line: the log probability of each class in each frame.

Most frames are surely blank, and to compare one with thousands of characters takes longer than all that comes
before it. Of such frames only the blank's odds are known (Chen et al., "Phone Synchronous Speech Recognition
With CTC Lattices", 2017, https://doi.org/10.1109/TASLP.2016.2625459).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from handler.charset import BLANK

NEVER = -1e4
"""Log probability of a class that is ruled out; finite, so that gradients stay finite."""


@dataclass(frozen=True)
class Emissions:
    """Log probabilities (K, C) in the frames `looked_at` (K,), in order, out of T.

    `odds` (T,): log odds of the blank. In frames that were not looked at it has its probability from these,
    and the `characters` that may come out share what is left. `foreign` (K,): log odds of a letter that is in
    no class, if they are known.
    """

    log_probs: Tensor
    looked_at: Tensor
    odds: Tensor
    characters: int
    foreign: Tensor | None = None

    @classmethod
    def everywhere(cls, logits: Tensor, foreign: Tensor | None = None) -> "Emissions":
        """From logits (T, C) of all frames, of any float type; all stays on their device."""
        log_probs = logits.detach().float().log_softmax(dim=1)
        frames = torch.arange(len(logits), device=logits.device)
        return cls(log_probs, frames, torch.zeros_like(log_probs[:, BLANK]), logits.shape[1] - 1, foreign)

    def __len__(self) -> int:
        return len(self.odds)

    def allowing(self, allowed: Tensor, needed: float = 0.0) -> "Emissions":
        """With characters that are not `allowed` (C,) ruled out, and the rest more probable for it.

        Where one of those is the best, and no other character is as probable as `needed`, all is blank.
        """
        characters, allowed = int(allowed[BLANK + 1 :].sum()), allowed.to(self.log_probs.device)
        log_probs = self.log_probs.masked_fill(~allowed, NEVER)
        best = log_probs[:, BLANK + 1 :].amax(dim=1)
        nothing = ~allowed[_argmax(self.log_probs)] & (best.exp() < needed)
        log_probs[nothing, BLANK + 1 :], log_probs[nothing, BLANK] = NEVER, 0.0
        log_probs = log_probs.log_softmax(dim=1)
        share = math.log(characters / self.characters) if characters else -math.inf
        return replace(self, log_probs=log_probs, odds=self.odds - share, characters=max(1, characters))

    def favouring(self, label: int, factor: float) -> "Emissions":
        """With this class so many times as probable beside the others, where it is best for it."""
        log_probs, favoured = self.log_probs, self.log_probs[:, label] + math.log(factor)
        changed = (favoured > log_probs.amax(dim=1)) & (_argmax(log_probs) != label)
        if not changed.any():
            return self
        log_probs = log_probs.clone()
        log_probs[changed, label] = favoured[changed]
        log_probs[changed] = log_probs[changed].log_softmax(dim=1)
        return replace(self, log_probs=log_probs)

    def ruling_out(self, classes: Tensor) -> tuple["Emissions", list[float]]:
        """With these `classes` (C,) ruled out; and for each run of frames in which one of them was the best,
        how much less probable the best of the others is, in logs.

        Something is written there, so the blank is ruled out, too, and the others share what is left.
        """
        labels = _argmax(self.log_probs)
        written = classes.to(labels.device)[labels]
        log_probs = self.log_probs.masked_fill(classes.to(self.log_probs.device), NEVER)
        log_probs[written, BLANK] = NEVER
        losses = (self.log_probs.amax(dim=1) - log_probs.amax(dim=1))[written].tolist()
        places = list(zip(labels[written].tolist(), self.looked_at[written].tolist(), losses, strict=True))
        runs: list[float] = []
        for number, (label, frame, loss) in enumerate(places):
            if number and places[number - 1][:2] == (label, frame - 1):
                runs[-1] = min(runs[-1], loss)
            else:
                runs.append(loss)
        log_probs[written] = log_probs[written].log_softmax(dim=1)
        return replace(self, log_probs=log_probs), runs

    def of(self, classes: Sequence[int]) -> Tensor:
        """Log probabilities of some classes in all frames, on the CPU: (T, len(classes))."""
        odds = self.odds.cpu()
        found = (logsigmoid(-odds) - math.log(self.characters))[:, None].repeat(1, len(classes))
        for column, label in enumerate(classes):
            if label == BLANK:
                found[:, column] = logsigmoid(odds)
        found[self.looked_at.cpu()] = self.log_probs[:, list(classes)].cpu()
        return found

    @cached_property
    def blank(self) -> Tensor:
        """Log probability of the blank in each frame (T,), on the CPU."""
        return self.of([BLANK])[:, 0]

    def best_path(self) -> tuple[list[float], list[int]]:
        """The most probable class in each frame: its probability, and its number."""
        probabilities, path = self.blank.exp(), torch.full((len(self),), BLANK)
        if len(self.looked_at):
            frames = self.looked_at.cpu()
            labels = _argmax(self.log_probs)
            path[frames] = labels.cpu()
            probabilities[frames] = self.log_probs.gather(1, labels[:, None])[:, 0].exp().cpu()
        return probabilities.tolist(), path.tolist()

    def part(self, start: int, end: int) -> "Emissions":
        """Frames [start, end)."""
        inside = (self.looked_at >= start) & (self.looked_at < end)
        return replace(
            self,
            log_probs=self.log_probs[inside],
            looked_at=self.looked_at[inside] - start,
            odds=self.odds[start:end],
            foreign=None if self.foreign is None else self.foreign[inside],
        )

    def then(self, other: "Emissions") -> "Emissions":
        """The frames of this line, and then those of another."""
        return replace(
            self,
            log_probs=torch.cat([self.log_probs, other.log_probs]),
            looked_at=torch.cat([self.looked_at, other.looked_at + len(self)]),
            odds=torch.cat([self.odds, other.odds]),
            foreign=None
            if self.foreign is None or other.foreign is None
            else torch.cat([self.foreign, other.foreign]),
        )

    def foreign_odds(self) -> float:
        """Mean log odds, where something is written, that it is in no class; 0 if that is not known."""
        written = _argmax(self.log_probs) != BLANK
        if self.foreign is None or not written.any():
            return 0.0
        return float(self.foreign[written.to(self.foreign.device)].mean())


def _argmax(values: Tensor) -> Tensor:
    """(K, C) -> (K,); NumPy finds the place of a maximum ten times as fast as PyTorch on a CPU."""
    return values.argmax(dim=1) if values.is_cuda else torch.from_numpy(values.numpy().argmax(axis=1))


def of_batch(odds: Tensor, looked_at: Tensor, log_probs: Tensor, foreign: Tensor) -> list[Emissions]:
    """Of each line: odds (N, T); line and frame (K, 2) of what was looked at, in order; log_probs (K, C);
    foreign (K,)."""
    counts = torch.bincount(looked_at[:, 0], minlength=len(odds)).tolist()
    parts = zip(
        *(torch.split(values, counts) for values in (log_probs, looked_at[:, 1])),
        odds,
        torch.split(foreign, counts),
        strict=True,
    )
    return [
        Emissions(scores, frames, blank, log_probs.shape[1] - 1, strange)
        for scores, frames, blank, strange in parts
    ]
