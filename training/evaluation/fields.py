"""Measure the fields that are extracted from receipts and invoices, with plain regular expressions beside.

    python -m training.evaluation.fields crnn_v3 FOLDER
    python -m training.evaluation.fields crnn_v3 FOLDER --answers DIR  # keeps readings there

FOLDER holds img/NNN.jpg, key/NNN.json (values by the names of fields; `company`: the merchant) and split.tsv
(NNN TAB part), as receipt pages do and training.test_sets.vat_invoices makes. A table is printed. `right`:
the share of a field's labels that were given as they are, after folding case, space and punctuation; dates
and amounts by what they mean. `precision`: the share of the values given that are right.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from tqdm import tqdm

from frontend.extraction.dates import find_dates
from frontend.extraction.extract import find_fields
from handler.answer import page_answer
from handler.image import decode_image, to_pixels
from training.evaluation.evaluate import UnusableInputError, exit_status, write_report
from training.evaluation.pages import line_reader, page_reader
from training.labelled import receipt_image, receipts

Lines = list[dict[str, Any]]
Values = Mapping[str, str | None]
NAMES = {"company": "merchant"}
"""What labels call fields that have another name here."""
_AMOUNTS = {"total", "tax", "amount", "subtotal"}
_DATE = re.compile(r"\d{1,4}[-/.年]\d{1,2}[-/.月]\d{1,4}")
_AMOUNT = re.compile(r"\d[\d,]*\.\d\d")
_LABELS = {
    "code": r"发票代码[:：]?\s*(\d{10,12})",
    "number": r"发票号码[:：]?\s*(\d{8,20})",
    "check_code": r"校验码[:：]?\s*([\d ]{20,23})",
    "total": r"[（(]小写[）)][^\d]*([\d.]+)",
    "total_in_capitals": r"([零壹贰叁肆伍陆柒捌玖拾佰仟万亿]+[圆元][零壹贰叁肆伍陆柒捌玖角分整]+)",
}


def read_answers(model: str, folder: Path, names: list[str], kept: Path | None) -> Iterator[Lines]:
    """The lines of each page: those kept in a folder as NNN.json, and others read and kept there.

    Raises:
        UnusableInputError: the model or an image cannot be read.
    """
    reader = None
    for name in tqdm(names, unit="page", disable=None):
        file = kept / f"{name}.json" if kept else None
        if file and file.is_file():
            yield json.loads(file.read_text("utf-8"))["lines"]
            continue
        reader = reader or page_reader(line_reader(model, None)[0])
        pixels = to_pixels(decode_image(receipt_image(folder, name).read_bytes()))
        answer = page_answer(pixels, reader(pixels, "page"))
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(answer), "utf-8")
        yield answer["lines"]


def labels(folder: Path, name: str) -> dict[str, str]:
    key = json.loads((folder / "key" / f"{name}.json").read_text("utf-8"))
    return {NAMES.get(field, field): str(value) for field, value in key.items() if value}


def extracted(lines: Lines) -> Values:
    """The values of the fields that are given."""
    found = find_fields("auto", lines)
    return {name: field["value"] for name, field in found.items() if isinstance(field, dict)}


def by_patterns(lines: Lines) -> Values:
    """The baseline: the first row, those that follow, the first date, the last amount beside "total"."""
    rows: dict[int, list[str]] = {}
    for line in lines:
        rows.setdefault(line["row"], []).append(line["text"])
    texts = [" ".join(row) for row in rows.values()]
    whole = "\n".join(texts)
    totals = [found[-1] for text in texts if "total" in text.lower() and (found := _AMOUNT.findall(text))]
    end = next((n for n, text in enumerate(texts) if re.search(r"tel|gst|invoice", text, re.IGNORECASE)), 5)
    day = _DATE.search(whole)
    values: dict[str, str | None] = {
        "merchant": texts[0] if texts else None,
        "address": " ".join(texts[1:end]) or None,
        "date": _iso(day[0]) if day else None,
        "total": totals[-1] if totals else None,
    }
    for name, pattern in _LABELS.items():
        if match := re.search(pattern, whole):
            values[name] = match[1]
    names, numbers = (
        re.findall(r"名\s*称[:：]\s*(\S+)", whole),
        re.findall(r"识别号[:：]?\s*(\w{15,20})", whole),
    )
    sides = [("buyer", names[:1]), ("seller", names[1:2])]
    sides += [("buyer_tax_number", numbers[:1]), ("seller_tax_number", numbers[1:2])]
    return values | {name: found[0] for name, found in sides if found}


def is_right(name: str, value: str, label: str) -> bool:
    """Whether a value is what the label says."""
    if name in _AMOUNTS:
        with suppress(InvalidOperation):
            return _number(value) == _number(label)
    if name.endswith("date"):
        return value == _iso(label)
    return _folded(value) == _folded(label)


def _iso(text: str) -> str | None:
    """A date by its meaning, day first where it may be either."""
    written = next(find_dates(text), None)
    return written.readings[0].isoformat() if written else None


def _number(text: str) -> Decimal:
    return Decimal(re.sub(r"[^\d.-]", "", text))


def _folded(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())


def figures(given: list[Values], wanted: list[dict[str, str]]) -> dict[str, dict[str, float]]:
    """`right`, `precision` and `labels` of each field, and of `all`."""
    counts: dict[str, list[int]] = {}
    for values, key in zip(given, wanted, strict=True):
        for name, label in key.items():
            value = values.get(name)
            found = [1, value is not None, value is not None and is_right(name, value, label)]
            for of in (name, "all"):
                counts[of] = [a + b for a, b in zip(counts.get(of, [0, 0, 0]), found, strict=True)]
    return {
        name: {"labels": count, "right": right / count, "precision": right / (given or 1)}
        for name, (count, given, right) in sorted(counts.items(), key=lambda item: item[0] == "all")
    }


def table(ours: dict[str, dict[str, float]], plain: dict[str, dict[str, float]]) -> str:
    head = ("field", "labels", "right", "precision", "patterns: right", "patterns: precision")
    rows = [f"| {' | '.join(head)} |", "|---" + "|---:" * (len(head) - 1) + "|"]
    for name, one in ours.items():
        shares = [f"{of[key]:.3f}" for of in (one, plain[name]) for key in ("right", "precision")]
        rows.append(f"| {' | '.join([name, str(one['labels']), *shares])} |")
    return "\n".join(rows)


def run(options: argparse.Namespace) -> None:
    try:
        names = receipts(options.folder, None if options.part == "all" else options.part)
        wanted = [labels(options.folder, name) for name in names]
    except (OSError, ValueError) as error:
        raise UnusableInputError(f"{options.folder} cannot be read ({error}).") from None
    read = list(read_answers(options.model, options.folder, names, options.answers))
    ways: tuple[Callable[[Lines], Values], ...] = (extracted, by_patterns)
    ours, plain = (figures([way(lines) for lines in read], wanted) for way in ways)
    print(f"\n{options.folder.name}, {len(names):,} documents\n\n{table(ours, plain)}")
    write_report({"folder": options.folder.name, "fields": ours, "patterns": plain}, options.json)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument("--part", default="measure", help="of split.tsv; all: every part (default: measure)")
    parser.add_argument(
        "--answers", type=Path, metavar="DIR", help="keep readings there, and take those kept"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures into this file")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Measure what the arguments ask for; 2 where the model or the folder cannot be read."""
    return exit_status(lambda: run(parse(arguments)))


if __name__ == "__main__":
    sys.exit(main())
