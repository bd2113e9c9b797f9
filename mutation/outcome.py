"""The outcome of one target."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from aludel.mutation.report import MutationReport
from aludel.records import VariantRecord


class RefusedVariant(BaseModel):
    """A statement whose proof Lean did not accept; kept so that every failure can be looked at."""

    name: str
    rule: str
    lemma: str
    code: str
    kind: Literal["rejected", "undecided"]
    reason: str
    message: str | None = None


class TargetOutcome(BaseModel):
    """The outcome of one target: accepted variants, refused ones, and figures.

    Attributes:
        target: the theorem.
        round: 1 for theorems of the library.
        namespace: that of the library theorem it descends from.
    """

    target: str
    round: int = 1
    namespace: str = ""
    variants: list[VariantRecord] = Field(default_factory=list)
    refused: list[RefusedVariant] = Field(default_factory=list)
    report: MutationReport = Field(default_factory=MutationReport)
