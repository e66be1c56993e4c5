"""CTC with folded case, a sample of the classes, several processes, and a teacher."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from handler.charset import ASCII
from handler.model import CRNN, CRNNConfig, Stage, load_weights, save_weights
from training.dataset import Batch
from training.losses import (
    HARD_NEGATIVES,
    ctc_loss,
    distillation_loss,
    fold_case,
    hard_negatives_of,
    lower_classes,
    sample_classes,
)

ROOT = Path(__file__).parents[3]


TINY = CRNNConfig(
    ASCII, (Stage(16, 1, (2, 2)), Stage(32, 1, (2, 2)), Stage(32, 1, (4, 1))), hidden=32, dropout=0.0
)


def test_folded_rows_accept_either_case_and_others_do_not() -> None:
    log_probs = torch.randn(2, 5, 1 + len(ASCII)).log_softmax(2)
    merged = fold_case(log_probs, torch.tensor([True, False]), lower_classes(ASCII))
    upper, lower = ASCII.index("G") + 1, ASCII.index("g") + 1
    both = log_probs[0, :, upper].exp() + log_probs[0, :, lower].exp()
    assert torch.allclose(merged[0, :, upper].exp(), both)
    assert merged[0, :, lower].exp().max() == 0
    assert torch.allclose(merged[0].exp().sum(1), torch.ones(5))
    assert torch.equal(merged[1], log_probs[1])


def test_the_loss_of_a_folded_line_does_not_depend_on_case() -> None:
    """A lower-case prediction fulfils an upper-case label, if that label is folded."""

    logits = torch.zeros(1, 4, 1 + len(ASCII))
    logits[:, 1, ASCII.index("a") + 1] = 20
    logits[:, [0, 2, 3], 0] = 20

    def loss(label: str, folded: bool) -> float:
        one, flag = torch.tensor([1]), torch.tensor([folded])
        images = torch.zeros(1, 32, 16, dtype=torch.uint8)
        batch = Batch(images, one * 16, torch.tensor([ASCII.index(label) + 1]), one, flag, flag)
        return ctc_loss(logits, batch, ASCII).item()

    assert loss("A", folded=True) < 0.1
    assert loss("A", folded=False) > 5
    assert loss("a", folded=False) < 0.1


def test_the_loss_is_ctc_s_and_so_is_its_gradient() -> None:
    """Against PyTorch's own over all classes; a label too long for its frames counts nothing."""
    torch.manual_seed(0)
    logits = torch.randn(4, 8, 1 + len(ASCII), dtype=torch.double, requires_grad=True)
    lengths = torch.tensor([3, 1, 5, 12])
    targets = torch.randint(1, 1 + len(ASCII), (int(lengths.sum()),))
    flags = torch.zeros(4, dtype=torch.bool)
    batch = Batch(torch.zeros(4, 32, 32, dtype=torch.uint8), lengths, targets, lengths, flags, flags)
    loss = ctc_loss(logits, batch, ASCII)
    (gradient,) = torch.autograd.grad(loss, logits)
    log_probs = logits.log_softmax(2).transpose(0, 1)
    frames = torch.full((4,), 8)
    expected = torch.nn.functional.ctc_loss(
        log_probs, targets, frames, lengths, reduction="sum", zero_infinity=True
    )
    (wanted,) = torch.autograd.grad(expected / lengths.sum(), logits)
    assert loss.item() == pytest.approx(expected.item() / int(lengths.sum()))
    assert torch.allclose(gradient, wanted, atol=1e-9)


def test_a_sample_of_the_classes_gives_the_loss_of_all() -> None:
    """Nearly, and the very same where all are drawn; the network then computes only those."""
    torch.manual_seed(0)
    letters = "".join(map(chr, range(0x4E00, 0x4E00 + 2000)))
    model = CRNN(CRNNConfig(letters, (Stage(8, 1, (2, 2)), Stage(8, 1, (2, 2))), hidden=8, rank=4)).eval()
    images, lengths = torch.randn(3, 1, 32, 64), torch.tensor([3, 1, 5])
    flags = torch.zeros(3, dtype=torch.bool)
    batch = Batch(torch.zeros(3), lengths, torch.randint(1, 2001, (9,)), lengths, flags, flags)
    generator, hard = torch.Generator().manual_seed(1), hard_negatives_of(model.head)
    assert hard.shape == (2001, HARD_NEGATIVES)

    def loss(number: int) -> tuple[float, int]:
        classes, more = sample_classes(batch, letters, number, hard, generator)
        logits = model(images, classes)
        assert torch.allclose(logits, model(images)[..., classes], atol=1e-5)
        return ctc_loss(logits + more, batch, letters, classes).item(), len(classes)

    whole = ctc_loss(model(images), batch, letters).item()
    assert loss(2001) == (pytest.approx(whole, rel=1e-5), 2001)
    losses, sizes = zip(*(loss(200) for _ in range(20)), strict=True)
    assert max(sizes) <= 210 + 10 * HARD_NEGATIVES
    assert sum(losses) / len(losses) == pytest.approx(whole, rel=0.01)


