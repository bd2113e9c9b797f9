"""The feed of tactic states: variants with the steps of their proofs, and how those are found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from aludel.errors import InvalidRequest
from aludel.proof_export.feeds import Feed, derived_feed
from aludel.proof_states import ProofTrace
from aludel.protocols import Exhausted, Tracer
from aludel.records import VariantRecord
from aludel.store import Store
from aludel.tenants import for_same_tenant

_PAGE = 200


@dataclass(frozen=True, slots=True)
class TracedVariant:
    """A variant, and the steps of its proof."""

    variant: VariantRecord
    trace: ProofTrace


@dataclass(slots=True)
class Extraction:
    """The result of extracting the states of variants.

    Attributes:
        known: had been extracted before.
        traced: were extracted now.
        foreign: were accepted by another toolchain, and are left out.
        failed: names of those that are left out for another reason, with the reason.
    """

    known: int = 0
    traced: int = 0
    foreign: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)

    def figures(self) -> dict[str, int]:
        """Return how many had which end, as JSON."""
        counts = {"known": self.known, "traced": self.traced, "foreign": self.foreign}
        return {**counts, "failed": len(self.failed)}


def extract_states(
    store: Store, tracer: Tracer, variants: Iterable[VariantRecord], workers: int = 1
) -> Extraction:
    """Extract and record the states of the variants that have none yet; safe to stop and repeat.

    Args:
        store: where variants and verdicts are, and where the states go.
        tracer: extracts; called from ``workers`` threads.
        variants: read once.
        workers: how many to extract at a time.

    Raises:
        BackendUnavailable: the machine failed; what was extracted stays recorded.
        StoreError: the database cannot be used.
    """
    told = Extraction()
    remaining = iter(variants)
    with ThreadPoolExecutor(workers) as threads:
        while page := list(islice(remaining, _PAGE)):
            for variant, outcome in zip(
                page,
                threads.map(for_same_tenant(partial(_extract, store, tracer)), page),
                strict=True,
            ):
                _count(told, variant, outcome)
    return told


def _extract(store: Store, tracer: Tracer, variant: VariantRecord) -> str:
    """Return ``known``, ``traced``, ``foreign``, or why it failed."""
    if store.proof_states.get(variant.verdict_hash) is not None:
        return "known"
    if variant.toolchain_digest != tracer.toolchain.digest:
        return "foreign"
    try:
        trace = tracer.trace(store.verdicts.result(variant.verdict_hash))
    except InvalidRequest as error:  # of this candidate; others may do
        return error.message
    if isinstance(trace, Exhausted):
        return trace.message
    store.proof_states.put(variant.verdict_hash, trace)
    return "traced"


def _count(told: Extraction, variant: VariantRecord, outcome: str) -> None:
    if outcome in ("known", "traced", "foreign"):
        setattr(told, outcome, getattr(told, outcome) + 1)
    else:
        told.failed.append((variant.name, outcome))


def traced_variants(store: Store, variants: Iterable[VariantRecord]) -> Iterator[TracedVariant]:
    """Yield the variants whose states are recorded, in order.

    Raises:
        StoreError: the database cannot be read.
    """
    for variant in variants:
        trace = store.proof_states.get(variant.verdict_hash)
        if trace is not None:
            yield TracedVariant(variant, trace)


PROOF_STATES: Feed[TracedVariant] = derived_feed(
    name="proof states",
    noun="variant with tactic states",
    missing="`aludel export --recipe sft` extracts them; see what it reports",
)
"""Variants whose tactic states are recorded."""
