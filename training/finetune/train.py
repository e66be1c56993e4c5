"""The training itself: corrections among rendered lines, and the word of the model that it starts from.

What learns is the last layer, the LSTMs, and the last fifth of the convolutions; what these see is what they
always saw, computed once for the model and for the one that it starts from. Where the model already reads a
line surely, rightly, its own posteriors are taught on along with the label, so that nothing is forgotten;
where it does not, the label alone counts. In the end old weights are mixed in.
"""

import copy
import time

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from handler.model import CRNN, read_header
from training.augmentation.augment import augment, normalize
from training.dataset import Batch, Lines, stream
from training.evaluation.evaluate import evaluate
from training.experiment import Experiment, learning_rate
from training.labelled import Sample
from training.losses import hard_negatives_of, line_losses, sample_classes
from training.run import Meter, Run, seed_step, set_rate
from training.train import fast, forward

SHARES = (0.35, 0.5, 0.65, 0.8)
"""Shares of the learned weights that are tried in those that are kept; the others are the start's."""
MIX = {"receipt": 3.0, "document": 3.0, "scene": 3.0, "screen": 2.0, "plate": 0.5, "real": 8.0}
"""Corrections are two lines of five."""
FROZEN = 0.8
"""Share of the convolutions' layers, from the first on, that stay as they are."""
TEACHING_CONFIDENCE = 0.8
"""From this probability of the label on the model counts as reading it surely."""
SCORE_STEPS, PATIENCE = 25, 150
"""Steps between two looks at the held-out lines, and after which without a better one training stops."""
SAVE_SECONDS = 40
PLAIN = 0.5
"""How often a correction is shown without augmentation: worn print bears little more."""
STEPS, LEARNING_RATE = 320, 3e-4


def experiment(name: str, model: CRNN, facts: dict[str, object], steps: int = STEPS) -> Experiment:
    """The settings of a fine-tuning; its run is .cache/runs/<name>."""
    return Experiment(
        name,
        steps=steps,
        mix=MIX,
        learning_rate=LEARNING_RATE,
        warmup=20,
        beta=0.98,
        columns=64 * 120,
        ema=0.98,
        negatives=500,
        distillation=4.0,
        score_steps=SCORE_STEPS,
        rates=dict.fromkeys(names(model, frozen(model)), 0.0) | {"cnn": 0.5, "head": 0.2},
        facts=facts,
    )


def frozen(model: CRNN) -> nn.Sequential:
    """The convolutions that stay as they are."""
    return model.convolutions[: int(FROZEN * len(model.convolutions))]


def names(model: CRNN, layers: nn.Sequential) -> list[str]:
    """How the names of the layers' parameters begin."""
    return [f"{name}." for name, module in model.named_modules() for layer in layers if layer is module]


def vary(batch: Batch, generator: Generator) -> Tensor:
    """The images of a batch augmented, but for some of the gentle lines."""
    images = batch.images.float()
    plain = batch.gentle & (torch.rand(len(images), generator=generator) < PLAIN)
    return torch.where(
        plain.reshape(-1, *[1] * (images.ndim - 1)), images, augment(images, batch.gentle, generator)
    )


def loss_of(run: Run, teacher: CRNN, batch: Batch, hard: Tensor, generator: Generator) -> Tensor:
    """CTC per character of a batch in levels, and divergence per frame from what the teacher reads surely."""
    images = normalize(vary(batch, generator), batch.widths)
    alphabet, settings = run.model.config.alphabet, run.experiment
    classes, more = sample_classes(batch, alphabet, settings.negatives, hard, generator)
    layers = frozen(teacher)
    with torch.no_grad(), fast(run.device):
        seen = layers(images.contiguous(memory_format=torch.channels_last))
    with torch.no_grad():
        taught = forward(teacher, seen, classes, len(layers)) + more
        sure = line_losses(taught, batch, alphabet, classes).neg().exp() >= TEACHING_CONFIDENCE
    logits = forward(run.model, seen, classes, len(layers)) + more
    ctc = line_losses(logits, batch, alphabet, classes).sum() / batch.lengths.sum()
    student, known = logits[sure].log_softmax(2), taught[sure].log_softmax(2)
    divergence = functional.kl_div(student, known, reduction="none", log_target=True).sum(2).mean()
    return ctc + settings.distillation * divergence if sure.any() else ctc


def train(run: Run, teacher: CRNN, learn: list[Sample], held_out: list[Sample]) -> None:
    """Train until the held-out lines have not been read better for PATIENCE steps, or to the last step.

    The weights that read them best are in the run's folder, as best.safetensors.
    """
    lines = Lines(run.model.config, run.experiment.mix, learn, seed=f"finetune-{run.experiment.seed}")
    batches = stream(lines, run.experiment.columns, start=run.position)
    generator, meter, saved = Generator(run.device), Meter(run), time.monotonic()
    hard = hard_negatives_of(teacher.head)
    progress = tqdm(initial=run.step, total=run.experiment.steps, mininterval=10)
    run.model.train()
    run.model.cnn.eval()  # its normalization stays as it is
    while run.step < run.experiment.steps and not is_over(run):
        meter.start()
        run.position, batch = next(batches)
        batch = batch.to(run.device)
        meter.drawn()
        seed_step(generator, run.experiment.seed, run.step)
        set_rate(run.optimizer, learning_rate(run.step, run.experiment))
        loss = loss_of(run, teacher, batch, hard, generator)
        run.learn(loss, len(batch.lengths))
        progress.update()
        meter.done(loss)
        if run.is_due(run.experiment.score_steps):
            run.log(**meter.read())
            score(run, held_out)
        if run.is_due(run.experiment.score_steps) or time.monotonic() - saved > SAVE_SECONDS:
            run.save()
            saved = time.monotonic()


def score(run: Run, held_out: list[Sample]) -> None:
    """Keep the averaged weights if they read the held-out lines at least as well as those kept before."""
    figures = evaluate(run.average.module.eval(), held_out)
    run.log(held_out=figures)
    run.keep(1 - figures["cer"], {"held out": figures})


def is_over(run: Run) -> bool:
    """Whether the best weights are PATIENCE steps old."""
    best = run.folder / "best.safetensors"
    return best.exists() and run.step - int(read_header(best)[1]["training"]["step"]) >= PATIENCE


def shares(learned: CRNN, start: CRNN, held_out: list[Sample]) -> list[float]:
    """Shares of the learned weights to try: the least that leaves half of the start's errors on the held-out
    lines, or else the largest, and then smaller ones. What was forgotten comes back by the start's weights,
    and most of what was learned stays.

    Wortsman et al., "Robust fine-tuning of zero-shot models" (2022), https://arxiv.org/abs/2109.01903.
    """
    enough = evaluate(start, held_out)["cer"] / 2
    tried: list[float] = []
    for share in SHARES:
        tried.insert(0, share)
        if evaluate(mean(learned, start, share), held_out)["cer"] <= enough:
            break
    return tried


@torch.no_grad()
def mean(learned: CRNN, start: CRNN, share: float) -> CRNN:
    """A share of one model's weights and the rest of another's; it looks at every frame."""
    mixed, of_start = copy.deepcopy(learned), start.state_dict()
    for name, tensor in mixed.state_dict().items():
        if tensor.is_floating_point():
            tensor.lerp_(of_start[name], 1 - share)
    mixed.look_everywhere()
    return mixed
