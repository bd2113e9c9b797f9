"""Counts of a stream of records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

_TOOLCHAIN = "toolchain_digest"


@dataclass(slots=True)
class FeedTally:
    """Counts of a feed's records by kind; its size does not depend on their number.

    ``avoided`` are not among ``records``.
    """

    records: int = 0
    avoided: int = 0
    groups: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, groups: Iterable[tuple[str, str]]) -> None:
        """Count one record."""
        self.records += 1
        for group, value in groups:
            counter = self.groups.get(group)
            if counter is None:
                counter = self.groups[group] = Counter()
            counter[value] += 1

    def sorted_groups(self) -> dict[str, dict[str, int]]:
        """Return the counts by group, each sorted by value."""
        return {name: dict(sorted(counter.items())) for name, counter in self.groups.items()}


@dataclass(slots=True)
class Tally:
    """The counts of an export, by feed."""

    feeds: dict[str, FeedTally] = field(default_factory=dict)

    def of(self, feed: str) -> FeedTally:
        """Return the counts of a feed, which may be added to."""
        return self.feeds.setdefault(feed, FeedTally())

    @property
    def records(self) -> int:
        """All records."""
        return sum(feed.records for feed in self.feeds.values())

    def groups(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return the counts by feed and group."""
        return {name: feed.sorted_groups() for name, feed in self.feeds.items()}

    def toolchains(self) -> dict[str, int]:
        """Return how many records rest on each toolchain, by digest."""
        total: Counter[str] = Counter()
        for feed in self.feeds.values():
            total.update(feed.groups.get(_TOOLCHAIN, Counter()))
        return dict(sorted(total.items()))
