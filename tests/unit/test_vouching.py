"""What leaves, as a receipt, an export or a reward, was accepted by two kernels."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_second_kernel import FakeSecondKernel

from aludel import rl
from aludel.api.kimina import result_of
from aludel.cli.rendering import render_verdict
from aludel.errors import Conflict
from aludel.jobs import Item, ItemState
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.judge.lean_kernel import KernelAnswer, LeanKernel, ReachedAxiom
from aludel.models import (
    Accepted,
    CheckRequest,
    Evidence,
    Policy,
    Prover,
    Rejected,
    RejectReason,
    Toolchain,
    Usage,
    Verdict,
    content_hash,
)
from aludel.progress import Silent
from aludel.proof_export import ExportOptions
from aludel.proof_export.recorded import Selection
from aludel.proof_export.run import ExportOrder, carry_out
from aludel.receipts import differences, issue, rerun_request
from aludel.records import VariantRecord
from aludel.store import Store
from aludel.store.reconsidering import Selection as TakenBack
from aludel.vouching import axioms_in_words, one_kernel_alone

BOTH = ("lean 4.28.0-pre", "aludel 0.1.0")
LEAN = Toolchain(
    prover=Prover.LEAN, name="lean-fake", version="1", kind="embedded", digest="d" * 64
)


def request(name: str = "t") -> CheckRequest:
    return CheckRequest(statement=f"theorem {name} : True", code=f"theorem {name} : True := by x\n")


def accepted(asked: CheckRequest, kernels: tuple[str, ...] = BOTH, **more: object) -> Accepted:
    fields = {"axioms": (), **more}
    evidence = Evidence.model_validate(
        {"kernels": kernels, "attribution": fields.pop("attribution", "confirmed")}
    )
    return Accepted.model_validate(
        {"hash": content_hash(LEAN.digest, asked), "evidence": evidence, **fields}
    )


def test_one_kernel_alone_is_told_by_the_evidence() -> None:
    asked = request()
    assert one_kernel_alone(accepted(asked, BOTH[:1]))
    assert not one_kernel_alone(accepted(asked))
    assert not one_kernel_alone(accepted(asked, BOTH[:1], axioms=("Lean.trustCompiler",)))
    assert not one_kernel_alone(Accepted(hash="h", evidence=Evidence())), "F*"


def test_a_receipt_needs_both_kernels_and_a_confirmed_attribution(store: Store) -> None:
    one, unsure, good = request("a"), request("b"), request("c")
    with pytest.raises(Conflict) as caught:
        issue(LEAN, one, accepted(one, BOTH[:1]))
    assert caught.value.field == "policy.second_kernel"
    store.verdicts.put(one, LEAN, accepted(one, BOTH[:1]))
    store.verdicts.put(unsure, LEAN, accepted(unsure, attribution="elaborator"))
    store.verdicts.put(good, LEAN, accepted(good))
    for asked, field in ((one, "policy.second_kernel"), (unsure, "tier")):
        with pytest.raises(Conflict) as refused:
            store.verdicts.receipt(content_hash(LEAN.digest, asked))
        assert refused.value.field == field and refused.value.fix
    receipt = store.verdicts.receipt(content_hash(LEAN.digest, good))
    assert differences(receipt) == []


def test_a_rejection_has_a_receipt_whoever_says_so(store: Store) -> None:
    asked = request()
    key = content_hash(LEAN.digest, asked)
    store.verdicts.put(asked, LEAN, Rejected(hash=key, reason=RejectReason.SORRY))
    assert store.verdicts.receipt(key).verdict.kind == "rejected"


def test_a_rerun_asks_for_what_was_drawn_by_lot() -> None:
    sampled = request().model_copy(update={"policy": Policy(second_kernel="sample")})
    again = rerun_request(issue(LEAN, sampled, accepted(sampled)))
    assert (again.tier, again.policy.second_kernel) == ("replay", "require")
    plain = request()
    unsure = issue(LEAN, plain, accepted(plain, attribution="elaborator"))
    assert rerun_request(unsure) == plain


def test_no_reward_for_what_one_kernel_alone_accepted(caplog: pytest.LogCaptureFixture) -> None:
    asked = request()
    verdicts = (accepted(asked), accepted(asked, BOTH[:1]))
    items = [
        Item(position=at, state=ItemState.DONE, verdict=verdict)
        for at, verdict in enumerate(verdicts)
    ]
    with caplog.at_level(logging.WARNING):
        assert rl._rewards(items, None) == [1.0, None]
    assert "Lean's kernel alone" in caplog.text


def variant(asked: CheckRequest, name: str) -> VariantRecord:
    return VariantRecord(
        name=name,
        statement=asked.statement or "",
        proof="by x",
        rule="rw",
        lemma="l",
        position="goal",
        parents=("p", "l"),
        imports=("Init",),
        toolchain_digest=LEAN.digest,
        verdict_hash=content_hash(LEAN.digest, asked),
        term_hash=name,
    )


def test_an_export_leaves_out_what_one_kernel_alone_accepted(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, kernels in (("a", BOTH), ("b", BOTH[:1]), ("c", BOTH)):
        asked = request(name)
        store.verdicts.put(asked, LEAN, accepted(asked, kernels))
        store.variants.add(variant(asked, name))
    order = ExportOrder(ExportOptions(("variants", "lineage"), ("jsonl",)), Selection(), (), "x")
    with caplog.at_level(logging.WARNING):
        done = carry_out(store, tmp_path / "out", order, _no_lean, Silent())
    assert done.report.rows["variants"] == 2
    assert "1 records are left out: Lean's kernel alone" in caplog.text


def test_an_export_leaves_out_what_rests_on_a_verdict_taken_back(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a", "b"):
        asked = request(name)
        store.verdicts.put(asked, LEAN, accepted(asked, BOTH))
        store.variants.add(variant(asked, name))
    taken = store.reconsidering.find(TakenBack(kind="accepted"))[:1]
    store.reconsidering.take_back(taken, "doubt")
    order = ExportOrder(ExportOptions(("variants",), ("jsonl",)), Selection(), (), "x")
    with caplog.at_level(logging.WARNING):
        done = carry_out(store, tmp_path / "out", order, _no_lean, Silent())
    assert done.report.rows["variants"] == 1
    assert "1 records are left out" in caplog.text and "taken back" in caplog.text


def _no_lean() -> None:
    raise AssertionError("no Lean is needed")


@pytest.mark.parametrize(
    ("axioms", "hidden", "said"),
    [
        ((), 0, "axioms none"),
        ((), None, "axioms none"),
        (("propext",), 0, "axioms propext"),
        ((), 1, "axioms none of its own; 1 imported theorem by type only"),
        (("propext",), 12, "axioms propext; 12 imported theorems by type only"),
    ],
)
def test_axioms_in_words(axioms: tuple[str, ...], hidden: int | None, said: str) -> None:
    assert axioms_in_words(axioms, hidden) == said


def answering(
    monkeypatch: pytest.MonkeyPatch, axioms: tuple[ReachedAxiom, ...], hidden: int
) -> None:
    """Have Lean's kernel accept, and say what was reached."""

    def ask(self: LeanKernel, question: object, *_: object, **__: object) -> KernelAnswer:
        assert self and question
        return KernelAnswer("accepted", "", 1, axioms, hidden, Usage())

    monkeypatch.setattr(LeanKernel, "ask", ask)


