"""Read images from the command line, with a service that is running; options.py has its help."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import TypeVar

from . import feedback
from .fields import FieldsCsv
from .file_types import ZIP
from .forms import TITLE, TITLES, Answer, JsonLines, Output, Table, Text
from .inputs import STDIN, find, is_url, load, named, watch
from .options import RENDERED, parse, query
from .rendered import Rendered
from .session import Session, UnreachableError, UnreadImageError

T = TypeVar("T")

ALL_READ, SOME_FAILED, WRONG_OPTIONS, UNREACHABLE = 0, 1, 2, 3
INTERRUPTED, BROKEN_PIPE = 130, 141
"""128 and the number of the signal, as a shell reports a program that SIGINT or SIGPIPE ended."""
_BINARY = ("pdf", "xlsx")
_NO_ADDRESSES = "--pdf embeds the images, so it takes only files: download it, and give its name."
_NO_TERMINAL = "This form cannot be shown in a terminal. Send it to a file: ocr --{0} -o text.{0} scan.jpg"
_ERASE = "\r\x1b[K"
"""What a terminal clears the line at."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the images that `arguments` (by default the command line's) name; the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == [feedback.COMMAND]:
        return run_feedback(given[1:])
    options = parse(names_apart(given), os.environ)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # whatever the locale: JSON and hOCR are
    try:
        return run_into_file(options) if options.output else run(options)
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:  # of standard output alone: others are translated where they occur
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return BROKEN_PIPE
        complain(f"The output cannot be written: {error.strerror}.")
        return SOME_FAILED


def run_feedback(arguments: Sequence[str]) -> int:
    """Run `ocr feedback`; the exit status."""
    options = feedback.parse(arguments, os.environ)
    try:
        print(feedback.export(options))
    except feedback.UnusableOutputError as error:
        complain(str(error))
        return WRONG_OPTIONS
    except UnreadImageError as error:
        complain(str(error))
        return SOME_FAILED
    except UnreachableError as error:
        complain(str(error))
        return UNREACHABLE
    except KeyboardInterrupt:
        return INTERRUPTED
    return ALL_READ


def run_into_file(options: argparse.Namespace) -> int:
    """Run with a file as the standard output."""
    try:
        file = Path(options.output).open("w", encoding="utf-8", errors="replace", newline="")  # noqa: SIM115 - below
    except OSError as error:
        complain(f"{options.output} cannot be written: {error.strerror}.")
        return WRONG_OPTIONS
    with file, redirect_stdout(file):
        return run(options)


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
    if options.form in _BINARY and sys.stdout.isatty():
        complain(_NO_TERMINAL.format(options.form))
        return WRONG_OPTIONS
    if options.watch:
        return run_watching(options)
    named = [image for name in options.images for image in find(name)]
    images = list(filter(is_file, named)) if options.form == "pdf" else named
    status = ALL_READ if len(images) == len(named) else SOME_FAILED
    with closing(Session(options.url, options.key)) as client:
        output = choose_output(options, client, images)
        try:
            read_all = read_later if options.later else read_now
            if not read_all(client, images, query(options), output):
                status = SOME_FAILED
            output.end()
        except UnreadImageError as error:  # of a form that the service makes
            complain(str(error))
            status = SOME_FAILED
        except UnreachableError as error:
            complain(str(error))
            status = UNREACHABLE
    return status


def run_watching(options: argparse.Namespace) -> int:
    """Read and print what comes into a folder, until the service is gone or Ctrl-C."""
    if not Path(options.watch).is_dir():
        complain(f"{options.watch} is not a folder.")
        return WRONG_OPTIONS
    with closing(Session(options.url, options.key)) as client:
        output = choose_output(options, client, several=True)
        try:
            for image in watch(options.watch):
                read(client, image, query(options), output)
        except UnreachableError as error:
            complain(str(error))
    return UNREACHABLE


def is_file(image: str) -> bool:
    """Whether this is no address; if it is one, standard error says what to do."""
    if is_url(image):
        complain(f"{shown(image)}: {_NO_ADDRESSES}")
    return not is_url(image)


