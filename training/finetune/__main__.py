"""Teach a model what readers have corrected, on a CPU, and ship it if it forgets nothing.

    make finetune MODEL=crnn_v3 DATA=corrections NAME=crnn_v3_shop

DATA is a folder with labels.tsv and line images, as `ocr feedback export` writes it. A fifth of its lines is
held out and decides when to stop. The new model gets weights, a card and an archive in model_store under NAME
if it reads the held-out lines no worse than MODEL, and rendered lines of no language worse by more than half
a point; otherwise nothing is left of it. Killed, the same command goes on: .cache/runs/NAME has its state.

Exit status: 0 shipped, 1 refused because it reads worse, 2 input that cannot be used.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import torch

from handler.model import CRNN, load_weights, save_weights
from training.evaluation.evaluate import UnusableInputError, exit_status, find_model
from training.experiment import Experiment
from training.finetune import corrections, renders, shipping
from training.finetune.corrections import Corrections
from training.finetune.train import STEPS, experiment, mean, shares, train
from training.labelled import Sample
from training.package import STORE
from training.run import Run

HELD_OUT = "held-out corrections"
LINES_A_LANGUAGE = 150


def finetune(model_name: str, data: Path, name: str, steps: int, store: Path = STORE) -> str:
    """Fine-tune, measure and ship; returns what to tell.

    Raises:
        UnusableInputError: the model, the folder or the name cannot be used, or corpus or fonts are missing.
        WorseModelError: what was learned reads worse than before.
    """
    shipping.check_name(name, store)
    start, facts, path = find_model(model_name)
    lines = corrections.read(data, start.config)
    print(f"{len(lines.learn)} lines to learn, {len(lines.held_out)} held out.", *lines.left_out, flush=True)
    try:
        sets = {HELD_OUT: lines.held_out} | renders.test_lines(start.config, LINES_A_LANGUAGE)
    except FileNotFoundError as error:
        raise UnusableInputError(str(error)) from None
    before = shipping.measure(start, sets)
    settings = experiment(name, start, facts | {shipping.BEGINS_AS: path.stem}, steps)
    candidate, figures = settle(learn(settings, path, lines), start, sets, before)
    archive = shipping.ship(candidate, name, card(name, path.stem, lines, figures), store)
    return f"Built {archive}: after the next `make run` requests can name the model {name}."


def learn(settings: Experiment, weights: Path, lines: Corrections) -> Path:
    """Train what begins as these weights, from where a run on the same lines was stopped; returns the file
    with the weights that read the held-out lines best.

    Raises:
        UnusableInputError: a run of another kind has this name.
    """
    model, start = load_weights(weights)[0], load_weights(weights)[0]
    model.look_everywhere()
    run = Run(settings, model, torch.device("cpu"))
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    begin(run, {"weights": digest, "lines": lines.digest, "settings": repr(settings)})
    run.resume()
    train(run, start, lines.learn, lines.held_out)
    return run.folder / "best.safetensors"


def settle(
    learned: Path, start: CRNN, sets: dict[str, list[Sample]], before: shipping.Figures
) -> tuple[Path, str]:
    """The file of the mean of learned weights and the start's that is to be shipped, and its figures.

    Where one forgets, one with more of the start's weights is tried. Raises WorseModelError if all do.
    """
    best, facts = load_weights(learned)
    candidate, worse = learned.with_name("candidate.safetensors"), None
    for share in shares(best, start, sets[HELD_OUT]):
        mixed = mean(best, start, share)
        shipping.calibrate(mixed, start)
        save_weights(mixed, candidate, facts)
        after = shipping.measure(load_weights(candidate)[0], sets)
        figures = shipping.table(before, after)
        print(f"\n{share:.0%} of what was learned:\n\n{figures}\n", flush=True)
        try:
            shipping.check(before, after, HELD_OUT)
        except shipping.WorseModelError as error:
            worse = error
        else:
            return candidate, figures
    assert worse
    raise worse


def begin(run: Run, made_of: dict[str, str]) -> None:
    """Forget what the run's folder holds of other lines, weights or settings."""
    note = run.folder / "finetune.json"
    if note.exists() and json.loads(note.read_text("utf-8")) == made_of:
        return
    if run.checkpoint.exists() and not note.exists():
        raise UnusableInputError(f"{run.folder} holds a run of another kind: give another name (NAME=…).")
    for path in run.folder.glob("*"):
        path.unlink()
    note.with_suffix(".new").write_text(json.dumps(made_of), "utf-8")
    note.with_suffix(".new").replace(note)


def card(name: str, of: str, lines: Corrections, figures: str) -> str:
    """The model's card, in markdown."""
    learned, held_out = len(lines.learn), len(lines.held_out)
    return f"""# Model card: {name}

Begins as [{of}]({of}.md), whose card holds where this one says nothing else, and has learned from {learned}
lines that readers corrected. {held_out} of their corrections were held out; these also chose when to stop, so
that their figures are a little flattering. The other lines were rendered for measuring.

{figures}
"""


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="MODEL", help="a model of model_store, or a weights file")
    parser.add_argument("data", metavar="DATA", type=Path, help="the folder of corrections")
    parser.add_argument("name", metavar="NAME", help="of the new model")
    parser.add_argument("--steps", type=int, default=STEPS, help="at most (%(default)s)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None, store: Path = STORE) -> int:
    """Fine-tune as the arguments ask, for a store; the exit status, see above."""
    options = parse(arguments)
    model, data, name = options.model, options.data, options.name
    try:
        return exit_status(lambda: print(finetune(model, data, name, options.steps, store)))
    except shipping.WorseModelError as error:
        print(f"{name} is not shipped, for it reads worse than {model}:", file=sys.stderr)
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
