"""Requests of jobs: attempts on problems, and datasets to be written."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from aludel.attempts import AttemptOptions
from aludel.generators import GeneratorSpec
from aludel.models import Model, Prover
from aludel.problems import FStarHints

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
MAX_NAME_CHARS = 200
MAX_SHARD_ROWS = 10_000_000

RecipeName = Literal[
    "attempts", "cpt", "found_proofs", "fstar", "lineage", "messages", "preference", "prover",
    "sft", "variants", "verl", "whole_proof",
]  # fmt: skip
ExportFormat = Literal["jsonl", "jsonl.zst", "parquet"]
SplitKind = Literal["none", "random", "lineage", "novel_premises", "cross_project"]
ProjectBy = Literal["imports", "namespace"]
_RESERVED = frozenset({"compare"})


def _not_reserved(name: str) -> str:
    if name in _RESERVED:
        raise ValueError(f"the name {name!r} is a route of the API; choose another one")
    return name


Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS, pattern=NAME_PATTERN)]
RunName = Annotated[Name, AfterValidator(_not_reserved)]


class DatasetSplit(Model):
    """One split of a dataset that the service has written."""

    name: Name
    split: Name = "test"


class AttemptRequest(Model):
    """A request to attempt problems; each problem is an item of the job.

    Attributes:
        run: what the attempts are recorded under; equal runs go on with each other.
        problems_digest: SHA-256 over the problems.
        dataset: where the problems come from, if from a dataset.
        fstar: what problems of F* are posed with; None for those of Lean.
    """

    run: RunName
    generator: GeneratorSpec
    options: AttemptOptions
    problems_digest: str
    dataset: DatasetSplit | None = None
    fstar: FStarHints | None = None

    @property
    def prover(self) -> Prover:
        """The prover of these problems."""
        return Prover.LEAN if self.fstar is None else Prover.FSTAR


class ExportRequest(Model):
    """A dataset to be written from what is recorded.

    Attributes:
        name: of the dataset, and of its folder.
        recipes: what rows are made; none means all that have records.
        formats: of the files.
        split: how rows are divided into train, valid and test.
        seed: of the split.
        test, valid: shares of the theorems, at most.
        project: what a project is, for the split ``cross_project``.
        shard_rows: rows of a file at most.
        toolchain: digest, or its beginning; only what this toolchain accepted.
        runs: runs of attempts whose candidates are exported.
        avoid: statements of evaluation sets, which no row may repeat.
    """

    name: Name
    recipes: tuple[RecipeName, ...] = Field(default=(), max_length=20)
    formats: tuple[ExportFormat, ...] = Field(default=("jsonl",), min_length=1, max_length=3)
    split: SplitKind = "none"
    seed: int = Field(default=0, ge=0, lt=2**31)
    test: float = Field(default=0.1, ge=0, lt=1)
    valid: float = Field(default=0.05, ge=0, lt=1)
    project: ProjectBy = "imports"
    shard_rows: int = Field(default=500_000, ge=1, le=MAX_SHARD_ROWS)
    toolchain: str | None = Field(default=None, min_length=1, max_length=64)
    runs: tuple[Name, ...] = Field(default=(), max_length=100)
    avoid: tuple[str, ...] = Field(default=(), max_length=10_000)

    @model_validator(mode="after")
    def _leaves_some_to_train(self) -> ExportRequest:
        if not 0 < self.test + self.valid < 1:
            raise ValueError("test and valid together must leave some to train, and not all")
        return self
