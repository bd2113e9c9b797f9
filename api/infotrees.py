"""Tactic states in the form of the Lean REPL's info trees, which kimina's clients read.

A node has its syntax (``stx``: text ``pp`` and ``range``), the goals before and after, and the
tactics inside it as ``children``. Sources: ``REPL/Lean/InfoTree/ToJson.lean`` for the names, and
``extract_data`` of ``kimina-client`` 0.2.1 for what is read of them.
"""

from __future__ import annotations

from typing import Any

from aludel.proof_states import ProofStep, ProofTrace


def infotree_of(trace: ProofTrace) -> list[dict[str, Any]]:
    """Return the steps of a proof as trees, one for each of the proof's own tactics."""
    nodes = [_node(step) for step in trace.steps]
    for step, node in zip(trace.steps, nodes, strict=True):
        if step.parent is not None:
            nodes[step.parent]["children"].append(node)
    return [n for step, n in zip(trace.steps, nodes, strict=True) if step.parent is None]


def _node(step: ProofStep) -> dict[str, Any]:
    place = {"synthetic": False, "start": step.start.model_dump(), "finish": step.end.model_dump()}
    return {
        "kind": "TacticInfo",
        "node": {
            "stx": {"pp": step.tactic, "range": place},
            "goalsBefore": list(step.before),
            "goalsAfter": list(step.after),
        },
        "children": [],
    }
