"""Best-first search over tactics: the cheapest state is expanded, equal states once."""

from __future__ import annotations

import heapq
import itertools
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, TypeVar

from aludel.attempts import SearchBudget
from aludel.errors import BackendUnavailable, InvalidRequest, SessionEnded
from aludel.goals import MAX_TACTICS, Goals, GoalState, Step, assemble
from aludel.models import CheckRequest, Model, Verdict
from aludel.problems import TheoremProblem
from aludel.protocols import Checker
from aludel.proving.generators import Proposal, TacticGenerator
from aludel.proving.sampling import judged

T = TypeVar("T")

_PER_GOAL = 0.5  # a state with more goals is further from the end
_MAX_RESTARTS = 5
_OFFER = re.compile(r"Try this:\s*(?:\[apply\] )?(rw \[.+\])$", re.MULTILINE)
_OFFERED, _PER_OFFER = 1.3, 0.03  # costs of what a tactic such as rw? offers, by rank

End = Literal["proved", "exhausted", "tactics", "seconds", "states", "prover"]


class SearchResult(Model):
    """The result of a search.

    Attributes:
        end: ``proved`` when the checker accepted a script; else what the search ran out of.
        candidate: the last finished script, accepted or not.
        verdict: the checker's word on ``candidate``.
        tried, failed: tactics tried, and those that made no state.
        expanded, duplicates: states gone on from, and those that were seen before.
        restarts: sessions that ended and were replayed.
        rejected: finished scripts that the checker did not accept.
        wall_s, prover_s: seconds in all, and of those waiting for the prover.
        price, prompt_tokens, completion_tokens: what the generator cost.
    """

    problem: str
    end: End
    tactics: tuple[str, ...] = ()
    candidate: CheckRequest | None = None
    verdict: Verdict | None = None
    tried: int = 0
    failed: int = 0
    expanded: int = 0
    duplicates: int = 0
    restarts: int = 0
    rejected: int = 0
    wall_s: float = 0.0
    prover_s: float = 0.0
    price: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass
class _Node:
    """A state to go on from, and how it is reached from the statement."""

    state: GoalState
    path: tuple[str, ...]
    cost: float


