"""Figures of a mutation run; they add up over targets."""

from __future__ import annotations

from collections import Counter

from pydantic import BaseModel, Field


class MutationReport(BaseModel):
    """What a run did.

    Attributes:
        targets: theorems that were rewritten, to the end or until their limit.
        targets_failed: theorems given up for want of time or memory.
        retrieved: lemmas (with direction) that retrieval proposed.
        attempted: rewriting attempts.
        constructed: statements that were printed and elaborated back to their terms.
        accepted: of those, how many the checker accepted.
        recorded: of those, how many were new and within the run's limit.
        rejected: how many of the constructed it refused, by reason.
        undecided: how many of the constructed it could not decide, by reason.
        dropped: attempts that gave no statement, by reason.
        core_seconds: CPU seconds of the prover processes, construction and checks.
        wall_s: seconds from start to end.
    """

    targets: int = 0
    targets_failed: int = 0
    retrieved: int = 0
    attempted: int = 0
    constructed: int = 0
    accepted: int = 0
    recorded: int = 0
    rejected: Counter[str] = Field(default_factory=Counter)
    undecided: Counter[str] = Field(default_factory=Counter)
    dropped: Counter[str] = Field(default_factory=Counter)
    core_seconds: float = 0.0
    wall_s: float = 0.0

    def add(self, other: MutationReport) -> None:
        """Add the figures of another part of the same run; wall time is not additive."""
        self.targets += other.targets
        self.targets_failed += other.targets_failed
        self.retrieved += other.retrieved
        self.attempted += other.attempted
        self.constructed += other.constructed
        self.accepted += other.accepted
        self.recorded += other.recorded
        self.rejected.update(other.rejected)
        self.undecided.update(other.undecided)
        self.dropped.update(other.dropped)
        self.core_seconds += other.core_seconds

    @property
    def conversion(self) -> float:
        """Accepted over constructed, between 0 and 1; 0 when nothing was constructed."""
        return self.accepted / self.constructed if self.constructed else 0.0

    @property
    def core_seconds_per_variant(self) -> float | None:
        """CPU seconds per accepted variant, failures included; None without any."""
        return self.core_seconds / self.accepted if self.accepted else None

    def figures(self) -> dict[str, object]:
        """Return the report as JSON, derived figures included."""
        per_variant = self.core_seconds_per_variant
        return {
            **self.model_dump(mode="json"),
            "core_seconds": round(self.core_seconds, 3),
            "wall_s": round(self.wall_s, 3),
            "conversion": round(self.conversion, 4),
            "core_seconds_per_accepted": None if per_variant is None else round(per_variant, 4),
        }
