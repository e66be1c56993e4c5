"""Fit the layer that tells from a frame's features that it shows a letter which is not in the alphabet.

    python -m training.calibration.foreign_letters WEIGHTS.safetensors FOLDER…  # fits, prints shares, stores

A network has a class for each character of its alphabet and none for all others: Cyrillic comes out as Latin
and other letters that look like it, unsure. Its features know more: logistic regression tells frames of
rendered lines in other scripts from those of rendered lines in its own and of the real lines of the FOLDERs
(of receipt pages the `train` part), whose blur must not pass for another script. Half of the lines are for
fitting, the other half tell which share of either is called foreign, see recognize.py. `make corpus` and
`make fonts` come first.
"""

import argparse
import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
from PIL import ImageFont
from torch import Tensor, nn
from wordfreq import top_n_list

from handler.charset import BLANK
from handler.image import Pixels
from handler.model import CRNN, load_weights, save_weights
from handler.preprocess import to_line
from handler.recognize import line_emissions, recognize_lines
from training.calibration.blank_frames import regress
from training.fonts.coverage import FONT_DIR
from training.labelled import read_folder
from training.render.line import DOMAINS, draw_line, render

FOREIGN = {"ru": "ж", "uk": "ї", "bg": "щ", "el": "λ", "he": "ש", "ar": "ع", "ko": "한"}
"""Languages in other scripts, and a letter that tells which fonts draw them."""
OFTEN = ("ru", "ru", "ru", "uk", "bg", "el", "el", "he", "ar", "ko")
OWN = ("document", "document", "screen", "screen", "receipt", "scene")
LINES = 500
"""In other scripts, in its own, and of each folder, at most."""
WORDS = 20_000
SYSTEM_FONTS = Path("/usr/share/fonts")
"""Beside those that `make fonts` fetches, which draw no Korean."""


@cache
def _fonts(letter: str) -> list[str]:
    """Fonts that draw a letter: it looks like no missing one there."""
    files = [
        path
        for folder in (FONT_DIR, SYSTEM_FONTS)
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in {".ttf", ".otf", ".ttc"} and "Math" not in path.name
    ]
    return [str(path) for path in files if _draws(path, letter)]


def _draws(path: Path, letter: str) -> bool:
    try:
        font = ImageFont.truetype(str(path), 40)
        return bytes(font.getmask(letter)) != bytes(font.getmask("\uffff"))
    except (OSError, ValueError):
        return False


def foreign_lines(count: int) -> Iterator[Pixels]:
    """Lines of words in other scripts, as documents, screens, receipts and signs show them."""
    spoken = [language for language in OFTEN if _fonts(FOREIGN[language])]
    for number in range(count):
        rng = random.Random(f"foreign-{number}")
        language = rng.choice(spoken)
        words = rng.choices(top_n_list(language, WORDS), k=rng.randint(1, 5))
        shape = rng.choice([str.lower, str.title, str.upper])
        figures = [str(rng.randint(1, 9999))] if rng.random() < 0.3 else []
        domain = replace(DOMAINS[rng.choice(OWN)], emoji=0.0)
        font = rng.choice(_fonts(FOREIGN[language]))
        yield draw_line(rng, domain, " ".join([*map(shape, words), *figures]), font, colour=True)


def own_lines(count: int, alphabet: str) -> Iterator[Pixels]:
    """Lines that a network of this alphabet can read."""
    for number in range(count):
        rng = random.Random(f"own-{number}")
        yield render(rng, DOMAINS[OWN[number % len(OWN)]], alphabet, colour=True)[0]


def real_lines(folder: Path) -> list[Pixels]:
    """Some of a folder that may be trained on, spread over it."""
    samples = read_folder(folder, "train")
    return [sample.image for sample in samples[:: max(1, len(samples) // LINES)][:LINES]]


@torch.no_grad()
def written_frames(model: CRNN, lines: list[Pixels]) -> Tensor:
    """Features (N, width) of the frames in which the network reads a character."""
    features: list[Tensor] = []

    def note(_: nn.Module, given: tuple[Tensor], logits: Tensor) -> None:
        features.append(given[0][logits.argmax(-1) != BLANK])

    with model.head.register_forward_hook(note):
        for line in lines:
            line_emissions(model, [to_line(line, model.config.height, model.config.channels)])
    return torch.cat(features)


def fit(model: CRNN, foreign: list[Pixels], own: list[Pixels]) -> None:
    """Set the model's `foreign_weight` and `foreign_bias`; both kinds of lines weigh the same."""
    strange, usual = written_frames(model, foreign), written_frames(model, own)
    shares = torch.cat([torch.ones(len(strange)), torch.zeros(len(usual))])
    weight, bias = regress(torch.cat([strange, usual]).clone(), shares)
    model.foreign_weight.copy_(weight.detach())
    model.foreign_bias.fill_(bias)


def share_called_foreign(model: CRNN, lines: list[Pixels]) -> float:
    return sum(recognize_lines(model, [line])[0].is_foreign for line in lines) / len(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", type=Path)
    parser.add_argument("folders", nargs="*", type=Path)
    options = parser.parse_args()
    model, facts = load_weights(options.weights)
    foreign = list(foreign_lines(LINES))
    own = {"rendered": list(own_lines(LINES, model.config.alphabet))}
    own |= {folder.name: real_lines(folder) for folder in options.folders}
    fit(model, foreign[::2], [line for lines in own.values() for line in lines[::2]])
    for name, lines in {"in other scripts": foreign, **own}.items():
        print(f"called foreign: {share_called_foreign(model, lines[1::2]):.3f} of lines {name}", flush=True)
    part = options.weights.with_suffix(".part")
    save_weights(model, part, facts)
    part.replace(options.weights)


if __name__ == "__main__":
    main()
