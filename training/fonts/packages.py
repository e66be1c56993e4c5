"""Fetch fonts by package from npm (@fontsource) and Debian, exactly as fonts.lock pins them.

A line of fonts.lock is: npm or deb, the name in fonts.txt, the version, and the digest of the package file.
Each family gets a folder with its font files, LICENSE, and SOURCE, which says that it is complete and whence.
Files of a Chinese or Japanese font are cut to what alphabets may have: merge.py.
"""

import base64
import hashlib
import json
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path

from training import alphabet
from training.fonts import merge as wide_fonts

LOCK = Path(__file__).with_name("fonts.lock")
FONT_WEIGHTS = (300, 400, 500, 700, 900)
SUBSETS = ("latin",)
"""Parts of an npm family that are kept."""
PACKAGES_PER_CALL = 8
"""Packages asked for by one call of npm."""
NPM = "@fontsource/"


@dataclass(frozen=True)
class Package:
    """A package of fonts at one version; `digest` is sha512-<base64> (npm) or sha256-<hex> (deb)."""

    kind: str
    name: str
    version: str
    digest: str
    patterns: tuple[str, ...] = ()
    """Which files of a Debian package are kept as they are."""
    latin: bool = False
    """Whether the Latin files of an npm family are kept, those of FONT_WEIGHTS."""
    wide: tuple[str, ...] = ()
    """Which weights of an npm family, or files of a Debian package, are kept with all scripts."""

    @property
    def source(self) -> str:
        """The content of SOURCE in a folder that holds all this."""
        kept = [*self.patterns, *((*SUBSETS, *map(str, FONT_WEIGHTS)) if self.latin else ())]
        kept += [f"wide:{part}" for part in self.wide]
        kept += [f"characters:{_wanted_digest()}"] if self.wide else []
        return " ".join([self.kind, self.name, self.version, self.digest, *kept]) + "\n"


class PackageUnavailableError(Exception):
    """A package cannot be had here, or is not what was pinned."""


def _run(*command: str, cwd: str | Path = ".") -> str:
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise PackageUnavailableError(f"{command[0]} is not installed") from None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["failed"])[-1]
        raise PackageUnavailableError(f"{command[0]} {command[1]}: {reason}")
    return done.stdout


def selections(sections: dict[str, list[str]]) -> dict[str, set[str]]:
    """The parts wanted of each package: "" Latin files, "/*.ttf" files as they are, ":400,700" wide ones."""
    wanted: dict[str, set[str]] = {}
    for name in (name for names in sections.values() for name in names):
        package, selection = re.fullmatch(r"([^/:]+)(.*)", name).groups()  # type: ignore[union-attr]
        wanted.setdefault(package, set()).add(selection)
    return wanted


def locked(sections: dict[str, list[str]]) -> list[Package]:
    """The packages of fonts.txt as fonts.lock pins them.

    Raises:
        ValueError: one is not pinned.
    """
    rows = {row.split()[1]: row.split() for row in LOCK.read_text("utf-8").splitlines()}
    wanted = selections(sections)
    if missing := sorted(set(wanted) - set(rows)):
        raise ValueError(f"not in fonts.lock: {' '.join(missing)}; run python -m training.fonts.fetch --lock")
    packages = []
    for name, chosen in sorted(wanted.items()):
        kind, _, version, digest = rows[name]
        files = tuple(sorted(part[1:] for part in chosen if part.startswith("/")))
        wide = tuple(sorted({part for c in chosen if c.startswith(":") for part in c[1:].split(",")}))
        packages.append(Package(kind, name, version, digest, files, "" in chosen, wide))
    return packages


def lock(sections: dict[str, list[str]]) -> None:
    """Pin the newest version of every package of fonts.txt that fonts.lock does not pin yet.

    Raises:
        PackageUnavailableError: npm or apt-get lacks one.
    """
    rows = LOCK.read_text("utf-8").splitlines() if LOCK.exists() else []
    pinned = {row.split()[1] for row in rows}
    wanted = {name: chosen for name, chosen in selections(sections).items() if name not in pinned}
    npm = [name for name, chosen in wanted.items() if all(re.fullmatch(r"(:[\d,]+)?", c) for c in chosen)]
    rows += [*_newest_npm(npm), *_newest_deb([name for name in wanted if name not in npm])]
    LOCK.write_text("".join(f"{row}\n" for row in sorted(rows)), "utf-8")


