"""Train a CRNN with CTC.

    python -m training.train training/experiments/crnn_v1.toml  # rendered lines only
    python -m training.train … --real FOLDER… --dev FOLDER…  # with real lines, and development scores
    python -m training.train … --weights model_store/weights/…  # from weights instead of from nothing
    torchrun --standalone --nproc-per-node 2 -m training.train …  # one process a GPU, or a CPU core

A run keeps everything in .cache/runs/<name>: the checkpoint, from which the same command goes on as if it had
never been stopped; the log as JSON lines and for TensorBoard; and the weights with the best development
score, ready to be served.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from handler.charset import ASCII
from handler.model import (
    CRNN,
    count_parameters,
    large_config,
    lite_config,
    load_weights,
    paper_config,
    residual_config,
)
from training import alphabet as alphabets
from training.augmentation.augment import augment, normalize
from training.dataset import Lines, stream
from training.distributed import is_first, join, leave, processes, rank
from training.evaluation.evaluate import load_folder
from training.experiment import learning_rate, load
from training.labelled import Sample, load_real
from training.losses import ctc_loss, distillation_loss, hard_negatives_of, sample_classes
from training.run import Meter, Run, finish_step, seed_step, set_rate
from training.warm_start import warm_start

LOG_STEPS = 100
BFLOAT16 = "avx512_bf16", "amx_bf16", "bf16"
"""What CPUs call their instructions for bfloat16: x86-64 and ARM."""
CONFIGS = {
    "residual": residual_config,
    "paper": paper_config,
    "large": large_config,
    "lite": lite_config,
}


def has_bfloat16(device: str) -> bool:
    """Whether a kind of device has instructions for bfloat16; a CPU without them takes ten times as long as
    with float32."""
    if device != "cpu":
        return True
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name) for name in BFLOAT16)


def fast(device: torch.device) -> torch.autocast:
    """Within it layers compute in bfloat16 if the device is faster then."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device.type))


def forward(model: nn.Module, images: Tensor, classes: Tensor | None = None, done: int = 0) -> Tensor:
    """Logits (N, T, C) float32 of normalized images (N, 1, H, W); for `classes` and `done` see CRNN."""
    with fast(images.device):
        logits: Tensor = model(images.contiguous(memory_format=torch.channels_last), classes, done)
    return logits.float()


def train(
    run: Run,
    lines: Lines,
    development: dict[str, list[Sample]],
    workers: int = 0,
    teacher: CRNN | None = None,
) -> None:
    """Train to the experiment's last step. Each process draws its own lines; the first scores and saves."""
    experiment, alphabet = run.experiment, run.model.config.alphabet
    model = DistributedDataParallel(run.model) if dist.is_initialized() else run.model
    batches = stream(lines, experiment.columns, workers, run.position)
    generator = torch.Generator(run.device)
    meter, hard = Meter(run), hard_negatives_of(run.model.head)
    progress = tqdm(initial=run.step, total=experiment.steps, mininterval=10, disable=not is_first())
    model.train()
    while run.step < experiment.steps:
        meter.start()
        run.position, batch = next(batches)
        batch = batch.to(run.device)
        meter.drawn()
        seed_step(generator, experiment.seed, run.step)
        images = normalize(augment(batch.images.float(), batch.gentle, generator), batch.widths)
        set_rate(run.optimizer, learning_rate(run.step, experiment))
        classes, more = None, torch.zeros(1, device=run.device)
        if experiment.negatives:
            classes, more = sample_classes(batch, alphabet, experiment.negatives, hard, generator)
        logits = forward(model, images, classes) + more
        loss = ctc_loss(logits, batch, alphabet, classes)
        if teacher:
            with torch.no_grad():
                taught = forward(teacher, images, classes) + more
            loss = loss + experiment.distillation * distillation_loss(logits, taught)
        run.learn(loss, len(batch.lengths))
        progress.update()
        meter.done(loss)
        finish_step(run, meter, development, LOG_STEPS)
        if run.is_due(experiment.checkpoint_steps):
            hard = hard_negatives_of(run.model.head)  # here, so that they are the same after a resume


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", type=Path)
    parser.add_argument("--real", nargs="*", default=[], help="folders of real lines to mix in")
    parser.add_argument("--dev", nargs="*", type=Path, default=[], help="folders to score on")
    parser.add_argument("--weights", type=Path, help="weights to start from")
    parser.add_argument("--teacher", type=Path, help="weights of a model to learn from, beside the labels")
    parser.add_argument("--steps", type=int, help="another length than the experiment's")
    parser.add_argument(
        "--workers", type=int, default=0, help="rendering processes beside each training process"
    )
    options = parser.parse_args()
    device = join()
    experiment = load(options.experiment)
    if options.steps:
        experiment = replace(experiment, steps=options.steps)
    torch.manual_seed(experiment.seed)
    characters = ASCII if experiment.alphabet == "ascii" else alphabets.read(experiment.alphabet)
    model = CRNN(CONFIGS[experiment.model](characters))
    if options.weights:
        warm_start(model, load_weights(options.weights)[0])
    run = Run(experiment, model, device)
    run.resume()
    config = run.model.config
    real = load_real(options.real, config.alphabet)
    mix = {kind: share for kind, share in experiment.mix.items() if kind != "real" or real}
    lines = Lines(config, mix, real, seed=f"{experiment.seed}-{rank()}")
    development = {folder.name: load_folder(folder, 600) for folder in options.dev} if is_first() else {}
    if is_first():
        run.log(parameters=count_parameters(run.model), real_lines=len(real), processes=processes())
    teacher = load_weights(options.teacher)[0].to(device) if options.teacher else None
    train(run, lines, development, options.workers, teacher)
    leave()


if __name__ == "__main__":
    main()
