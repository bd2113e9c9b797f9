"""Feeds: the kinds of records that an export reads, each in one pass of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from aludel.records import VariantRecord

R = TypeVar("R")


class Theorem(Protocol):
    """A theorem as splits and quality figures see it; a :class:`VariantRecord` is one.

    ``parents`` begins with the theorem it was made from. An empty hash is an unknown one.
    """

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def statement(self) -> str:
        """Header of its declaration."""
        ...

    @property
    def parents(self) -> tuple[str, ...]:
        """The theorems it was made of, the target first; empty when nothing is known."""
        ...

    @property
    def imports(self) -> tuple[str, ...]:
        """Its import set."""
        ...

    @property
    def term_hash(self) -> str:
        """Hash of its term up to names of binders, or empty."""
        ...

    @property
    def shape_hash(self) -> str:
        """The same up to the order of hypotheses, or empty."""
        ...


@dataclass(frozen=True, eq=False)
class Feed(Generic[R]):
    """A kind of record. All recipes of one feed share one pass over its records.

    Attributes:
        name: plural, for figures: ``variants``.
        noun: singular, for messages.
        theorem: the theorem that a record is about; it decides the record's split.
        groups: what the card counts, as pairs of group and value; few values a group.
        missing: what to do when there is no record.
        identity: tells a record from all others of its feed; by default the theorem's name.
        derived: the feed whose theorems it has over again, if one: they are counted once.
    """

    name: str
    noun: str
    theorem: Callable[[R], Theorem]
    groups: Callable[[R], Iterable[tuple[str, str]]]
    missing: str
    identity: Callable[[R], str] | None = None
    derived: Feed[Any] | None = None

    def named(self, record: R) -> str:
        """Return what tells a record from all others of its feed."""
        return self.identity(record) if self.identity else self.theorem(record).name


def _variant_groups(record: VariantRecord) -> Iterator[tuple[str, str]]:
    yield "rule", record.rule
    yield "direction", record.direction or "none"
    yield "position", record.position
    yield "round", str(record.round)
    yield "imports", " ".join(record.imports)
    yield "toolchain_digest", record.toolchain_digest


class AboutVariant(Protocol):
    """A record that tells more of a variant."""

    @property
    def variant(self) -> VariantRecord:
        """The variant."""
        ...


V = TypeVar("V", bound=AboutVariant)


def derived_feed(name: str, noun: str, missing: str) -> Feed[V]:
    """Return a feed of records that each tell more of a variant, and are counted like it."""

    def variant(record: V) -> VariantRecord:
        return record.variant

    def groups(record: V) -> Iterator[tuple[str, str]]:
        return _variant_groups(record.variant)

    return Feed(name, noun, theorem=variant, groups=groups, missing=missing, derived=VARIANTS)


def _itself(record: VariantRecord) -> VariantRecord:
    return record


VARIANTS: Feed[VariantRecord] = Feed(
    name="variants",
    noun="variant",
    theorem=_itself,
    groups=_variant_groups,
    missing="run `aludel mutate` first",
)
"""The variants that a prover accepted."""
