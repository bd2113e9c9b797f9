"""Finding native Lean toolchains: elan's folders, the ``lean`` on PATH, a folder by name."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from aludel.errors import NotFound, ToolchainMissing
from aludel.lean_checker.releases import release_range

ON_PATH = "lean-native"
_NAMED = re.compile(r"lean-(\d+\.\d+\.\d+[\w.-]*)")
_VERSION = re.compile(r"version (\d+)\.(\d+)\.(\d+)([\w.-]*)")
_COMMIT = re.compile(r"commit ([0-9a-f]{12,40})")
_ANSWER_S = 60.0
# elan may have to fetch the toolchain that a project names before it can answer.
_ELAN_S = 1_800.0


@dataclass(frozen=True)
class NativeLean:
    """A native toolchain: the folder with ``bin/lean``, and what that program says of itself."""

    root: Path
    version: str
    commit: str | None

    @property
    def name(self) -> str:
        """The name under which it can be asked for."""
        return f"lean-{self.version}"

    @property
    def lean(self) -> Path:
        """The program."""
        return self.root / "bin" / "lean"


def elan_home() -> Path:
    """Return the folder in which elan keeps its toolchains."""
    return Path(os.environ.get("ELAN_HOME") or Path.home() / ".elan")


def elan_folder(version: str) -> Path:
    """Return where elan keeps an official release."""
    return elan_home() / "toolchains" / f"leanprover--lean4---v{version}"


def find_native(name: str, project: Path | None = None, *, any_release: bool = False) -> NativeLean:
    """Return the toolchain that ``name`` means.

    Args:
        name: ``lean-native``, ``lean-VERSION``, or a folder with ``bin/lean`` in it.
        project: where to ask ``lean-native``, for elan's depends on the folder's
            ``lean-toolchain`` file.
        any_release: whether it may be one that the server program is not written for.

    Raises:
        NotFound: the name is none of these.
        ToolchainMissing: it is not there, does not run, or is of no release that the server program
            is written for.
    """
    if name == ON_PATH:
        return _described(_root_on_path(project), any_release)
    if os.sep in name:
        return _described(Path(name).expanduser().resolve(), any_release)
    named = _NAMED.fullmatch(name)
    if named is None:
        raise NotFound(
            f"unknown toolchain {name!r}",
            field="toolchain",
            fix="use lean-embedded, lean-native, lean-VERSION or the folder of a toolchain; a "
            "folder beside you is written ./FOLDER",
        )
    folder = elan_folder(named[1])
    if not folder.exists():
        raise ToolchainMissing(
            f"Lean {named[1]} is not installed",
            field=str(folder),
            fix=f"run `aludel toolchain install lean --version {named[1]}`",
        )
    return _described(folder.resolve(), any_release)


def native_toolchains(any_release: bool = False) -> list[NativeLean]:
    """Return elan's toolchains that can be used here, oldest version first.

    ``any_release``: those that the server program is not written for, too.
    """
    found = []
    for lean in sorted((elan_home() / "toolchains").glob("*/bin/lean")):
        try:
            found.append(_described(lean.parents[1].resolve(), any_release))
        except ToolchainMissing:
            continue  # too old, too new or broken: asked for by name, it says so
    return sorted(found, key=lambda lean: (_numbers(lean.version), lean.version))


def _root_on_path(project: Path | None) -> Path:
    """The folder of the toolchain that ``lean`` on PATH stands for; elan's is a switch."""
    lean = shutil.which("lean")
    if lean is None:
        raise ToolchainMissing(
            "there is no `lean` on PATH",
            field="toolchain",
            fix="install elan, or name a toolchain: ALUDEL_TOOLCHAIN=lean-VERSION or its folder",
        )
    return Path(_ask(Path(lean), "--print-prefix", project).strip()).resolve()


def _described(root: Path, any_release: bool = False) -> NativeLean:
    lean = root / "bin" / "lean"
    if not lean.is_file():
        raise ToolchainMissing(
            "there is no bin/lean in it", field=str(root), fix="name the folder of a toolchain"
        )
    said = _version(lean, lean.stat().st_mtime_ns)
    match = _VERSION.search(said)
    if match is None:
        raise ToolchainMissing(
            f"does not answer like Lean: {said[:80]!r}", field=str(lean), fix="reinstall it"
        )
    version = ".".join(match.group(1, 2, 3)) + match[4]
    if not any_release:
        release_range(version)
    commit = _COMMIT.search(said)
    return NativeLean(root, version, commit[1] if commit else None)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


@functools.lru_cache(maxsize=32)
def _version(lean: Path, _changed: int) -> str:
    return _ask(lean, "--version", None)


def _ask(lean: Path, option: str, folder: Path | None) -> str:
    elan = lean.parent == elan_home() / "bin"
    try:
        done = subprocess.run(
            [str(lean), option],
            capture_output=True,
            text=True,
            timeout=_ELAN_S if elan else _ANSWER_S,
            check=True,
            cwd=folder,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolchainMissing(
            f"does not run: {error}", field=str(lean), fix="reinstall that toolchain"
        ) from error
    return done.stdout
