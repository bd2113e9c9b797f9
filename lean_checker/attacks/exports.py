"""Exports of Lean as attacks on kernels: what each has to say of a file (`docs/trust.md`).

Our own kernel reads each file in a process of its own. Lean's kernel reads those of which it can:
what they declare, as tables over the library.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aludel.errors import BackendCrashed, InvalidRequest
from aludel.lean_checker.attacks.run import Outcome, Report
from aludel.lean_checker.judge.lean_kernel import LeanKernel
from aludel.lean_checker.judge.question import Question
from aludel.lean_checker.limits import LimitReached
from aludel.lean_checker.process import ProcessDied
from aludel.lean_kernel.budget import Budget as Steps
from aludel.lean_kernel.declarations import Declaration, InductiveBlock
from aludel.lean_kernel.export_worker import READY
from aludel.lean_kernel.names import Name, name
from aludel.lean_kernel.ndjson import read_export
from aludel.lean_kernel.starting import command, environment
from aludel.lean_kernel.store import Store
from aludel.lean_kernel.tables import write_tables
from aludel.models import Budget

ACCEPTED, REJECTED, ENDED = "accepted", "rejected", "its process ended"
STEPS = 300_000
_WALL_S = 120.0
_MEMORY_MB = 2_000
_FAMILY_FILE = "family.json"
LIBRARY = frozenset(
    map(
        name,
        (
            *("False", "True", "Bool", "Nat", "Eq", "And", "PUnit", "Prod", "List", "id"),
            *("Char", "Char.ofNat", "String", "String.ofList"),
        ),
    )
)
"""What exports declare as the library does; Lean has its own."""


class ExportCase(BaseModel):
    """One file.

    Attributes:
        file: its name, beside the description of its family.
        expect: what our kernel says: `accepted`, the rule that is broken, or `out_of_budget`.
        lean: what Lean's kernel says, `accepted` or `rejected`; empty where it is not asked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(pattern=r"^[^/]+\.ndjson$")
    expect: str
    lean: str = Field("", pattern=f"^({ACCEPTED}|{REJECTED})?$")

    @property
    def name(self) -> str:
        """The name of the case."""
        return self.file.removesuffix(".ndjson")

    @property
    def honest(self) -> bool:
        """Whether it must be accepted."""
        return self.expect == ACCEPTED

    def allows(self, outcome: str) -> bool:
        """Whether ``outcome`` is the right one."""
        return outcome == self.expect


class ExportFamily(BaseModel):
    """Files about one rule of the kernel language."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str = Field(min_length=1)
    rule: str = Field(min_length=1)
    cases: tuple[ExportCase, ...] = Field(min_length=1)


@dataclass(frozen=True)
class ExportAttack:
    """A case with its family and its file."""

    family: str
    case: ExportCase
    path: Path


def read_exports(folder: Path) -> list[tuple[ExportFamily, Path]]:
    """Read every family of ``folder`` and its subfolders, with the folder that it stands in.

    Raises:
        InvalidRequest: there is none, or one is not in the format; ``field`` names it.
    """
    found = []
    for path in sorted(folder.rglob(_FAMILY_FILE)):
        try:
            family = ExportFamily.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise InvalidRequest(
                str(error.errors()[0]["msg"]), field=str(path), fix="see docs/trust.md"
            ) from error
        missing = [case.file for case in family.cases if not (path.parent / case.file).is_file()]
        if missing:
            raise InvalidRequest(f"there is no {missing[0]}", field=str(path))
        found.append((family, path.parent))
    if not found:
        raise InvalidRequest(
            f"no {_FAMILY_FILE} in it", field=str(folder), fix="name a folder of exports"
        )
    return found


def all_exports(folder: Path) -> list[ExportAttack]:
    """Every case of a folder; raises as :func:`read_exports`."""
    return [
        ExportAttack(family.family, case, where / case.file)
        for family, where in read_exports(folder)
        for case in family.cases
    ]


def run_exports(
    attacks: Iterable[ExportAttack], kernel: LeanKernel | None, report: Report, threads: int = 1
) -> None:
    """Put every case to our kernel and, if there is one, to Lean's, and count; as `outcomes`."""
    with ThreadPoolExecutor(threads) as pool:
        for found in pool.map(lambda attack: list(outcomes(attack, kernel)), attacks):
            for outcome in found:
                report.add(outcome)


def outcomes(attack: ExportAttack, kernel: LeanKernel | None) -> Iterator[Outcome]:
    """Put a case to our kernel, and to Lean's where it can be.

    Raises:
        BackendUnavailable: the machine failed.
    """
    got, message = ours(attack.path)
    yield Outcome(attack.family, attack.case, got, message)
    if kernel is not None and attack.case.lean:
        got, message = leans(kernel, attack.path)
        asked = attack.case.model_copy(update={"expect": attack.case.lean})
        yield Outcome(f"Lean: {attack.family}", asked, got, message)


def ours(path: Path) -> tuple[str, str]:
    """What our kernel says of a file, in a process of its own, and why.

    Raises:
        BackendCrashed: the process does not start.
    """
    export = path.read_bytes()
    head = json.dumps({"steps": STEPS, "sizes": [len(export)]}).encode()
    try:
        done = subprocess.run(
            command("export_worker", _MEMORY_MB, int(_WALL_S)),
            input=head + b"\n" + export,
            capture_output=True,
            timeout=_WALL_S,
            check=False,
            env=environment(),
        )
    except subprocess.TimeoutExpired:
        return "out_of_budget", f"{_WALL_S:g} s of time"
    if not done.stdout.startswith(READY):
        raise BackendCrashed("our kernel does not start")
    if done.returncode:
        return ENDED, done.stderr[-300:].decode(errors="replace")
    answer = json.loads(done.stdout.removeprefix(READY))
    return answer["rule"] or answer["verdict"], answer["message"]


def leans(kernel: LeanKernel, path: Path) -> tuple[str, str]:
    """What Lean's kernel says of what a file declares, over the library, and why.

    Raises:
        BackendUnavailable: the machine failed.
    """
    with path.open(encoding="utf-8") as lines:
        declared = [d for d in read_export(lines, Store(Steps())) if not _of_library(d)]
    data = write_tables(declared)
    question = Question(data, hashlib.sha256(data).hexdigest(), (), None, len(declared))
    try:
        answer = kernel.ask(question, ("Init",), Budget())
    except (LimitReached, ProcessDied) as error:
        return ENDED, error.message
    return answer.outcome, answer.message


def _of_library(declaration: Declaration) -> bool:
    declared: Name = (
        declaration.spec.types[0].name
        if isinstance(declaration, InductiveBlock)
        else declaration.name
    )
    return declared in LIBRARY
