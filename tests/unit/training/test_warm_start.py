"""A model that begins with what another one has learned."""

from dataclasses import replace

import pytest
import torch

from handler.charset import ASCII
from handler.model import CRNN, CRNNConfig, Stage
from training.warm_start import warm_start

TINY = CRNNConfig(
    ASCII, (Stage(16, 1, (2, 2)), Stage(32, 1, (2, 2)), Stage(32, 1, (4, 1))), hidden=32, dropout=0.0
)


def test_a_warm_start_carries_over_the_body_and_the_classes_of_shared_characters() -> None:
    torch.manual_seed(0)
    source, model = CRNN(TINY), CRNN(replace(TINY, alphabet="漢" + ASCII[::-1]))
    images = torch.randn(2, 1, 32, 64)
    warm_start(model, source)
    source.eval()
    model.eval()
    expected, logits = source(images), model(images)
    order = [0] + [1 + ASCII.index(char) for char in ASCII[::-1]]
    assert torch.allclose(logits[..., [0, *range(2, len(ASCII) + 2)]], expected[..., order], atol=1e-5)


def test_a_warm_start_leaves_alone_what_does_not_fit() -> None:
    narrower = CRNN(replace(TINY, hidden=24, rank=16))
    before = {name: tensor.clone() for name, tensor in narrower.state_dict().items()}
    warm_start(narrower, CRNN(TINY))
    changed = {n for n, tensor in narrower.state_dict().items() if not torch.equal(tensor, before[n])}
    assert any(name.startswith("cnn") for name in changed)
    assert not any(name.startswith(("rnn", "head.0")) for name in changed)


def test_a_narrow_head_gets_the_best_factors_of_a_full_one() -> None:
    """Of its rank: the rows of the full one lie nearly in what its own can say; matched by character."""
    torch.manual_seed(0)
    source = CRNN(replace(TINY, hidden=32))
    with torch.no_grad():  # nearly of rank 8
        source.head.weight.copy_(torch.randn(96, 8) @ torch.randn(8, 64) + 0.01 * torch.randn(96, 64))
    student = CRNN(replace(TINY, hidden=16, rank=8, alphabet=ASCII[::-1]))
    warm_start(student, source)
    order = [0] + [1 + ASCII.index(char) for char in ASCII[::-1]]
    wanted, narrow = source.head.weight[order], student.head[1].weight
    rest = wanted - narrow @ torch.linalg.lstsq(narrow, wanted).solution
    assert rest.norm() < 0.02 * wanted.norm()
    assert torch.equal(student.head[1].bias, source.head.bias[order])


@pytest.mark.parametrize("rank", [0, 16])
def test_a_larger_model_says_at_first_what_its_source_says(rank: int) -> None:
    """With more blocks, wider LSTMs and more characters; rows of the shared ones come out the same.

    What is blank and what is foreign is found out anew after training.
    """
    torch.manual_seed(0)
    stem, middle, last = TINY.stages
    config = replace(TINY, block="residual", rank=rank)
    stages = (stem, replace(middle, channels=24, blocks=3), replace(last, blocks=4))
    source = CRNN(
        replace(config, stages=(stem, replace(stages[1], blocks=2), replace(last, blocks=2)))
    ).eval()
    model = CRNN(replace(config, stages=stages, hidden=48, alphabet=ASCII + "漢字")).eval()
    images = torch.randn(2, 1, 32, 64)
    learned = [name for name in source.state_dict() if not name.startswith(("blank_", "foreign_"))]
    assert warm_start(model, source) == len(learned)
    assert torch.allclose(model(images)[..., : len(ASCII) + 1], source(images), atol=1e-5)
