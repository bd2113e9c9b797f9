"""One suite for whatever proposes proofs and tactics: portfolio, endpoint, local models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import tiny_models
from openai_server import openai_server

from aludel.generators import Endpoint, GeneratorSpec, LocalModel, Portfolio, Sampling
from aludel.goals import Goal, GoalState
from aludel.proving import TheoremProblem
from aludel.proving.build import Generators, open_generators

PROBLEMS = [
    TheoremProblem(name="comm", statement="theorem comm (a b : Nat) : a + b = b + a"),
    TheoremProblem(name="swap", statement="theorem swap (p q : Prop) (h : p ∧ q) : q ∧ p"),
    TheoremProblem(name="zero", statement="theorem zero : 0 = 0"),
]
STATES = [
    GoalState(
        session="s",
        state=number,
        goals=(Goal(case="", hypotheses=(), target=shown, pretty=f"⊢ {shown}"),),
    )
    for number, shown in enumerate(["a + b = b + a", "p ∧ q → q ∧ p"])
]
LOCAL = {
    "causal": tiny_models.causal_model,
    "chat": lambda folder: tiny_models.causal_model(folder, chat=True),
    "seq2seq": tiny_models.seq2seq_model,
}


def _said(body: dict[str, Any]) -> list[str]:
    """Answers that depend on the seed, as those of a model do."""
    return [f"```lean\nby omega -- {body.get('seed')}/{n}\n```" for n in range(body["n"])]


@pytest.fixture(scope="module", params=["portfolio", "openai", *LOCAL])
def generators(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Generators]:
    if request.param in LOCAL:
        tiny_models.needs_models()
        folder = LOCAL[request.param](tmp_path_factory.mktemp("model") / request.param)
        sampling = Sampling(max_tokens=8, temperature=1.0)
        with open_generators(_local(folder, sampling)) as opened:
            yield opened
        return
    with openai_server(_said) as server:
        asked = Endpoint(url=server.url, model="tiny")
        spec: GeneratorSpec = asked if request.param == "openai" else Portfolio()
        with open_generators(spec) as opened:
            yield opened


def _local(folder: Path, sampling: Sampling) -> LocalModel:
    return LocalModel(model=str(folder), sampling=sampling, batch=5)


def _proofs(generators: Generators, problem: TheoremProblem, count: int, seed: int) -> list[str]:
    calls = generators.proofs.proofs(problem, count, seed)
    return [proposal.text for call in calls for proposal in call.proposals]


def test_names_and_settings_are_data(generators: Generators) -> None:
    for one in (generators.proofs, generators.tactics):
        assert one.name.strip() and one.name == one.name.strip()
        assert json.loads(json.dumps(one.settings)) == one.settings == one.settings


def test_proofs_are_at_most_as_many_as_asked_for(generators: Generators) -> None:
    for count in (1, 7):
        calls = generators.proofs.proofs(PROBLEMS[0], count, seed=1)
        texts = [proposal.text for call in calls for proposal in call.proposals]
        assert 0 < len(texts) <= count
        assert all(text == text.strip() != "" for text in texts)
        for call in calls:
            assert call.prompt_tokens >= 0 and call.completion_tokens >= 0 and call.wall_s >= 0
            assert (call.prompt_hash is None) == (call.prompt_tokens == 0)
            assert all(proposal.cost >= 0 for proposal in call.proposals)


def test_the_same_seed_gives_the_same_proofs(generators: Generators) -> None:
    first = _proofs(generators, PROBLEMS[0], 6, 3)
    assert _proofs(generators, PROBLEMS[0], 6, 3) == first


def test_tactics_are_distinct_and_the_same_for_a_state(generators: Generators) -> None:
    for state in STATES:
        first = generators.tactics.tactics(state, 6)
        texts = [proposal.text for proposal in first.proposals]
        assert 0 < len(texts) <= 6 and len(set(texts)) == len(texts)
        assert generators.tactics.tactics(state, 6).proposals == first.proposals


def test_threads_get_what_they_would_get_alone(generators: Generators) -> None:
    asked = [(problem, seed) for problem in PROBLEMS for seed in (1, 2)]
    alone = [_proofs(generators, problem, 3, seed) for problem, seed in asked]
    with ThreadPoolExecutor(len(asked)) as threads:
        together = list(threads.map(lambda one: _proofs(generators, one[0], 3, one[1]), asked))
    assert together == alone
