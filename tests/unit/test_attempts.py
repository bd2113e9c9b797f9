"""Runs of attempts: recorded whole or not at all, resumed, compared."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fake_checker import TOOLCHAIN
from fake_goals import FakeGoals

from aludel.attempt_figures import compare, figures, pass_table
from aludel.attempts import AttemptPlan, AttemptRecord, AttemptRun, ProblemOutcome
from aludel.candidates import unfit
from aludel.cli.tables import attempts_table
from aludel.errors import BackendUnavailable, Conflict, InvalidRequest, NotFound
from aludel.models import Accepted, CheckRequest, Evidence, Rejected, RejectReason, Verdict
from aludel.problems import problems_digest, read_problems
from aludel.proving import Proposal, Proposals, SearchBudget, TheoremProblem
from aludel.proving.attempting import (
    attempt_all,
    sampling,
    searching,
)
from aludel.store import Store

PLAN = AttemptPlan(generator="g", toolchain_digest="0" * 64, problems_digest="1" * 64)


class Judge:
    """Accepts a candidate with ``good`` in it."""

    toolchain = TOOLCHAIN

    def check(self, request: CheckRequest) -> Verdict:
        if (why := unfit(request.code, 1_000)) is not None:
            return Rejected(hash="0", reason=why.reason)
        if "broken" in (request.statement or ""):
            raise InvalidRequest("unknown identifier", field="statement")
        if "good" in request.code or "dec" in request.code:
            return Accepted(hash="0", evidence=Evidence())
        return Rejected(hash="0", reason=RejectReason.ELABORATION)

    def close(self) -> None:
        pass


class Texts:
    name = "texts"

    def __init__(self, texts: Sequence[str]) -> None:
        self.asked: Counter[str] = Counter()
        self.settings: dict[str, Any] = {}
        self._texts = texts

    def proofs(self, problem: TheoremProblem, count: int, seed: int) -> list[Proposals]:
        self.asked[problem.name] += 1
        if problem.name == "down":
            raise BackendUnavailable("the model is down")
        made = tuple(Proposal(text=text) for text in self._texts[:count])
        return [Proposals(proposals=made, price=2.0, prompt_tokens=5, completion_tokens=3)]

    def tactics(self, state: Any, count: int) -> Proposals:
        return Proposals(proposals=(Proposal(text="dec"),))


def problems(*names: str) -> list[TheoremProblem]:
    return [TheoremProblem(name=name, statement=f"theorem {name} : 3") for name in names]


def test_samples_become_records_and_an_outcome() -> None:
    attempt = sampling(Texts(["by good", "by bad", "by \0", "by good"]), Judge(), 5, 0, 0)
    outcome, records = attempt(problems("a")[0])
    assert (outcome.samples, outcome.accepted, outcome.tried) == (5, 2, 4)
    assert (outcome.price, outcome.prompt_tokens, outcome.completion_tokens) == (2.0, 5, 3)
    assert [r.verdict.kind for r in records] == ["accepted", "rejected", "rejected", "accepted"]
    assert records[2].verdict.reason is RejectReason.PARSE
    assert [r.position for r in records] == [0, 1, 2, 3]


def test_a_search_is_one_sample() -> None:
    attempt = searching(Texts([]), FakeGoals(), Judge(), SearchBudget(tactics=10))
    outcome, [record] = attempt(problems("a")[0])
    assert (outcome.samples, outcome.accepted, outcome.end) == (1, 1, "proved")
    assert record.candidate.code.count("dec") == 3
    none, records = searching(Texts([]), FakeGoals(), Judge(), SearchBudget(tactics=2))(
        problems("a")[0]
    )
    assert (none.accepted, none.end, records) == (0, "tactics", [])


def test_a_run_goes_on_where_it_was_stopped(store: Store) -> None:
    everything = problems("a", "b", "down", "c", "broken")
    store.attempts.start("r", PLAN, len(everything))
    generator = Texts(["by good", "by bad"])
    attempt = sampling(generator, Judge(), 2, 0, 0)
    with pytest.raises(BackendUnavailable):
        for outcome, records in attempt_all(everything, attempt, frozenset(), 1):
            assert store.attempts.record("r", outcome, records)
    done = frozenset(o.problem for o in store.attempts.outcomes("r"))
    assert done == {"a", "b"} and store.attempts.run("r").done == 2
    rest = [p for p in everything if p.name != "down"]
    for outcome, records in attempt_all(rest, attempt, done, 3):
        assert store.attempts.record("r", outcome, records)
        assert not store.attempts.record("r", outcome, records)
    assert generator.asked == {"a": 1, "b": 1, "down": 1, "c": 1, "broken": 1}
    found = {o.problem: o for o in store.attempts.outcomes("r")}
    assert found["c"].accepted == 1 and found["broken"].end == "invalid: unknown identifier"
    stored = list(store.attempts.iterate("r"))
    assert [(r.problem, r.position) for r in stored] == [
        (name, n) for name in "abc" for n in range(2)
    ]
    assert all(isinstance(r, AttemptRecord) for r in stored)


def test_a_run_has_one_plan(store: Store) -> None:
    first = store.attempts.start("r", PLAN, 3)
    assert store.attempts.start("r", PLAN, 3) == first and first.done == 0
    with pytest.raises(Conflict) as caught:
        store.attempts.start("r", PLAN.model_copy(update={"seed": 1}), 3)
    assert caught.value.field == "name"
    with pytest.raises(NotFound):
        store.attempts.run("other")
    assert [run.name for run in store.attempts.runs()] == ["r"]


def outcome(name: str, accepted: int, samples: int = 4) -> ProblemOutcome:
    statement = f"theorem {name} : 3"
    return ProblemOutcome(problem=name, statement=statement, samples=samples, accepted=accepted)


def test_runs_are_compared_over_what_both_did() -> None:
    ours = [outcome(n, a) for n, a in (("a", 1), ("b", 0), ("c", 2), ("d", 1), ("e", 1), ("f", 4))]
    theirs = [outcome(n, 0) for n in "acde"] + [outcome("b", 1), outcome("z", 1)]
    found = compare(ours, theirs)
    assert (found.problems, found.first, found.second) == (5, 4, 1)
    assert (found.only_first, found.only_second) == (("a", "c", "d", "e"), ("b",))
    assert found.p_value == pytest.approx(2 * (1 + 5) / 32)
    assert compare(ours, ours).p_value == 1.0
    spent = {"tried": 3, "wall_s": 2.0, "prover_s": 1.5, "price": 0.5, "prompt_tokens": 7}
    paid = [o.model_copy(update=spent) for o in theirs]
    costs = compare(ours, paid)
    assert (costs.first_cost.tried, costs.second_cost.tried) == (0, 15)  # "z" is not in common
    assert (costs.second_cost.prover_s, costs.second_cost.other_s) == (7.5, 2.5)
    assert (costs.second_cost.price, costs.second_cost.prompt_tokens) == (2.5, 35)
    with pytest.raises(InvalidRequest):
        compare(ours, [outcome("z", 1)])


def test_pass_at_k_leaves_out_invalid_problems_and_too_large_k() -> None:
    broken = outcome("x", 0, 1).model_copy(update={"end": "invalid: no"})
    table = pass_table([outcome("a", 2), outcome("b", 0), broken], (1, 2, 4, 8))
    assert list(table) == [1, 2, 4]
    assert table[1].value == 0.25 and table[4].value == 0.5 and table[1].count == 2


def test_samples_in_order_of_promise_count_up_to_k() -> None:
    def ordered(name: str, first: int | None) -> ProblemOutcome:
        accepted = 0 if first is None else 1
        return outcome(name, accepted).model_copy(update={"ordered": True, "first": first})

    runs = [ordered("a", 0), ordered("b", 1), ordered("c", 3), ordered("d", None)]
    values = {k: e.value for k, e in pass_table(runs, (1, 2, 3, 4, 8)).items()}
    assert values == {1: 0.25, 2: 0.5, 3: 0.5, 4: 0.75}


def test_a_fixed_list_of_tactics_is_no_sampler() -> None:
    def shown(outcomes: list[ProblemOutcome]) -> list[tuple[str, str]]:
        count, now = len(outcomes), datetime(2026, 1, 1, tzinfo=UTC)
        run = AttemptRun(name="r", plan=PLAN, problems=count, done=count, created_at=now)
        names, values = (column.cells for column in attempts_table(figures(run, outcomes)).columns)
        return [(str(name), str(value)) for name, value in zip(names, values, strict=True)]

    listed = [
        outcome(name, int(first is not None)).model_copy(update={"ordered": True, "first": first})
        for name, first in (("a", 0), ("b", 3), ("c", None))
    ]
    broken = outcome("x", 0).model_copy(update={"end": "invalid: no"})
    rows = dict(shown([*listed, broken]))
    assert rows["closed by automation"] == "2 of 3"
    assert rows["  by the first proof"].startswith("33.3%")
    assert rows["  by the first 4"].startswith("66.7%")
    assert not [name for name in rows if "pass@" in name] and "proved" not in rows
    drawn = dict(shown([outcome("a", 2), outcome("b", 0)]))
    assert drawn["proved"] == "1" and drawn["pass@4"].startswith("50.0%")
    assert "closed by automation" not in drawn


class Ordered:
    name, settings = "ordered", {}

    def proofs(self, problem: TheoremProblem, count: int, seed: int) -> list[Proposals]:
        texts = ("by bad", "by good", "by good")
        return [Proposals(proposals=tuple(Proposal(text=t) for t in texts), ordered=True)]


def test_an_outcome_says_which_sample_was_first() -> None:
    done, records = sampling(Ordered(), Judge(), 4, 0, 0)(problems("a")[0])
    assert (done.ordered, done.first, done.accepted, done.samples) == (True, 1, 2, 4)
    assert [r.verdict.kind for r in records] == ["rejected", "accepted", "accepted"]
    drawn, _ = sampling(Texts(["by bad"]), Judge(), 1, 0, 0)(problems("a")[0])
    assert (drawn.ordered, drawn.first) == (False, None)


def test_problems_are_read_from_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    rows: list[dict[str, Any]] = [
        {"name": "x", "statement": "theorem t : True", "split": "valid"},
        {"formal_statement": "theorem A.b.{u} (n : Nat) : n = n := by sorry"},
        {"statement": "theorem c : True :=\n  sorry\n", "imports": ["Std"]},
    ]
    path.write_text("\n\n".join(json.dumps(row) for row in rows))
    found = read_problems(path)
    assert [(p.name, p.imports) for p in found] == [
        ("x", ("Init",)), ("A.b", ("Init",)), ("c", ("Std",)),
    ]  # fmt: skip
    assert found[1].statement == "theorem A.b.{u} (n : Nat) : n = n"
    assert found[2].statement == "theorem c : True"
    assert problems_digest(found) == problems_digest(found[::-1])
    path.write_text('{"statement": "theorem a : True"}\n[1]\n')
    with pytest.raises(InvalidRequest) as caught:
        read_problems(path)
    assert caught.value.field == f"{path}:2"
    with pytest.raises(InvalidRequest):
        read_problems(tmp_path / "none")
    for wrong in ([], [found[0], found[0]]):
        with pytest.raises(InvalidRequest):
            problems_digest(wrong)
