"""Verification of a file of candidates from start to end: what the command line calls.

Candidates are read, judged and written in batches, so memory does not grow with the files. After
each batch results and ledger are on disk; a run that was killed goes on behind its last batch and
ends with the same bytes.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from aludel.client.flows import error_of_failure
from aludel.errors import BackendUnavailable, InvalidRequest, RequestTooLarge, RunFileError
from aludel.files import write_whole
from aludel.jobs import Item, ItemState
from aludel.jsonl import line, stream_lines
from aludel.models import (
    MAX_CODE_BYTES,
    Budget,
    CheckRequest,
    Model,
    Policy,
    Prover,
    RejectReason,
)
from aludel.progress import Progress
from aludel.proving.verification.ledger import Entry, Ledger
from aludel.proving.verification.posing import Columns, PosedProblem, Poser
from aludel.proving.verification.reading import (
    ReadCandidate,
    candidates_in,
    ensure_candidates,
    fingerprint,
    read_problems,
)
from aludel.proving.verification.report import (
    KINDS,
    UNPOSED,
    UNREADABLE,
    Report,
    report_of,
    report_page,
)

LEDGER = "run.sqlite3"
RESULTS = "results.jsonl"
REFUSED = "refused.jsonl"
REPORT = "report.json"
PAGE = "report.md"
BATCH = 256
PAUSES_S = (1.0, 30.0)
"""Before a candidate on which the machine failed is tried again."""
_BATCH_CHARACTERS = 1 << 23
_WRONG = frozenset({InvalidRequest.code, RequestTooLarge.code})

Judge = Callable[[Sequence[CheckRequest]], Iterable[Item]]
"""Has candidates judged; gives their items in their order."""


class VerificationPlan(Model):
    """The options that what comes of a run depends on, besides its files.

    Attributes:
        judged_by: digest of the toolchain, or ``service``, which may have several.
        imports: import set of every problem, in place of its own.
    """

    prover: Prover
    judged_by: str
    budget: Budget
    policy: Policy
    columns: Columns
    imports: tuple[str, ...] | None = None


@dataclass
class _Work:
    """A candidate under way; ``row`` is its line of the results."""

    row: dict[str, Any]
    entry: Entry | None
    request: CheckRequest | None = None

    @classmethod
    def of(cls, read: ReadCandidate, entry: Entry | None) -> _Work:
        """Return the work that a candidate is."""
        name = entry.name if entry is not None else next(iter(read.names), None)
        return cls({"name": name, "line": read.number, "item": read.item}, entry)

    def settle(
        self,
        kind: str,
        reason: str | None = None,
        message: str | None = None,
        axioms: Sequence[str] = (),
        digest: str | None = None,
    ) -> None:
        """Say what became of it."""
        self.row |= {"kind": kind, "reason": reason, "message": message}
        self.row |= {"axioms": list(axioms), "hash": digest}

    def judged(self, item: Item) -> None:
        """Say what a prover made of it; see :func:`_ensure_judged`."""
        verdict, wrong = item.verdict, item.error
        if verdict is not None:
            reason = None if verdict.reason is None else verdict.reason.value
            self.settle(verdict.kind, reason, verdict.message, verdict.axioms, verdict.hash)
        elif wrong is not None and wrong.field == "code":
            self.settle("rejected", "invalid", wrong.message)
        elif wrong is not None and self.entry is not None:
            self.entry.refusal = f"{wrong.field}: {wrong.message}" if wrong.field else wrong.message


@dataclass
class _Batch:
    """Candidates that are judged together, their problems, and what comes after them."""

    works: list[_Work] = field(default_factory=list)
    entries: dict[int, Entry] = field(default_factory=dict)
    characters: int = 0

    @property
    def full(self) -> bool:
        return len(self.works) >= BATCH or self.characters >= _BATCH_CHARACTERS


def verify(
    problems: Path,
    candidates: Path,
    out: Path,
    plan: VerificationPlan,
    poser: Poser,
    judge: Judge,
    ks: Sequence[int],
    progress: Progress,
) -> Report:
    """Check every candidate, or those that an earlier call for ``out`` left; write the results.

    Args:
        problems: JSONL, a problem a line.
        candidates: JSONL, a line with the name of a problem and one candidate or a list.
        out: folder of the run.
        plan: what comes of it depends on.
        poser: makes problems of rows.
        judge: judges candidates.
        ks: the k of pass@k.
        progress: is told how far the run is.

    Raises:
        InvalidRequest: a file cannot be read, or has none of the columns.
        Conflict: ``out`` is another run, or one that is under way.
        BackendUnavailable: the machine failed; the same call goes on.
        RunFileError: ``out`` cannot be written; the same call goes on.
    """
    identity = {
        "plan": plan.model_dump(mode="json"),
        "problems": fingerprint(problems, "PROBLEMS"),
        "candidates": fingerprint(candidates, "CANDIDATES"),
    }
    ensure_candidates(candidates, plan.columns)
    with _writing(out):
        out.mkdir(parents=True, exist_ok=True)
    with Ledger(out / LEDGER, identity) as ledger:
        if not ledger.has_problems:
            ledger.add_problems(read_problems(problems, poser, progress))
        _Run(candidates, out, plan, ledger, judge, progress).go_on()
        report = report_of(ledger, ks)
        with _writing(out):
            _write_report(out, ledger, report)
        return report


class _Run:
    """The candidates of a run that are left."""

    def __init__(
        self,
        candidates: Path,
        out: Path,
        plan: VerificationPlan,
        ledger: Ledger,
        judge: Judge,
        progress: Progress,
    ) -> None:
        self._candidates = candidates
        self._out = out
        self._plan = plan
        self._ledger = ledger
        self._judge = judge
        self._progress = progress
        self._position = ledger.position()

    def go_on(self) -> None:
        """Judge what is left, batch by batch."""
        if self._position.done:
            return
        size = self._candidates.stat().st_size
        self._progress.step("verifying, bytes", size, self._position.at)
        path = self._out / RESULTS
        with _writing(path), path.open("ab") as results:
            results.truncate(self._position.size)
        before = self._position.at
        for batch in self._batches():
            self._have_judged(batch)
            with _writing(path), path.open("ab") as results:
                self._record(batch, results)
            self._progress.advance(self._position.at - before)
            before = self._position.at
        self._position.done = True
        self._ledger.commit((), self._position)

    def _batches(self) -> Iterator[_Batch]:
        """Yield batches; the position is then the one behind the batch."""
        batch, skipped = _Batch(), self._position.item
        begun = self._position
        for read in stream_lines(self._candidates, "CANDIDATES", begun.at, begun.line):
            for item, row in enumerate(candidates_in(read, self._plan.columns)):
                if item < skipped:
                    continue
                self._take(batch, row)
                if batch.full:
                    self._stand(read.start, read.number, item + 1)
                    yield batch
                    batch = _Batch()
            skipped = 0
            self._stand(read.end, read.number + 1, 0)
        if batch.works:
            yield batch

    def _stand(self, at: int, number: int, item: int) -> None:
        self._position.at, self._position.line, self._position.item = at, number, item

    def _take(self, batch: _Batch, read: ReadCandidate) -> None:
        """Add a candidate to a batch, with its request, or with what is known without a prover."""
        entry = self._ledger.find(read.names)
        if entry is not None:
            entry = batch.entries.setdefault(entry.id, entry)
        work = _Work.of(read, entry)
        batch.works.append(work)
        if read.fault:
            work.settle(UNREADABLE, message=read.fault)
        elif entry is None:
            work.settle(UNPOSED, message="there is no problem of that name, or several")
        elif entry.problem is not None and entry.refusal is None:
            batch.characters += self._ask(work, entry.problem, read.text)

    def _ask(self, work: _Work, problem: PosedProblem, text: str | None) -> int:
        """Make the request of a candidate, unless it is none; return its characters."""
        if text is None:
            work.settle("rejected", "no_text", "no text was proposed")
            return 0
        code = problem.code(text)
        size = len(code.encode(errors="replace"))
        if size > MAX_CODE_BYTES:  # no prover takes it, and no service reads it
            message = f"{size} bytes, more than the {MAX_CODE_BYTES} allowed"
            work.settle("rejected", RejectReason.TOO_LARGE, message)
            return 0
        work.request = CheckRequest(
            context=problem.context,
            statement=problem.statement,
            code=code,
            budget=self._plan.budget,
            policy=self._plan.policy.forbidding(problem.forbidden),
        )
        return len(code)

    def _have_judged(self, batch: _Batch) -> None:
        """Settle every candidate of a batch, those of a problem that cannot be posed as such."""
        asked = [work for work in batch.works if work.request is not None]
        accepted = self._position.counts["accepted"]
        for work, item in zip(asked, self._items(asked), strict=True):
            work.judged(item)
            accepted += item.verdict is not None and item.verdict.kind == "accepted"
            self._progress.advance(0, f"{accepted:,} accepted")
        for work in batch.works:
            if work.entry is not None and work.entry.refusal is not None:
                work.settle(UNPOSED, message=work.entry.refusal)

    def _items(self, asked: Sequence[_Work]) -> Iterator[Item]:
        """Yield what is made of candidates; a machine that fails is given time, and asked again."""
        requests = [work.request for work in asked if work.request is not None]
        done, pauses = 0, iter(PAUSES_S)
        while done < len(requests):
            try:
                for item in self._judge(requests[done:]):
                    _ensure_judged(item)
                    done += 1
                    pauses = iter(PAUSES_S)
                    yield item
            except BackendUnavailable:
                pause = next(pauses, None)
                if pause is None:
                    raise
                time.sleep(pause)

    def _record(self, batch: _Batch, results: BinaryIO) -> None:
        """Write what came of a batch, and then the ledger, which says that it counts."""
        counts = self._position.counts
        for work in batch.works:
            kind, reason = work.row["kind"], work.row["reason"]
            counts[kind] += 1
            if reason is not None:
                counts[f"{kind} {reason}"] += 1
            if work.entry is not None and kind in KINDS:
                work.entry.judged += 1
                work.entry.accepted += kind == "accepted"
            results.write(f"{line(work.row)}\n".encode())
        results.flush()
        os.fsync(results.fileno())
        self._position.size = results.tell()
        self._ledger.commit(batch.entries.values(), self._position)


def _ensure_judged(item: Item) -> None:
    """Make sure that an item has a verdict, or the error of a request that is wrong.

    Raises:
        BackendUnavailable: neither, for the machine failed or somebody cancelled it.
    """
    if item.state is ItemState.CANCELLED:
        raise BackendUnavailable("the service cancelled a check", fix="give the same command again")
    if item.verdict is None and (item.error is None or item.error.code not in _WRONG):
        raise error_of_failure(item.error)


def _write_report(out: Path, ledger: Ledger, report: Report) -> None:
    refused = ({"problem": name, "reason": reason} for name, reason in ledger.refused())
    write_whole(out / REFUSED, (f"{line(one)}\n" for one in refused))
    write_whole(out / REPORT, [json.dumps(report.model_dump(mode="json"), indent=2) + "\n"])
    write_whole(out / PAGE, [report_page(report)])


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunFileError(
            f"{path} cannot be written: {error.strerror or error}",
            field="--out",
            fix="free space, or name another folder; the same command goes on",
        ) from error
