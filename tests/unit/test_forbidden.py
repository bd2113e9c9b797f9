"""Forbidden constants: the policy, what is refused before Lean, and what a walk's answer means."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aludel.adapters.posing import read_theorems
from aludel.attempts import AttemptOptions, AttemptPlan
from aludel.columns import theorem_of
from aludel.errors import BackendCrashed, InvalidRequest
from aludel.fstar_checker.intake import Abilities, read_request
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.forbidden import ForbiddenConstants, forbidden_of, validate_forbidden
from aludel.lean_checker.judge import lean_kernel
from aludel.lean_checker.judge.forbidding import Unsure, Use, Uses, finding_of
from aludel.lean_checker.judge.lean_kernel import LeanKernel
from aludel.lean_checker.judge.question import Question
from aludel.models import (
    Accepted,
    CheckRequest,
    FStarContext,
    LeanContext,
    Policy,
    Rejected,
    RejectReason,
    Undecided,
    UndecidedReason,
    content_hash,
)
from aludel.policies import MAX_FORBIDDEN
from aludel.problems import TheoremProblem, read_problems
from aludel.proving.run import _asked
from aludel.receipts import issue, parse_receipt
from aludel.rl import _requests
from aludel.statements import UnusableText

MakeChecker = Callable[..., LeanChecker]
STATEMENT = "theorem t : True"
QUESTION = Question(b"", "", ("helper", "t"), "identical", 3)


def request(*forbidden: str, **fields: object) -> CheckRequest:
    asked = {"code": "-- fake: accept\n", "statement": STATEMENT, **fields}
    return CheckRequest.model_validate({**asked, "policy": {"forbidden": forbidden}})


def test_what_forbids_nothing_leaves_no_trace_in_hashes_and_receipts() -> None:
    plain = CheckRequest(code="x")
    assert plain.policy.model_dump() == Policy(forbidden=()).model_dump()
    assert "forbidden" not in plain.model_dump_json()
    assert "forbidden" in Policy.model_json_schema(mode="serialization")["properties"]
    assert content_hash("d", plain) != content_hash("d", request("Nat.add_comm", code="x"))


def test_equal_sets_are_written_in_one_way() -> None:
    assert Policy(forbidden=("b", "a", "b")) == Policy(forbidden=("a", "b"))
    more = Policy(allow_helpers=False, forbidden=("b",)).forbidding(("a",))
    assert (more.allow_helpers, more.forbidden) == (False, ("a", "b"))
    assert more.forbidding(()) is more


def test_there_are_limits() -> None:
    for patterns in (["n" * 301], [""], [f"n{i}" for i in range(MAX_FORBIDDEN + 1)]):
        with pytest.raises(ValueError, match="forbidden"):
            Policy.model_validate({"forbidden": patterns})


def test_patterns_are_told_apart() -> None:
    found = forbidden_of(
        Policy(forbidden=("self", "Nat.add_*", "after:Nat.x'", "List.get?", "«a b».c"))
    )
    assert found == ForbiddenConstants(True, ("List.get?", "«a b».c"), ("Nat.add_*",), ("Nat.x'",))
    assert found is not None and found.body()["globs"] == [["Nat.add_", ""]]
    assert forbidden_of(Policy()) is None


@pytest.mark.parametrize(
    "pattern",
    [
        "Nat.add comm",
        "Nat..x",
        ".x",
        "Nat.",
        "after:",
        "after:Nat.*",
        "-x",
        "1",
        "a\nb",
        "*\n",
        "x;*",
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        validate_forbidden(request(pattern))
    assert refused.value.field == "policy.forbidden" and refused.value.fix


@pytest.mark.parametrize("statement", [None, "def t : Nat"])
def test_itself_is_a_theorem(statement: str | None) -> None:
    validate_forbidden(request("self"))
    with pytest.raises(InvalidRequest, match="`self`") as refused:
        validate_forbidden(request("self", statement=statement))
    assert refused.value.field == "policy.forbidden"


def test_fstar_has_no_such_policy() -> None:
    asked = request("Nat.x", context=FStarContext(), statement=None, code="let x = 1")
    with pytest.raises(InvalidRequest) as refused:
        read_request(asked, FStarContext(), Abilities())
    assert refused.value.field == "policy.forbidden"


def uses(*found: Use) -> Uses:
    return Uses(uses=found, unsure=())


def test_a_use_is_told_with_the_way_to_it() -> None:
    path = ("_aludel.1", "_aludel.0", "instFoo", "Nat.add_comm")
    found = finding_of(uses(Use(name="Nat.add_comm", pattern="self", path=path)), QUESTION)
    assert found is not None and found.reason is RejectReason.FORBIDDEN_CONSTANT
    assert found.culprit == "t"
    assert found.message == (
        "the proof uses `Nat.add_comm`, which `self` forbids "
        "(t -> helper -> instFoo -> Nat.add_comm)"
    )


def test_of_many_uses_some_are_told() -> None:
    many = [Use(name=f"n{i}", pattern="n*", path=(f"n{i}",)) for i in range(5)]
    found = finding_of(uses(*many), replace(QUESTION, match=None))
    assert found is not None and "`n2`" in found.message and "`n3`" not in found.message
    assert found.message.endswith("and 2 more")
    assert finding_of(uses(), QUESTION) is None


@pytest.mark.parametrize(
    ("why", "reason"),
    [("order", UndecidedReason.DECLARATION_ORDER), ("limit", UndecidedReason.HEARTBEATS)],
)
def test_what_cannot_be_told_is_undecided_and_a_use_decides(
    why: Any, reason: UndecidedReason
) -> None:
    doubt = Unsure(name="n", pattern="after:m", path=("n",), why=why)
    found = finding_of(Uses(uses=(), unsure=(doubt,)), QUESTION)
    assert found is not None and found.reason is reason and "`n`" in found.message
    certain = Uses(uses=(Use(name="m", pattern="m", path=("m",)),), unsure=(doubt,))
    both = finding_of(certain, QUESTION)
    assert both is not None and both.reason is RejectReason.FORBIDDEN_CONSTANT


def test_a_verdict_says_what_was_used_where(fake_checker: LeanChecker) -> None:
    verdict = fake_checker.check(request("True"))
    assert isinstance(verdict, Rejected), verdict
    assert verdict.reason is RejectReason.FORBIDDEN_CONSTANT
    assert "(t -> True)" in (verdict.message or "")
    assert verdict.diagnostics[-1].start is not None
    assert "(t -> True)" in verdict.diagnostics[-1].message


def test_the_policy_is_part_of_the_receipt(fake_checker: LeanChecker) -> None:
    asked = request("self")
    verdict = fake_checker.check(asked)
    made = issue(fake_checker.toolchain, asked, verdict)
    assert json.loads(made.text())["request"]["policy"]["forbidden"] == ["self"]
    assert parse_receipt(made.text(), "r").request == asked


@pytest.mark.parametrize("candidate", ["-- fake: accept\n", "-- fake: reject\n", "nonsense"])
@pytest.mark.parametrize(
    ("pattern", "said"),
    [("Truth", "`Truth` is no constant"), ("after:Truth", "`Truth`"), ("Tru*", "matches 'Tru\\*'")],
)
def test_what_would_forbid_nothing_is_refused_whatever_the_candidate(
    fake_checker: LeanChecker, pattern: str, said: str, candidate: str
) -> None:
    with pytest.raises(InvalidRequest, match=said) as refused:
        fake_checker.check(request(pattern, code=candidate))
    assert refused.value.field == "policy.forbidden"
    assert "`True`" in (refused.value.fix or "") or "*" in pattern


def test_patterns_are_looked_up_once(
    fake_checker: LeanChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanings = fake_checker.judge._meanings
    looked: list[object] = []
    look = meanings._look
    monkeypatch.setattr(meanings, "_look", lambda asked: looked.append(asked) or look(asked))
    for _ in range(2):
        fake_checker.check(request("True"))
    assert len(looked) == 1
    fake_checker.check(request("self"))
    assert len(looked) == 1, "what always means something needs no library"


def test_a_kernel_that_says_nothing_of_uses_is_not_believed(
    fake_checker: LeanChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse = lean_kernel._parse
    monkeypatch.setattr(lean_kernel, "_parse", lambda *args: replace(parse(*args), uses=None))
    assert fake_checker.check(request()).kind == "accepted"
    with pytest.raises(BackendCrashed, match="forbidden constants"):
        fake_checker.check(request("self"))


def test_problems_have_a_column(tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    rows = [
        {"statement": STATEMENT, "forbidden": ["Nat.x", "self"]},
        {"statement": "theorem u : 1 = 1"},
    ]
    file.write_text("\n".join(map(json.dumps, rows)))
    first, second = read_problems(file)
    assert first.forbidden == ("Nat.x", "self") and second.forbidden == ()
    assert first.candidate("trivial").policy.forbidden == ("Nat.x", "self")
    assert first.identity != first.model_copy(update={"forbidden": ()}).identity
    assert theorem_of({**rows[0], "forbidden": "self"}).forbidden == ("self",)
    for wrong in (7, {"a": 1}, [7], [""]):
        with pytest.raises(UnusableText, match="forbidden"):
            theorem_of({**rows[0], "forbidden": wrong})
        file.write_text(json.dumps({**rows[0], "forbidden": wrong}))
        with pytest.raises(InvalidRequest, match="not a valid problem"):
            read_problems(file)


def test_attempts_forbid_the_theorem_itself_unless_told_otherwise() -> None:
    problem = TheoremProblem(name="t", statement=STATEMENT, forbidden=("Nat.x",))
    asked = _asked(problem, AttemptOptions())
    assert isinstance(asked, TheoremProblem)
    assert asked.candidate("trivial").policy.forbidden == ("Nat.x", "self")
    assert _asked(problem, AttemptOptions(allow_self=True)) is problem
    other = TheoremProblem(name="d", statement="def d : Nat")
    assert _asked(other, AttemptOptions()) is other


def test_a_run_goes_on_under_the_rule_it_began_with() -> None:
    fields = {"generator": "g", "toolchain_digest": "d", "problems_digest": "p"}
    before = AttemptPlan.model_validate(fields)
    assert before.allow_self
    now = AttemptPlan.model_validate({**fields, **AttemptOptions().planned()})
    assert not now.allow_self
    allowing = AttemptPlan.model_validate({**fields, **AttemptOptions(allow_self=True).planned()})
    assert now.digest != allowing.digest == before.digest


def test_undecided_order_is_no_rejection(
    fake_checker: LeanChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel: LeanKernel = fake_checker.judge._kernel
    ask = kernel.ask
    doubt = Unsure(name="n", pattern="after:True", path=("_aludel.0", "n"), why="order")
    monkeypatch.setattr(
        kernel,
        "ask",
        lambda *args, **more: replace(ask(*args, **more), uses=Uses(uses=(), unsure=(doubt,))),
    )
    verdict = fake_checker.check(request("after:True"))
    assert isinstance(verdict, Undecided) and verdict.reason is UndecidedReason.DECLARATION_ORDER
    assert "t -> n" in (verdict.message or "")


def test_imports_of_a_header_are_leans_to_refuse(fake_checker: LeanChecker) -> None:
    asked = request("True", context=LeanContext(), code="import «..»\n-- fake: accept\n")
    assert fake_checker.check(asked).kind == "rejected"


def test_a_header_of_the_candidates_chooses_no_bad_input(
    fake_checker: LeanChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[tuple[str, ...]] = []
    ensure = fake_checker.judge._meanings.ensure
    monkeypatch.setattr(
        fake_checker.judge._meanings,
        "ensure",
        lambda forbidden, imports: looked.append(imports) or ensure(forbidden, imports),
    )
    for imports in (None, ("Init", "Std")):
        asked = request("True", context=LeanContext(imports=imports))
        fake_checker.check(asked.model_copy(update={"code": f"import Std\n{asked.code}"}))
    assert looked == [(), ("Init", "Std")]


def test_rewards_take_the_column_of_a_data_set() -> None:
    asked = _requests([STATEMENT] * 3, ["trivial"] * 3, 1.0, None, [["self"], None, "Nat.x"])
    assert [one.policy.forbidden for one in asked] == [("self",), (), ("Nat.x",)]
    assert _requests([STATEMENT], ["trivial"], 1.0, None, None)[0].policy == Policy()
    with pytest.raises(InvalidRequest, match="no list of names"):
        _requests([STATEMENT], ["trivial"], 1.0, None, [{"a": 1}])


def test_a_harness_does_not_drop_what_is_forbidden(tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text(json.dumps({"name": "t", "statement": STATEMENT, "forbidden": ["self"]}))
    with pytest.raises(InvalidRequest, match="harness"):
        read_theorems(file)


def test_an_acceptance_says_that_it_was_looked_for(fake_checker: LeanChecker) -> None:
    verdict = fake_checker.check(request("self"))
    assert isinstance(verdict, Accepted)
    assert verdict.evidence.checks[-1] == "forbidden_constants"
    plain = fake_checker.check(request())
    assert isinstance(plain, Accepted) and "forbidden_constants" not in plain.evidence.checks
