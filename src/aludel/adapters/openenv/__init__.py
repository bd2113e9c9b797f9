"""OpenEnv: an environment in which an agent proves theorems of Lean, one tactic a step.

:func:`proof_app` serves it. ``openenv.yaml`` beside this file describes it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aludel.distribution import needs_package

needs_package("openenv", "openenv")

from fastapi import FastAPI
from openenv.core.env_server import Action, Environment, Observation, State, create_app
from pydantic import Field

from aludel.adapters.posing import judge_all, read_theorems
from aludel.client import Client
from aludel.client.coalescing import service_of
from aludel.columns import PosedTheorem
from aludel.errors import InvalidRequest, NotFound
from aludel.goals import GoalRequest, Stepper
from aludel.models import Budget, CandidateText, LeanContext
from aludel.rewards import WALL_S

MANIFEST = Path(__file__).parent / "openenv.yaml"
"""The environment's manifest, to be copied beside an ``app.py``."""
SPLIT = "problems"
MAX_STEPS = 64


class TacticAction(Action):
    """One tactic, or several on lines of their own."""

    tactic: CandidateText


class ProofObservation(Observation):
    """What is left to prove.

    Attributes:
        statement: the theorem.
        goals: as Lean prints them; the first is worked on.
        messages: what the tactic said.
        error: why the tactic changed nothing; empty where it worked.
    """

    statement: str
    goals: list[str]
    messages: list[str] = Field(default_factory=list)
    error: str = ""


class ProofState(State):
    """Where an episode stands: its problem and the tactics that worked so far."""

    name: str = ""
    statement: str = ""
    tactics: list[str] = Field(default_factory=list)


