"""Train a CRNN on cached lines: CTC on their labels, and a teacher's word on each frame where it is right.

    python -m training.distillation.train training/experiments/crnn_v3.toml .cache/features/a --dev FOLDER…
    python -m training.distillation.train … --weights W  # from these weights, not the public ones
    python -m training.distillation.train … --teacher W  # a teacher on the same convolutions
    torchrun --standalone --nproc-per-node 2 -m training.distillation.train …

`frozen` of the experiment tells how many layers of the convolutions stay as they are: all of them, and their
cached outputs are read instead of the images; fewer, and those above learn at `rates`' share of the rate. The
loss is the divergence from the teacher's posteriors over the classes that matter to a frame (those of the
batch's labels, the teacher's likeliest, and some at random), the squared distance to what the teacher's last
layer reads (of a model as wide as it), and CTC. Where the teacher misreads a label it counts a twentieth, and
CTC twice.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import onnx
import torch
import torch.distributed as dist
from torch import Generator, Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from handler.emissions import NEVER
from handler.model import CRNN, count_parameters, load_weights
from training.dataset import Position
from training.distillation import public_weights
from training.distillation.cached_lines import CachedBatch, CachedLines
from training.distributed import is_first, join, leave, processes, rank
from training.evaluation.evaluate import load_folder
from training.experiment import Experiment, learning_rate, load
from training.labelled import Sample
from training.losses import add_classes, line_losses, needed_classes
from training.run import Meter, Run, finish_step, seed_step, set_rate

DOUBTED = 0.05
"""How much a teacher counts that misreads the label."""
FRAMES_PER_BATCH = 1600
"""Frames of a batch."""
LOG_STEPS = 50


class Lesson(nn.Module):
    """From a batch to its loss in one module, so that DistributedDataParallel sees all of it."""

    def __init__(self, model: CRNN, teacher: CRNN | None, experiment: Experiment) -> None:
        super().__init__()
        self.model, self.experiment = model, experiment
        if teacher:
            self.weight, self.bias = (parameter.detach() for parameter in teacher.head.parameters())
            self.known = torch.ones(len(self.bias), dtype=torch.bool)
        else:
            words = public_weights.small_vocabulary(onnx.load(str(public_weights.small_file())))
            classes = words.classes(model.config.alphabet)
            self.known = classes >= 0
            self.weight, self.bias = words.weight[classes.clamp(min=0)], words.bias[classes.clamp(min=0)]

    def forward(self, batch: CachedBatch, generator: Generator) -> Tensor:
        frames, (classes, more) = self.frames(batch), self.sample(batch, generator)
        logits = self.model.logits(self.model.dropout(frames), classes) + more
        trust = torch.where(batch.trusted, 1.0, DOUBTED)
        inside = torch.arange(frames.shape[1]) < batch.frames[:, None]
        shares = inside / batch.frames[:, None] * trust[:, None]
        of_teacher = self.divergence(logits, batch, classes, more)
        if self.experiment.distance:
            distance = (frames - batch.taught).square().sum(2)
            of_teacher = of_teacher + self.experiment.distance * distance
        taught = (shares * of_teacher).sum(1).mean()
        ctc = line_losses(logits, batch, self.model.config.alphabet, classes, batch.frames) / batch.lengths
        return taught + self.experiment.ctc * (ctc * torch.where(batch.trusted, 1.0, 2.0)).mean()

    def divergence(self, logits: Tensor, batch: CachedBatch, classes: Tensor, more: Tensor) -> Tensor:
        """(N, T) Kullback-Leibler divergence from the teacher's posteriors over these classes."""
        taught = batch.taught @ self.weight[classes].T + self.bias[classes] + more
        teacher = taught.masked_fill(~self.known[classes], NEVER).log_softmax(2)
        return (teacher.exp() * (teacher - logits.log_softmax(2))).sum(2)

    def frames(self, batch: CachedBatch) -> Tensor:
        """(N, T, neck), from the images or from what is cached of them."""
        if self.experiment.frozen < 0:
            return self.model.join(batch.shortcut, batch.features)
        layers, frozen = self.model.cnn.layers, self.experiment.frozen
        with torch.no_grad():
            lower = layers[:frozen](batch.images.float() / 127.5 - 1)
        return self.model.join(*self.model.cnn.neck(layers[frozen:](lower)))

    def sample(self, batch: CachedBatch, generator: Generator) -> tuple[Tensor, Tensor]:
        """Classes (K,) in order that the softmax is taken over, and what to add to their logits.

        Those of the labels in both cases, the teacher's likeliest, and some at random for all the others.
        """
        alphabet = self.model.config.alphabet
        likely = batch.likely[batch.likely >= 0]
        sure = torch.cat([needed_classes(batch.targets, alphabet), likely])
        return add_classes(sure, 1 + len(alphabet), self.experiment.negatives, generator)


@torch.no_grad()
def teach(teacher: CRNN, batch: CachedBatch) -> CachedBatch:
    """The batch with what this teacher's last layer reads in place of what PP-OCRv6 small's does."""
    return replace(batch, taught=teacher.join(batch.shortcut, batch.features))


def train(
    run: Run,
    teacher: CRNN | None,
    batches: Iterator[tuple[Position, CachedBatch]],
    development: dict[str, list[Sample]],
) -> None:
    """Train to the experiment's last step. Each process draws its own lines; the first scores and saves."""
    experiment, lesson = run.experiment, Lesson(run.model, teacher, run.experiment)
    module = DistributedDataParallel(lesson) if dist.is_initialized() else lesson
    generator, meter = Generator(run.device), Meter(run)
    progress = tqdm(initial=run.step, total=experiment.steps, mininterval=10, disable=not is_first())
    module.train()
    while run.step < experiment.steps:
        meter.start()
        run.position, batch = next(batches)
        batch = teach(teacher, batch) if teacher else batch
        meter.drawn()
        seed_step(generator, experiment.seed, run.step)
        set_rate(run.optimizer, learning_rate(run.step, experiment))
        loss = module(batch, generator)
        run.learn(loss, len(batch.lengths))
        progress.update()
        meter.done(loss)
        finish_step(run, meter, development, LOG_STEPS)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", type=Path)
    parser.add_argument("lines", type=Path, help="folder of shards")
    parser.add_argument("--dev", nargs="*", type=Path, default=[], help="folders to score on")
    parser.add_argument("--limit", type=int, default=300, help="lines of each folder to score on")
    parser.add_argument("--weights", type=Path, help="weights to start from")
    parser.add_argument("--teacher", type=Path, help="weights of a teacher on PP-OCRv6 small's convolutions")
    options = parser.parse_args()
    device = join()
    experiment = load(options.experiment)
    torch.manual_seed(experiment.seed)
    model = load_weights(options.weights)[0] if options.weights else public_weights.start(experiment.model)
    run = Run(experiment, model, device)
    run.resume()
    lines = CachedLines(options.lines, run.model.config.alphabet, seed=f"{experiment.seed}-{rank()}")
    batches = lines.stream(FRAMES_PER_BATCH, experiment.frozen >= 0, run.position)
    development = {}
    if is_first():
        development = {folder.name: load_folder(folder, options.limit) for folder in options.dev}
        run.log(parameters=count_parameters(run.model), cached=len(lines.places), processes=processes())
    train(run, load_weights(options.teacher)[0] if options.teacher else None, batches, development)
    leave()


if __name__ == "__main__":
    main()
