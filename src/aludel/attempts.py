"""Attempts of a generator on problems: plans, records and outcomes."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from aludel.models import MAX_WALL_S, CheckRequest, Model, Verdict, canonical_json


class SearchBudget(Model):
    """The limits of a search.

    Attributes:
        tactics: tactics tried, failed ones included.
        seconds: wall time.
        width: proposals asked for each state, 64 at most.
        depth: tactics of a proof.
        heartbeats: of each tactic, in thousands.
        step_s: seconds for all tactics of a state; longer ends the session, which is replayed.
    """

    tactics: int = Field(default=500, ge=1)
    seconds: float = Field(default=60.0, ge=0, le=MAX_WALL_S)
    width: int = Field(default=32, ge=1, le=64)
    depth: int = Field(default=12, ge=1)
    heartbeats: int = Field(default=20_000, ge=1)
    step_s: float = Field(default=30.0, gt=0, le=MAX_WALL_S)


class AttemptOptions(Model):
    """Options of attempts, whatever the generator.

    Attributes:
        search: ``sample`` tries whole proofs, ``best_first`` searches over tactics.
        samples: whole proofs for each problem; a search is one.
        repairs: rounds in which a refused whole proof is mended.
        premises: lemmas of the import set that are retrieved for each problem, or state.
        budget: of a search.
        allow_self: whether a theorem that the library holds may be proved by itself (Lean).
    """

    search: Literal["sample", "best_first"] = "sample"
    samples: int = Field(default=8, ge=1, le=10_000)
    repairs: int = Field(default=0, ge=0, le=20)
    seed: int = 0
    premises: int = Field(default=0, ge=0, le=64)
    allow_self: bool = False
    budget: SearchBudget = SearchBudget()

    def planned(self) -> dict[str, Any]:
        """Return what a plan says of the options; what the search does not use is left out."""
        whole = self.search == "sample"
        return {
            "search": self.search,
            "samples": self.samples if whole else 1,
            "repairs": self.repairs if whole else 0,
            "seed": self.seed,
            "premises": self.premises,
            "allow_self": self.allow_self,
            "budget": {} if whole else self.budget.model_dump(mode="json"),
        }


class AttemptPlan(Model):
    """The plan of a run of attempts: everything that it depends on.

    Attributes:
        generator: name of what proposes, with its model.
        settings: what its proposals depend on besides.
        search: ``sample`` tries whole proofs, ``best_first`` searches over tactics.
        samples: whole proofs for each problem; 1 for a search.
        repairs: rounds in which a refused proof is mended.
        premises: lemmas retrieved for each problem, or state.
        budget: of a search, as JSON.
        allow_self: whether a theorem of the library might be proved by itself, as it might in
            every run that was recorded before there was this field.
        toolchain_digest: of the toolchain that decides.
        problems_digest: SHA-256 over the problems, names and statements.
    """

    generator: str
    settings: dict[str, Any] = Field(default_factory=dict)
    search: Literal["sample", "best_first"] = "sample"
    samples: int = Field(default=8, ge=1, le=10_000)
    repairs: int = Field(default=0, ge=0, le=20)
    seed: int = 0
    premises: int = 0
    budget: dict[str, Any] = Field(default_factory=dict)
    allow_self: bool = True
    toolchain_digest: str
    problems_digest: str

    @property
    def digest(self) -> str:
        """SHA-256 of the plan; a run goes on only under an equal one."""
        fields = self.model_dump(mode="json")
        if self.allow_self:
            del fields["allow_self"]  # the digest of a run of before is that of then
        return hashlib.sha256(canonical_json(fields).encode()).hexdigest()


class AttemptRun(Model):
    """A run of attempts, by its name, and how far it is."""

    name: str = Field(min_length=1, max_length=200)
    plan: AttemptPlan
    problems: int
    done: int = 0
    created_at: datetime


class AttemptRecord(Model):
    """One candidate that was tried, accepted or not.

    Attributes:
        position, round: which sample of its problem, and how often it was mended before.
        price: in the currency of the generator's price list.
        wall_s: seconds that the generator took.
    """

    problem: str
    position: int = Field(ge=0)
    round: int = Field(default=0, ge=0)
    candidate: CheckRequest
    verdict: Verdict
    prompt_hash: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    price: float = 0.0
    wall_s: float = 0.0


class ProblemOutcome(Model):
    """The outcome of one problem of a run.

    Attributes:
        samples, accepted: how many were tried to the end, and how many the checker accepted.
        ordered: whether the samples came in order of promise, the same every time; pass@k is then
            what the first k did, else the unbiased estimate from all of them.
        first: position of the first accepted sample.
        end: why a search ended; ``sampled`` for whole proofs.
        tried: tactics or proofs tried.
        wall_s, prover_s: seconds in all, and of those waiting for the prover.
    """

    problem: str
    statement: str
    samples: int = Field(ge=1)
    accepted: int = Field(ge=0)
    ordered: bool = False
    first: int | None = Field(default=None, ge=0)
    end: str = "sampled"
    tried: int = 0
    wall_s: float = 0.0
    prover_s: float = 0.0
    price: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