def test_the_hard_negatives_of_a_class_are_those_most_easily_taken_for_it() -> None:
    """Always looked at with it: here each class has a twin, its neighbour."""
    torch.manual_seed(0)
    letters = "".join(map(chr, range(0x4E00, 0x4E00 + 99)))
    head = torch.nn.Linear(16, 100)
    with torch.no_grad():
        head.weight.copy_(torch.randn(50, 16).repeat_interleave(2, 0) + 0.01 * torch.randn(100, 16))
    hard = hard_negatives_of(head)
    assert (hard[:, 0] == torch.arange(100) ^ 1).all()
    flags, lengths = torch.zeros(1, dtype=torch.bool), torch.tensor([2])
    batch = Batch(torch.zeros(1), lengths, torch.tensor([7, 40]), lengths, flags, flags)
    classes, more = sample_classes(batch, letters, 5, hard, torch.Generator())
    assert {6, 7, 40, 41} <= set(classes.tolist())
    assert (more[torch.isin(classes, torch.tensor([6, 7, 40, 41]))] == 0).all()


GRADIENTS = """
import sys
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from handler.model import load_weights
from training.dataset import Batch
from training.losses import ctc_loss

dist.init_process_group("gloo")
model = load_weights(sys.argv[1])[0]  # in evaluation mode, so that batch statistics do not count
images, fields = torch.load(f"{sys.argv[2]}/batch-{dist.get_rank()}.pt")
shared = DistributedDataParallel(model)
ctc_loss(shared(images), Batch(*fields), model.config.alphabet).backward()
if dist.get_rank() == 0:
    torch.save({name: p.grad for name, p in model.named_parameters()}, f"{sys.argv[2]}/gradients.pt")
dist.barrier()  # a process that leaves while another still talks to it can abort
del shared  # holds the group, whose threads must end before the interpreter does
dist.destroy_process_group()
"""


def batch_of(rows: slice, images: torch.Tensor, lengths: torch.Tensor, labels: list[torch.Tensor]) -> Batch:
    flags = torch.zeros(len(lengths[rows]), dtype=torch.bool)
    return Batch(images[rows], lengths[rows], torch.cat(labels[rows]), lengths[rows], flags, flags)


@pytest.mark.slow
def test_two_processes_have_the_gradients_of_one(tmp_path: Path) -> None:
    """Lines of very different lengths, unevenly shared, under torchrun with gloo."""
    torch.manual_seed(0)
    model = CRNN(TINY).eval()
    save_weights(model, tmp_path / "tiny.safetensors", {})
    model = load_weights(tmp_path / "tiny.safetensors")[0]
    images = torch.randn(5, 1, 32, 96)
    lengths = torch.tensor([1, 9, 2, 4, 7])
    labels = [torch.randint(1, 96, (int(n),)) for n in lengths]
    for rank, rows in enumerate((slice(0, 2), slice(2, 5))):
        batch = batch_of(rows, images, lengths, labels)
        torch.save((images[rows], [*vars(batch).values()]), tmp_path / f"batch-{rank}.pt")
    (tmp_path / "gradients.py").write_text(GRADIENTS)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run(
        [*launch, "gradients.py", "tiny.safetensors", str(tmp_path)],
        check=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    ctc_loss(model(images), batch_of(slice(0, 5), images, lengths, labels), ASCII).backward()
    together = torch.load(tmp_path / "gradients.pt")
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        assert (together[name] - parameter.grad).norm() < 1e-3 * parameter.grad.norm() + 1e-7, name


def test_a_student_comes_to_say_what_its_teacher_says() -> None:
    """Also where its labels say nothing of it: on noise that is labelled at random."""
    torch.manual_seed(0)
    teacher, student = CRNN(TINY).eval(), CRNN(TINY)
    images = torch.randn(8, 1, 32, 64)
    taught = teacher(images).detach() * 10
    optimizer = torch.optim.AdamW(student.parameters(), 5e-3)
    losses = []
    for _ in range(60):
        loss = distillation_loss(student(images), taught)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
    assert distillation_loss(taught, taught).item() == pytest.approx(0, abs=1e-6)
