"""Bodies of the HTTP API that the server and its client share."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from aludel.attempt_figures import RunFigures
from aludel.attempts import AttemptOptions, AttemptRecord, AttemptRun
from aludel.generators import Endpoint, GeneratorSpec, Portfolio
from aludel.goals import MAX_TACTICS, Step
from aludel.job_requests import DatasetSplit, RunName
from aludel.jobs import Item, Job
from aludel.models import MAX_WALL_S, STANDARD_AXIOMS, CandidateText, CheckRequest, Model
from aludel.problems import FStarDefinition, FStarHints, TheoremProblem

MAX_BATCH = 10_000
MAX_PAGE = 1_000
MAX_CANDIDATES = 1_024
MAX_STEP_S = 600.0
MAX_WAIT_S = 300.0
MAX_COUNT = 2**31 - 1
EXPORT_STEPS = 20_000_000
"""Steps after which the check of an export stops, unless the request allows more or fewer."""
MAX_EXPORT_STEPS = 500_000_000
MAX_EXPORT_S = 300.0
"""Seconds that the check of an export, or the comparison of two, may take."""


class CheckBatch(Model):
    """Candidates to be judged as one job."""

    requests: tuple[CheckRequest, ...] = Field(min_length=1, max_length=MAX_BATCH)


class RolloutRewards(Model):
    """Rewards in OpenRLHF's words, in the order of its queries.

    Attributes:
        rewards: 1.0 for an accepted proof, 0.0 for a rejected one, and what the caller chose for
            one without a decision.
        scores: 1.0 for an accepted proof, else 0.0.
        extra_logs: ``undecided``, 1.0 for each sample without a decision.
    """

    rewards: tuple[float, ...]
    scores: tuple[float, ...]
    extra_logs: dict[str, tuple[float, ...]]


class FStarProblems(FStarHints):
    """Definitions in PoPAI's format to be written, and what they are posed with."""

    definitions: tuple[FStarDefinition, ...] = Field(min_length=1, max_length=MAX_BATCH)


class AttemptSubmission(Model):
    """Problems to be attempted as one job: given, those of a dataset's split, or those of F*.

    Attributes:
        name: of the run under which attempts are recorded; an earlier run of this name and of the
            same content goes on. By default the job's own.
        problems: theorems without their proofs, each of a name of its own.
        dataset: where to take them from instead.
        fstar: problems of F* instead.
        generator: what proposes.
        options: how problems are attempted.
    """

    name: RunName | None = None
    problems: tuple[TheoremProblem, ...] | None = Field(
        default=None, min_length=1, max_length=MAX_BATCH
    )
    dataset: DatasetSplit | None = None
    fstar: FStarProblems | None = None
    # A factory, for generators of clients refuse a default among alternatives.
    generator: GeneratorSpec = Field(default_factory=Portfolio)
    options: AttemptOptions = AttemptOptions()

    @model_validator(mode="after")
    def _says_what(self) -> AttemptSubmission:
        if [self.problems, self.dataset, self.fstar].count(None) != 2:
            raise ValueError("give either problems, a dataset or fstar")
        if self.fstar is not None and self.options.search != "sample":
            raise ValueError("F* has no goals to search over: options.search")
        return self

    @model_validator(mode="after")
    def _asks_not_too_much(self) -> AttemptSubmission:
        """Bound what cannot be stopped once it has begun: one step, one call of a model."""
        generator, step_s = self.generator, self.options.budget.step_s
        if step_s > MAX_STEP_S:
            raise ValueError(f"one step may take {MAX_STEP_S:g} s: options.budget.step_s")
        if isinstance(generator, Endpoint):
            call_s = generator.timeout_s * (1 + generator.retries)
            if call_s > MAX_WALL_S:
                raise ValueError(
                    f"a call may take {MAX_WALL_S:g} s with its repetitions: generator.timeout_s"
                )
        if self.options.samples * (1 + self.options.repairs) > MAX_CANDIDATES:
            raise ValueError(
                f"one problem may have {MAX_CANDIDATES} candidates: samples times 1 + repairs"
            )
        return self


class RunPage(Model):
    """A page of runs of attempts, the newest first; ``next_cursor`` asks for the following one."""

    runs: tuple[AttemptRun, ...]
    next_cursor: str | None


class RunReport(Model):
    """A run of attempts, and what it comes to so far."""

    run: AttemptRun
    figures: RunFigures


class AttemptPage(Model):
    """A page of attempts by problem and sample; ``next_cursor`` asks for the following page."""

    attempts: tuple[AttemptRecord, ...]
    next_cursor: str | None


