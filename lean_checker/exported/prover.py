"""A Lean of which only candidates are judged, by exports."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import psutil

from aludel.errors import ToolchainMissing
from aludel.lean_checker.digests import folders_digest
from aludel.lean_checker.embedded import release
from aludel.lean_checker.exported.checker import ExportChecker
from aludel.lean_checker.exported.locate import PREFIX, file_digest, find_exported, find_exporter
from aludel.lean_checker.exported.modules import Modules
from aludel.lean_checker.exported.second import AnyReplay, LeanReplay
from aludel.lean_checker.judge.lean_kernel import probe_kernel
from aludel.lean_checker.meter import MEGABYTE
from aludel.lean_checker.native.locate import NativeLean, native_toolchains
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.project import open_project, require_same_lean
from aludel.lean_checker.releases import is_served
from aludel.lean_checker.room import Rooms
from aludel.lean_checker.toolchains import (
    InstalledLean,
    ensure_searchable,
    find_toolchain,
    native_host,
    sums_folder,
    with_project,
)
from aludel.models import CheckRequest, Prover, Toolchain, Verdict
from aludel.progress import Progress
from aludel.projects import ensure_own
from aludel.protocols import CheckerOnly
from aludel.settings import Settings

_RULES = "compiled, exported, compared: 1"
"""What the verdicts of this way depend on beside the programs; counted up when that changes."""


class ExportedLean(CheckerOnly):
    """One toolchain that is judged by exports; an `aludel.provers.AnyProver`. Thread-safe.

    Attributes:
        checker: judges candidates.
        size: the number of requests that are carried out at once.
    """

    needed = "a Lean that is not judged by exports"

    def __init__(self, checker: ExportChecker, settings: Settings, size: int) -> None:
        self.checker = checker
        self.size = size
        self._settings = settings

    @property
    def toolchain(self) -> Toolchain:
        """The toolchain that decides."""
        return self.checker.toolchain

    def check(self, request: CheckRequest) -> Verdict:
        """Judge one candidate; see :meth:`aludel.protocols.Checker.check`.

        Raises:
            InvalidRequest: it names another project than this prover's, too.
        """
        ensure_own(request, self._settings.project_name)
        return self.checker.check(request)

    def incidents(self) -> Mapping[str, int]:
        """Count how often the kernels disagreed, or one had no answer."""
        return dict(self.checker.incidents)

    def close(self) -> None:
        """Stop every process; safe to call twice."""
        self.checker.close()


def build_exported(
    settings: Settings,
    progress: Progress | None = None,
    rooms: Rooms | None = None,
    replay: AnyReplay | None = None,
) -> ExportedLean:
    """Return the prover on the toolchain that ``settings`` name, judged by exports.

    Args:
        settings: name the toolchain and its exporter, and bound the processes.
        progress: is told of files that are hashed.
        rooms: what the provers of one service share.
        replay: the kernel that accepts a proof once more; by default that of the embedded Lean.

    Raises:
        ToolchainMissing: the Lean or its exporter is not there, or cannot be confined here.
        InvalidRequest: the project is not one, is not built, or was built by another Lean.
    """
    project = open_project(Path(settings.project)) if settings.project else None
    lean = find_exported(settings.toolchain, project.root if project else None)
    exporter = find_exporter(settings, lean)
    toolchain = describe(lean, exporter, settings, progress)
    host = native_host(lean, settings)
    modules = Modules(host, exporter, settings)
    modules.remove_stale()
    if project is not None:
        require_same_lean(project, toolchain)
        ensure_searchable(project, host)
        unchanged = project.guard()
        modules = replace(
            modules, search=project.search, options=project.options, unchanged=unchanged
        )
        toolchain = with_project(toolchain, project, settings, progress)
    size = settings.pool_size or _fitting(settings)
    second = replay or LeanReplay(lambda: _pinned_pool(settings, rooms, progress))
    return ExportedLean(ExportChecker(toolchain, modules, second, settings, size), settings, size)


def describe(
    lean: NativeLean, exporter: Path, settings: Settings, progress: Progress | None = None
) -> Toolchain:
    """Describe it; its programs, its library and the exporter decide."""
    folders = (lean.root / "bin", lean.root / "lib")
    patterns = ("*.olean*", "*.so", "*.dylib", "lean")
    sums = folders_digest(folders, sums_folder(settings), patterns, progress)
    parts = (sums, file_digest(exporter), _RULES)
    named = settings.toolchain.startswith(PREFIX)
    return Toolchain(
        prover=Prover.LEAN,
        name=f"{PREFIX}{lean.name}" if named else lean.name,
        version=lean.version,
        commit=lean.commit,
        kind="native",
        digest=hashlib.sha256("\n".join(parts).encode()).hexdigest(),
    )


def list_exported(settings: Settings) -> tuple[list[InstalledLean], list[ToolchainMissing]]:
    """Return elan's toolchains whose release is judged by exports, and what others lack."""
    found, lacking = [], []
    for lean in native_toolchains(any_release=True):
        if is_served(lean.version):
            continue
        try:
            known = find_exported(str(lean.root), None)
            toolchain = describe(known, find_exporter(settings, known), settings)
        except ToolchainMissing as error:
            lacking.append(error)
        else:
            found.append(InstalledLean(toolchain, known.root, "native", "judged by exports"))
    return found, lacking


def _fitting(settings: Settings) -> int:
    """How many candidates are judged at once: each program may take a process's memory."""
    fitting = int(psutil.virtual_memory().available / MEGABYTE / settings.process_memory_mb)
    return max(1, min(os.cpu_count() or 1, fitting))


def _pinned_pool(settings: Settings, rooms: Rooms | None, progress: Progress | None) -> LeanPool:
    """Processes of the embedded Lean that are asked for nothing but its kernel's judgement.

    Raises:
        ToolchainMissing: it is not installed.
    """
    pinned = settings.model_copy(update={"toolchain": release.NAME, "project": "", "projects": ""})
    return LeanPool(
        find_toolchain(pinned, progress=progress),
        pinned,
        size=1,
        probe=probe_kernel,
        shared=True,
        rooms=rooms,
        kind="kernels",
    )
