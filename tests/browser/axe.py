"""The accessibility checker axe-core in a page, past its Content-Security-Policy: the tests put it there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SCRIPT = Path(__file__).resolve().parents[2] / ".cache/browser/node_modules/axe-core/axe.min.js"
GRAVE = {"serious", "critical"}


def findings(page: Page, source: str) -> list[str]:
    """Serious accessibility problems of the page as it stands, a line each."""
    page.evaluate(source)
    result: dict[str, Any] = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{violation['id']}: {violation['help']}: {node['html']} {node['failureSummary']}"
        for violation in result["violations"]
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]
