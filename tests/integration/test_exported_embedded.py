"""Judging by exports, with a real Lean in the place of an old one.

``lean`` and ``lean4export`` are launchers that run the embedded Lean, confined as a native one is.
Its library hides the proofs of theorems, which count as axioms here.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from exporting_lean import make_exporting_lean

from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.confinement.plan import missing_protection
from aludel.lean_checker.exported.prover import ExportedLean, build_exported
from aludel.lean_checker.exported.second import LeanReplay
from aludel.models import CheckRequest, LeanContext, Position, Rejected, Verdict
from aludel.settings import Settings

pytestmark = [
    pytest.mark.lean,
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.usefixtures("lean_toolchain"),
    pytest.mark.skipif(
        missing_protection() is not None,
        reason=f"{missing_protection()}: run the tests on Linux 5.13 or newer with Landlock",
    ),
]
SWAP = "theorem swap (p q : Prop) (h : p ∧ q) : q ∧ p"


class _Borrowed(LeanReplay):
    """Lean's kernel in processes that others use, too."""

    def close(self) -> None:
        """They outlive it."""


@pytest.fixture(scope="module")
def prover(
    tmp_path_factory: pytest.TempPathFactory, lean_checker: LeanChecker
) -> Iterator[ExportedLean]:
    folder = tmp_path_factory.mktemp("exporting")
    root = make_exporting_lean(folder / "toolchain", folder / "compiled")
    settings = Settings(cache_dir=folder / "cache", toolchain=f"exported:{root}", pool_size=1)
    kernels = lean_checker.judge.pools[1]
    made = build_exported(settings, replay=_Borrowed(lambda: kernels))
    yield made
    made.close()


def check(prover: ExportedLean, code: str, statement: str) -> Verdict:
    context = LeanContext(imports=("Init",))
    return prover.check(CheckRequest(context=context, code=code, statement=statement))


@pytest.mark.parametrize(
    ("code", "reason", "place"),
    [
        (f"{SWAP} := ⟨h.1, h.2⟩", "elaboration", (1, 50)),
        (f"\n{SWAP} := := h", "parse", (2, 48)),
        (f"{SWAP} := by\n  constructor", "unsolved_goals", None),
        (f"axiom cheat : ∀ p : Prop, p\n{SWAP} := cheat _", "axiom", None),
        ("theorem swap (p q : Prop) (h : p ∧ q) : p ∧ q := h", "statement_mismatch", None),
    ],
)
def test_other_texts_are_rejected(
    prover: ExportedLean, code: str, reason: str, place: tuple[int, int] | None
) -> None:
    verdict = check(prover, code, SWAP)
    assert isinstance(verdict, Rejected), verdict
    assert verdict.reason.value == reason, verdict
    if place is not None:
        assert verdict.diagnostics[0].start == Position(line=place[0], column=place[1])