def _newest_npm(names: list[str]) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        wanted = {
            "name": "fonts",
            "version": "1.0.0",
            "dependencies": {f"{NPM}{name}": "*" for name in names},
        }
        Path(folder, "package.json").write_text(json.dumps(wanted))
        _run("npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", cwd=folder)
        found = json.loads(Path(folder, "package-lock.json").read_text())["packages"]
    for name in names:
        entry = found[f"node_modules/{NPM}{name}"]
        yield f"npm {name} {entry['version']} {entry['integrity']}"


def _newest_deb(names: list[str]) -> Iterator[str]:
    for name in names:
        shown = dict(
            re.findall(
                r"^(Version|SHA256): (.*)$", _run("apt-cache", "show", "--no-all-versions", name), re.M
            )
        )
        yield f"deb {name} {shown['Version']} sha256-{shown['SHA256']}"


def fetch(sections: dict[str, list[str]], folder: Path) -> list[str]:
    """Fetch what is not there yet, and write LICENSES.tsv; returns a reason for each package not had."""
    packages = locked(sections)
    missing = [p for p in packages if not _complete(p, folder)]
    npm = [p for p in missing if p.kind == "npm"]
    batches = [npm[i : i + PACKAGES_PER_CALL] for i in range(0, len(npm), PACKAGES_PER_CALL)]
    batches += [[p] for p in missing if p.kind == "deb"]
    with ThreadPoolExecutor(4) as pool:
        problems = [
            reason
            for reasons in pool.map(lambda batch: _fetch_batch(batch, folder), batches)
            for reason in reasons
        ]
    there = [p for p in packages if _complete(p, folder)]
    rows = (f"{p.name}\t{p.version}\t{_licence(folder / p.name / 'LICENSE')}\n" for p in there)
    (folder / "LICENSES.tsv").write_text("".join(rows), "utf-8")
    return problems


def _complete(package: Package, folder: Path) -> bool:
    source = folder / package.name / "SOURCE"
    return source.exists() and source.read_text("utf-8") == package.source


def _fetch_batch(batch: list[Package], folder: Path) -> list[str]:
    """Download, check and unpack; where one of several cannot be had, ask for each alone."""
    with tempfile.TemporaryDirectory() as place:
        try:
            download = _npm_pack if batch[0].kind == "npm" else _apt_download
            files = download(batch, Path(place))
        except PackageUnavailableError as error:
            if len(batch) == 1:
                return [f"{batch[0].name}: {error}"]
            return [reason for package in batch for reason in _fetch_batch([package], folder)]
        return [
            reason
            for package, file in zip(batch, files, strict=True)
            if (reason := _unpack(package, file, folder))
        ]


def _npm_pack(batch: list[Package], place: Path) -> list[Path]:
    _run("npm", "pack", "--silent", *(f"{NPM}{p.name}@{p.version}" for p in batch), cwd=place)
    return [place / f"fontsource-{p.name}-{p.version}.tgz" for p in batch]


def _apt_download(batch: list[Package], place: Path) -> list[Path]:
    (package,) = batch
    _run("apt-get", "download", f"{package.name}={package.version}", cwd=place)
    return [next(place.glob("*.deb"))]


def unpacked(name: str, version: str, digest: str, place: Path) -> Path:
    """A folder with the files of a Debian package, fetched into `place`.

    Raises:
        PackageUnavailableError: it cannot be had, or is not what the digest was made of.
    """
    (archive,) = _apt_download([Package("deb", name, version, digest)], place)
    verify(archive.read_bytes(), digest)
    _run("dpkg-deb", "-x", str(archive), str(place / name))
    return place / name


def verify(content: bytes, digest: str) -> None:
    """Raises PackageUnavailableError where the content is not what the digest was made of."""
    algorithm, _, expected = digest.partition("-")
    made = hashlib.new(algorithm, content)
    if expected not in (made.hexdigest(), base64.b64encode(made.digest()).decode()):
        raise PackageUnavailableError("is not the file that fonts.lock pins")