def read_now(client: Session, images: list[str], options: Mapping[str, str], output: Output) -> bool:
    """Whether all could be read, one after the other; if not, standard error says why."""
    return not sum(not read(client, image, options, output) for image in progress(images))


def read(client: Session, image: str, options: Mapping[str, str], output: Output) -> bool:
    """Whether this image, or all images of this ZIP, could be read. Raises UnreachableError."""
    try:
        if is_url(image):
            answer = client.recognize_url(image, options)
        elif ZIP.matches(content := load(image)):
            return collect(client, image, client.submit(content, named(image, options)), output)
        else:
            answer = client.recognize(content, named(image, options))
    except UnreadImageError as error:
        complain(f"{shown(image)}: {error}")
        return False
    return add(image, answer, output)


def read_later(client: Session, images: list[str], options: Mapping[str, str], output: Output) -> bool:
    """The same by tasks: all images are sent first, so that the service reads several at once."""
    tasks = [(image, submit(client, image, options)) for image in images]
    return not sum(not collect(client, image, task, output) for image, task in progress(tasks))


def submit(client: Session, image: str, options: Mapping[str, str]) -> str | None:
    """The task that reads this image; None if there is none."""
    try:
        if is_url(image):
            return client.submit_url(image, options)
        return client.submit(load(image), named(image, options))
    except UnreadImageError as error:
        complain(f"{shown(image)}: {error}")
        return None


def collect(client: Session, image: str, task: str | None, output: Output) -> bool:
    """Whether all that the image holds could be read: a document has several pages, a ZIP several images."""
    failed = task is None
    try:
        for item in client.results(task) if task else ():
            name = name_within(image, item["name"])
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


def name_within(image: str, given: str) -> str:
    """How a part of an image or a ZIP is shown, which the service calls by the name it was sent under."""
    own = Path(image).name
    inner = "" if given == own else given.removeprefix(f"{own}/")
    return "/".join(filter(None, (image, inner)))


def add(image: str, answer: Answer, output: Output) -> bool:
    """Print what was read in an image; whether it could be."""
    for warning in answer.get("warnings", []):
        complain(f"{shown(image)}: {warning}")
    try:
        output.add(shown(image), answer)
    except UnreadImageError as error:  # of a PDF, which has the files in it
        complain(f"{shown(image)}: {error}")
        return False
    return True


def shown(image: str) -> str:
    """The name as it can be printed."""
    return os.fsencode(image).decode(errors="replace")


def heading(name: str) -> str:
    """What an image is called over its text."""
    return "standard input" if name == STDIN else name


def progress(images: list[T]) -> Iterator[T]:
    """The images, counted on standard error if that is a terminal, and one that does not show the text."""
    is_shown = len(images) > 1 and sys.stderr.isatty() and not sys.stdout.isatty()
    for number, image in enumerate(images):
        if is_shown:
            print(f"{_ERASE}{number}/{len(images)} images", end="", file=sys.stderr, flush=True)
        yield image
    if is_shown:
        print(_ERASE, end="", file=sys.stderr, flush=True)


def complain(message: str) -> None:
    """In place of the count of images, if it is shown."""
    print(f"{_ERASE if sys.stderr.isatty() else ''}ocr: {message}", file=sys.stderr)


def choose_output(
    options: argparse.Namespace, client: Session, images: Sequence[str] = (), *, several: bool = False
) -> Output:
    """Writes to standard output in the form that was asked for; `several`: more images may come."""
    if options.form == "json":
        return JsonLines(sys.stdout)
    if options.form == "tsv":
        return Table(sys.stdout)
    if options.fields:
        return FieldsCsv(sys.stdout)
    if options.form in RENDERED:
        files = {shown(image): image for image in images} if options.form == "pdf" else None
        return Rendered(client, options.form, sys.stdout.buffer, files)
    titles = TITLES.get(options.form, TITLE)
    return Text(sys.stdout, headings=several or len(images) > 1, title=lambda name: titles(heading(name)))


if __name__ == "__main__":
    sys.exit(main())
