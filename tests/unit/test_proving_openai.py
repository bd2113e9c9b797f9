"""The endpoint generator against a local server, whole-proof sampling and repair."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from fake_checker import TOOLCHAIN
from openai_server import openai_server

from aludel.errors import BackendUnavailable, InvalidRequest
from aludel.generators import Endpoint, Sampling
from aludel.goals import Goal, GoalState
from aludel.models import (
    Accepted,
    CheckRequest,
    Diagnostic,
    Evidence,
    Position,
    Rejected,
    RejectReason,
    Severity,
    Verdict,
)
from aludel.prompts import PROOF_LEAN_1, code_of, prompt_hash, proof_messages
from aludel.proving import TheoremProblem, outcomes, sample_proofs
from aludel.proving import openai as module
from aludel.proving.openai import OpenAIGenerator

PROBLEM = TheoremProblem(name="comm", statement="theorem comm (a b : Nat) : a + b = b + a")
GOOD = "Sure:\n```lean\ntheorem comm (a b : Nat) : a + b = b + a := by\n  omega\n```\n"
BAD = "```lean\ntheorem comm (a b : Nat) : a + b = b + a := by\n  rfl\n```"


class Judge:
    toolchain = TOOLCHAIN

    def check(self, request: CheckRequest) -> Verdict:
        if "omega" in request.code:
            return Accepted(hash="0", evidence=Evidence())
        wrong = Diagnostic(
            severity=Severity.ERROR, message="no rfl", start=Position(line=2, column=2)
        )
        return Rejected(
            hash="0", reason=RejectReason.ELABORATION, diagnostics=(wrong,), message="it fails"
        )

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE_S", 0.001)


def endpoint(url: str, **fields: Any) -> Endpoint:
    return Endpoint.model_validate({"url": url, "model": "tiny", **fields})


def test_samples_are_asked_for_in_calls_and_paid_for() -> None:
    with openai_server(lambda body: [GOOD] * body["n"], delay_s=0.05) as server:
        priced = endpoint(
            server.url,
            prompt_price=1_000.0,
            completion_price=2_000.0,
            concurrency=2,
            sampling=Sampling(per_call=2, temperature=0.7),
        )
        generator = OpenAIGenerator(priced, key="secret")
        made = generator.proofs(PROBLEM, 7, seed=10)
        generator.close()
    assert [len(call.proposals) for call in made] == [2, 2, 2, 1]
    assert sorted((r["n"], r["seed"]) for r in server.requests) == [
        (1, 13), (2, 10), (2, 11), (2, 12),
    ]  # fmt: skip
    assert server.busiest == 2
    one = made[0]
    assert one.price == pytest.approx((one.prompt_tokens + 2 * one.completion_tokens) / 1_000)
    assert one.prompt_hash == prompt_hash(proof_messages(PROOF_LEAN_1, PROBLEM))
    assert one.wall_s >= 0.05
    assert {h["Authorization"] for h in server.headers} == {"Bearer secret"}
    request = server.requests[0]
    assert request["temperature"] == 0.7 and "top_p" not in request and "stop" not in request
    assert PROBLEM.statement in request["messages"][1]["content"]
    assert "secret" not in str(generator.settings) and generator.name == "openai/tiny"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_faults_that_pass_are_retried(status: int) -> None:
    turns = itertools.count()

    def script(_: dict[str, Any]) -> Any:
        return (status, {"Retry-After": "0"}, "busy") if next(turns) < 2 else [GOOD]

    with openai_server(script) as server:
        [made] = OpenAIGenerator(endpoint(server.url)).proofs(PROBLEM, 1, 0)
    assert len(made.proposals) == 1 and len(server.requests) == 3


@pytest.mark.parametrize(
    ("answer", "error", "calls"),
    [
        ((401, {}, '{"error": {"message": "bad key"}}'), InvalidRequest, 1),
        ((404, {}, "no such model"), InvalidRequest, 1),
        ((500, {}, "down"), BackendUnavailable, 3),
        ((200, {}, "<html>"), BackendUnavailable, 1),
        ((200, {}, '{"choices": "none"}'), BackendUnavailable, 1),
    ],
)
def test_other_faults_are_said(answer: Any, error: type[Exception], calls: int) -> None:
    with openai_server(lambda _: answer) as server:
        generator = OpenAIGenerator(endpoint(server.url, retries=2))
        with pytest.raises(error):
            generator.proofs(PROBLEM, 1, 0)
    assert len(server.requests) == calls


def test_an_endpoint_that_is_not_there() -> None:
    gone = OpenAIGenerator(endpoint("http://127.0.0.1:9/v1", retries=1))
    with pytest.raises(BackendUnavailable, match="does not answer"):
        gone.proofs(PROBLEM, 1, 0)
    for wrong in ("nowhere", "ftp://x/v1"):
        with pytest.raises(InvalidRequest):
            OpenAIGenerator(endpoint(wrong)).proofs(PROBLEM, 1, 0)


def test_tactics_are_ordered_by_probability_and_equal_ones_come_once() -> None:
    shown = Goal(case="", hypotheses=(), target="p", pretty="⊢ p {x}")
    state = GoalState(session="s", state=0, goals=(shown,))
    said = ["```lean\nsimp at h ⊢\n```", "`omega`", "omega", "omega", "", "rw [a]\nEND rest"]
    with openai_server(lambda _: said) as server:
        sampling = Sampling(logprobs=True, stop=("END",))
        made = OpenAIGenerator(endpoint(server.url, sampling=sampling)).tactics(state, 6)
    assert [p.text for p in made.proposals][:2] == ["`omega`", "omega"]
    assert {p.text for p in made.proposals} == {"`omega`", "omega", "simp at h ⊢", "rw [a]"}
    assert made.proposals[0].cost == 0.5
    assert server.requests[0]["n"] == 6 and "⊢ p {x}" in str(server.requests[0]["messages"])


def test_proofs_are_sampled_judged_and_mended() -> None:
    def script(body: dict[str, Any]) -> list[str]:
        mended = len(body["messages"]) == 4
        return [GOOD if mended else BAD]

    with openai_server(script) as server:
        generator = OpenAIGenerator(endpoint(server.url))
        bare = list(sample_proofs(PROBLEM, generator, Judge(), 3))
        mended = list(sample_proofs(PROBLEM, generator, Judge(), 2, repairs=2))
    assert outcomes(bare) == (3, 0) and outcomes(mended) == (2, 2)
    assert [(s.index, s.round, s.verdict.kind) for s in mended] == [
        (0, 0, "rejected"), (0, 1, "accepted"), (1, 0, "rejected"), (1, 1, "accepted"),
    ]  # fmt: skip
    fed = server.requests[-1]["messages"]
    assert fed[2]["role"] == "assistant" and "it fails\n2:2: no rfl" in fed[3]["content"]
    assert mended[1].candidate.statement == PROBLEM.statement
    assert all(sample.calls.completion_tokens > 0 for sample in mended)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("by simp", "by simp"),
        ("a ```lean\nx\n``` b ```lean4\ny\n```", "y"),
        ("<think>```lean\nno\n```</think>```\nyes\n```", "yes"),
        ("", ""),
    ],
)
def test_the_text_of_an_answer(answer: str, code: str) -> None:
    assert code_of(answer) == code


def test_a_whole_file_or_a_proof_is_a_candidate() -> None:
    assert PROBLEM.candidate("by omega").code == f"{PROBLEM.statement} := by omega\n"
    file = "private theorem help : True := trivial\n\ntheorem comm : False := sorry"
    assert PROBLEM.candidate(file).code == file + "\n"
    assert PROBLEM.candidate(file).statement == PROBLEM.statement
