"""The loop: loss, learning rate, checkpoints, several processes."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from handler.charset import ASCII
from handler.model import CRNN, CRNNConfig, Stage, load_weights, save_weights, slim_config
from training import dataset
from training.dataset import Batch, Sample
from training.evaluation.evaluate import evaluate
from training.losses import (
    RIVALS,
    ctc_loss,
    distillation_loss,
    fold_case,
    lower_classes,
    rivals_of,
    sample_classes,
)
from training.run import Experiment, Run, learning_rate
from training.train import train
from training.warm_start import warm_start

ROOT = Path(__file__).parents[2]
TINY = CRNNConfig(
    ASCII, (Stage(16, 1, (2, 2)), Stage(32, 1, (2, 2)), Stage(32, 1, (4, 1))), hidden=32, dropout=0.0
)


@pytest.fixture(autouse=True)
def work_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)


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
    """What the network says as lower case fulfils an upper-case label, if that label is folded."""

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
    generator, rivals = torch.Generator().manual_seed(1), rivals_of(model.head)
    assert rivals.shape == (2001, RIVALS)

    def loss(number: int) -> tuple[float, int]:
        classes, more = sample_classes(batch, letters, number, rivals, generator)
        logits = model(images, classes)
        assert torch.allclose(logits, model(images)[..., classes], atol=1e-5)
        return ctc_loss(logits + more, batch, letters, classes).item(), len(classes)

    whole = ctc_loss(model(images), batch, letters).item()
    assert loss(2001) == (pytest.approx(whole, rel=1e-5), 2001)
    losses, sizes = zip(*(loss(200) for _ in range(20)), strict=True)
    assert max(sizes) <= 210 + 10 * RIVALS
    assert sum(losses) / len(losses) == pytest.approx(whole, rel=0.01)


def test_the_rivals_of_a_class_are_those_most_easily_taken_for_it() -> None:
    """Always looked at with it: here each class has a twin, its neighbour."""
    torch.manual_seed(0)
    letters = "".join(map(chr, range(0x4E00, 0x4E00 + 99)))
    head = torch.nn.Linear(16, 100)
    with torch.no_grad():
        head.weight.copy_(torch.randn(50, 16).repeat_interleave(2, 0) + 0.01 * torch.randn(100, 16))
    rivals = rivals_of(head)
    assert (rivals[:, 0] == torch.arange(100) ^ 1).all()
    flags, lengths = torch.zeros(1, dtype=torch.bool), torch.tensor([2])
    batch = Batch(torch.zeros(1), lengths, torch.tensor([7, 40]), lengths, flags, flags)
    classes, more = sample_classes(batch, letters, 5, rivals, torch.Generator())
    assert {6, 7, 40, 41} <= set(classes.tolist())
    assert (more[torch.isin(classes, torch.tensor([6, 7, 40, 41]))] == 0).all()


def test_learning_rate_warms_up_and_ends_at_zero() -> None:
    experiment = Experiment("x", steps=1000, mix={}, warmup=100, learning_rate=1.0)
    rates = [learning_rate(step, experiment) for step in (0, 99, 100, 550, 1000)]
    assert rates == pytest.approx([0.01, 1.0, 1.0, 0.5, 0.0])


def drawn_as_bars(word: str) -> Sample:
    """A word of I, one bar, and M, three bars."""
    image = np.full((32, 40 * len(word)), 255, np.uint8)
    for place, letter in enumerate(word):
        for bar in range({"I": 1, "M": 3}[letter]):
            left = 40 * place + 9 * bar
            image[4:28, left + 6 : left + 10] = 0
    return Sample(image, word)


def words() -> list[Sample]:
    return [drawn_as_bars(word) for word in ("IMM", "MI", "IIM", "MMI")]


def test_a_run_learns_stops_goes_on_and_leaves_servable_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "CHUNK", 64)
    torch.manual_seed(0)
    settings = {"mix": {"real": 1}, "warmup": 10, "columns": 1600, "learning_rate": 0.01, "ema": 0.8}

    def go(steps: int) -> Run:
        run = Run(Experiment("tiny", steps=steps, **settings), CRNN(TINY), torch.device("cpu"))
        run.resume()
        lines = dataset.Lines(TINY, settings["mix"], words(), "1")
        train(run, lines, {"bars": words()}, workers=0)
        return run

    assert go(100).step == 100
    run = go(400)
    log = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [100, 100, 200, 300, 400, 400]
    figures = [entry for entry in log if "loss" in entry]
    assert figures[-1]["loss"] < figures[0]["loss"] / 2
    assert all(entry["lines_per_second"] > 0 and 0 <= entry["idle"] <= 1 for entry in figures)
    assert list(run.folder.glob("events.out.tfevents.*"))
    model, facts = load_weights(run.folder / "best.safetensors")
    assert evaluate(model, words())["cer"] < 0.7
    assert facts["training"]["step"] == 400
    assert model.config == TINY


def start(folder: Path, steps: int) -> subprocess.Popen[bytes]:
    """The command itself, on two drawn words, from tiny weights, in `folder`."""
    real = folder / "real"
    real.mkdir(parents=True, exist_ok=True)
    for name in ("IM", "MMI"):
        Image.fromarray(drawn_as_bars(name).image).save(real / f"{name}.png")
    (real / "labels.tsv").write_text("IM.png\tIM\nMMI.png\tMMI\n")
    (folder / "tiny.toml").write_text(
        f'name = "tiny"\nmodel = "slim"\nsteps = {steps}\ncolumns = 600\ncheckpoint_steps = 5\n'
        "score_steps = 50\nwarmup = 5\nmix = {real = 1.0}\n"
    )
    torch.manual_seed(0)
    save_weights(CRNN(slim_config(ASCII)), folder / "from.safetensors", {})
    command = [sys.executable, "-m", "training.train", "tiny.toml", "--real", "real", "--weights"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with (folder / "output").open("ab") as output:
        return subprocess.Popen(
            [*command, "from.safetensors"], cwd=folder, env=environment, stdout=output, stderr=output
        )


def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    """kill -9 after a checkpoint; the same command then ends with bit for bit what it would have had."""
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    steps = 25
    first, victim = start(undisturbed, steps), start(killed, steps)
    checkpoint = killed / ".cache/runs/tiny/checkpoint.pt"
    while victim.poll() is None and not checkpoint.exists():
        time.sleep(0.005)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL, (killed / "output").read_text()
    assert 0 < torch.load(checkpoint)["counters"]["step"] < steps
    assert start(killed, steps).wait() == 0, (killed / "output").read_text()
    assert first.wait() == 0, (undisturbed / "output").read_text()
    one, other = (torch.load(folder / ".cache/runs/tiny/checkpoint.pt") for folder in (undisturbed, killed))
    assert one["positions"] == other["positions"]
    assert one["counters"]["lines"] == other["counters"]["lines"]
    for part in ("model", "average"):
        for name, tensor in one[part].items():
            assert torch.equal(tensor, other[part][name]), name


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

    What is blank, two tensors, is found out anew after training.
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
    assert warm_start(model, source) == len(source.state_dict()) - 2
    assert torch.allclose(model(images)[..., : len(ASCII) + 1], source(images), atol=1e-5)


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
