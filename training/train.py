"""Train a CRNN with CTC.

    python -m training.train training/experiments/crnn_v1.toml    # rendered lines only
    python -m training.train … --real FOLDER… --dev FOLDER…       # with real lines, and development scores
    torchrun --standalone --nproc-per-node 2 -m training.train …  # one process a GPU, or a CPU core

A run keeps everything in .cache/runs/<name>: the checkpoint (written every few minutes, resumed from when the
same command is given again), the log as JSON lines, and the weights with the best development score, ready to
be served.
"""

import argparse
import json
import math
import os
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from handler.charset import ASCII, BLANK
from handler.model import CRNN, count_parameters, load_weights, paper_config, save_weights, slim_config
from training.dataset import Batch, LineStream, load_real, stream
from training.evaluate import evaluate, load_folder

CONFIGS = {"slim": slim_config, "paper": paper_config}
NEVER = -1e4
"""Log probability of a class that is ruled out; finite, so that gradients stay finite."""


@dataclass(frozen=True)
class Experiment:
    """What a file in experiments/ may set."""

    name: str
    steps: int
    mix: dict[str, float]
    model: str = "slim"
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    warmup: int = 500
    columns: int = 64 * 160
    ema: float = 0.999
    clip: float = 5.0
    seed: int = 1
    minutes_between_checkpoints: float = 8.0
    facts: dict[str, Any] = field(default_factory=dict)


def learning_rate(step: int, experiment: Experiment) -> float:
    """Linear warm-up, then half a cosine down to zero at the last step."""
    if step < experiment.warmup:
        return experiment.learning_rate * (step + 1) / experiment.warmup
    done = (step - experiment.warmup) / max(1, experiment.steps - experiment.warmup)
    return experiment.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def fold_case(log_probs: Tensor, folded: Tensor, alphabet: str) -> Tensor:
    """Give each upper-case class of the `folded` rows the probability of both cases, and the lower case none.

    (N, T, C) -> (N, T, C). Their targets are spelled in upper case, so that either case fulfils them.
    """
    pairs = [
        (alphabet.index(c) + 1, alphabet.index(c.lower()) + 1)
        for c in alphabet
        if c.lower() != c and c.lower() in alphabet
    ]
    upper, lower = (torch.tensor(side, device=log_probs.device) for side in zip(*pairs, strict=True))
    merged = log_probs.clone()
    merged[..., upper] = torch.logaddexp(log_probs[..., upper], log_probs[..., lower])
    merged[..., lower] = NEVER
    return torch.where(folded[:, None, None], merged, log_probs)


def ctc_loss(model: nn.Module, batch: Batch, alphabet: str) -> Tensor:
    """CTC loss per character of the batch's labels; the network runs in bfloat16, the loss in float32."""
    images = batch.images.contiguous(memory_format=torch.channels_last)
    with torch.autocast(images.device.type, torch.bfloat16):
        logits = model(images)
    log_probs = logits.float().log_softmax(dim=2)
    if batch.folded.any():
        log_probs = fold_case(log_probs, batch.folded, alphabet)
    frames = torch.full_like(batch.lengths, log_probs.shape[1])
    loss = nn.functional.ctc_loss(
        log_probs.transpose(0, 1),
        batch.targets,
        frames,
        batch.lengths,
        blank=BLANK,
        reduction="sum",
        zero_infinity=True,
    )
    return loss / batch.lengths.sum()


