"""Read images from the command line, with a service that is running.

    ocr receipt.jpg
    ocr --md -o report.md scan.pdf
    ocr --fields auto --csv receipts > receipts.csv
    ocr --tsv scans https://example.com/invoice.pdf > lines.tsv
    ocr --watch scans --json >> pages.jsonl
    ocr --async --json scans > pages.jsonl
    ocr --pdf scans > searchable.pdf
    ocr --xlsx -o lists.xlsx price-list.jpg
    ocr feedback export -o my-lines
    scanimage --format=png | ocr -

Exit status: 0 all images were read; 1 some were not (why is on standard error); 2 the options are wrong;
3 the service cannot be reached.
Environment: OCR_URL, the address of the service; without it the port OCR_PORT of this machine.
OCR_API_KEY, the key that the service asks for.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from . import release
from .session import with_scheme

DEFAULT_PORT = 8000
TEXT_FORMATS = ("lines", "paragraphs", "tsv", "code")
RENDERED = ("hocr", "xlsx", "pdf")
"""The forms that the service makes of all answers at the end."""
_FORM_SHAPES = {"md": "markdown", "csv": "csv"}
_IMAGES = "a file, a folder with images in or below it, or an http or https address; - is standard input"


def parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    """The command line; the environment has the defaults of the address and the key."""
    what, _, rest = (__doc__ or "").partition("\n\n")
    raw = argparse.RawDescriptionHelpFormatter
    made = argparse.ArgumentParser(
        "ocr", description=what, epilog=rest, formatter_class=raw, allow_abbrev=False
    )
    made.add_argument("images", nargs="*", metavar="image", help=_IMAGES)
    made.add_argument(
        "--watch",
        metavar="FOLDER",
        help="read the images in and below this folder, and each that is put there, until Ctrl-C",
    )
    _add_forms(made)
    _add_recognition(made)
    add_service(made, environ).add_argument(
        "--async",
        dest="later",
        action="store_true",
        help="leave all images to tasks and wait for these: for many images, ZIP files, and long documents",
    )
    return made


def add_service(made: argparse.ArgumentParser, environ: Mapping[str, str]) -> argparse._ArgumentGroup:
    """Where the service is and the key that it asks for, with their defaults from the environment."""
    service = made.add_argument_group("service")
    url = environ.get("OCR_URL") or f"http://127.0.0.1:{environ.get('OCR_PORT') or DEFAULT_PORT}"
    service.add_argument("--url", type=_url, default=url, help="its address (default: %(default)s)")
    key = environ.get("OCR_API_KEY") or None
    service.add_argument("--key", type=_key, default=key, help="API key; safer in OCR_API_KEY")
    return service


def parse(arguments: Sequence[str], environ: Mapping[str, str]) -> argparse.Namespace:
    """The options; those that would do nothing in the chosen form are refused (exit status 2)."""
    made = parser(environ)
    options = made.parse_intermixed_args(arguments)
    if bool(options.images) == bool(options.watch):
        made.error("give images to read, or a folder to --watch")
    if options.watch and (options.later or options.form in RENDERED):
        made.error("--watch goes with the forms that are printed image by image, and not with --async")
    if options.chars and options.form != "json":
        made.error("--chars needs --json: no other form shows single characters")
    if options.text_format and options.form in {*_FORM_SHAPES, *RENDERED}:
        made.error(f"--text-format does not go with --{options.form}, which has its own shape")
    if options.fields and options.form not in {"json", "csv"}:
        made.error("--fields needs --json, or --csv for a row for each image: no other form shows fields")
    if options.threshold is not None and options.form in RENDERED:
        made.error(f"--threshold does not go with --{options.form}, which holds the text as it was read")
    return options


def _add_forms(made: argparse.ArgumentParser) -> None:
    forms = made.add_argument_group("output", "the text of each image, or").add_mutually_exclusive_group()
    for form, what in {
        "md": "Markdown, with headings, lists and tables",
        "csv": "CSV: the cells of tables, and other text in rows of one cell",
        "json": "JSON Lines: an object with the answer for each image",
        "tsv": "a table of all lines with their positions, tab-separated",
        "hocr": "one hOCR document with lines and words",
        "xlsx": "one Excel workbook with a sheet for each image; send it to a file",
        "pdf": "one PDF of the images that can be searched; send it to a file",
    }.items():
        forms.add_argument(f"--{form}", dest="form", action="store_const", const=form, help=what)
    made.add_argument("-o", "--output", metavar="FILE", help="write to this file, not to standard output")
    made.add_argument("--version", action="version", version=f"%(prog)s {release.version()}")


def _add_recognition(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("recognition")
    group.add_argument("--model", metavar="NAME", help="a model that the service has")
    group.add_argument(
        "--mode", choices=("auto", "line", "page"), help="whether an image is one line or a page"
    )
    group.add_argument("--pages", metavar="N[-M]", help="pages of a document to read, counted from 1")
    group.add_argument("--allowlist", metavar="CHARS", help="read these characters only")
    group.add_argument(
        "--allowlist-mode",
        choices=("drop", "force"),
        help="leave other characters out (the default), or make each the likeliest of these",
    )
    group.add_argument(
        "--pattern",
        metavar="REGEX",
        help="with --json: each line also has `match`, its best reading that matches this regular expression",
    )
    group.add_argument(
        "--threshold",
        type=_probability,
        metavar="0..1",
        help="mark characters of less confidence by \ufffd; in JSON reviewed_text has the marks",
    )
    group.add_argument(
        "--text-format",
        choices=TEXT_FORMATS,
        help="the shape of the text: rows (the default), wrapped lines joined, cells separated by tabs, or "
        "as many spaces as the image shows",
    )
    group.add_argument(
        "--fields",
        choices=("auto", "receipt", "invoice"),
        help="with --json or --csv: what receipts and invoices say, as data",
    )
    group.add_argument("--pdf-text", action="store_true", help="take the text that a PDF already has")
    group.add_argument(
        "--chars", action="store_true", help="with --json: each character's box and confidence"
    )


def _url(text: str) -> str:
    address = with_scheme(text)
    try:
        parts = urlsplit(address)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or " " in text or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError(f"{text!r} is not an address such as http://127.0.0.1:8000")
    return address


def _key(text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        raise argparse.ArgumentTypeError("a key consists of printable ASCII characters")
    return text.strip()


def _probability(text: str) -> float:
    wrong = argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    try:
        value = float(text)
    except ValueError:
        raise wrong from None
    if not 0 <= value <= 1:
        raise wrong
    return value


def query(options: argparse.Namespace) -> dict[str, str]:
    """The options for the service. Those not given are left out, so that the service's own defaults hold."""
    values = {
        "model": options.model,
        "mode": options.mode,
        "pages": options.pages,
        "allowlist": options.allowlist,
        "allowlist_mode": options.allowlist_mode,
        "pattern": options.pattern,
        "threshold": options.threshold,
        "text_format": _FORM_SHAPES.get(options.form, options.text_format),
        "fields": options.fields,
        "pdf_text": "true" if options.pdf_text else None,
        "detail": "chars" if options.chars or options.form in {"hocr", "pdf"} else None,
    }
    return {name: str(value) for name, value in values.items() if value is not None}
