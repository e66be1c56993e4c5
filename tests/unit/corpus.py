"""A small corpus in place of the one that `make corpus` gathers."""

import tomllib
from pathlib import Path

from training import text

WORDS = """
the of and to in is that for was on with as it be by are at from this have not but which their one
had were all their been other has when who will more if out so said what up its about than into them
can only some could time these two may then first any like such over man even most made after also
did many before must through back years where much way well down should because each just those
people too how little state good very make world still own work long get here between both life
being under never day same another know while last might us great old year off come since against go
came right used take three house five quick jazz query exam box zoo fix vex judge equal quiet
"""
NAMES = {
    "person": ["Jane Quill", "Max O'Brien", "Zoe Fox-Vane"],
    "company": ["Jackson & Sons Ltd.", "Quality Print Inc", "Vaux Group"],
    "address": ["12 High Street", "Unit 7, Park Road", "Springfield, KY 40069"],
    "street": ["45 Queens Ave.", "8 Box Lane"],
    "city": ["York", "Zell", "Port Jervis"],
    "job": ["Engineer, water", "Judge"],
    "slogan": ["Quick and extended solution", "Fully-sized help"],
    "local_phone": ["(040) 555-0199", "+1-202-555-0143"],
    "local_plate": ["KVJ 482", "QX07 ZBD"],
}
PROSE = [
    "It was quite early when the eighteenth train left; either the clock was wrong, or we were.",
    'She said: "Take the box (the big one) and don\'t look back!" Nobody had asked for 15% of it.',
    "Is that all? The judge, who had a vexed look, quietly put six pages into the zinc drawer.",
]


def small_corpus(folder: Path) -> None:
    """Write the files that text.py reads for every language of text.toml, all with the same few words.

    Use it with `monkeypatch.setattr(text, "CORPUS", folder)`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    words = "".join(
        f"{word}\t{0.05 / rank:.3g}\n" for rank, word in enumerate(dict.fromkeys(WORDS.split()), 1)
    )
    names = "".join(f"{kind}\t{line}\n" for kind, lines in NAMES.items() for line in lines)
    for language in tomllib.loads(text.DESCRIPTION.read_text("utf-8"))["language"]:
        (folder / f"words-{language}.tsv").write_text(words, "utf-8")
        (folder / f"proper-{language}.tsv").write_text(names, "utf-8")
        (folder / f"prose-{language}.txt").write_text("".join(f"{line}\n" for line in PROSE), "utf-8")
