"""Figures of a mutation run, summed over targets."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pydantic import BaseModel, Field


class RuleFigures(BaseModel):
    """Figures of the statements that one operation made.

    Attributes:
        constructed: statements that were printed and elaborated back to their terms.
        checked: of those, how many were sent to the checker (the rest was filtered before).
        proved: of those, how many Lean accepted.
        by_term: of those, how many only with the proof as a term, after the script had failed.
        accepted: of those, how many passed every filter and were recorded.
        rejected: how many Lean refused, by reason.
        undecided: how many it could not decide, by reason.
        filtered: how many a filter left out, by reason, before or after the check.
        over_limit: how many were accepted after the run had enough.
    """

    constructed: int = 0
    checked: int = 0
    proved: int = 0
    by_term: int = 0
    accepted: int = 0
    rejected: Counter[str] = Field(default_factory=Counter)
    undecided: Counter[str] = Field(default_factory=Counter)
    filtered: Counter[str] = Field(default_factory=Counter)
    over_limit: int = 0

    def add(self, other: RuleFigures) -> None:
        """Add the figures of another part of the same run."""
        self.constructed += other.constructed
        self.checked += other.checked
        self.proved += other.proved
        self.by_term += other.by_term
        self.accepted += other.accepted
        self.rejected.update(other.rejected)
        self.undecided.update(other.undecided)
        self.filtered.update(other.filtered)
        self.over_limit += other.over_limit

    @property
    def conversion(self) -> float | None:
        """Proved over checked, between 0 and 1; None when nothing was checked."""
        return self.proved / self.checked if self.checked else None

    def figures(self) -> dict[str, Any]:
        """Return the figures as JSON, conversion included."""
        return {**_plain(self), "conversion": _rounded(self.conversion, 4)}


class Costs(BaseModel):
    """CPU seconds; they differ between equal runs, so no deterministic output holds them.

    Attributes:
        construction_s: the prover's, for retrieval, rewriting and printing.
        checking_s: the prover's, for verdicts.
        screening_s: the prover's, for filters.
        driver_s: this program's own.
        wall_s: seconds from start to end; the parts of a resumed run added up.
    """

    construction_s: float = 0.0
    checking_s: float = 0.0
    screening_s: float = 0.0
    driver_s: float = 0.0
    wall_s: float = 0.0

    def add(self, other: Costs) -> None:
        """Add the costs of another part of the same run."""
        self.construction_s += other.construction_s
        self.checking_s += other.checking_s
        self.screening_s += other.screening_s
        self.driver_s += other.driver_s
        self.wall_s += other.wall_s

    @property
    def core_s(self) -> float:
        """All CPU seconds."""
        return self.construction_s + self.checking_s + self.screening_s + self.driver_s


class MutationReport(BaseModel):
    """Figures of a run.

    Attributes:
        targets: theorems whose rewriting was carried out.
        complete: of those, how many had every retrieved lemma tried, limits not reached.
        failed: theorems given up, by reason (``timeout``, ``memory``).
        retrieved: lemmas (with direction) that retrieval proposed.
        attempted: rewriting attempts.
        dropped: attempts that gave no statement, by reason.
        rules: what became of the statements, by operation.
        targets_in: targets by namespace; ``accepted_in``: accepted variants by namespace.
        unsearched: searches of the filters whose budget ran out, by tactic.
        costs: what it cost.
    """

    targets: int = 0
    complete: int = 0
    failed: Counter[str] = Field(default_factory=Counter)
    retrieved: int = 0
    attempted: int = 0
    dropped: Counter[str] = Field(default_factory=Counter)
    rules: dict[str, RuleFigures] = Field(default_factory=dict)
    targets_in: Counter[str] = Field(default_factory=Counter)
    accepted_in: Counter[str] = Field(default_factory=Counter)
    unsearched: Counter[str] = Field(default_factory=Counter)
    costs: Costs = Field(default_factory=Costs)

    def of(self, rule: str) -> RuleFigures:
        """Return the figures of an operation, which may be added to."""
        return self.rules.setdefault(rule, RuleFigures())

    def add(self, other: MutationReport) -> None:
        """Add the figures of another part of the same run."""
        self.targets += other.targets
        self.complete += other.complete
        self.failed.update(other.failed)
        self.retrieved += other.retrieved
        self.attempted += other.attempted
        self.dropped.update(other.dropped)
        for rule, figures in other.rules.items():
            self.of(rule).add(figures)
        self.targets_in.update(other.targets_in)
        self.accepted_in.update(other.accepted_in)
        self.unsearched.update(other.unsearched)
        self.costs.add(other.costs)

    @property
    def total(self) -> RuleFigures:
        """The sum over all operations."""
        total = RuleFigures()
        for figures in self.rules.values():
            total.add(figures)
        return total

    @property
    def core_seconds_per_accepted(self) -> float | None:
        """CPU seconds per accepted variant, failures and filters included; None without any."""
        accepted = self.total.accepted
        return self.costs.core_s / accepted if accepted else None

    @property
    def expansion(self) -> float | None:
        """Accepted variants per target; None without targets."""
        return self.total.accepted / self.targets if self.targets else None

    def outcome(self) -> dict[str, Any]:
        """Return what equal runs share, as JSON: everything but the costs."""
        plain = _plain(self)
        del plain["costs"], plain["rules"]
        rules = {name: self.rules[name].figures() for name in sorted(self.rules)}
        return {
            **plain,
            **self.total.figures(),
            "expansion": _rounded(self.expansion, 3),
            "rules": rules,
        }

    def figures(self) -> dict[str, Any]:
        """Return the outcome and the costs as JSON."""
        costs = {name: round(value, 3) for name, value in self.costs}
        return {
            **self.outcome(),
            "core_seconds": round(self.costs.core_s, 3),
            "core_seconds_per_accepted": _rounded(self.core_seconds_per_accepted, 4),
            "costs": costs,
        }


def _plain(model: BaseModel) -> dict[str, Any]:
    """The model as JSON, counters sorted by name and without zeros."""
    plain = model.model_dump(mode="json")
    for name, value in model:
        if isinstance(value, Counter):
            plain[name] = {key: value[key] for key in sorted(value) if value[key]}
    return plain


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
