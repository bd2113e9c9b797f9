"""The last word where a toolchain ships ``leanchecker`` (Lean 4.28 and later).

The candidate is compiled to a module with the toolchain's own ``lean``, and ``leanchecker`` has the
kernel check every declaration of the compiled module again, from the file alone. Both run confined,
in a folder of their own; what was accepted before stays accepted only if both agree.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aludel.errors import ToolchainMissing
from aludel.lean_checker.facts import CheckFacts
from aludel.lean_checker.native.host import NativeHost
from aludel.lean_checker.policy import Finding, refusal
from aludel.lean_checker.process import ServerCommand
from aludel.lean_checker.program import run
from aludel.models import (
    Accepted,
    CheckRequest,
    LeanContext,
    RejectReason,
    UndecidedReason,
    Verdict,
)

CHECK = "leanchecker"
MODULE = "Candidate"
_QUOTED = 500


@dataclass(frozen=True)
class ModuleChecker:
    """Confirms accepted candidates by ``leanchecker``.

    Attributes:
        host: the native Lean that brings it.
        search: folders of compiled modules that candidates may import.
        scratch: folder for what is compiled; emptied after each candidate.
        options: what the project sets.
    """

    host: NativeHost
    search: tuple[Path, ...]
    scratch: Path
    options: Mapping[str, bool | int | str] = field(default_factory=dict)

    def confirm(self, request: CheckRequest, facts: CheckFacts, accepted: Accepted) -> Verdict:
        """Return ``accepted`` with one check more on its evidence, or what stands against it.

        Raises:
            ToolchainMissing: the disk cannot be written.
        """
        began = time.monotonic()
        self.scratch.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self.scratch))
        try:
            finding = self._finding(request, facts, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        spent = accepted.usage.wall_s + time.monotonic() - began
        usage = accepted.usage.model_copy(update={"wall_s": spent})
        if finding is not None:
            return refusal(
                finding,
                content_hash=accepted.hash,
                usage=usage,
                diagnostics=accepted.diagnostics,
                axioms=accepted.axioms,
            )
        evidence = accepted.evidence
        checked = evidence.model_copy(update={"checks": (*evidence.checks, CHECK)})
        return accepted.model_copy(update={"evidence": checked, "usage": usage})

    def _finding(self, request: CheckRequest, facts: CheckFacts, folder: Path) -> Finding | None:
        """What stands against the candidate, None when both programs agree with the verdict."""
        source = folder / f"{MODULE}.lean"
        source.write_text(_module(request, facts), "utf-8")
        olean = source.with_suffix(".olean")
        options = (
            *_options(request, self.options),
            "-R",
            str(folder),
            "-o",
            str(olean),
            str(source),
        )
        compiled = self.host.command(folder, options, search=self.search, output=folder)
        checker = str(self.host.lean.root / "bin" / CHECK)
        checked = self.host.confined((checker, MODULE), folder, self.search)
        for command, reason, what in (
            (compiled, RejectReason.ELABORATION, "`lean` does not compile the candidate"),
            (checked, RejectReason.KERNEL, "`leanchecker` refuses the compiled candidate"),
        ):
            done = _done(command, request.budget.wall_s)
            if done is None:
                return Finding(UndecidedReason.TIMEOUT, f"{CHECK}: no answer in the wall time")
            if done.returncode != 0:
                said = " ".join((done.stdout + done.stderr).split())[-_QUOTED:]
                return Finding(reason, f"{what}: {said or f'exit code {done.returncode}'}")
        return None


def _done(command: ServerCommand, wall_s: float) -> subprocess.CompletedProcess[str] | None:
    try:
        return run(command, "", wall_s)
    except ToolchainMissing:
        return None


def _module(request: CheckRequest, facts: CheckFacts) -> str:
    """The candidate as a module: with the import set as its header, unless it has one."""
    if facts.header_imports:
        return request.code
    header = "".join(f"import {name}\n" for name in facts.imports if name != "Init")
    return header + request.code


def _options(request: CheckRequest, project: Mapping[str, bool | int | str]) -> Sequence[str]:
    context = request.context
    given = context.options if isinstance(context, LeanContext) else {}
    shown = {name: str(value).lower() if value is True or value is False else str(value)
             for name, value in {**project, **given}.items()}  # fmt: skip
    shown["maxHeartbeats"] = str(request.budget.heartbeats)
    return [f"-D{name}={value}" for name, value in shown.items()]