def moving_average(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """Exponential moving average; while young it spans a tenth of its updates and so forgets its start."""

    def update(average: Tensor, value: Tensor, count: Tensor | int) -> Tensor:
        share = 1 - min(decay, (1 + int(count)) / (10 + int(count)))
        return average.lerp(value, share) if average.is_floating_point() else value

    return update


class Run:
    """Model, optimizer, average and counters of a training run, with their checkpoint on disk."""

    def __init__(self, experiment: Experiment, model: CRNN, device: torch.device) -> None:
        self.experiment, self.device = experiment, device
        self.folder = Path(".cache/runs") / experiment.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = AveragedModel(self.model, avg_fn=moving_average(experiment.ema), use_buffers=True)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), experiment.learning_rate, weight_decay=experiment.weight_decay
        )
        self.step, self.lines, self.seconds, self.best = 0, 0, 0.0, 0.0

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def save(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "counters": {"step": self.step, "lines": self.lines, "seconds": self.seconds, "best": self.best},
        }
        torch.save(state, self.checkpoint.with_suffix(".new"))
        self.checkpoint.with_suffix(".new").replace(self.checkpoint)

    def resume(self) -> None:
        if self.checkpoint.exists():
            state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            vars(self).update(state["counters"])

    def log(self, **figures: Any) -> None:
        entry = {"step": self.step, "lines": self.lines, "minutes": round(self.seconds / 60, 1)} | figures
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(entry) + "\n")
        tqdm.write(json.dumps(entry))

    def score(self, development: dict[str, list[Any]]) -> None:
        """Measure the averaged model; keep its weights when mean `word` and `exact` are the best yet."""
        model: CRNN = self.average.module.eval()
        scores = {name: evaluate(model, samples) for name, samples in development.items()}
        self.log(**scores)
        mean = sum(s["word"] + s["exact"] for s in scores.values()) / max(1, 2 * len(scores))
        if mean >= self.best:
            self.best = mean
            facts = self.experiment.facts | {
                "parameters": count_parameters(model),
                "training": {"step": self.step, "lines": self.lines, "minutes": round(self.seconds / 60)},
                "accuracy": {name: {k: s[k] for k in ("word", "exact")} for name, s in scores.items()},
            }
            save_weights(model, self.folder / "best.safetensors", facts)


def train(run: Run, data: LineStream, development: dict[str, list[Any]], workers: int) -> None:
    """Train to the experiment's last step. Each process draws its own lines; the first scores and saves."""
    experiment, alphabet = run.experiment, run.model.config.alphabet
    model = DistributedDataParallel(run.model) if dist.is_initialized() else run.model
    batches = stream(data, workers)
    started = saved = time.monotonic()
    progress = tqdm(initial=run.step, total=experiment.steps, mininterval=10, disable=not is_first())
    model.train()
    while run.step < experiment.steps:
        batch = next(batches).to(run.device)
        for group in run.optimizer.param_groups:
            group["lr"] = learning_rate(run.step, experiment)
        loss = ctc_loss(model, batch, alphabet)
        run.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), experiment.clip)
        run.optimizer.step()
        run.average.update_parameters(run.model)
        run.step += 1
        run.lines += len(batch.lengths) * processes()
        now = time.monotonic()
        run.seconds, started = run.seconds + now - started, now
        progress.update()
        if is_first() and run.step % 100 == 0:
            run.log(loss=round(loss.item(), 4), rate=learning_rate(run.step, experiment))
        due = now - saved > 60 * experiment.minutes_between_checkpoints or run.step == experiment.steps
        if is_first() and due:
            run.score(development)
            run.save()
            started = saved = time.monotonic()


def is_first() -> bool:
    return not dist.is_initialized() or dist.get_rank() == 0


def processes() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def join() -> torch.device:
    """Join the processes that torchrun started, if it did; the device of this one."""
    cuda = torch.cuda.is_available()
    if "RANK" in os.environ:
        dist.init_process_group("nccl" if cuda else "gloo")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else torch.device("cpu")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", type=Path)
    parser.add_argument("--real", nargs="*", default=[], help="folders of real lines to mix in")
    parser.add_argument("--dev", nargs="*", type=Path, default=[], help="folders to score on")
    parser.add_argument("--weights", type=Path, help="weights to start from")
    parser.add_argument("--steps", type=int, help="another length than the experiment's")
    parser.add_argument(
        "--workers", type=int, default=0, help="rendering processes beside each training process"
    )
    options = parser.parse_args()
    device = join()
    settings = tomllib.loads(options.experiment.read_text())
    experiment = Experiment(**(settings | ({"steps": options.steps} if options.steps else {})))
    torch.manual_seed(experiment.seed)
    model = load_weights(options.weights)[0] if options.weights else CRNN(CONFIGS[experiment.model](ASCII))
    run = Run(experiment, model, device)
    run.resume()
    config = run.model.config
    real = load_real(options.real, config.alphabet)
    mix = {kind: share for kind, share in experiment.mix.items() if kind != "real" or real}
    rank = dist.get_rank() if dist.is_initialized() else 0
    data = LineStream(config, mix, real, experiment.columns, seed=experiment.seed + 1000 * run.step + rank)
    development = {folder.name: load_folder(folder, 600) for folder in options.dev} if is_first() else {}
    if is_first():
        run.log(parameters=count_parameters(run.model), real_lines=len(real), processes=processes())
    train(run, data, development, options.workers)


if __name__ == "__main__":
    main()
