"""One suite for sessions of tactics on the fake Lean server and the real one."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from aludel.deadline import Deadline
from aludel.errors import InvalidRequest, NotFound, QueueFull, SessionEnded
from aludel.goals import GoalRequest, Stepper
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.goals import LeanGoals
from aludel.models import LeanContext
from aludel.settings import Settings

AND = "theorem t (a b : Nat) (h : a = b) : b + 0 = a ∧ True"
INIT = LeanContext(imports=("Init",))


@pytest.fixture(params=["fake", pytest.param("lean", marks=pytest.mark.lean)])
def checker(request: pytest.FixtureRequest) -> LeanChecker:
    if request.param == "lean":
        real: LeanChecker = request.getfixturevalue("lean_checker")
        return real
    make: Callable[..., LeanChecker] = request.getfixturevalue("fake_checkers")
    return make(pool_size=2)


@pytest.fixture
def goals(checker: LeanChecker) -> LeanGoals:
    return LeanGoals(checker.pool, Settings(goal_sessions=3, goal_states=20))


def request_of(statement: str = AND, **fields: object) -> GoalRequest:
    return GoalRequest.model_validate({"context": INIT, "statement": statement, **fields})


def test_goals_are_data(goals: LeanGoals) -> None:
    first = goals.open(request_of())
    [goal] = first.goals
    assert (first.state, first.parent, goal.case) == (0, None, "")
    assert [(h.names, h.type) for h in goal.hypotheses] == [
        (("a",), "Nat"), (("b",), "Nat"), (("h",), "a = b"),
    ]  # fmt: skip
    assert goal.target == "b + 0 = a ∧ True" and goal.pretty.endswith("⊢ b + 0 = a ∧ True")
    [split] = goals.step(first.session, 0, ["constructor"])
    assert split.state and [g.case for g in split.state.goals] == ["left", "right"]
    [zero] = goals.step(goals.open(request_of("theorem w (n : Nat) : 0 + n = n")).session, 0,
                        ["induction n"])  # fmt: skip
    assert zero.state and [g.case for g in zero.state.goals] == ["zero", "succ"]


def test_a_state_is_used_twice_and_undone(goals: LeanGoals) -> None:
    stepper = Stepper(goals, request_of())
    assert stepper.run("constructor").state
    fork = stepper.current.state
    assert stepper.run("simp [h]").state and stepper.run("trivial").state
    assert stepper.current.finished and stepper.tactics() == ("constructor", "simp [h]", "trivial")
    stepper.go(fork)
    assert stepper.run("all_goals simp [h]").state and stepper.current.finished
    assert stepper.undo().state == fork and len(stepper.undo().goals) == 1
    assert stepper.undo().state == 0


@pytest.mark.parametrize(
    ("tactic", "code"),
    [
        ("rfl", "tactic"),
        ("nonsense", "parse"),
        ("sorry", "sorry"),
        ("exact sorry", "sorry"),
        ("run_tac pure ()", "forbidden"),
    ],
)
def test_a_failed_tactic_is_a_value(goals: LeanGoals, tactic: str, code: str) -> None:
    stepper = Stepper(goals, request_of())
    step = stepper.run(tactic)
    assert step.error and step.error.code == code and step.error.message
    assert stepper.current.state == 0
    assert stepper.run("constructor").state


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("  \n", "it is empty"),
        ("simp [h\0]", "NUL"),
        ("simp \ud800", "none of Unicode's"),
        ("(" * 2_001, "nested more than 2000 deep"),
        ("x" * 20_001, "20001 characters"),
        ("\n".join("x" * 10_001), "20001 characters"),
    ],
)
def test_one_text_that_is_no_tactic_is_one_failed_step(
    goals: LeanGoals, text: str, said: str
) -> None:
    state = goals.open(request_of())
    first, wrong, last = goals.step(state.session, 0, ["constructor", text, "simp [h]"])
    assert first.state and last.state and last.state.finished
    assert wrong.error and wrong.error.code == "parse" and said in wrong.error.message
    [alone] = goals.step(state.session, 0, [text])
    assert alone.error == wrong.error
    with pytest.raises(InvalidRequest) as caught:
        goals.open(request_of(tactics=("constructor", text)))
    assert caught.value.field == "tactics.1" and said in caught.value.message


def test_texts_that_are_no_tactics_take_no_states(goals: LeanGoals) -> None:
    session = goals.open(request_of()).session
    assert len(goals.step(session, 0, [""] * 40)) == 40  # of 20 states


def test_let_is_shown_as_let(goals: LeanGoals) -> None:
    first = goals.open(request_of("theorem l : let x := 2; x = 2"))
    assert first.goals[0].pretty == "⊢ let x := 2;\n  x = 2"
    assert first.goals[0].target == "let x := 2;\nx = 2"
    intro, have, show, proved = goals.step(
        first.session, 0, ["intro x", "have y := 3", "show let z := 2; z = 2", "exact rfl"]
    )
    assert intro.state and have.state and show.state and proved.state
    assert [(h.names, h.value) for h in intro.state.goals[0].hypotheses] == [(("x",), "2")]
    assert [(h.names, h.value) for h in have.state.goals[0].hypotheses] == [(("y",), None)]
    assert have.state.goals[0].pretty.startswith("y : Nat\n⊢ let x := 2;")
    assert show.state.goals[0].target == "let z := 2;\nz = 2" and proved.state.finished


def test_what_a_tactic_says_is_in_its_messages(goals: LeanGoals) -> None:
    session = goals.open(request_of("theorem m : True ∧ True")).session
    said = goals.step(
        session,
        0,
        ['trace "hi"', "trace_state", 'constructor <;> trace "a" <;> trace "b"', "exact?"],
    )
    messages = [step.state.messages for step in said if step.state]
    assert messages[:3] == [("hi",), ("⊢ True ∧ True",), ("a", "a", "b", "b")]
    assert "Try this" in messages[3][0]
    assert said[0].state
    [silent] = goals.step(session, said[0].state.state, ["constructor"])
    assert silent.state and silent.state.messages == ()


def test_equal_states_have_equal_keys(goals: LeanGoals) -> None:
    first = goals.open(request_of())
    made = goals.step(first.session, 0, ["constructor", "apply And.intro", "simp [h]"])
    keys = [step.state.key for step in made if step.state]
    assert keys[0] == keys[1] != first.key and len(keys) == 3


@pytest.mark.parametrize(
    ("statement", "preamble", "imports", "field"),
    [
        ("theorem x : nothing", "", ("Init",), "statement"),
        ("theorem y : True", "namespace A", ("Init",), "preamble"),
        ("theorem y : True", "axiom cheat : False\n#eval 1", ("Init",), "preamble"),
        ("theorem y : True", "", ("Nowhere",), "imports"),
        ("theorem y : True", "", ("no module",), "imports"),
        (" ", "", ("Init",), "statement"),
    ],
)
def test_a_wrong_start_is_refused_by_field(
    goals: LeanGoals, statement: str, preamble: str, imports: tuple[str, ...], field: str
) -> None:
    wrong = request_of(statement, preamble=preamble, context=LeanContext(imports=imports))
    with pytest.raises(InvalidRequest) as caught:
        goals.open(wrong)
    assert caught.value.field == field


def test_preamble_and_open_are_in_force(goals: LeanGoals) -> None:
    helped = request_of("theorem u : 0 + 1 = 1", preamble="theorem help : 1 = 1 := rfl")
    assert Stepper(goals, helped).run("exact help").state
    opened = request_of("open Nat in theorem v (n : Nat) : succ n ≠ 0")
    assert Stepper(goals, opened).run("exact succ_ne_zero n").state


def test_sessions_have_a_cap_and_a_time_to_live(goals: LeanGoals) -> None:
    silent = goals.open(request_of(ttl_s=0.05))
    others = [goals.open(request_of()) for _ in range(2)]
    time.sleep(0.1)
    with pytest.raises(SessionEnded, match="nothing was asked"):
        goals.get(silent.session, 0)
    goals.open(request_of())
    with pytest.raises(QueueFull):
        goals.open(request_of())
    for state in others:
        goals.close(state.session)
        goals.close(state.session)
    assert goals.open(request_of()).state == 0


def test_closing_does_not_wait_for_a_busy_prover(checker: LeanChecker) -> None:
    goals = LeanGoals(checker.pool, Settings())
    opened = goals.open(request_of())
    with checker.pool.lease(("Init",), _soon()), checker.pool.lease(("Init",), _soon()):
        began = time.monotonic()
        goals.close(opened.session)
        with pytest.raises(SessionEnded, match="it was closed"):
            goals.get(opened.session, 0)
        assert time.monotonic() - began < 5
    assert goals.open(request_of()).state == 0


def test_states_have_a_cap(goals: LeanGoals) -> None:
    session = goals.open(request_of()).session
    for _ in range(19):
        goals.step(session, 0, ["constructor"])
    with pytest.raises(InvalidRequest, match="at most 20 states") as caught:
        goals.step(session, 0, ["constructor"])
    assert caught.value.field == "state"


def test_what_does_not_exist_is_not_found(goals: LeanGoals) -> None:
    with pytest.raises(NotFound) as caught:
        goals.get("0" * 32, 0)
    assert caught.value.field == "session"
    with pytest.raises(NotFound) as caught:
        goals.step(goals.open(request_of()).session, 7, ["rfl"])
    assert caught.value.field == "state"


def test_a_dead_prover_ends_the_session_which_is_replayed(
    goals: LeanGoals, checker: LeanChecker
) -> None:
    stepper = Stepper(goals, request_of())
    stepper.run("constructor")
    ended = stepper.current
    with checker.pool.lease(("Init",), _soon()) as one:
        pins = one.pins
        one.interrupt()
    if not pins:
        with checker.pool.lease(("Init",), _soon()) as other:
            other.interrupt()
    with pytest.raises(SessionEnded) as caught:
        stepper.run("simp [h]")
    assert caught.value.fix == 'open it again with tactics=["constructor"]'
    with pytest.raises(SessionEnded):
        goals.get(ended.session, ended.state)
    assert stepper.restart().goals == ended.goals
    assert stepper.current.session != ended.session
    assert stepper.run("all_goals simp [h]").state and stepper.current.finished


def test_a_replay_that_fails_names_the_tactic(goals: LeanGoals) -> None:
    with pytest.raises(InvalidRequest) as caught:
        goals.open(request_of(tactics=("nonsense",)))
    assert caught.value.field == "tactics.0"


def _soon() -> Deadline:
    return Deadline.after(20)