def judged(make: Callable[..., LeanChecker]) -> tuple[CheckRequest, Verdict]:
    asked = CheckRequest(code="-- fake: accept\n", statement="theorem t : True")
    return asked, make(second=FakeSecondKernel()).check(asked)


def test_theorems_taken_by_their_types_are_said_in_every_route(
    fake_checkers: Callable[..., LeanChecker], monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, (), 3)
    asked, verdict = judged(fake_checkers)
    said = "axioms none of its own; 3 imported theorems by type only"
    assert verdict.kind == "accepted" and verdict.message == said
    assert said in render_verdict(verdict, asked.code, "t.lean")
    item = Item(position=0, state=ItemState.DONE, verdict=verdict)
    shown = result_of("x", item, 60).model_dump(mode="json")
    assert shown["verdict"]["message"] == said


def test_a_sorry_of_the_imports_is_refused_with_the_way_to_it_in_every_route(
    fake_checkers: Callable[..., LeanChecker], monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, (ReachedAxiom(name="sorryAx", path=("bad", "sorryAx")),), 0)
    asked, verdict = judged(fake_checkers)
    assert (verdict.kind, verdict.reason) == ("rejected", "sorry")
    assert verdict.message is not None and "t -> bad -> sorry" in verdict.message
    assert "t -> bad -> sorry" in render_verdict(verdict, asked.code, "t.lean")
    item = Item(position=0, state=ItemState.DONE, verdict=verdict)
    shown = result_of("x", item, 60).model_dump(mode="json")
    assert "t -> bad -> sorry" in shown["verdict"]["message"]
    assert shown["response"]["sorries"], "its clients look there"
