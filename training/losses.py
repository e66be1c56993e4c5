"""Losses: CTC on labels, and divergence from a teacher on each frame."""

from functools import lru_cache
from typing import Any, Protocol

import torch
import torch.distributed as dist
from torch import Tensor, nn

from handler.charset import BLANK
from handler.emissions import NEVER
from training.dataset import Batch
from training.distributed import processes

HARD_NEGATIVES = 3
"""Classes that are looked at along with each class of a batch's labels: those most easily taken for it."""


@lru_cache(maxsize=4)
def lower_classes(alphabet: str) -> Tensor:
    """(1 + len(alphabet),) for each class the class of its lower case, or itself where there is none."""
    places = {char: place for place, char in enumerate(alphabet, 1)}
    return torch.tensor([BLANK] + [places.get(char.lower(), place) for char, place in places.items()])


def fold_case(log_probs: Tensor, folded: Tensor, lower: Tensor) -> Tensor:
    """Give each upper-case class of the `folded` rows the probability of both cases, and the lower case none.

    (N, T, K) -> (N, T, K); `lower` (K,) is the place of each class's lower case, or its own. The targets of
    these rows are spelled in upper case, so that either case fulfils them.
    """
    place = torch.arange(len(lower), device=lower.device)
    upper = lower != place
    both = torch.logaddexp(log_probs, log_probs[..., lower])
    merged = torch.where(upper, both, log_probs)
    merged = merged.masked_fill(torch.isin(place, lower[upper]), NEVER)
    return torch.where(folded[:, None, None], merged, log_probs)


class PosteriorCTC(torch.autograd.Function):
    """CTC loss (N,) of log probabilities (N, T, K) with its own gradient, minus the posterior of each class.

    Of each line only its first `frames` (N,) count.

    PyTorch's gradient is that of the logits in front of a softmax over all K classes; here the classes are
    some of many. Graves et al. 2006, equation 16.
    """

    @staticmethod
    def forward(ctx: Any, log_probs: Tensor, targets: Tensor, lengths: Tensor, frames: Tensor) -> Tensor:
        with torch.enable_grad():
            given = log_probs.detach().transpose(0, 1).requires_grad_()
            losses = nn.functional.ctc_loss(
                given, targets, frames, lengths, blank=0, reduction="none", zero_infinity=True
            )
            (gradient,) = torch.autograd.grad(losses.sum(), given)
        inside = torch.arange(log_probs.shape[1], device=frames.device) < frames[:, None]
        counts = inside & (losses != 0)[:, None]
        ctx.save_for_backward((gradient.transpose(0, 1) - log_probs.exp()) * counts[:, :, None])
        return losses.detach()

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None, None, None]:  # type: ignore[override]
        (gradient,) = ctx.saved_tensors
        return gradient * outer[:, None, None], None, None, None


def needed_classes(targets: Tensor, alphabet: str) -> Tensor:
    """The classes (K,) that CTC looks at one by one, in order: the blank and those of the labels."""
    lower = lower_classes(alphabet).to(targets.device)
    blank = torch.tensor([BLANK], device=targets.device)
    return torch.unique(torch.cat([blank, targets, lower[targets]]))


def hard_negatives_of(head: nn.Module) -> Tensor:
    """(C, HARD_NEGATIVES): for each class of a head those whose output weights point most nearly its way."""
    output = head[-1] if isinstance(head, nn.Sequential) else head
    rows = nn.functional.normalize(output.weight.detach().float())
    likeness = [(part @ rows.T).topk(1 + HARD_NEGATIVES).indices[:, 1:] for part in rows.split(1024)]
    return torch.cat(likeness)


def sample_classes(
    batch: Batch, alphabet: str, number: int, hard: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Classes (K,) in order: those that the batch needs, their hard negatives and `number` drawn at random.

    With them what to add to their logits: each one drawn stands for all those like it that were not, so that
    the softmax over K classes expects the sum over all. With thousands of classes most of the time of a
    training step would go into logits that say no more than that nothing of the kind is there; the hard
    negatives say more, and drawn one time in seven with seven times the weight they would make a step a
    gamble.
    """
    needed = needed_classes(batch.targets, alphabet)
    return add_classes(torch.cat([needed, hard[needed].flatten()]), 1 + len(alphabet), number, generator)


def add_classes(sure: Tensor, total: int, number: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The classes of `sure` and `number` of all drawn at random, in order; what to add to their logits."""
    drawn = torch.randperm(total, generator=generator, device=generator.device)[:number]
    classes = torch.unique(torch.cat([sure, drawn.to(sure.device)]))
    drawn_only = ~torch.isin(classes, sure)
    share = (total - len(sure.unique())) / drawn_only.sum().clamp(min=1)
    return classes, torch.where(drawn_only, share.log(), 0.0)


def ctc_loss(logits: Tensor, batch: Batch, alphabet: str, classes: Tensor | None = None) -> Tensor:
    """CTC loss of logits (N, T, C), per character of the labels of all processes together.

    `classes` (C,) tells which classes they are of, in order; without it they are of all. Only those that
    the batch's labels hold are looked at one by one. DistributedDataParallel takes the mean of the
    processes' gradients, which is then the gradient that one process would have had for all lines.
    """
    losses = line_losses(logits, batch, alphabet, classes)
    characters = batch.lengths.sum().float()
    if dist.is_initialized():
        dist.all_reduce(characters)
    return losses.sum() * processes() / characters


class Labels(Protocol):
    """The labels of N lines: targets (sum of lengths,) classes, lengths (N,) and folded (N,), see Sample."""

    @property
    def targets(self) -> Tensor: ...

    @property
    def lengths(self) -> Tensor: ...

    @property
    def folded(self) -> Tensor: ...


def line_losses(
    logits: Tensor,
    labels: Labels,
    alphabet: str,
    classes: Tensor | None = None,
    frames: Tensor | None = None,
) -> Tensor:
    """CTC loss (N,) of each line's first `frames` (N,), or of all T of logits (N, T, C); see ctc_loss."""
    lower = lower_classes(alphabet).to(logits.device)
    needed = needed_classes(labels.targets, alphabet)
    places = needed if classes is None else torch.searchsorted(classes, needed)
    log_probs = logits.index_select(2, places) - logits.logsumexp(dim=2, keepdim=True)
    if labels.folded.any():
        log_probs = fold_case(log_probs, labels.folded, torch.searchsorted(needed, lower[needed]))
    targets = torch.searchsorted(needed, labels.targets)
    if frames is None:
        frames = torch.full_like(labels.lengths, logits.shape[1])
    losses: Tensor = PosteriorCTC.apply(log_probs, targets, labels.lengths, frames)
    return losses


def distillation_loss(logits: Tensor, taught: Tensor) -> Tensor:
    """Divergence of the student's posteriors from the teacher's, both as logits (N, T, C), mean over frames.

    Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (2015), frame by frame: teacher
    and student have frames of the same width.
    """
    student, teacher = (side.flatten(0, 1).log_softmax(dim=1) for side in (logits, taught))
    return nn.functional.kl_div(student, teacher, reduction="batchmean", log_target=True)