def _unpack(package: Package, file: Path, folder: Path) -> str:
    """Put fonts, LICENSE and SOURCE in place; returns a reason where that cannot be done, else ""."""
    try:
        verify(file.read_bytes(), package.digest)
        contents = _npm_files(package, file) if package.kind == "npm" else _deb_files(package, file)
    except PackageUnavailableError as error:
        return f"{package.name}: {error}"
    if len(contents) < 2:
        return f"{package.name}: has no font files of the kind wanted"
    for name, content in [*contents.items(), ("SOURCE", package.source.encode())]:
        _put(folder / package.name / name, content)
    return ""


def _put(path: Path, content: bytes) -> None:
    """Write a file in one step, unless it is there as it should be: others may be reading it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_bytes() != content:
        part = path.with_name(path.name + ".part")
        part.write_bytes(content)
        part.replace(path)


def _npm_files(package: Package, archive: Path) -> dict[str, bytes]:
    """The Latin files wanted, the wide ones merged, and the licence as JSON."""
    contents, slices = {"LICENSE": b"{}\n"}, {weight: [] for weight in package.wide}
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            found = re.fullmatch(r"package/files/(.*-(\d+)-(normal|italic)\.woff2?)", member.name)
            if found and _is_latin(package, *found.groups()):
                contents[found[1]] = _read(tar, member)
            elif found and found[2] in slices and member.name.endswith("-normal.woff"):  # quick to unpack
                slices[found[2]].append(_read(tar, member))
            elif member.name == "package/metadata.json":
                licence = json.loads(_read(tar, member)).get("license", {})
                contents["LICENSE"] = (json.dumps(licence) + "\n").encode()
    for weight, parts in slices.items():
        if parts:
            contents[f"{package.name}-wide-{weight}.ttf"] = wide_fonts.merge(parts, _wanted())
    return contents


def _is_latin(package: Package, name: str, weight: str, style: str) -> bool:
    """Upright files of FONT_WEIGHTS and the regular italic, of SUBSETS."""
    subset = name.removeprefix(f"{package.name}-").removesuffix(f"-{weight}-{style}.woff2")
    upright = style == "normal" or weight == "400"
    return package.latin and subset in SUBSETS and int(weight) in FONT_WEIGHTS and upright


def _read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    return tar.extractfile(member).read()  # type: ignore[union-attr]


@lru_cache(maxsize=1)
def _wanted() -> set[int]:
    return {ord(char) for char in alphabet.candidates()}


@lru_cache(maxsize=1)
def _wanted_digest() -> str:
    """Changes with the characters that alphabets may have: fonts that were cut to them are cut anew."""
    return hashlib.sha256(alphabet.candidates().encode()).hexdigest()[:8]


def _deb_files(package: Package, archive: Path) -> dict[str, bytes]:
    """The files of the wanted patterns, wide ones cut, and Debian's record of the copyright."""
    with tempfile.TemporaryDirectory() as place:
        _run("dpkg-deb", "-x", str(archive), place)
        root = Path(place)
        contents = {"LICENSE": (root / "usr/share/doc" / package.name / "copyright").read_bytes()}
        for path in sorted((root / "usr/share").rglob("*.[ot]t[cf]")):
            if any(fnmatch(path.name, pattern) for pattern in package.patterns):
                contents[path.name] = path.read_bytes()
            if any(fnmatch(path.name, pattern) for pattern in package.wide):
                name = f"{path.stem}-wide{'.otf' if path.suffix == '.otf' else '.ttf'}"
                contents[name] = wide_fonts.saved(wide_fonts.cut(path.read_bytes(), _wanted()))
    return contents


def _licence(path: Path) -> str:
    """The short names of the licences in a LICENSE file."""
    text = path.read_text("utf-8")
    if text.startswith("{"):
        return str(json.loads(text).get("type", "unknown"))
    names = re.findall(r"^License: *(\S.*)$", text, re.M)
    return "; ".join(dict.fromkeys(names)) or "see LICENSE"
