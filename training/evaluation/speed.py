"""Time models beside each other: milliseconds per line at several batch sizes, on the CPU or a GPU.

    python -m training.evaluation.speed crnn_v2 crnn_v2_lite  # one CPU thread
    python -m training.evaluation.speed crnn_v2 crnn_v2_lite --device cuda  # half precision on a GPU

What is timed is what a request costs in the handler after its image is decoded: straightening, scaling, the
network and CTC decoding. Rounds of the models alternate, so that what else the machine does meets all alike.
"""

import argparse
import time
from statistics import median

import numpy as np
import torch

from handler.engine import Engine, optimize
from handler.image import Grey
from handler.recognize import recognize_lines, warm_up
from training.evaluation.evaluate import find_model
from training.export import served

HEIGHT, WIDTHS = 32, (80, 160, 240, 320, 480)
"""Pixels of the lines: words, and lines of a receipt."""


def made_lines(count: int) -> list[Grey]:
    """Lines of bars, (HEIGHT, one of WIDTHS)."""
    rng = np.random.default_rng(0)
    lines = []
    for number in range(count):
        line = np.full((HEIGHT, WIDTHS[number % len(WIDTHS)]), 255, np.uint8)
        line[6:26, rng.random(line.shape[1]) < 0.4] = 20
        lines.append(line)
    return lines


def prepared(name: str, device: torch.device) -> Engine:
    """A model as the handler has it, every width bucket warmed up."""
    model = find_model(name)[0]
    if device.type == "cpu":
        return served(model, threads=1)
    optimize(model, device)
    warm_up(model)
    return model


def measure(models: dict[str, Engine], batch: int, rounds: int) -> dict[str, float]:
    """Median milliseconds per line by model; a reading ends with a copy to the CPU, so nothing runs on."""
    lines = made_lines(max(batch, len(WIDTHS)))
    batches = [lines[i : i + batch] for i in range(0, len(lines), batch)]
    taken: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(rounds):
        for name, model in models.items():
            start = time.perf_counter()
            for some in batches:
                recognize_lines(model, some)
            taken[name].append(1000 * (time.perf_counter() - start) / sum(map(len, batches)))
    return {name: median(times) for name, times in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 64, 512])
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    models = {name: prepared(name, options.device) for name in options.models}
    first = options.models[0]
    print(f"| batch | {' | '.join(f'{name}, ms a line' for name in models)} | times as fast as {first} |")
    print("|---" * (2 + len(models)) + "|")
    for batch in options.batches:
        times = measure(models, batch, options.rounds)
        ratios = ", ".join(f"{times[first] / times[name]:.2f}" for name in options.models[1:])
        print(f"| {batch} | {' | '.join(f'{ms:.2f}' for ms in times.values())} | {ratios} |")


if __name__ == "__main__":
    main()