class ProofEnvironment(Environment):
    """Proofs made step by step on a service.

    The reward of a step is 1.0 if it closes the last goal and the checker accepts the proof, which
    ends the episode, and 0.0 otherwise. It is None where nothing was decided: the check of a closed
    proof, which ends the episode too, or a step that took its session along (the tactic ran out of
    time, or the prover ended), after which the episode stands where it stood.

    Args:
        theorems: the problems.
        url: address of the service; by default ``ALUDEL_SERVER``, or this machine.
        wall_s: seconds that a step or a check may take.
        max_steps: steps after which an episode ends.
    """

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(
        self,
        theorems: Sequence[PosedTheorem],
        url: str | None = None,
        *,
        wall_s: float = WALL_S,
        max_steps: int = MAX_STEPS,
    ) -> None:
        super().__init__()
        self._theorems = theorems
        self._url = url
        self._wall_s = wall_s
        self._max_steps = max_steps
        self._client: Client | None = None
        self._stepper: Stepper | None = None
        self._state = ProofState()
        self._done = True

    def reset(
        self,
        seed: int | None = None,
        episode_id: str | None = None,
        split: str = SPLIT,
        index: int | None = None,
        **_: object,
    ) -> ProofObservation:
        """Open the goal of a theorem: the one at ``index``, or one drawn by ``seed``.

        Raises:
            IndexError: there is no such theorem.
            InvalidRequest: its statement is wrong.
            BackendUnavailable: the machine failed.
        """
        if index is None:
            index = random.Random(seed).randrange(self.num_tasks(split))  # noqa: S311 - no secret
        theorem = self._theorem(split, index)
        self.close()
        address, key = service_of(self._url)
        self._client = Client(address, key=key)
        request = GoalRequest(
            context=LeanContext(imports=theorem.imports),
            statement=theorem.statement,
            wall_s=self._wall_s,
        )
        self._stepper = Stepper(self._client.goals, request)
        self._state = ProofState(
            episode_id=episode_id, name=theorem.name, statement=theorem.statement
        )
        self._done = False
        return self._seen(self._stepper, None)

    def step(
        self,
        action: TacticAction,
        timeout_s: float | None = None,  # noqa: ARG002 - a session has its own, ``wall_s``
        **_: object,
    ) -> ProofObservation:
        """Run a tactic on the current goals.

        Raises:
            InvalidRequest: no episode is under way.
            BackendUnavailable: the machine failed.
        """
        if self._done or self._stepper is None:
            raise InvalidRequest("no episode is under way", field="action", fix="reset first")
        self._state.step_count += 1
        self._done = self._state.step_count >= self._max_steps
        try:
            step = self._stepper.run(action.tactic)
        except NotFound as lost:
            self._stepper.restart()
            return self._seen(self._stepper, None, error=lost.message)
        if step.error is not None:
            return self._seen(self._stepper, 0.0, error=step.error.message)
        self._state.tactics.append(action.tactic)
        if self._stepper.current.finished:
            return self._closed(self._stepper)
        return self._seen(self._stepper, 0.0)

    @property
    def state(self) -> ProofState:
        """The state of the episode."""
        return self._state

    def close(self) -> None:
        """End the episode's session; safe to call twice."""
        client, self._client = self._client, None
        stepper, self._stepper = self._stepper, None
        self._done = True
        if client is None:
            return
        with client:
            if stepper is not None:
                stepper.close()

    def list_splits(self) -> list[str]:
        """Return the names of the splits: one, of all problems."""
        return [SPLIT]

    def num_tasks(self, split: str) -> int:
        """Return how many problems there are; raises ``IndexError`` for an unknown split."""
        if split != SPLIT:
            raise IndexError(f"there is no split {split}")
        return len(self._theorems)

    def get_task(self, split: str, index: int) -> dict[str, Any]:
        """Return one problem; raises ``IndexError`` where there is none."""
        theorem = self._theorem(split, index)
        return {"id": theorem.name, "index": index, "statement": theorem.statement}

    def list_tasks(self, split: str) -> list[dict[str, Any]]:
        """Return all problems."""
        return self.get_task_range(split)

    def get_task_range(
        self, split: str, start: int | None = None, stop: int | None = None
    ) -> list[dict[str, Any]]:
        """Return the problems of a range, read as Python's slices are."""
        places = range(self.num_tasks(split))[start:stop]
        return [self.get_task(split, index) for index in places]

    def _theorem(self, split: str, index: int) -> PosedTheorem:
        if not 0 <= index < self.num_tasks(split):
            raise IndexError(f"there is no problem {index}")
        return self._theorems[index]

    def _closed(self, stepper: Stepper) -> ProofObservation:
        """Have a proof without goals checked, which ends the episode."""
        self._done = True
        request = stepper.candidate()
        budget = Budget(wall_s=self._wall_s)
        [judged] = judge_all([request.model_copy(update={"budget": budget})], self._url)
        reward = judged.outcome.reward
        seen = self._seen(stepper, reward, error="" if reward else judged.explanation)
        seen.metadata = {"hash": judged.hash, "reason": judged.outcome.reason}
        return seen

    def _seen(self, stepper: Stepper, reward: float | None, *, error: str = "") -> ProofObservation:
        current = stepper.current
        return ProofObservation(
            statement=self._state.statement,
            goals=[goal.pretty for goal in current.goals],
            messages=[] if error else list(current.messages),
            error=error,
            reward=reward,
            done=self._done,
        )


def proof_app(
    problems: str | Path,
    url: str | None = None,
    *,
    wall_s: float = WALL_S,
    max_steps: int = MAX_STEPS,
    sessions: int = 32,
) -> FastAPI:
    """Return OpenEnv's application for the theorems of a JSONL file.

    Args:
        problems: the file; columns of public data sets are understood.
        url: address of the service; by default ``ALUDEL_SERVER``, or this machine.
        wall_s: seconds that a step or a check may take.
        max_steps: steps after which an episode ends.
        sessions: episodes at one time; the service has as many sessions at least.

    Raises:
        InvalidRequest: the file cannot be read, or a line of it is no problem.
    """
    theorems = read_theorems(problems)
    app: FastAPI = create_app(
        lambda: ProofEnvironment(theorems, url, wall_s=wall_s, max_steps=max_steps),
        TacticAction,
        ProofObservation,
        env_name="lean",
        max_concurrent_envs=sessions,
        state_cls=ProofState,
    )
    return app
