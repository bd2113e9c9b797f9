"""The bench on which a toolchain is tried: its prover, and a project that holds a `sorry`."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from aludel.errors import ToolchainMissing
from aludel.lean_checker.embedded import release
from aludel.lean_checker.embedded.command import Host
from aludel.lean_checker.embedded.install import install_root
from aludel.lean_checker.embedded.manifest import read_manifest
from aludel.lean_checker.native.locate import find_native
from aludel.lean_checker.node import find_node
from aludel.lean_checker.program import LeanHost, run
from aludel.lean_checker.prover import LeanProver, build_prover
from aludel.lean_checker.room import Rooms
from aludel.lean_checker.toolchains import native_host
from aludel.models import Budget, CheckRequest, LeanContext, Policy, Toolchain, Verdict
from aludel.progress import Progress
from aludel.projects import project_of
from aludel.settings import Settings

MATHLIB = "Mathlib"
SORRIED = "AludelSorried"
CHECK_S = 300.0
"""Seconds of a check: the first that imports Mathlib reads it from disk."""
_COMPILE_S = 300.0
_SYSTEM_WITHOUT_OPTION = (4, 27)
"""From this release on a file may say ``module`` without an option."""
_BODY = "theorem aludel_bad : 1 = 2 := sorry\n"


class NotApplicable(Exception):
    """A row that cannot be tried here; the message says why, and how it could be."""


class RowFailed(Exception):
    """A row that did not hold; the message says what came instead."""


@dataclass
class Bench:
    """What the rows are tried on; close it at the end.

    Attributes:
        settings: name the toolchain, and its project if there is one.
        corpus: folder of the attack corpus, which the package does not bring.
        progress: is told of long preparations.
    """

    settings: Settings
    corpus: Path | None = None
    progress: Progress | None = None
    _rooms: Rooms = field(default_factory=Rooms)
    _prover: LeanProver | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def prover(self) -> LeanProver:
        """The prover of the toolchain; opened when it is needed.

        Raises:
            ToolchainMissing: it is not there, does not run, or cannot be confined.
        """
        with self._lock:
            if self._prover is None:
                self._prover = build_prover(self.settings, self.progress, self._rooms)
            return self._prover

    @property
    def toolchain(self) -> Toolchain:
        """The toolchain, with its project."""
        return self.prover.toolchain

    @property
    def has_mathlib(self) -> bool:
        """Whether the project's packages bring Mathlib, compiled."""
        from aludel.lean_checker.project import open_project

        if not self.settings.project:
            return False
        search = open_project(Path(self.settings.project)).search
        return any((folder / f"{MATHLIB}.olean").is_file() for folder in search)

    def needs_mathlib(self) -> None:
        """Leave a row out where there is no Mathlib.

        Raises:
            NotApplicable: there is none.
        """
        if not self.has_mathlib:
            raise NotApplicable(
                "no Mathlib: make a project (aludel project init NAME) and give --project NAME"
            )

    def check(self, code: str, imports: tuple[str, ...] | None = None, **more: object) -> Verdict:
        """Judge a candidate with both kernels."""
        return self.prover.check(asked(code, imports, **more))

    def private_mb(self) -> float:
        """Return the private memory of the largest process of Lean below this one, in megabytes."""
        found = [0]
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                found.append(process.memory_full_info().uss)
        return max(found) / 2**20

    @contextlib.contextmanager
    def sorried(self) -> Iterator[LeanProver]:
        """Open a prover on a project whose only module proves `1 = 2` by `sorry`.

        Raises:
            RowFailed: the toolchain does not compile that module.
        """
        with tempfile.TemporaryDirectory(prefix="aludel-") as name:
            root = Path(name)
            _compile_sorried(root, host_of(self.settings), self.toolchain.version)
            update = {"project": str(root)}
            prover = build_prover(self.settings.model_copy(update=update), None, self._rooms)
            with contextlib.closing(prover):
                yield prover

    def close(self) -> None:
        """End every process; safe to call twice."""
        if self._prover is not None:
            self._prover.close()


def asked(code: str, imports: tuple[str, ...] | None = None, **more: object) -> CheckRequest:
    """Return the request of a row, which no other kernel is spared."""
    fields: dict[str, object] = {
        "context": LeanContext(imports=imports),
        "code": code,
        "budget": Budget(wall_s=CHECK_S),
        "policy": Policy(second_kernel="require"),
        **more,
    }
    request = CheckRequest.model_validate(fields)
    assert not project_of(request)  # noqa: S101 - the prover is the project's own
    return request


def host_of(settings: Settings) -> LeanHost:
    """Return what runs the toolchain of some settings.

    Raises:
        ToolchainMissing: it is not installed, or cannot be confined.
    """
    if settings.toolchain != release.NAME:
        folder = Path(settings.project) if settings.project else None
        return native_host(find_native(settings.toolchain, folder), settings)
    root = install_root(settings)
    return Host(root, read_manifest(root).host, find_node(settings))


def _compile_sorried(root: Path, host: LeanHost, version: str) -> None:
    built = root / ".lake" / "build" / "lib" / "lean"
    built.mkdir(parents=True)
    (root / "lakefile.toml").write_text('name = "sorried"\n')
    release_of = tuple(int(part) for part in version.split("-")[0].split(".")[:2])
    # The embedded Lean takes every file for a module, and one that does not say so exports nothing.
    as_module = release_of >= _SYSTEM_WITHOUT_OPTION
    head = "module\n\n@[expose] public section\n\n" if as_module else ""
    source = Path(f"{SORRIED}.lean")
    (built / source).write_text(head + _BODY)
    try:
        done = run(host.compile_command(built, source), "", _COMPILE_S)
    except ToolchainMissing as error:
        raise RowFailed(f"the module was not compiled: {error.message}") from error
    if done.returncode != 0:
        raise RowFailed(f"the module was not compiled: {(done.stdout + done.stderr)[-300:]}")
