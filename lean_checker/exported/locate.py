"""Which toolchains are judged by exports, and where their ``lean4export`` is."""

from __future__ import annotations

import hashlib
from pathlib import Path

from aludel.errors import NotFound, ToolchainMissing
from aludel.lean_checker.embedded import release
from aludel.lean_checker.native.locate import NativeLean, find_native
from aludel.lean_checker.releases import EXPORTED_FROM, is_served, numbers_of
from aludel.settings import Settings

PREFIX = "exported:"
"""Before a toolchain's name: judge by exports what the server program could judge, too."""
PROGRAM = "lean4export"
_NO_TEXTS = (4, 25)
"""A release whose exporter leaves out what texts are made of (`String.mk` before, `String.ofList`
since): a `sorry` holds a text, so that no statement can be checked."""
REPOSITORY = "https://github.com/leanprover/lean4export"


def judged_by_exports(settings: Settings) -> bool:
    """Whether the toolchain that ``settings`` name is judged by exports, as its name or its release
    says."""
    name = settings.toolchain
    if name == release.NAME:
        return False
    if name.startswith(PREFIX):
        return True
    project = Path(settings.project).expanduser() if settings.project else None
    try:
        return not is_served(find_native(name, project, any_release=True).version)
    except (NotFound, ToolchainMissing):
        return False  # who opens it says what is wrong


def refuse_exported(name: str) -> None:
    """Refuse a name that asks for exports, where the server program is needed.

    Raises:
        ToolchainMissing: it does.
    """
    if name.startswith(PREFIX):
        raise ToolchainMissing(
            f"{name} is judged by exports: it checks candidates, and does nothing else",
            field="toolchain",
            fix=f"use {name.removeprefix(PREFIX)} for this, if the server program serves it",
        )


def find_exported(name: str, project: Path | None) -> NativeLean:
    """Return the toolchain that a name means, with or without :data:`PREFIX`.

    Raises:
        NotFound: the name is no native toolchain's.
        ToolchainMissing: it is not there, does not run, or is older than any exporter.
    """
    lean = find_native(name.removeprefix(PREFIX), project, any_release=True)
    if numbers_of(lean.version) < EXPORTED_FROM:
        least = f"{EXPORTED_FROM[0]}.{EXPORTED_FROM[1]}"
        raise ToolchainMissing(
            f"Lean {lean.version} is too old: no lean4export for it writes what can be checked",
            field=str(lean.root),
            fix=f"use {least}.0 or later: `aludel toolchain install lean --version {least}.0`",
        )
    if numbers_of(lean.version) == _NO_TEXTS:
        raise ToolchainMissing(
            f"exports of Lean {lean.version} cannot be checked: they lack what texts are made of",
            field=str(lean.root),
            fix=f"use {name.removeprefix(PREFIX)}, which the server program serves",
        )
    return lean


def built_exporter(settings: Settings, version: str) -> Path:
    """Return where a ``lean4export`` that was built for a release is looked for."""
    folder = settings.cache_dir.expanduser() / PROGRAM / version
    return folder / ".lake" / "build" / "bin" / PROGRAM


def find_exporter(settings: Settings, lean: NativeLean) -> Path:
    """Return the ``lean4export`` of a toolchain: the setting's, the toolchain's own, or built.

    Raises:
        ToolchainMissing: there is none; ``fix`` says how to build one.
    """
    if settings.lean_exporter:
        named = Path(settings.lean_exporter.replace("{version}", lean.version)).expanduser()
        places = [named]
    else:
        places = [lean.root / "bin" / PROGRAM, built_exporter(settings, lean.version)]
    for place in places:
        if place.is_file():
            return place.resolve()
    raise ToolchainMissing(
        f"Lean {lean.version} is judged by exports, and there is no {PROGRAM} for it",
        field=str(places[-1]),
        fix=how_to_build(settings, lean.version),
    )


def how_to_build(settings: Settings, version: str) -> str:
    """Return the commands that put a release's ``lean4export`` where it is looked for."""
    folder = settings.cache_dir.expanduser() / PROGRAM / version
    return (
        f"run `git clone -b v{version} {REPOSITORY} {folder}` and `lake build` in it, "
        "or name another with ALUDEL_LEAN_EXPORTER"
    )


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        ToolchainMissing: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ToolchainMissing(
            f"cannot be read: {error.strerror}", field=str(path), fix="make it readable"
        ) from error
