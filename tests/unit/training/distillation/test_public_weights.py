"""The start from PP-OCRv6 small: our convolutions are the original's, our classes its characters."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from handler.charset import encode
from handler.model import CRNN
from training import alphabet as alphabets
from training.distillation import public_weights


@pytest.fixture(scope="module")
def small() -> onnx.ModelProto:
    return onnx.load(str(public_weights.small_file()))


@pytest.fixture(scope="module")
def model() -> CRNN:
    return public_weights.start("crnn_v3").eval()


@pytest.mark.parametrize("width", [48, 328])
def test_the_convolutions_say_what_the_original_says(small: onnx.ModelProto, model: CRNN, width: int) -> None:
    outputs = [public_weights.SHORTCUT, public_weights.FEATURES]
    cut = onnx.utils.Extractor(small).extract_model(["x"], outputs)
    images = torch.rand(2, 3, 48, width, generator=torch.Generator().manual_seed(1)) * 2 - 1
    expected = onnxruntime.InferenceSession(cut.SerializeToString()).run(None, {"x": images.flip(1).numpy()})
    with torch.inference_mode():
        found = model.cnn(images)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.squeeze(2).transpose(0, 2, 1), atol=2e-4)


def test_a_class_has_the_row_of_its_character(small: onnx.ModelProto, model: CRNN) -> None:
    words = public_weights.small_vocabulary(small)
    for char in "A0 é的ア":
        (ours,) = encode(char, model.config.alphabet)
        theirs = words.characters.index(char) + 1
        assert torch.equal(model.head.weight[ours], words.weight[theirs])
        assert model.head.bias[ours] == words.bias[theirs]


def test_an_unknown_character_is_unlikely(small: onnx.ModelProto) -> None:
    words = public_weights.small_vocabulary(small)
    weight, bias = words.rows(alphabets.read() + "\ue000")
    assert bias[-1] < bias[1:-1].mean()
    assert weight.shape == (len(bias), words.weight.shape[1])


def test_what_another_knows_is_taken_over_as_it_looks_there() -> None:
    generator = torch.Generator().manual_seed(1)
    alphabet = "".join(map(chr, range(0x4E00, 0x4E28)))
    theirs = torch.randn(42, 6, generator=generator)
    turn = torch.randn(6, 4, generator=generator)
    other = public_weights.Vocabulary([*alphabet, " "], theirs, torch.zeros(42))
    known = torch.cat([theirs[:31], theirs[-1:]]) @ turn + 1
    narrow = public_weights.Vocabulary([*alphabet[:30], " "], known, torch.zeros(32))
    weight, bias = narrow.rows_like(other, alphabet)
    torch.testing.assert_close(weight, theirs[:41] @ turn + 1, atol=1e-4, rtol=1e-4)
    assert bias[35] < bias[5]
