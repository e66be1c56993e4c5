"""Begin a model with what another one has learned: same body or a larger one, same alphabet or another."""

import torch
from torch import Tensor, nn

from handler.model import CRNN

Tensors = dict[str, Tensor]


def warm_start(model: CRNN, source: CRNN) -> int:
    """Copy into `model` what `source` has of the same name and shape; returns how many tensors were copied.

    The classes of the last layer are matched by character, so that the alphabets may differ; a character that
    the source lacks keeps its random start.
    """
    state, given = model.state_dict(), source.state_dict()
    last = _last_layer(source)
    copied = 0
    for name, tensor in given.items():
        if name in state and state[name].shape == tensor.shape and not name.startswith(last):
            state[name].copy_(tensor)
            copied += 1
    copied += _copy_classes(state, given, model, source)
    model.load_state_dict(state)
    return copied


def _last_layer(model: CRNN) -> str:
    """Prefix of the tensors with a row a class."""
    return "head.1." if isinstance(model.head, nn.Sequential) else "head."


def _copy_classes(state: Tensors, given: Tensors, model: CRNN, source: CRNN) -> int:
    places = {char: place for place, char in enumerate(source.config.alphabet, 1)}
    pairs = [(0, 0)] + [
        (place, places[char]) for place, char in enumerate(model.config.alphabet, 1) if char in places
    ]
    to, of = (torch.tensor(side) for side in zip(*pairs, strict=True))
    own, other = _last_layer(model), _last_layer(source)
    if state[own + "weight"].shape[1:] != given[other + "weight"].shape[1:]:
        return 0
    for part in ("weight", "bias"):
        state[own + part][to] = given[other + part][of]
    return 2
