"""docs/security.md: every defence names tests that hold it, and they exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "security.md").read_text("utf-8")
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")
DEFENCES = [
    line.strip("| ").split(" | ")
    for line in PAGE.partition("\n## Defences\n")[2].partition("\n## ")[0].splitlines()
    if line.startswith("| ") and not line.startswith("| against")
]


@cache
def functions_in(path: Path) -> set[str]:
    """The functions of a file, those of classes included."""
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_there_are_defences() -> None:
    assert len(DEFENCES) > 30


@pytest.mark.parametrize("defence", DEFENCES, ids=lambda defence: defence[0])
def test_a_defence_is_held_by_tests_that_exist(defence: list[str]) -> None:
    against, how, held_by = defence
    assert against
    assert how
    named = NAMED.findall(held_by)
    assert named
    assert held_by == ", ".join(f"`{path}::{name}`" for path, name in named)
    for path, name in named:
        assert name.startswith("test_")
        assert name in functions_in(TESTS / path), f"{path} has no {name}"
