"""Counts over the records, taken while they stream past."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from aludel.records import VariantRecord


@dataclass(slots=True)
class Tally:
    """How many records there are of each kind. Its size does not depend on their number."""

    records: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    directions: Counter[str] = field(default_factory=Counter)
    positions: Counter[str] = field(default_factory=Counter)
    rounds: Counter[str] = field(default_factory=Counter)
    imports: Counter[str] = field(default_factory=Counter)
    toolchains: Counter[str] = field(default_factory=Counter)

    def add(self, record: VariantRecord) -> None:
        """Count one record."""
        self.records += 1
        self.rules[record.rule] += 1
        self.directions[record.direction or "none"] += 1
        self.positions[record.position] += 1
        self.rounds[str(record.round)] += 1
        self.imports[" ".join(record.imports)] += 1
        self.toolchains[record.toolchain_digest] += 1

    def groups(self) -> dict[str, dict[str, int]]:
        """Return the counts by group, each sorted by value."""
        named = {
            "rule": self.rules,
            "direction": self.directions,
            "position": self.positions,
            "round": self.rounds,
            "imports": self.imports,
            "toolchain_digest": self.toolchains,
        }
        return {name: dict(sorted(counter.items())) for name, counter in named.items()}
