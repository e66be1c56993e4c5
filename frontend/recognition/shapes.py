"""Blocks of a page as text: paragraphs, Markdown, and rows of cells."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence

from frontend.client.forms import without_formula
from frontend.recognition.blocks import Block, Item, find_blocks
from frontend.recognition.tables import is_of_figures
from frontend.recognition.upright import Lines, columns, is_wide

BYTE_ORDER_MARK = "\ufeff"
"""Before CSV in files: without it Excel takes UTF-8 for the code page of the machine."""
_ORDINAL = re.compile(r"\(?(\d+)[.)]")
_NOT_SPACE = re.compile(r"[^\S ]+")
"""White space that would begin another cell or row; the spaces that indent code stay."""
_SPECIAL = re.compile(r"[\\`*\[\]]|(?<!\w)_|_(?!\w)|<(?=[/!?a-zA-Z])|&(?=#?\w+;)")
_SPECIAL_FIRST = re.compile(r"^(?:(\d{1,9})([.)])(?=\s|$)|([#>+-])(?=[#>\s]|$|-))", re.MULTILINE)


def as_paragraphs(lines: Lines, field: str = "text") -> str:
    """Blocks with a blank line between: wrapped lines are joined, columns of tables are aligned by spaces."""
    return "\n\n".join(_plain(block) for block in find_blocks(lines, field))


def as_markdown(lines: Lines, field: str = "text") -> str:
    """GitHub's Markdown: a table has a header, which is empty where its first row is not one."""
    return "\n\n".join(_markdown(block) for block in find_blocks(lines, field))


def as_tsv(lines: Lines, field: str = "text") -> str:
    """A line for each row, its cells separated by tabs: so a spreadsheet takes it from the clipboard."""
    rows = [[_NOT_SPACE.sub(" ", cell) for cell in row] for row in cell_rows(lines, field)]
    return "\n".join("\t".join(row) for row in rows)


def as_csv(lines: Lines, field: str = "text") -> str:
    """The same as CSV (RFC 4180)."""
    file = io.StringIO()
    csv.writer(file).writerows([without_formula(cell) for cell in row] for row in cell_rows(lines, field))
    return file.getvalue()


def cell_rows(lines: Lines, field: str = "text") -> Iterator[list[str]]:
    """All rows of a page as cells: those of a table have its columns; other blocks have one."""
    for block in find_blocks(lines, field):
        if block["type"] == "table":
            yield from block["rows"]
        else:
            yield from ([row] for row in _plain(block).split("\n"))


def _plain(block: Block) -> str:
    if block["type"] == "table":
        return "\n".join("  ".join(row).rstrip() for row in _padded(block["rows"]))
    if block["type"] == "list":
        return "\n".join(f"{'  ' * item['level']}{_marked(item)}" for item in block["items"])
    return block["text"]


def _markdown(block: Block) -> str:
    if block["type"] == "table":
        return _markdown_table(block)
    if block["type"] == "list":
        return "\n".join(map(_markdown_item, block["items"]))
    if block["type"] == "code":
        return f"```\n{block['text']}\n```"
    text = _SPECIAL_FIRST.sub(r"\1\\\2\3", _escaped(block["text"]))
    return f"{'#' * block['level']} {text}" if block["type"] == "heading" else text.replace("\n", "\\\n")


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


def _markdown_item(item: Item) -> str:
    """With its number; letters and ideographs, which Markdown has no lists for, stay in the text."""
    number = _ORDINAL.fullmatch(item["marker"])
    is_bullet = len(item["marker"]) == 1 and not item["marker"].isalnum()
    text = item["text"] if number or is_bullet else _marked(item)
    return f"{'   ' * item['level']}{f'{number[1]}.' if number else '-'} {_escaped(text)}"


def _marked(item: Item) -> str:
    """An item with its marker; full-width ones bring their space with them."""
    return f"{item['marker']}{'' if is_wide(item['marker'][-1]) else ' '}{item['text']}"


def _markdown_table(block: Block) -> str:
    cells = [[_escaped(cell).replace("|", "\\|") for cell in row] for row in block["rows"]]
    rows = cells if block["header"] else [[""] * len(cells[0]), *cells]
    header, *rest = _padded(rows, narrowest=3)
    ruler = [
        "-" * (columns(cell) - 1) + (":" if is_right else "-")
        for cell, is_right in zip(header, _are_figures(block["rows"]), strict=True)
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ruler, *rest])


def _padded(rows: Sequence[Sequence[str]], narrowest: int = 0) -> list[list[str]]:
    """Cells as wide as their columns; figures stand on the right."""
    widths = [max(narrowest, *map(columns, column)) for column in zip(*rows, strict=True)]
    are_figures = _are_figures(rows)
    return [
        [
            " " * (width - columns(cell)) + cell if is_right else cell + " " * (width - columns(cell))
            for cell, width, is_right in zip(row, widths, are_figures, strict=True)
        ]
        for row in rows
    ]


def _are_figures(rows: Sequence[Sequence[str]]) -> list[bool]:
    return [is_of_figures(column) for column in zip(*rows, strict=True)]
