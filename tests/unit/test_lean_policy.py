"""The verdict policy: each reason once, their order, and the law that acceptance obeys."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aludel.errors import BackendCrashed
from aludel.lean_checker.facts import parse_facts
from aludel.lean_checker.policy import NATIVE_AXIOMS, Question, allows_axiom, judge
from aludel.models import (
    STANDARD_AXIOMS,
    Accepted,
    Policy,
    Position,
    Severity,
    Usage,
    Verdict,
)

HASH = "0" * 64


def facts_of(**changes: Any) -> dict[str, Any]:
    return {
        "imports": ["Init"],
        "header_imports": [],
        "diagnostics": [],
        "forbidden": [],
        "limits": [],
        "statement": statement(),
        "declarations": [{"name": "t", "kind": "theorem"}],
        "kernel_rejected": [],
        "axioms": ["propext"],
        "new_axioms": [],
        "examples": 0,
        **changes,
    }


def statement(**changes: Any) -> dict[str, Any]:
    asked = {"name": "t", "declared": True, "match": "identical"}
    return {**asked, "expected": "1 = 1", "found": "1 = 1", **changes}


def diagnostic(category: str | None, severity: str = "error", message: str = "m") -> dict[str, Any]:
    place = {"start": [1, 0], "end": None}
    return {"severity": severity, "message": message, "category": category, **place}


def verdict(policy: Policy | None = None, *, asked: bool = True, **changes: Any) -> Verdict:
    if not asked:
        changes = {"statement": None, **changes}
    ask = Question("theorem t : 1 = 1" if asked else None, policy or Policy())
    return judge(parse_facts(facts_of(**changes)), ask, content_hash=HASH, usage=Usage(wall_s=1))


UNDECLARED = statement(declared=False, match=None, found=None)
DIFFERENT = statement(match="different", found="True")
FORBIDDEN = [{"construct": "#eval", "message": "no #eval", "start": [2, 0], "end": [2, 5]}]
REJECTED = [{"name": "t", "message": "(kernel) declaration type mismatch"}]
HELPER = [{"name": "h", "kind": "theorem"}, {"name": "t", "kind": "theorem"}]
# In the order in which the rules are tried: each case also carries every later fault.
LADDER: list[tuple[str, dict[str, Any]]] = [
    ("forbidden_construct", {"forbidden": FORBIDDEN}),
    ("heartbeats", {"diagnostics": [diagnostic("limit"), diagnostic("parse")]}),
    ("parse", {"diagnostics": [diagnostic("unsolved_goals"), diagnostic("parse")]}),
    ("elaboration", {"diagnostics": [diagnostic("unsolved_goals"), diagnostic("elaboration")]}),
    ("unsolved_goals", {"diagnostics": [diagnostic("unsolved_goals")]}),
    ("missing_declaration", {"statement": UNDECLARED}),
    ("statement_mismatch", {"statement": DIFFERENT}),
    ("kernel", {"kernel_rejected": REJECTED}),
    ("axiom", {"new_axioms": ["cheat"]}),
    ("sorry", {"axioms": ["sorryAx", "Lean.ofReduceBool"]}),
    ("axiom", {"axioms": ["Lean.ofReduceBool"]}),
    ("extra_declaration", {"declarations": HELPER}),
]


@pytest.mark.parametrize("step", range(len(LADDER)), ids=[reason for reason, _ in LADDER])
def test_the_first_rule_that_applies_decides(step: int) -> None:
    reason, faults = LADDER[step]
    strict = Policy(allow_helpers=False)
    assert verdict(strict, **faults).reason == reason
    later: dict[str, Any] = {}
    for _, more in LADDER[step:]:
        later = {**more, **later}
    assert verdict(strict, **later).reason == reason


def test_a_clean_candidate_is_accepted_with_evidence() -> None:
    accepted = verdict()
    assert isinstance(accepted, Accepted)
    assert accepted.evidence.statement_match == "identical"
    assert accepted.evidence.declarations == ("t",)
    assert "kernel_replay" in accepted.evidence.checks and "statement" in accepted.evidence.checks
    assert accepted.axioms == ("propext",) and accepted.hash == HASH
    assert accepted.usage == Usage(wall_s=1)


def test_without_a_statement_every_declaration_counts() -> None:
    accepted = verdict(asked=False)
    assert isinstance(accepted, Accepted) and accepted.evidence.statement_match is None
    assert verdict(asked=False, declarations=[]).reason == "missing_declaration"


def test_warnings_do_not_refuse() -> None:
    assert verdict(diagnostics=[diagnostic("elaboration", "warning")]).kind == "accepted"


def test_a_limit_that_was_recovered_from_does_not_count() -> None:
    assert verdict(limits=["heartbeats"]).kind == "accepted"
    assert verdict(limits=["heartbeats"], diagnostics=[diagnostic("limit", "info")]).reason is None


def test_an_unmarked_error_beside_a_limit_is_undecided() -> None:
    assert verdict(limits=["heartbeats"], diagnostics=[diagnostic(None)]).kind == "undecided"


def test_unmarked_errors_are_told_apart_where_that_is_safe() -> None:
    unsolved = diagnostic(None, message="unsolved goals\n⊢ False")
    assert verdict(diagnostics=[unsolved]).reason == "unsolved_goals"
    assert verdict(diagnostics=[diagnostic(None)]).reason == "elaboration"
    assert verdict(diagnostics=[diagnostic("sorry")]).reason == "elaboration"


def test_the_recursion_limit_is_a_limit_and_no_refutation() -> None:
    found = verdict(diagnostics=[diagnostic("recursion"), diagnostic("elaboration")])
    assert (found.kind, found.reason) == ("undecided", "memory")
    assert verdict(diagnostics=[diagnostic("recursion", "info")]).kind == "accepted"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("(kernel) deep recursion detected", "memory"),
        ("(kernel) excessive memory consumption detected", "memory"),
        ("(kernel) deterministic timeout", "heartbeats"),
    ],
)
def test_a_kernel_out_of_resources_is_undecided(message: str, reason: str) -> None:
    found = verdict(kernel_rejected=[{"name": "t", "message": message}])
    assert (found.kind, found.reason) == ("undecided", reason)


def test_a_mismatch_shows_both_types() -> None:
    message = verdict(statement=DIFFERENT).message
    assert message and "expected: 1 = 1" in message and "found:    True" in message


def test_a_comparison_that_ran_into_a_limit_is_no_mismatch() -> None:
    found = verdict(statement=statement(match="undecided", found="True"))
    assert (found.kind, found.reason) == ("undecided", "heartbeats")


def test_a_constructor_of_the_asked_name_is_a_mismatch() -> None:
    different = statement(name="S.h", match="different")
    found = verdict(statement=different, declarations=[{"name": "S", "kind": "inductive"}])
    assert found.reason == "statement_mismatch"


def test_a_missing_declaration_is_placed_at_the_whole_text() -> None:
    ask = Question("theorem t : 1 = 1", Policy(), "\r\n  theorem u : 1 = 1 :=\r\n  rfl \r\n")
    facts = parse_facts(facts_of(statement=UNDECLARED))
    found = judge(facts, ask, content_hash=HASH, usage=Usage(wall_s=1))
    shown = found.diagnostics[-1]
    assert shown.message == found.message
    assert shown.start == Position(line=2, column=2) and shown.end == Position(line=3, column=5)


def test_a_sorry_of_no_asked_name_is_placed_where_lean_warned() -> None:
    warned = {**diagnostic("sorry", "warning"), "start": [3, 4], "end": [3, 9]}
    found = verdict(asked=False, diagnostics=[warned], axioms=["sorryAx"])
    assert found.reason == "sorry"
    assert found.diagnostics[-1].start == Position(line=3, column=4)


def test_constants_derived_from_the_asked_one_are_no_helpers() -> None:
    names = ["t._proof_1", "t.match_1", "t.match_1_1", "t.eq_1", "t"]
    own = [{"name": name, "kind": "def"} for name in names]
    assert verdict(Policy(allow_helpers=False), declarations=own).kind == "accepted"
    other = [{"name": "t.helper", "kind": "def"}, *own]
    assert verdict(Policy(allow_helpers=False), declarations=other).reason == "extra_declaration"


def test_helpers_are_what_the_text_says_and_not_what_names_say() -> None:
    strict = Policy(allow_helpers=False)
    main = {"name": "t", "kind": "theorem", "helper": False}
    lemma = {"name": "t._proof_1", "kind": "theorem", "helper": True}
    derived = {"name": "foo.bar", "kind": "def", "helper": False}
    assert verdict(strict, declarations=[derived, main]).kind == "accepted"
    assert verdict(strict, declarations=[lemma, main]).reason == "extra_declaration"
    beside = verdict(strict, declarations=[main], companions=["t._u"])
    assert beside.reason == "extra_declaration" and "`t._u`" in (beside.message or "")
    assert verdict(declarations=[lemma, main], companions=["t._u"]).kind == "accepted"


def test_a_declaration_that_vanished_refuses_a_text_without_a_statement() -> None:
    gone = [{"start": [2, 0], "end": [2, 9]}]
    assert verdict(asked=False, dropped=gone).reason == "missing_declaration"
    assert verdict(dropped=gone).kind == "accepted"


@pytest.mark.parametrize("axiom", sorted(NATIVE_AXIOMS))
def test_native_decide_is_the_policys_choice(axiom: str) -> None:
    assert verdict(axioms=[axiom]).reason == "axiom"
    assert verdict(Policy(allow_native_decide=True), axioms=[axiom]).kind == "accepted"


@pytest.mark.parametrize(
    "axiom",
    ["cheat", "my_native.native_decide", "sorryAx", "Lean.of", "t._native.native_decide.ax_1_1"],
)
def test_no_other_axiom_comes_in_with_native_decide(axiom: str) -> None:
    assert not allows_axiom(Policy(allow_native_decide=True), axiom)
    assert verdict(Policy(allow_native_decide=True), axioms=[axiom]).kind == "rejected"


def test_sorry_cannot_be_allowed() -> None:
    assert verdict(Policy(allowed_axioms=("sorryAx",)), axioms=["sorryAx"]).reason == "sorry"


def test_an_axiom_of_the_candidates_own_cannot_be_allowed() -> None:
    policy = Policy(allowed_axioms=("cheat",), allow_native_decide=True)
    for name in ("cheat", "t._native.native_decide.ax_1"):
        assert verdict(policy, new_axioms=[name], axioms=[name]).reason == "axiom"


@pytest.mark.parametrize(
    "changes",
    [
        {"statement": None},
        {"statement": statement(match=None)},
        {"statement": statement(declared=False)},
        {"declarations": []},
        {"declarations": [{"name": "u", "kind": "theorem"}]},
    ],
)
def test_facts_that_contradict_each_other_give_no_verdict(changes: dict[str, Any]) -> None:
    with pytest.raises(BackendCrashed):
        verdict(**changes)


def test_an_answer_about_a_statement_nobody_asked_gives_no_verdict() -> None:
    with pytest.raises(BackendCrashed):
        verdict(asked=False, statement=statement())


@pytest.mark.parametrize(
    "changes",
    [
        {"statement": statement(match="alike")},
        {"statement": {"name": "t"}},
        {"diagnostics": [diagnostic("elaboration", severity="fatal")]},
        {"diagnostics": [diagnostic("unheard_of")]},
        {"diagnostics": [{**diagnostic("parse"), "start": [1]}]},
        {"limits": ["patience"]},
        {"axioms": "propext"},
        {"axioms": [1]},
        {"axioms": None},
        {"examples": -1},
        {"examples": True},
        {"imports": None},
        {"accepted": True},
        {"declarations": ["t"]},
    ],
)
def test_facts_of_another_shape_give_no_verdict(changes: dict[str, Any]) -> None:
    with pytest.raises(BackendCrashed, match="make no sense"):
        parse_facts(facts_of(**changes))


AXIOMS = st.sampled_from([*STANDARD_AXIOMS, *STANDARD_AXIOMS, "sorryAx", "cheat", *NATIVE_AXIOMS])
DECLARED = st.lists(st.sampled_from(["h", "t._proof_1"]), max_size=2).map(
    lambda names: [{"name": name, "kind": "theorem"} for name in (*names, "t")]
)
DIAGNOSTICS = st.builds(
    diagnostic,
    st.sampled_from(["parse", "elaboration", "unsolved_goals", "sorry", "limit", None]),
    st.sampled_from(["error", "warning", "info", "info"]),
)
STATEMENTS = st.sampled_from(
    [
        statement(),
        statement(match="reducible_defeq"),
        DIFFERENT,
        UNDECLARED,
        statement(declared=False),
        statement(match=None),
    ]
)
FACTS = st.fixed_dictionaries(
    {
        "diagnostics": st.lists(DIAGNOSTICS, max_size=2),
        "forbidden": st.sampled_from([[], [], [], FORBIDDEN]),
        "limits": st.sampled_from([[], ["heartbeats"]]),
        "statement": STATEMENTS,
        "declarations": st.just([]) | DECLARED | DECLARED,
        "kernel_rejected": st.sampled_from([[], [], [], REJECTED]),
        "axioms": st.lists(AXIOMS, max_size=2),
        "new_axioms": st.sampled_from([[], [], [], ["cheat"]]),
    }
)
POLICIES = st.builds(
    Policy,
    allowed_axioms=st.sampled_from([(), STANDARD_AXIOMS, ("sorryAx", "cheat", "propext")]),
    allow_helpers=st.booleans(),
    allow_native_decide=st.booleans(),
)


@given(changes=FACTS, policy=POLICIES, asked=st.booleans())
def test_what_acceptance_implies(changes: dict[str, Any], policy: Policy, asked: bool) -> None:
    if not asked:
        changes = {**changes, "statement": None}
    facts = parse_facts(facts_of(**changes))
    ask = Question("theorem t : 1 = 1" if asked else None, policy)
    try:
        found = judge(facts, ask, content_hash=HASH, usage=Usage())
    except BackendCrashed:
        return
    errors = [item for item in facts.diagnostics if item.severity == "error"]
    if any(item.category == "limit" for item in errors):
        assert found.kind != "rejected" or found.reason == "forbidden_construct"
    if not isinstance(found, Accepted):
        assert found.message
        return
    assert not errors and not facts.forbidden
    assert all(item.severity is not Severity.ERROR for item in found.diagnostics)
    assert not facts.kernel_rejected and not facts.new_axioms
    native = NATIVE_AXIOMS if policy.allow_native_decide else frozenset()
    assert set(found.axioms) == set(facts.axioms) <= {*policy.allowed_axioms, *native} - {"sorryAx"}
    assert found.evidence.declarations
    if asked:
        assert found.evidence.statement_match in {"identical", "reducible_defeq"}
        assert "t" in found.evidence.declarations
    else:
        assert found.evidence.statement_match is None


@given(changes=FACTS, policy=POLICIES)
def test_a_laxer_policy_never_refuses_more(changes: dict[str, Any], policy: Policy) -> None:
    facts = parse_facts(facts_of(**{**changes, "statement": None}))
    lax = Policy(
        allowed_axioms=(*policy.allowed_axioms, *STANDARD_AXIOMS),
        allow_helpers=True,
        allow_native_decide=True,
    )
    strict, freer = (
        judge(facts, Question(None, chosen), content_hash=HASH, usage=Usage())
        for chosen in (policy, lax)
    )
    if strict.kind == "accepted":
        assert freer.kind == "accepted"
