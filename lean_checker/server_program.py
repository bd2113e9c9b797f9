"""The sources of the Lean server program, and their digest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from aludel import lean_checker
from aludel.lean_checker.releases import EMBEDDED, release_range

SOURCES = Path(lean_checker.__file__).resolve().parent / "lean_server"
BOOT = "Boot.lean"
COMPAT = "Aludel.Compat"
"""The module that every release of Lean has in a version of its own, in the folder of that name."""
SERVER_MODULES = (
    COMPAT,
    "Aludel.Basic",
    "Aludel.Guard.Words",
    "Aludel.Guard.Options",
    "Aludel.Guard.Names",
    "Aludel.Guard.Quotations",
    "Aludel.Guard.Macros",
    "Aludel.Messages",
    "Aludel.Run",
    "Aludel.Code",
    "Aludel.Guard.Templates",
    "Aludel.Guard",
    "Aludel.Accounts",
    "Aludel.NoCode",
    "Aludel.Uncompiled",
    "Aludel.Table",
    "Aludel.Asked",
    "Aludel.Imports",
    "Aludel.Replay",
    "Aludel.Reached",
    "Aludel.Frontend",
    "Aludel.Statement",
    "Aludel.Explain",
    "Aludel.AutoBound",
    "Aludel.Reports",
    "Aludel.Terms.Write",
    "Aludel.Terms.Read",
    "Aludel.Check",
    "Aludel.Constants",
    "Aludel.Export",
    "Aludel.Shape",
    "Aludel.Kinds",
    "Aludel.Open",
    "Aludel.Same",
    "Aludel.Patterns",
    "Aludel.Forbidden",
    "Aludel.Judge",
    "Aludel.Goals",
    "Aludel.Tree",
    "Aludel.Unfold",
    "Aludel.Index",
    "Aludel.Print",
    "Aludel.Steps",
    "Aludel.Trials",
    "Aludel.Proofs",
    "Aludel.Mutate",
    "Aludel.Restate",
    "Aludel.Screen",
    "Aludel.Idle",
    "Aludel.SmallValues",
    "Aludel.Audit",
    "Aludel.Holding",
    "Aludel.Pattern",
    "Aludel.Search",
    "Aludel.Sessions",
    "Aludel.Places",
    "Aludel.States",
    "Aludel.Sorries",
    "Server",
)
"""Modules of the program, each after those that it imports; the last one declares ``main``."""


def source_path(module: str, folder: Path = SOURCES) -> Path:
    """Return where a module's file stands below the folder of a program."""
    return folder.joinpath(*module.split(".")).with_suffix(".lean")


@dataclass(frozen=True)
class ProgramSource:
    """A program in Lean: modules in dependency order, the last with ``main``, below a folder.

    Attributes:
        folder: of its sources.
        modules: in the order of their imports.
        compat: which version of :data:`COMPAT` is compiled, for the release of Lean.
    """

    folder: Path
    modules: tuple[str, ...]
    compat: str = EMBEDDED

    def file(self, module: str) -> Path:
        """Return the file that holds a module's text."""
        path = source_path(module, self.folder)
        return path.with_suffix("") / f"{self.compat}.lean" if module == COMPAT else path

    @property
    def digest(self) -> str:
        """SHA-256 of the sources."""
        return sources_digest(self.modules, self.folder, self.compat)


def server_source(version: str) -> ProgramSource:
    """Return the server program for a release of Lean.

    Raises:
        ToolchainMissing: it is written for no such release.
    """
    return ProgramSource(SOURCES, SERVER_MODULES, release_range(version).compat)


def sources_digest(
    modules: tuple[str, ...] = SERVER_MODULES, folder: Path = SOURCES, compat: str = EMBEDDED
) -> str:
    """Return the SHA-256 over the names and texts of the modules and the boot file."""
    source = ProgramSource(folder, modules, compat)
    digest = hashlib.sha256()
    for name, path in ((m, source.file(m)) for m in modules):
        text = path.read_bytes()
        digest.update(f"{name} {len(text)}\n".encode() + text)
    digest.update((SOURCES / BOOT).read_bytes())
    return digest.hexdigest()
