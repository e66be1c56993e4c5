"""A training run: its model, optimizer, average, counters, checkpoint, log and best weights."""

import json
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from handler.model import CRNN, count_parameters, save_weights
from training.dataset import Position
from training.distributed import gather, is_first, processes, rank
from training.evaluation.evaluate import evaluate
from training.experiment import Experiment, learning_rate
from training.labelled import Sample


def parameter_groups(model: CRNN, rates: dict[str, float]) -> list[dict[str, Any]]:
    """Parameters by their share of the learning rate, under `share`; those with none of it are left out."""
    groups: dict[float, list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        share = next((rate for start, rate in rates.items() if name.startswith(start)), 1.0)
        parameter.requires_grad_(bool(share))
        if share:
            groups.setdefault(share, []).append(parameter)
    return [{"params": parameters, "share": share} for share, parameters in groups.items()]


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate * group["share"]


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
            parameter_groups(self.model, experiment.rates),
            experiment.learning_rate,
            betas=(0.9, experiment.beta),
            weight_decay=experiment.weight_decay,
        )
        self.step, self.lines, self.seconds, self.best = 0, 0, 0.0, 0.0
        self.position = Position()

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def save(self) -> None:
        """Write the checkpoint, by the first process; all must call it, since each has its own position."""
        positions = gather((self.position.chunk, self.position.batch))
        if not is_first():
            return
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "counters": {"step": self.step, "lines": self.lines, "seconds": self.seconds, "best": self.best},
            "positions": positions,
        }
        torch.save(state, self.checkpoint.with_suffix(".new"))
        self.checkpoint.with_suffix(".new").replace(self.checkpoint)

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one; with another number of processes from a later chunk."""
        if self.checkpoint.exists():
            state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            vars(self).update(state["counters"])
            positions = [Position(*position) for position in state["positions"]]
            later = Position(max(position.chunk for position in positions) + 1)
            self.position = positions[rank()] if len(positions) == processes() else later

    def learn(self, loss: Tensor, lines: int) -> None:
        """One step of the optimizer and of the average, from the loss of so many lines in this process."""
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.experiment.clip)
        self.optimizer.step()
        self.average.update_parameters(self.model)
        self.step += 1
        self.lines += lines * processes()

    def is_due(self, every: int) -> bool:
        """Whether what happens every so many steps, and after the last one, happens now."""
        return self.step % every == 0 or self.step == self.experiment.steps

    def log(self, **figures: Any) -> None:
        """Append to log.jsonl, and to TensorBoard's event file where TensorBoard is installed."""
        entry = {"step": self.step, "lines": self.lines, "minutes": round(self.seconds / 60, 1)} | figures
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(entry) + "\n")
        tqdm.write(json.dumps(entry))
        for name, figure in figures.items():
            for part, value in figure.items() if isinstance(figure, dict) else [("", figure)]:
                self.board.add_scalar(f"{name}/{part}".rstrip("/"), value, self.step)

    @cached_property
    def board(self) -> Any:
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(self.folder, purge_step=self.step)

    def score(self, development: dict[str, list[Sample]]) -> None:
        """Measure the averaged model; keep its weights when mean `word` and `exact` are the best yet."""
        model: CRNN = self.average.module.eval()
        scores = {name: evaluate(model, samples) for name, samples in development.items()}
        self.log(**scores)
        mean = sum(s["word"] + s["exact"] for s in scores.values()) / max(1, 2 * len(scores))
        self.keep(mean, {name: {k: s[k] for k in ("word", "exact")} for name, s in scores.items()})

    def keep(self, merit: float, accuracy: dict[str, Any]) -> None:
        """Write the averaged weights as the best ones, with these figures, unless others had more merit."""
        if merit >= self.best:
            self.best = merit
            model: CRNN = self.average.module
            facts = self.experiment.facts | {
                "parameters": count_parameters(model),
                "training": {"step": self.step, "lines": self.lines, "minutes": round(self.seconds / 60)},
                "accuracy": accuracy,
            }
            save_weights(model, self.folder / "best.safetensors", facts)


class Meter:
    """The mean loss, lines a second, and the share of time in which the device waits for lines."""

    def __init__(self, run: Run) -> None:
        self.run, self.before = run, run.lines
        self.started, self.waited, self.spent = 0.0, 0.0, 0.0
        self.losses: list[Tensor] = []

    def start(self) -> None:
        self.started = time.monotonic()

    def drawn(self) -> None:
        self.waited += time.monotonic() - self.started

    def done(self, loss: Tensor) -> None:
        self.losses.append(loss.detach())
        if self.run.device.type == "cuda" and self.run.step % 100 == 0:
            torch.cuda.synchronize()
        self.spent += time.monotonic() - self.started
        self.run.seconds += time.monotonic() - self.started

    def read(self) -> dict[str, float]:
        """The figures since the last reading."""
        figures = {
            "loss": round(float(torch.stack(self.losses).mean()), 4),
            "lines_per_second": round((self.run.lines - self.before) / self.spent, 1),
            "idle": round(self.waited / self.spent, 3),
        }
        self.before, self.waited, self.spent, self.losses = self.run.lines, 0.0, 0.0, []
        return figures


def seed_step(generator: torch.Generator, seed: int, step: int) -> None:
    """Augmentation and dropout depend on the seed, the step and the process alone: see Run.resume."""
    value = hash((seed, step, rank())) % 2**63
    torch.manual_seed(value)
    generator.manual_seed(value)


def finish_step(run: Run, meter: Meter, development: dict[str, list[Sample]], log_steps: int) -> None:
    """Log, score and save when it is due; the first process logs and scores."""
    if is_first() and run.is_due(log_steps):
        run.log(rate=learning_rate(run.step, run.experiment), **meter.read())
    if is_first() and run.is_due(run.experiment.score_steps):
        run.score(development)
    if run.is_due(run.experiment.checkpoint_steps):
        run.save()
