"""The sources of the Lean server program, and their digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

from aludel import lean_checker

SOURCES = Path(lean_checker.__file__).resolve().parent / "lean_server"
BOOT = "Boot.lean"
SERVER_MODULES = (
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
    "Aludel.Judge",
    "Aludel.Goals",
    "Aludel.Shape",
    "Aludel.Kinds",
    "Aludel.Tree",
    "Aludel.Unfold",
    "Aludel.Index",
    "Aludel.Print",
    "Aludel.Open",
    "Aludel.Steps",
    "Aludel.Trials",
    "Aludel.Proofs",
    "Aludel.Mutate",
    "Aludel.Restate",
    "Aludel.Screen",
    "Aludel.Sessions",
    "Aludel.Places",
    "Aludel.States",
    "Aludel.Sorries",
    "Server",
)
"""Modules of the program, each after those that it imports; the last one declares ``main``."""


def source_path(module: str, folder: Path = SOURCES) -> Path:
    """Return the file of a module."""
    return folder.joinpath(*module.split(".")).with_suffix(".lean")


def sources_digest(modules: tuple[str, ...] = SERVER_MODULES, folder: Path = SOURCES) -> str:
    """Return the SHA-256 over the names and texts of the modules and the boot file."""
    digest = hashlib.sha256()
    for name, path in ((m, source_path(m, folder)) for m in modules):
        text = path.read_bytes()
        digest.update(f"{name} {len(text)}\n".encode() + text)
    digest.update((SOURCES / BOOT).read_bytes())
    return digest.hexdigest()
