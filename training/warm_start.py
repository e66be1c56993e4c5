"""Begin a model with what another one has learned: same body or a larger one, same alphabet or another."""

from collections import Counter

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name it has everywhere

from handler.model import CRNN, ResidualBlock

Tensors = dict[str, Tensor]


def warm_start(model: CRNN, source: CRNN) -> int:
    """Copy into `model` what `source` has at the same place; returns how many tensors were copied.

    Convolutions are matched by stage, and those that the source lacks start as the identity where they can.
    LSTMs may be wider than the source's: the units that these have go on as if the new ones were not there.
    The classes of the last layer are matched by character, so that the alphabets may differ; a character that
    the source lacks keeps its random start. A narrow head gets the best factors of its rank of a full one: so
    a student knows from the start which of thousands of characters are alike, rare ones included.
    """
    state, given = model.state_dict(), source.state_dict()
    copied = _copy_body(state, given, model, source)
    hidden, old = model.config.hidden, source.config.hidden
    if source.config.stages[-1].channels == model.config.stages[-1].channels and old <= hidden:
        copied += _copy_lstms(state, given, hidden, old)
        copied += _copy_classes(state, given, model, source)
    if model.config.rank and not source.config.rank:
        copied += _factorize_classes(state, given, model, source)
    model.load_state_dict(state)
    return copied


def _copy_body(state: Tensors, given: Tensors, model: CRNN, source: CRNN) -> int:
    """Copy the convolutions; of residual blocks that the source lacks, the sum starts with nothing to add."""
    places, own = _places(source), _places(model)
    copied = {name: given[places[place]] for place, name in own.items() if place in places}
    copied = {name: tensor for name, tensor in copied.items() if tensor.shape == state[name].shape}
    for name, tensor in copied.items():
        state[name].copy_(tensor)
    for index, layer in model.cnn.named_children():
        if isinstance(layer, ResidualBlock) and layer.residual:
            scale = f"cnn.{index}.layers.{len(layer.layers) - 1}.weight"
            if scale not in copied:
                state[scale].zero_()
    return len(copied)


def _places(model: CRNN) -> dict[tuple[str, int, int, str], str]:
    """(kind of layer, channels, number among such layers, name within it) -> name of a convolution's tensor.

    So the n-th block of a stage answers to the n-th of that stage in a network with more blocks, though their
    indices in the whole differ.
    """
    counts: Counter[tuple[str, int]] = Counter()
    places = {}
    for index, layer in model.cnn.named_children():
        tensors = layer.state_dict()
        if tensors:
            channels = max((len(tensor) for tensor in tensors.values() if tensor.ndim == 1), default=0)
            kind = (type(layer).__name__, channels or len(tensors["weight"]))
            places |= {(*kind, counts[kind], name): f"cnn.{index}.{name}" for name in tensors}
            counts[kind] += 1
    return places


def _copy_lstms(state: Tensors, given: Tensors, hidden: int, old: int) -> int:
    """Copy the units that the source has, each with its four gates; from new units they hear nothing."""
    names = [name for name in given if name.startswith("rnn.")]
    for name in names:
        parts = 1 if "_hh_" in name else 2 if "weight_ih_l1" in name else 0
        tensor = _spread(given[name], parts, hidden) if parts and "weight" in name else given[name]
        state[name].unflatten(0, (4, hidden))[:, :old] = tensor.unflatten(0, (4, old))
    return len(names)


def _spread(tensor: Tensor, parts: int, hidden: int) -> Tensor:
    """(rows, parts * old) -> (rows, parts * hidden): columns of the units that are new are zero."""
    old = tensor.shape[1] // parts
    return F.pad(tensor.unflatten(1, (parts, old)), (0, hidden - old)).flatten(1)


def _last_layer(model: CRNN) -> str:
    """Prefix of the tensors with a row a class."""
    return "head.1." if isinstance(model.head, nn.Sequential) else "head."


def _same_classes(model: CRNN, source: CRNN) -> tuple[Tensor, Tensor]:
    """Classes of the model, and those of the source, that stand for the same characters."""
    places = {char: place for place, char in enumerate(source.config.alphabet, 1)}
    pairs = [(0, 0)] + [
        (place, places[char]) for place, char in enumerate(model.config.alphabet, 1) if char in places
    ]
    to, of = (torch.tensor(side) for side in zip(*pairs, strict=True))
    return to, of


def _factorize_classes(state: Tensors, given: Tensors, model: CRNN, source: CRNN) -> int:
    """The last layer of a narrow head from a full one, by singular values."""
    to, of = _same_classes(model, source)
    left, values, _ = torch.linalg.svd(given["head.weight"], full_matrices=False)
    rank = min(model.config.rank, len(values))
    state["head.1.weight"][to, :rank] = (left * values)[of, :rank]
    state["head.1.bias"][to] = given["head.bias"][of]
    return 2


def _copy_classes(state: Tensors, given: Tensors, model: CRNN, source: CRNN) -> int:
    to, of = _same_classes(model, source)
    own, other = _last_layer(model), _last_layer(source)
    if model.config.rank != source.config.rank:
        return 0
    first = "head.0.weight" if model.config.rank else "head.weight"
    given = given | {first: _spread(given[first], 2, model.config.hidden)}
    if model.config.rank:
        state[first].copy_(given[first])
    for part in ("weight", "bias"):
        state[own + part][to] = given[other + part][of]
    return 3 if model.config.rank else 2
