"""Extracting tactic states before an export that needs them."""

from __future__ import annotations

from contextlib import closing

from rich.console import Console

from aludel.cli.progress import watched
from aludel.lean_checker.prover import build_prover
from aludel.proof_export import Extraction, extract_states
from aludel.settings import Settings
from aludel.store import Store, VariantFilter

_SHOWN = 5


def extract_with_progress(store: Store, only: VariantFilter, settings: Settings) -> Extraction:
    """Extract the tactic states of the chosen variants that have none yet.

    What could not be extracted is told on standard error and left out.

    Raises:
        ToolchainMissing: Lean is not installed.
        BackendUnavailable: the machine failed; what was extracted stays recorded.
    """
    count = store.variants.count(only)
    with (
        closing(build_prover(settings)) as checker,
        closing(watched(store.variants.iterate(only), "tactic states", count)) as variants,
    ):
        states = checker.states
        told = extract_states(store, states, variants, workers=checker.pool.size)
    _tell(Console(stderr=True), told)
    return told


def _tell(console: Console, told: Extraction) -> None:
    if told.foreign:
        console.print(f"{told.foreign} variants that another toolchain accepted are left out")
    for name, reason in told.failed[:_SHOWN]:
        console.print(f"{name} is left out: {reason}", markup=False)
    if len(told.failed) > _SHOWN:
        console.print(f"{len(told.failed) - _SHOWN} more are left out")
