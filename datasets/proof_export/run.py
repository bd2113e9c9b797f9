"""Exports from start to end: what ``aludel export`` and the workers call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aludel.lean_checker.avoided import AvoidedStatements, read_avoided_everywhere
from aludel.progress import Progress, watched
from aludel.proof_export.exporter import ExportOptions, ExportReport
from aludel.proof_export.provenance import provenance
from aludel.proof_export.recipes import RECIPES
from aludel.proof_export.recorded import Selection, export_recorded
from aludel.proof_export.states_feed import PROOF_STATES, Extraction, extract_states
from aludel.provers import AnyProver
from aludel.store import Store, VariantFilter

OpenLean = Callable[[], AnyProver]
"""Returns a Lean, which the caller closes; called only where an export needs one."""


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """The order of an export: what to write, and how.

    Attributes:
        options: what to write.
        selection: of what; what it avoids is made from ``avoid``.
        avoid: statements of evaluation sets, which no row may repeat.
        command: how the export was asked for, for its card.
    """

    options: ExportOptions
    selection: Selection
    avoid: Sequence[str] = ()
    command: str = ""

    @property
    def variants(self) -> VariantFilter:
        """The variants that are exported."""
        return VariantFilter(toolchain_digest=self.selection.toolchain)


@dataclass(frozen=True, slots=True)
class Exported:
    """The result of an export, and of the extraction of tactic states if it needed them."""

    report: ExportReport
    extraction: Extraction | None = None


def carry_out(
    store: Store, out: Path, order: ExportOrder, lean: OpenLean, progress: Progress
) -> Exported:
    """Write what a store holds into the folder ``out``; extract tactic states where they are asked.

    An export that was killed goes on when it is given again.

    Raises as :func:`aludel.proof_export.export_recorded`, and:
        ToolchainMissing: Lean is needed and not installed.
        AbilityMissing: Lean is needed, and the prover is another.
        BackendUnavailable: Lean failed; states that were extracted stay recorded.
    """
    avoid = _avoided(store, order, lean, progress)
    made = provenance(order.command, store.toolchains.known())
    extraction = None
    if any(RECIPES[name].feed is PROOF_STATES for name in order.options.recipes if name in RECIPES):
        extraction = _extract(store, order.variants, lean(), progress)
    selection = replace(order.selection, avoid=avoid)
    report = export_recorded(store, out, order.options, selection, made, progress)
    return Exported(report, extraction)


def _avoided(
    store: Store, order: ExportOrder, lean: OpenLean, progress: Progress
) -> AvoidedStatements | None:
    """Read statements as texts, and as terms under every import set of the variants."""
    if not order.avoid:
        return None
    imports = sorted({variant.imports for variant in store.variants.iterate(order.variants)})
    if not imports:  # nothing to compare terms with, so no need of a Lean
        return AvoidedStatements.of_texts(order.avoid)
    progress.step("elaborating the statements to avoid")
    return read_avoided_everywhere(lean().operations, imports, order.avoid)


def _extract(store: Store, only: VariantFilter, lean: AnyProver, progress: Progress) -> Extraction:
    """Extract the tactic states of the chosen variants that have none yet."""
    count = store.variants.count(only)
    variants = watched(store.variants.iterate(only), "tactic states", count, progress)
    return extract_states(store, lean.states, variants, workers=lean.size)