@dataclass
class _Search:
    problem: TheoremProblem
    goals: Goals
    generator: TacticGenerator
    checker: Checker
    budget: SearchBudget
    started: float = field(default_factory=time.monotonic)
    session: str = ""
    heap: list[tuple[float, int, _Node]] = field(default_factory=list)
    order: itertools.count[int] = field(default_factory=itertools.count)
    seen: set[str] = field(default_factory=set)
    counts: dict[str, float] = field(default_factory=dict)
    last: SearchResult | None = None

    def run(self) -> SearchResult:
        request = self.problem.session(self.budget.heartbeats, self.budget.step_s)
        first = self._timed(lambda: self.goals.open(request))
        self.session = first.session
        self.seen.add(first.key)
        self._push(_Node(first, (), 0.0))
        try:
            return self._loop()
        except _Spent as spent:
            return self._result(spent.end)
        finally:
            self.goals.close(self.session)

    def _loop(self) -> SearchResult:
        while self.heap:
            self._afford()
            _, _, node = heapq.heappop(self.heap)
            proof = self._expand(node)
            if proof is not None:
                return proof
        return self._result("exhausted")

    def _expand(self, node: _Node) -> SearchResult | None:
        """Try the proposals for a state; return the result if one is a proof."""
        left = self.budget.tactics - int(self.counts.get("tried", 0))
        width = min(self.budget.width, MAX_TACTICS, left)
        made = self.generator.tactics(node.state, width)
        self._count(price=made.price, prompt_tokens=made.prompt_tokens)
        self._count(completion_tokens=made.completion_tokens, expanded=1)
        proposals = list(made.proposals[:width])
        suggested: list[Proposal] = []
        result = self._try(node, proposals, suggested) if proposals else None
        if result is None and suggested:
            left = self.budget.tactics - int(self.counts.get("tried", 0))
            result = self._try(node, suggested[: min(left, MAX_TACTICS)], [])
        return result

    def _try(
        self, node: _Node, proposals: list[Proposal], suggested: list[Proposal]
    ) -> SearchResult | None:
        """Step by each proposal; what the prover suggests instead of a step is collected."""
        for proposal, step in zip(proposals, self._steps(node, proposals), strict=True):
            self._count(tried=1, failed=step.state is None)
            if step.state is None:
                continue
            child = _Node(step.state, (*node.path, proposal.text), node.cost + proposal.cost)
            if step.state.finished:
                result = self._finish(child)
                if result is not None:
                    return result
            elif step.state.key in self.seen:
                self._count(duplicates=1)
                if step.state.key == node.state.key:
                    suggested += _suggestions(step.state.messages)
            elif len(child.path) < self.budget.depth:
                self.seen.add(step.state.key)
                self._push(child)
        return None

    def _steps(self, node: _Node, proposals: list[Proposal]) -> list[Step]:
        """Step in one request; one by one when some tactic ends the session."""
        texts = [proposal.text for proposal in proposals]
        try:
            return self._timed(lambda: self._step(node, texts))
        except SessionEnded:
            self._restart()
        except InvalidRequest as error:
            self._ensure_tactic(error)
        steps = []
        for text in texts:
            self._afford()
            try:
                steps += self._timed(partial(self._step, node, [text]))
            except SessionEnded:
                self._restart()
                steps.append(Step(tactic=text))
            except InvalidRequest as error:
                self._ensure_tactic(error)
                steps.append(Step(tactic=text))
        return steps  # states of a session that ended are made again when they are needed

    def _ensure_tactic(self, error: InvalidRequest) -> None:
        """Go on when a tactic is one that no prover is given; a full session ends the search."""
        if error.field == "state":
            raise _Spent("states") from error
        if not (error.field or "").startswith("tactics"):
            raise error

    def _step(self, node: _Node, texts: list[str]) -> list[Step]:
        if node.state.session != self.session:
            node.state = self._replayed(node)
        return self.goals.step(self.session, node.state.state, texts)

    def _replayed(self, node: _Node) -> GoalState:
        state = self.goals.get(self.session, 0)
        for tactic in node.path:
            [step] = self.goals.step(self.session, state.state, [tactic])
            if step.state is None:
                raise BackendUnavailable(f"{tactic!r} worked once and fails when replayed")
            state = step.state
        return state

    def _restart(self) -> None:
        self._count(restarts=1)
        if self.counts["restarts"] > _MAX_RESTARTS:
            raise _Spent("prover")
        request = self.problem.session(self.budget.heartbeats, self.budget.step_s)
        self.session = self._timed(lambda: self.goals.open(request)).session

    def _finish(self, node: _Node) -> SearchResult | None:
        """Have a finished script judged; only the checker's word counts."""
        request = self.problem.session(self.budget.heartbeats, self.budget.step_s)
        candidate = assemble(request, node.path).model_copy(update={"policy": self.problem.policy})
        verdict = self._timed(lambda: judged(candidate, self.checker))
        result = SearchResult(
            problem=self.problem.name,
            end="proved",
            tactics=node.path,
            candidate=candidate,
            verdict=verdict,
        )
        self.last = result
        if verdict.kind == "accepted":
            return self._result("proved")
        self._count(rejected=1)
        return None

    def _push(self, node: _Node) -> None:
        rank = node.cost + _PER_GOAL * (len(node.state.goals) - 1)
        heapq.heappush(self.heap, (rank, next(self.order), node))

    def _afford(self) -> None:
        if self.counts.get("tried", 0) >= self.budget.tactics:
            raise _Spent("tactics")
        if time.monotonic() - self.started >= self.budget.seconds:
            raise _Spent("seconds")

    def _timed(self, call: Callable[[], T]) -> T:
        begun = time.monotonic()
        try:
            return call()
        finally:
            self._count(prover_s=time.monotonic() - begun)

    def _count(self, **more: float) -> None:
        for name, amount in more.items():
            self.counts[name] = self.counts.get(name, 0) + amount

    def _result(self, end: End) -> SearchResult:
        last = self.last or SearchResult(problem=self.problem.name, end=end)
        wall_s = time.monotonic() - self.started
        return last.model_copy(update={**self.counts, "end": end, "wall_s": wall_s})


def _suggestions(messages: Sequence[str]) -> list[Proposal]:
    """Return the one-line rewrites that ``rw?`` offers, in its order."""
    found = [match[1] for said in messages for match in [_OFFER.match(said)] if match]
    return [Proposal(text=text, cost=_OFFERED + _PER_OFFER * n) for n, text in enumerate(found)]


class _Spent(Exception):
    def __init__(self, end: End) -> None:
        self.end: End = end


def best_first(
    problem: TheoremProblem,
    goals: Goals,
    generator: TacticGenerator,
    checker: Checker,
    budget: SearchBudget | None = None,
) -> SearchResult:
    """Search for a proof; ``proved`` is said only of a script that ``checker`` accepted.

    Args:
        problem: what to prove.
        goals: sessions of this process or of a service.
        generator: proposes tactics.
        checker: judges finished scripts under the full policy.
        budget: when to stop.

    Raises:
        InvalidRequest: the statement does not elaborate.
        BackendUnavailable: the prover or the generator failed.
    """
    return _Search(problem, goals, generator, checker, budget or SearchBudget()).run()
