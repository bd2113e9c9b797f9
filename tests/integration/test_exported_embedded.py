"""Judging by exports, with a real Lean in the place of an old one.

``lean`` and ``lean4export`` are launchers that run the embedded Lean, confined as a native one is.
Its library hides the proofs of theorems, which count as axioms here: the proofs below use
constructors, recursors and definitions alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from exporting_lean import make_exporting_lean

from aludel.errors import InvalidRequest
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.confinement.plan import missing_protection
from aludel.lean_checker.embedded import release
from aludel.lean_checker.exported.prover import ExportedLean, build_exported
from aludel.lean_checker.exported.second import LeanReplay
from aludel.models import Accepted, CheckRequest, LeanContext, Position, Rejected, Verdict
from aludel.settings import Settings
from aludel.vouching import ensure_confirmed, ensure_two_kernels

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
ZERO_ADD = "theorem zero_add' (n : Nat) : 0 + n = n"
BY_RECURSION = """ :=
  Nat.rec rfl (fun k (h : 0 + k = k) =>
    Eq.rec (motive := fun x _ => Nat.succ (0 + k) = Nat.succ x) rfl h) n
"""

BY_CASES = " := And.rec (motive := fun _ => q ∧ p) (fun a b => And.intro b a) h"

# Cases that the library's hidden proofs do not decide, and no rule of the server program alone.
REFUSED = {"statement_mismatch", "missing_declaration", "sorry", "elaboration", "invalid:statement"}
# Its proof by `omega` needs bodies that the embedded library hides: our kernel is in doubt.
IN_DOUBT = {"an additional hypothesis"}
CONTRACT = Path(__file__).parents[1] / "contract" / "lean_cases.json"
CASES = [
    case
    for case in json.loads(CONTRACT.read_text("utf-8"))
    if case.get("statement")
    and case["expect"] in REFUSED
    and "policy" not in case
    and case["name"] not in IN_DOUBT
]


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
    ("statement", "proof"), [(SWAP, BY_CASES), (ZERO_ADD, BY_RECURSION)], ids=["cases", "recursion"]
)
def test_a_proof_is_accepted_by_both_kernels(
    statement: str, proof: str, prover: ExportedLean
) -> None:
    verdict = check(prover, f"{statement}{proof}", statement)
    assert isinstance(verdict, Accepted), verdict
    ours, leans = verdict.evidence.kernels
    assert ours.startswith("aludel ")
    assert leans == f"lean {release.VERSION}"
    assert verdict.evidence.checks[0] == "compiled_and_exported"
    assert verdict.axioms == ()
    ensure_two_kernels(verdict)
    ensure_confirmed(verdict)


@pytest.mark.parametrize(
    ("code", "reason", "place"),
    [
        (f"{SWAP} := ⟨h.1, h.2⟩", "elaboration", (1, 50)),
        (f"\n{SWAP} := := h", "parse", (2, 48)),
        (f"{SWAP} := by\n  constructor", "unsolved_goals", None),
        (f"{SWAP} := sorry", "sorry", None),
        (f"axiom cheat : ∀ p : Prop, p\n{SWAP} := cheat _", "axiom", None),
        ("theorem swap (p q : Prop) (h : p ∧ q) : p ∧ q := h", "statement_mismatch", None),
        (f"theorem other : True := trivial\n-- {SWAP}", "missing_declaration", None),
        (
            'local notation:35 (priority := 2000) p:36 " ∧ " q:35 => p → q → p\n'
            "theorem swap (p q : Prop) (h : p ∧ q) : q ∧ p := fun a _ => a",
            "statement_mismatch",
            None,
        ),
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


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_contracts_cases_are_refused_as_they_should(
    case: dict[str, Any], prover: ExportedLean
) -> None:
    if case["expect"].startswith("invalid:"):
        with pytest.raises(InvalidRequest) as caught:
            check(prover, case["code"], case["statement"])
        assert caught.value.field == case["expect"].removeprefix("invalid:")
        return
    verdict = check(prover, case["code"], case["statement"])
    assert isinstance(verdict, Rejected), verdict
    assert verdict.reason.value == case["expect"], verdict


def test_code_that_runs_changes_nothing(prover: ExportedLean, tmp_path: Path) -> None:
    target = tmp_path / "forged"
    code = f'#eval IO.FS.writeFile "{target}" "x"\n{SWAP}{BY_CASES}'
    assert isinstance(check(prover, code, SWAP), Rejected)
    assert not target.exists()


def test_a_statement_that_makes_no_sense(prover: ExportedLean) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check(prover, f"{SWAP} := h", "theorem swap : nothing")
    assert caught.value.field == "statement"
