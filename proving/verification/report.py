"""The report of a run: pass@k with intervals, verdicts, reasons, what could not be posed."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from pydantic import Field

from aludel.estimate import Estimate, tallied_pass_at_k
from aludel.models import Model
from aludel.proving.verification.ledger import Ledger

KINDS = ("accepted", "rejected", "undecided")
UNPOSED = "unposed"
UNREADABLE = "unreadable"
_LISTED = 100

Tally = Counter[tuple[int, int]]
"""How many problems have these judged and accepted candidates."""


class Refused(Model):
    """A problem that cannot be posed, and why."""

    problem: str
    reason: str


class Report(Model):
    """A run in figures. Nothing in it depends on when, how fast or in how many parts it ran.

    Attributes:
        problems: how many there are; ``posed`` is without those that cannot be posed.
        without_candidates: posed problems that no candidate was judged of.
        solved: problems with an accepted candidate.
        candidates: how many were read; ``unposed`` are those of no problem that can be posed, which
            count for nothing else.
        verdicts: judged candidates by kind. Undecided ones are not accepted, which is how pass@k
            counts them.
        reasons: rejected and undecided candidates by reason.
        unreadable: lines that hold no candidate and no problem.
        pass_at_k: by ``k``, over the problems with at least ``k`` judged candidates, whose number
            is its ``count``.
        pass_at_k_by_group: the same for each split, or class of F* problems, where there are any.
        refused: problems that cannot be posed, the first 100; ``refused.jsonl`` has all.
        without_options: F* problems posed without recorded options that this F* does not have.
    """

    problems: int
    posed: int
    without_candidates: int
    solved: int
    candidates: int
    unposed: int
    verdicts: dict[str, int]
    reasons: dict[str, int]
    unreadable: int
    pass_at_k: dict[str, Estimate] = Field(default_factory=dict)
    pass_at_k_by_group: dict[str, dict[str, Estimate]] = Field(default_factory=dict)
    refused: tuple[Refused, ...] = ()
    without_options: dict[str, dict[str, str]] = Field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether every line was read and every problem that was asked for was posed."""
        return self.problems == self.posed and not self.unposed and not self.unreadable


def report_of(ledger: Ledger, ks: Sequence[int]) -> Report:
    """Return the figures of what a ledger records.

    Args:
        ledger: of the run.
        ks: the k of pass@k; those that no problem has enough candidates for are left out.
    """
    groups: dict[str, Tally] = {}
    for group, judged, accepted, count in ledger.tallies():
        groups.setdefault(group, Counter())[judged, accepted] += count
    whole = sum(groups.values(), start=Tally())
    counts = ledger.position().counts
    refused = sum(1 for _ in ledger.refused())
    posed = whole.total()
    return Report(
        problems=posed + refused,
        posed=posed,
        without_candidates=sum(n for (judged, _), n in whole.items() if not judged),
        solved=sum(n for (_, accepted), n in whole.items() if accepted),
        candidates=sum(counts[kind] for kind in (*KINDS, UNPOSED)),
        unposed=counts[UNPOSED],
        verdicts={kind: counts[kind] for kind in KINDS},
        reasons=_reasons(counts),
        unreadable=counts[UNREADABLE],
        pass_at_k=_estimates(whole, ks),
        pass_at_k_by_group={g: _estimates(t, ks) for g, t in groups.items() if g},
        refused=tuple(Refused(problem=p, reason=r) for p, r in islice(ledger.refused(), _LISTED)),
        without_options=dict(islice(ledger.without_options(), _LISTED)),
    )


def report_page(report: Report) -> str:
    """Return a report as a short page of Markdown."""
    lines = [
        "# Verified candidates",
        "",
        f"{report.candidates:,} candidates of {report.posed:,} problems; "
        f"{report.solved:,} problems solved, {report.without_candidates:,} without a candidate.",
        "",
        *_table(("", *(f"pass@{k}" for k in report.pass_at_k)), _estimate_rows(report)),
        "",
        *_table(("verdict", "candidates"), report.verdicts.items()),
    ]
    if report.reasons:
        lines += ["", *_table(("reason", "candidates"), report.reasons.items())]
    if not report.is_whole:
        refused = report.problems - report.posed
        lines += [
            "",
            f"{refused:,} problems cannot be posed; {report.unposed:,} candidates are of none that "
            f"can be; {report.unreadable:,} lines cannot be read (`results.jsonl` says why).",
        ]
    if report.refused:
        rows = [(one.problem, one.reason) for one in report.refused]
        lines += ["", *_table(("problem that cannot be posed", "why"), rows)]
    return "\n".join([*lines, *_warning(report.without_options)]) + "\n"


def _reasons(counts: Mapping[str, int]) -> dict[str, int]:
    named = {key.partition(" ")[2]: n for key, n in counts.items() if " " in key}
    return dict(sorted(named.items(), key=lambda one: (-one[1], one[0])))


def _estimates(tally: Tally, ks: Sequence[int]) -> dict[str, Estimate]:
    found = {}
    for k in sorted(set(ks)):
        enough = {outcome: n for outcome, n in tally.items() if outcome[0] >= k}
        if enough:
            found[str(k)] = tallied_pass_at_k(enough, k)
    return found


def _estimate_rows(report: Report) -> list[tuple[str, ...]]:
    rows = {"all": report.pass_at_k, **report.pass_at_k_by_group}
    return [
        (name, *(_estimate(found.get(k)) for k in report.pass_at_k)) for name, found in rows.items()
    ]


def _estimate(found: Estimate | None) -> str:
    if found is None:
        return "-"
    shares = f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}]"
    return f"{shares} of {found.count:,}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    shown: list[Sequence[object]] = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in shown]


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else " ".join(str(value).split())
    return html.escape(text, quote=False).replace("|", "\\|")


def _warning(without: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Say which problems were posed without some of their options; nothing when none was."""
    if not without:
        return []
    rows = [(name, field, why) for name, fields in without.items() for field, why in fields.items()]
    return [
        "",
        "WARNING: these problems were posed without recorded options that this F* does not have. "
        "An acceptance means what it always does; a rejection for `smt_failure` or a timeout may "
        "be due to this.",
        "",
        *_table(("problem", "field", "why"), rows),
    ]
