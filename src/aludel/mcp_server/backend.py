"""What carries the tools out: a Lean in this process, or a service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from aludel.audits import Audit
from aludel.disproofs import Disproof, DisproofRequest
from aludel.goals import Goals
from aludel.jobs import MutationRequest
from aludel.lemma_search import LemmaSearch, LemmasFound
from aludel.models import CheckRequest, Verdict
from aludel.receipts import Receipt
from aludel.records import VariantRecord


class Library(Protocol):
    """What needs a Lean in this process. Safe to call from several threads."""

    def search(self, asked: LemmaSearch) -> LemmasFound:
        """Return lemmas that meet every criterion; see :class:`aludel.lemma_search.Lemmas`."""
        ...

    def mutate(self, request: MutationRequest, seconds: float) -> Iterator[VariantRecord]:
        """Yield accepted variants, until none are left or ``seconds`` have passed.

        Raises:
            InvalidRequest: a pattern or import does not exist, or the statement is not proved.
            BackendUnavailable: the prover failed.
        """
        ...

    def audit(self, statement: str, imports: tuple[str, ...] | None, seconds: float) -> Audit:
        """Look for what a statement has against it.

        Raises:
            InvalidRequest: the text is no statement, or an import does not exist.
            BackendUnavailable: the prover failed.
        """
        ...


class Backend(Protocol):
    """What carries the tools out. Safe to call from several threads."""

    @property
    def goals(self) -> Goals:
        """Sessions of tactics."""
        ...

    @property
    def library(self) -> Library | None:
        """What needs a Lean in this process; None where there is none."""
        ...

    def check(self, request: CheckRequest) -> Verdict:
        """Judge a candidate.

        Raises:
            InvalidRequest: the request is wrong, and not its candidate.
            BackendUnavailable: the machine failed; says nothing about the candidate.
        """
        ...

    def disprove(self, request: DisproofRequest) -> Disproof:
        """Look for a proof of a statement's negation.

        Raises:
            InvalidRequest: the text is no statement, or does not elaborate.
            BackendUnavailable: the machine failed.
        """
        ...

    def receipt(self, request: CheckRequest) -> Receipt:
        """Judge a candidate and return a receipt of the verdict; raises as :meth:`check`.

        Raises:
            Conflict: one kernel alone accepted it, or no fresh process confirmed whose proof it is.
            NotFound: the verdict is not recorded, for nothing was decided.
        """
        ...

    def close(self) -> None:
        """End what was started; safe to call twice."""
        ...
