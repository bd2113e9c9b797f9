"""Putting cases to a checker, and counting what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from typing import Protocol

from aludel.errors import BackendCrashed, InvalidRequest
from aludel.lean_checker.attacks.corpus import ACCEPTED, INVALID, Case
from aludel.lean_checker.places import inside
from aludel.models import Rejected, Severity, Verdict
from aludel.protocols import Checker

MAX_SHOWN = 20
CRASHED = "backend_crashed"
"""What a case got that left no verdict: wrong for every case, and no end of the others."""


class AnyCase(Protocol):
    """What has to come of something."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def honest(self) -> bool:
        """Whether it must be accepted."""
        ...

    def allows(self, outcome: str) -> bool:
        """Whether ``outcome`` is one of those that are right."""
        ...


@dataclass(frozen=True)
class Outcome:
    """The outcome of one case.

    Attributes:
        got: one of the outcomes of the corpus format.
        message: why it was not accepted.
        placed: whether a rejection says where in the text; no decision, and a request that is
            refused as such, have no place there: a limit outside of the text, a field's name.
    """

    family: str
    case: AnyCase
    got: str
    message: str = ""
    placed: bool = True

    @property
    def false_accept(self) -> bool:
        """Whether it was accepted and must not be."""
        return self.got == ACCEPTED and not self.case.honest

    @property
    def false_reject(self) -> bool:
        """Whether it was not accepted and must be; undecided counts, an honest case must pass."""
        return self.got != ACCEPTED and self.case.honest

    @property
    def other_reason(self) -> bool:
        """Whether it was rightly refused, for a reason the case does not name."""
        return not (self.case.honest or self.got == ACCEPTED or self.case.allows(self.got))


@dataclass
class Tally:
    """Counts of one family."""

    refused: int = 0
    accepted: int = 0
    false_accepts: int = 0
    false_rejects: int = 0
    other_reasons: int = 0
    without_place: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one more case."""
        self.accepted += outcome.got == ACCEPTED
        self.refused += outcome.got != ACCEPTED
        self.false_accepts += outcome.false_accept
        self.false_rejects += outcome.false_reject
        self.other_reasons += outcome.other_reason
        self.without_place += not outcome.placed


@dataclass
class Report:
    """Counts per family, and the cases that went wrong."""

    families: dict[str, Tally] = field(default_factory=dict)
    wrong: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count one more case."""
        self.families.setdefault(outcome.family, Tally()).add(outcome)
        wrong = outcome.false_accept or outcome.false_reject or outcome.other_reason
        if wrong or not outcome.placed:
            self.wrong.append(outcome)

    @property
    def holds(self) -> bool:
        """Whether nothing was wrongly accepted or refused."""
        return not (self.total("false_accepts") or self.total("false_rejects"))

    def total(self, what: str) -> int:
        """Sum one count over all families."""
        return sum(int(getattr(tally, what)) for tally in self.families.values())

    def figures(self) -> dict[str, object]:
        """The counts as one JSON object."""
        names = [one.name for one in fields(Tally)]
        return {
            "cases": self.total("refused") + self.total("accepted"),
            **{name: self.total(name) for name in names},
            "families": {name: vars(tally) for name, tally in self.families.items()},
            "wrong": [
                {"family": one.family, "case": one.case.name, "got": one.got}
                for one in self.wrong[:MAX_SHOWN]
            ],
        }


def outcome_of(checker: Checker, family: str, case: Case) -> Outcome:
    """Put one case to a checker.

    Raises:
        BackendUnavailable: the machine failed before the case was put to it.
    """
    try:
        verdict: Verdict = checker.check(case.request())
    except InvalidRequest as error:
        return Outcome(family, case, INVALID + (error.field or ""), error.message)
    except BackendCrashed as crash:
        return Outcome(family, case, CRASHED, crash.message)
    got = ACCEPTED if verdict.reason is None else verdict.reason.value
    placed = not isinstance(verdict, Rejected) or _shows_a_place(verdict, case.code)
    return Outcome(family, case, got, verdict.message or "", placed)


def _shows_a_place(verdict: Rejected, code: str) -> bool:
    """Whether an error points into the text, and nothing points out of it."""
    places = [one for item in verdict.diagnostics for one in (item.start, item.end) if one]
    errors = [item for item in verdict.diagnostics if item.severity is Severity.ERROR]
    return any(item.start for item in errors) and all(inside(code, one) for one in places)


def run_cases(
    checker: Checker,
    cases: Iterable[tuple[str, Case]],
    *,
    threads: int = 1,
    progress: Callable[[Outcome], None] | None = None,
) -> Report:
    """Put every case to the checker and count.

    Args:
        checker: the checker; thread-safe.
        cases: names of families, and cases.
        threads: how many at once.
        progress: is told of each outcome, in the order of the cases.

    Raises:
        BackendUnavailable: the machine failed.
    """
    report = Report()
    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(outcome_of, checker, family, case) for family, case in cases]
        try:
            for future in futures:
                outcome = future.result()
                report.add(outcome)
                if progress is not None:
                    progress(outcome)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return report
