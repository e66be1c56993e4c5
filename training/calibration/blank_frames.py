"""Fit the layer that tells from a frame's features that it is surely blank, so that serving can skip it.

Most frames of a line are blank, and to compare one with thousands of characters takes longer than all that
comes before. The logarithm of the odds that the network gives to the blank is nearly linear in the features
of the frame: logistic regression finds it. calibrate.py fits it, since it depends on the temperature.
"""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from handler.charset import BLANK
from handler.decode import best_path
from handler.image import Pixels
from handler.model import CRNN
from handler.recognize import line_emissions

PENALTY = 1e-4
"""Of the squares of the weights, features having a standard deviation of 1."""
AT_ONCE = 64


def log_odds(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """Of the blank against all characters: (…, C) -> (…)."""
    scaled = logits / temperature
    return scaled[..., BLANK] - scaled[..., BLANK + 1 :].logsumexp(-1)


def gather(model: CRNN, lines: list[Pixels]) -> tuple[Tensor, Tensor]:
    """Features (N, 2 * hidden) of all frames of lines at model height, and the blank's log odds (N,)."""
    features, odds = [], []

    def note(_: nn.Module, given: tuple[Tensor], logits: Tensor) -> None:
        features.append(given[0])
        odds.append(log_odds(logits, model.config.temperature))

    with model.head.register_forward_hook(note):
        for some in _chunks(lines):
            line_emissions(model, some)
    return torch.cat(features), torch.cat(odds)


def _chunks(lines: list[Pixels]) -> Iterator[list[Pixels]]:
    for start in range(0, len(lines), AT_ONCE):
        yield lines[start : start + AT_ONCE]


def fit(model: CRNN, lines: list[Pixels]) -> None:
    """Set the model's `blank_weight` and `blank_bias` from lines at model height; its temperature is set."""
    model.look_everywhere()
    features, odds = gather(model, lines)
    weight, bias = regress(features.clone(), odds.sigmoid())
    model.blank_weight.copy_(weight)
    model.blank_bias.fill_(bias)


def check(model: CRNN, lines: list[Pixels]) -> tuple[float, int]:
    """Share of the frames of lines at model height that are skipped, and how many readings that changes."""
    everywhere = copy.deepcopy(model)
    everywhere.look_everywhere()
    looked_at, frames = (len(gather(by, lines)[0]) for by in (model, everywhere))
    readings = zip(_texts(model, lines), _texts(everywhere, lines), strict=True)
    return 1 - looked_at / frames, sum(one != other for one, other in readings)


def _texts(model: CRNN, lines: list[Pixels]) -> list[str]:
    emissions = (line for some in _chunks(lines) for line in line_emissions(model, some))
    return [best_path(line, model.config.alphabet).text for line in emissions]


def regress(features: Tensor, shares: Tensor) -> tuple[Tensor, float]:
    """Logistic regression: weight (K,) and bias with which sigmoid(features (N, K) @ weight + bias) is near
    the shares (N,).
    """
    mean, spread = features.mean(0), features.std(0) + 1e-3
    scaled = (features - mean) / spread
    weight = torch.zeros(features.shape[1], requires_grad=True)
    bias = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        found = functional.binary_cross_entropy_with_logits(scaled @ weight + bias, shares)
        total = found + PENALTY * weight.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)
    weight = (weight / spread).detach()
    return weight, float(bias.detach() - mean @ weight)
