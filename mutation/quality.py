"""Quality check of the filters: a sample of accepted variants, screened again with more time."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from aludel.lean_checker.operations import MutantSource, Screening, ScreenItem, ScreenTask
from aludel.mutation.judging import NOT_SCREENED, TARGET_WALL_S, reasons_of, screened, shape_of
from aludel.mutation.naming import order_key
from aludel.mutation.plan import MutationPlan
from aludel.mutation.report import MutationReport
from aludel.records import VariantRecord

STRONGER = 10
"""How many times the filters' budget the second look has."""


@dataclass(frozen=True)
class Fault:
    """A variant of the sample that should not have been accepted."""

    name: str
    reason: str
    found_by: str
    statement: str


@dataclass
class QualityCheck:
    """The result of the second look.

    Attributes:
        sample: variants that were looked at.
        budget: heartbeats of each search, in thousands.
        found: how many had each fault.
        findings: which ones.
        unsearched: searches that ran out of this budget too, by tactic.
        core_s: CPU seconds it took.
    """

    sample: int
    budget: int
    found: Counter[str] = field(default_factory=Counter)
    findings: list[Fault] = field(default_factory=list)
    unsearched: Counter[str] = field(default_factory=Counter)
    core_s: float = 0.0

    def figures(self) -> dict[str, Any]:
        """Return the outcome as JSON, costs left out."""
        reasons = ("duplicate", "unchanged", "trivial", "vacuous", "unused_hypothesis")
        return {
            "sample": self.sample,
            "budget": self.budget,
            "found": {reason: self.found[reason] for reason in (*reasons, NOT_SCREENED)},
            "findings": [vars(finding) for finding in self.findings],
            "unsearched": dict(sorted(self.unsearched.items())),
        }


def sample_of(
    variants: Iterable[VariantRecord], size: int, seed: int
) -> tuple[list[VariantRecord], Counter[str]]:
    """Return a random sample in the order of the seed, and how often each shape occurs in all.

    Memory grows with the number of shapes, not with the variants' texts.
    """
    shapes: Counter[str] = Counter()

    def counted() -> Iterable[VariantRecord]:
        for variant in variants:
            shapes[shape_of(variant)] += 1
            yield variant

    key: Callable[[VariantRecord], str] = lambda v: order_key(seed, f"sample {v.name}")  # noqa: E731
    return heapq.nsmallest(size, counted(), key=key), shapes


def look_again(
    source: MutantSource,
    plan: MutationPlan,
    sample: list[VariantRecord],
    shapes: Counter[str],
    advance: Callable[[int], object] = lambda _: None,
) -> QualityCheck:
    """Screen a sample with the stronger budget, each variant by itself.

    Args:
        source: screens.
        plan: the run's plan.
        sample: the variants.
        shapes: how often each shape occurs in the whole run.
        advance: told how many variants are done since the last time.

    Raises:
        BackendUnavailable: the machine failed.
    """
    check = QualityCheck(len(sample), plan.screen_budget * STRONGER)
    for variant in sample:
        report = MutationReport()
        item = ScreenItem(variant.statement, variant.name, variant.proof)
        task = ScreenTask(
            (item,),
            plan.imports,
            target=variant.parents[0],
            preamble=variant.preamble,
            budget=check.budget,
            wall_s=TARGET_WALL_S,
        )
        (found,) = screened(source, task, report)
        _count(check, variant, found, shapes)
        check.core_s += report.costs.screening_s
        advance(1)
    return check


def _count(
    check: QualityCheck, variant: VariantRecord, found: Screening | None, shapes: Counter[str]
) -> None:
    if found is None:
        faults = {NOT_SCREENED: ""}
    else:
        by = {"trivial": found.trivial, "vacuous": found.vacuous}
        faults = {reason: by.get(reason) or "" for reason in reasons_of(found)}
        check.unsearched.update(found.exhausted)
        # the shape that Lean reads off the printed statement, which no other variant may have
        shape = found.shape_hash or shape_of(variant)
        if shapes[shape] > (shape == shape_of(variant)):
            faults["duplicate"] = shape
    for reason, found_by in faults.items():
        check.found[reason] += 1
        check.findings.append(Fault(variant.name, reason, found_by, variant.statement))