class Dataset(Model):
    """A dataset that the service has written.

    Attributes:
        manifest: its files with sizes and SHA-256, and what they were made from.
        card: what people should know, as Markdown.
    """

    name: str
    manifest: dict[str, Any]
    card: str


class DatasetSummary(Model):
    """A dataset in a listing: its rows by recipe and split, and the size of its files."""

    name: str
    rows: dict[str, Any]
    bytes: int


class DatasetList(Model):
    """The datasets by name."""

    datasets: tuple[DatasetSummary, ...]


class Submitted(Model):
    """A job that was accepted; with its results if they were waited for and are complete."""

    job: Job
    items: tuple[Item, ...] | None = None


class ItemPage(Model):
    """A page of results. ``next_cursor`` asks for the following page; null at the end."""

    items: tuple[Item, ...]
    next_cursor: int | None


class JobPage(Model):
    """A page of jobs, the newest first. ``next_cursor`` asks for the following page."""

    jobs: tuple[Job, ...]
    next_cursor: str | None


class NewBudget(Model):
    """Limits that replace those of a budget; see :class:`aludel.models.Budget`."""

    wall_s: float | None = Field(default=None, gt=0, le=MAX_WALL_S)
    heartbeats: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    z3rlimit: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    memory_mb: int | None = Field(default=None, ge=1, le=MAX_COUNT)

    @model_validator(mode="after")
    def _says_something(self) -> NewBudget:
        if not self.model_dump(exclude_none=True):
            raise ValueError("give a new limit, or the items stay undecided as they are")
        return self


class RetryRequest(Model):
    """The budget with which undecided items are checked again."""

    budget: NewBudget


class StepRequest(Model):
    """Tactics to be tried, each on the same ``state`` of a session.

    Texts that are no tactics, blank ones too, are failed steps and no errors of the request.
    """

    state: int = Field(ge=0)
    tactics: tuple[CandidateText, ...] = Field(min_length=1, max_length=MAX_TACTICS)


class Steps(Model):
    """The results of tactics, in order."""

    steps: tuple[Step, ...]


class KernelOutcome(Model):
    """What our own kernel says of an export of Lean.

    Attributes:
        verdict: ``rejected``, for a broken rule; the last three decide nothing.
        rule: the rule that is broken.
        message: why it is not accepted.
        declarations: how many were accepted.
        steps: how many were taken; the same on every machine.
        axioms: those that the export declares, or that a proof rests on.
    """

    verdict: Literal["accepted", "rejected", "not_shown_equal", "declined", "out_of_budget"]
    rule: str
    message: str
    declarations: int
    steps: int
    axioms: tuple[str, ...]


class ExplainedOutcome(KernelOutcome):
    """An outcome of a comparison; ``fix`` says what to do about it."""

    fix: str


class TheoremOutcome(ExplainedOutcome):
    """The outcome for one theorem."""

    name: str


class ComparisonOutcome(ExplainedOutcome):
    """Whether one export proves what another one states.

    Attributes:
        failed: the export that is not accepted by itself, ``challenge`` or ``solution``.
        theorems: the outcome of each; none where an export failed.
    """

    failed: Literal["", "challenge", "solution"]
    theorems: tuple[TheoremOutcome, ...]


LeanName = Annotated[str, Field(min_length=1, max_length=1_000)]


class CompareRequest(Model):
    """Two exports of Lean (lean4export's NDJSON), to be checked and compared.

    Attributes:
        challenge: states the theorems; their proofs may be missing.
        solution: proves theorems of the same names.
        theorems: their names, as Lean writes them.
        axioms: what a proof may rest on.
        steps: after which to stop.
    """

    challenge: str
    solution: str
    theorems: tuple[LeanName, ...] = Field(max_length=MAX_BATCH)
    axioms: tuple[LeanName, ...] = Field(STANDARD_AXIOMS, max_length=MAX_BATCH)
    steps: int = Field(EXPORT_STEPS, ge=1, le=MAX_EXPORT_STEPS)


class ProblemDetails(Model):
    """Problem details, for people and programs (RFC 9457).

    Attributes:
        type: a URI that names the kind of problem.
        field: the input field at fault.
        fix: what the caller can do about it.
    """

    type: str = Field(examples=["urn:aludel:problem:invalid_request"])
    title: str = Field(examples=["Invalid request"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["Input should be greater than 0"])
    field: str | None = Field(default=None, examples=["budget.wall_s"])
    fix: str | None = None


PROBLEM_TYPE = "urn:aludel:problem:"
