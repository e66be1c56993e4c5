"""Read images from the command line, with a service that is running; options.py has its help."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from typing import TypeVar

from tqdm import tqdm

from frontend.cli.client import Client, UnreachableError, UnreadImageError
from frontend.cli.inputs import STDIN, find, is_url, load
from frontend.cli.options import parse, query
from frontend.errors import OCRError
from frontend.files.file_types import ZIP
from frontend.formats.text import Answer, JsonLines, Output, Table, Text

T = TypeVar("T")

ALL_READ, SOME_FAILED, WRONG_OPTIONS, UNREACHABLE = 0, 1, 2, 3
INTERRUPTED, BROKEN_PIPE = 130, 141
"""128 and the number of the signal, as a shell reports a program that SIGINT or SIGPIPE ended."""
_NO_ADDRESSES = "--pdf embeds the images, so it takes only files: download it, and give its name."
_NO_ZIPS = "--pdf takes no ZIP. Unpack it, and give the folder."
_NO_TERMINAL = "A PDF cannot be shown in a terminal. Send it to a file: ocr --pdf scan.jpg > scan.pdf"


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the images that `arguments` (by default the command line's) name; the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    options = parse(names_apart(given), os.environ)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # whatever the locale: JSON and hOCR are
    try:
        return run(options)
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:  # of standard output alone: others are translated where they occur
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return BROKEN_PIPE
        complain(f"The output cannot be written: {error.strerror}.")
        return SOME_FAILED


def names_apart(arguments: Sequence[str]) -> list[str]:
    """The arguments without `--`: names after it that begin with - are written ./-name.

    argparse, where options and names may be mixed, forgets what `--` said (Python 3.11).
    """
    if "--" not in arguments:
        return list(arguments)
    at = list(arguments).index("--")
    names = (f"./{name}" if name.startswith("-") and name != STDIN else name for name in arguments[at + 1 :])
    return [*arguments[:at], *names]


def run(options: argparse.Namespace) -> int:
    """Read and print one image after the other; the exit status."""
    if options.form == "pdf" and sys.stdout.isatty():
        complain(_NO_TERMINAL)
        return WRONG_OPTIONS
    named = [image for name in options.images for image in find(name)]
    images = list(filter(is_file, named)) if options.form == "pdf" else named
    status = ALL_READ if len(images) == len(named) else SOME_FAILED
    output = choose_output(options, images)
    with closing(Client(options.url, options.key)) as client:
        try:
            read_all = read_later if options.later else read_now
            if not read_all(client, images, query(options), output):
                status = SOME_FAILED
        except UnreachableError as error:
            complain(str(error))
            status = UNREACHABLE
    try:
        output.end()
    except OCRError as error:  # as in add()
        complain(str(error))
        status = SOME_FAILED
    return status


def is_file(image: str) -> bool:
    """Whether this is no address; if it is one, standard error says what to do."""
    if is_url(image):
        complain(f"{shown(image)}: {_NO_ADDRESSES}")
    return not is_url(image)


def read_now(client: Client, images: list[str], options: Mapping[str, str], output: Output) -> bool:
    """Whether all could be read, one after the other; if not, standard error says why."""
    return not sum(not read(client, image, options, output) for image in progress(images))


def read(client: Client, image: str, options: Mapping[str, str], output: Output) -> bool:
    """Whether this image, or all images of this ZIP, could be read. Raises UnreachableError."""
    try:
        if is_url(image):
            answer = client.recognize_url(image, options)
        elif ZIP.matches(content := load(image)):
            return collect(client, image, client.submit(content, options), output)
        else:
            answer = client.recognize(content, options)
    except UnreadImageError as error:
        complain(f"{shown(image)}: {error}")
        return False
    return add(image, answer, output)


def read_later(client: Client, images: list[str], options: Mapping[str, str], output: Output) -> bool:
    """The same by tasks: all images are sent first, so that the service reads several at once."""
    tasks = [(image, submit(client, image, options)) for image in images]
    return not sum(not collect(client, image, task, output) for image, task in progress(tasks))


def submit(client: Client, image: str, options: Mapping[str, str]) -> str | None:
    """The task that reads this image; None if there is none."""
    try:
        return client.submit_url(image, options) if is_url(image) else client.submit(load(image), options)
    except UnreadImageError as error:
        complain(f"{shown(image)}: {error}")
        return None


def collect(client: Client, image: str, task: str | None, output: Output) -> bool:
    """Whether all that the image holds could be read: a document has several pages, a ZIP several images."""
    failed = task is None
    try:
        for item in client.results(task) if task else ():
            name = "/".join(filter(None, (image, item["name"])))
            if result := item.get("result"):
                failed |= not add(name, result, output)
                continue
            page = f", page {item['page']}" if item.get("page") else ""
            complain(f"{shown(name)}{page}: {item['error']['detail'] if 'error' in item else item['state']}")
            failed = True
    except UnreadImageError as error:
        complain(f"{shown(image)}: {error}")
        failed = True
    return not failed


def add(image: str, answer: Answer, output: Output) -> bool:
    """Print what was read in an image; whether it could be."""
    for warning in answer.get("warnings", []):
        complain(f"{shown(image)}: {warning}")
    try:
        output.add(shown(image), answer)
    except (UnreadImageError, OCRError) as error:  # of a PDF, which has the files in it
        complain(f"{shown(image)}: {error}")
        return False
    return True


def shown(image: str) -> str:
    """The name as it can be printed."""
    return os.fsencode(image).decode(errors="replace")


def heading(name: str) -> str:
    """The heading over the text of an image."""
    return "standard input" if name == STDIN else name


def progress(images: list[T]) -> Iterable[T]:
    """The images, counted on standard error if that is a terminal, and one that does not show the text."""
    is_shown = len(images) > 1 and sys.stderr.isatty() and not sys.stdout.isatty()
    bar: Iterable[T] = tqdm(images, unit="image", leave=False, disable=not is_shown)
    return bar


def complain(message: str) -> None:
    """Above the progress bar, if there is one."""
    tqdm.write(f"ocr: {message}", file=sys.stderr)


def choose_output(options: argparse.Namespace, images: Sequence[str]) -> Output:
    """Writes to standard output in the form that was asked for."""
    if options.form == "json":
        return JsonLines(sys.stdout)
    if options.form == "tsv":
        return Table(sys.stdout)
    if options.form == "hocr":
        from frontend.formats.hocr import Hocr  # here, since no other form needs XML

        return Hocr(sys.stdout)
    if options.form == "pdf":
        from frontend.formats.searchable_pdf import SearchablePdf  # nor the libraries that this one needs

        files = {shown(image): image for image in images}
        return SearchablePdf(sys.stdout.buffer, lambda name: load_again(files, name))
    return Text(sys.stdout, headings=len(images) > 1, title=heading)


def load_again(files: Mapping[str, str], name: str) -> bytes:
    """The file whose text was added as `name`. Raises UnreadImageError."""
    if name not in files:  # an entry of a ZIP
        raise UnreadImageError(_NO_ZIPS)
    return load(files[name])


if __name__ == "__main__":
    sys.exit(main())
