"""Lean's kernel on whole exports, over no imports: the second of those that judge older Leans."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.embedded import release
from aludel.lean_checker.exported.second import LeanReplay, Replayed
from aludel.lean_kernel.budget import Budget as Steps
from aludel.lean_kernel.environment import Quotient
from aludel.lean_kernel.ndjson import read_export
from aludel.lean_kernel.store import Store
from aludel.lean_kernel.tables import write_tables
from aludel.lean_kernel.writer import write_export
from aludel.models import Budget

sys.path.insert(0, str(Path(__file__).parents[1] / "kernel"))

from kernel_world import World
from test_exported_lean import assumed, challenge, right, wrong_value

pytestmark = pytest.mark.lean


def replayed(checker: LeanChecker, make: Callable[[World], object]) -> Replayed:
    world = World().logic()
    make(world)
    lines = write_export(world.env, list(world.env.own))
    declared = [
        each
        for each in read_export(lines, Store(Steps()))
        if not isinstance(each, Quotient) or each.role == "type"
    ]
    kernels = checker.judge.pools[1]
    return LeanReplay(lambda: kernels).ask(write_tables(declared), len(declared), Budget())


def test_what_an_export_declares_is_checked_over_nothing(lean_checker: LeanChecker) -> None:
    for make in (right, assumed, challenge):  # which axioms are allowed, ours has decided
        answer = replayed(lean_checker, make)
        assert (answer.outcome, answer.kernel) == ("accepted", f"lean {release.VERSION}"), answer
    answer = replayed(lean_checker, wrong_value)
    assert (answer.outcome, answer.message) == ("rejected", "declaration type mismatch")
