"""Dependencies are listed as they are pinned and installed, and the page of licences with them."""

from __future__ import annotations

import re
import sysconfig
from importlib.metadata import metadata, version
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.audit import bundled, licences
from tests.audit.dependencies import ROOT, licence, listed, pinned, unlisted, write

PACKAGES = Path(sysconfig.get_path("purelib"))


def test_every_pinned_package_is_listed() -> None:
    assert list(unlisted()) == []


@pytest.mark.slow
def test_licences_are_those_of_the_installed_packages() -> None:
    for name, facts in listed().items():
        if version(name).partition("+")[0] == facts.version:
            assert licence(metadata(name)) == facts.licence, name


def test_every_package_has_a_licence_that_is_known() -> None:
    corrections = bundled.corrections()
    assert set(corrections) <= set(pinned())
    assert {corrections.get(name, facts.licence) for name, facts in listed().items()} & {
        "unknown",
        "",
    } == set()


def test_the_page_is_up_to_date() -> None:
    assert licences.PAGE.read_text("utf-8") == licences.page(), "make licences"


def test_libraries_inside_wheels_are_named() -> None:
    """auditwheel puts them into folders beside the packages."""
    inside = {canonicalize_name(part.inside) for part in bundled.parts()}
    folders = {canonicalize_name(folder.stem) for folder in PACKAGES.glob("*.libs")}
    assert folders & set(pinned("requirements.txt")) <= inside


def test_all_weights_are_named() -> None:
    named = " ".join(part.name for part in bundled.parts())
    for weights in (ROOT / "model_store" / "weights").iterdir():
        assert re.search(rf"\b{weights.stem}\b", named), weights


def test_the_list_is_written_from_a_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "pylock.toml"
    files = "{ upload-time = 2026-02-19T05:00:57Z }, { upload-time = 2026-02-18T23:00:00Z }"
    lock.write_text(f'[[packages]]\nname = "Flask"\nwheels = [{files}]\n')
    monkeypatch.setattr("tests.audit.dependencies.LIST", tmp_path / "list.toml")
    monkeypatch.setattr("tests.audit.dependencies.pinned", lambda: {"flask": "3.1.3"})
    write(lock)
    (facts,) = listed().values()
    assert (facts.version, str(facts.released), facts.licence) == ("3.1.3", "2026-02-18", "BSD-3-Clause")
