"""A Lean server whose guard is switched off: every command is elaborated, and all code may run.

It is compiled from a copy of the sources into a folder of its own and is part of no package. What a
candidate then does to its process is what the judge must withstand: statements are still read, and
kernels asked, by processes of the real server.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from aludel.lean_checker.embedded.command import Host
from aludel.lean_checker.embedded.install import install_root
from aludel.lean_checker.embedded.manifest import read_manifest
from aludel.lean_checker.node import find_node
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.process import LeanProcess
from aludel.lean_checker.program import ensure_program
from aludel.lean_checker.server_program import BOOT, SERVER_MODULES, SOURCES, ProgramSource
from aludel.lean_checker.toolchains import LeanToolchain, find_toolchain
from aludel.progress import Silent
from aludel.settings import Settings

UNGUARDED = "unguarded"
"""Folder of the test build in the cache folder."""
_FRONTEND = "Aludel/Frontend.lean"
_EDITS = (
    # no command, macro or name is refused
    (
        "let refused := firstOf (refusedCommand? native stx) "
        "(firstOf parsers (filledName? stx))",
        "let refused : Option Forbidden := firstOf none (if false then parsers else none)",
    ),
    ("match firstOf refused (redefinition? e.base e.state.env stx) with", "match refused with"),
    ("| some n => .error (reservedForbidden n stx)", "| some _ => .ok new"),
    ("| some n, _ => .error (takenForbidden n stx)", "| some _, _ => .ok new"),
    ("| none, some n => .error (strayTemplate n stx)", "| none, some _ => .ok new"),
    # definitions are compiled, and keep their code
    ("let command := if native then command else uncompiled command", ""),
    ("{ scope with isNoncomputable := true }", "{ scope with isNoncomputable := false }"),
    (
        "let env := if native || isTemplate stx then withCompiler env else "
        "withoutCompiler e.automatic env",
        "let env := if native || true then withCompiler env else env",
    ),
    (
        "else if native then return { e with state }",
        "else if native || true then return { e with state }",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class _OwnPrograms(Host):
    """The embedded Lean with its compiled programs elsewhere; single modules are shared."""

    folder: Path = Path()

    @property
    def programs(self) -> Path:
        return self.folder


_OTHERS = (
    # a program would have to search the memory of its process for the id
    ("Aludel/Check.lean", 'textContext code "<candidate>"', 'textContext code (getStr j "id")'),
    # tables of everything, also of what the server refuses: a liar would send them
    ("Aludel/Check.lean", "let terms := if sound then", "let terms := if sound || true then"),
    (
        "Aludel/Replay.lean",
        "else return refuse r n text",
        "else return refuse { r with declarations := r.declarations.push d } n text",
    ),
)


def unguarded_toolchain(settings: Settings, folder: Path) -> tuple[LeanToolchain, str]:
    """Compile the server without its guard below ``folder``, unless it is there.

    Returns:
        The toolchain with that server, and the digest of its sources.
    """
    guarded = find_toolchain(settings)
    root = install_root(settings)
    programs = folder / "programs"
    shared = programs / "compiled.modules"
    programs.mkdir(parents=True, exist_ok=True)
    if not shared.is_symlink():
        (root / "programs" / shared.name).mkdir(parents=True, exist_ok=True)
        shared.symlink_to(root / "programs" / shared.name, target_is_directory=True)
    host = _OwnPrograms(root, read_manifest(root).host, find_node(settings), programs)
    source = ProgramSource(_edited(folder / "sources"), SERVER_MODULES)
    command = host.run_command(ensure_program(host, Silent(), source), BOOT)
    return replace(guarded, command=command), source.digest


def _edited(folder: Path) -> Path:
    """Copy the server's sources, take out what refuses, and have it tell programs more."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SOURCES, folder)
    for name, old, new in (*((_FRONTEND, *edit) for edit in _EDITS), *_OTHERS):
        text = (folder / name).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"the guard has changed: {old}"
        (folder / name).write_text(text.replace(old, new), encoding="utf-8")
    return folder


class UnguardedPool(LeanPool):
    """Elaborators without a guard; statements and kernels are given processes of the real server.

    Args:
        unguarded: whose server elaborates candidates.
        guarded: whose server does the rest.
    """

    def __init__(
        self, unguarded: LeanToolchain, guarded: LeanToolchain, settings: Settings
    ) -> None:
        super().__init__(unguarded, settings)
        self._guarded = guarded

    def another(
        self,
        size: int,
        probe: Callable[[LeanProcess], None],
        *,
        shared: bool = False,
        kind: str = "",
    ) -> LeanPool:
        """Return a pool of the real server."""
        return LeanPool(self._guarded, self._settings, size=size, probe=probe, shared=shared)
