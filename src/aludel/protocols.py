"""Protocols between the packages; the fakes in tests implement the same ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NoReturn, Protocol

from aludel.errors import AbilityMissing
from aludel.models import CheckRequest, Toolchain, Usage, Verdict
from aludel.proof_states import ProofTrace
from aludel.records import Result


class Checker(Protocol):
    """A prover behind the contract. Safe to call from several threads."""

    @property
    def toolchain(self) -> Toolchain:
        """The toolchain that decides."""
        ...

    def check(self, request: CheckRequest) -> Verdict:
        """Judge one candidate.

        Raises:
            InvalidRequest: the request itself is wrong (unknown import, broken statement).
            BackendUnavailable: the machine failed; says nothing about the candidate.
        """
        ...

    def close(self) -> None:
        """Stop every prover process; safe to call twice."""
        ...


class CheckerOnly:
    """The abilities of a prover of which only candidates are judged: all are missing."""

    needed = "Lean"
    """What has them."""

    @property
    def operations(self) -> NoReturn:
        """Raise AbilityMissing: theorems are listed, mutated and screened by Lean."""
        raise AbilityMissing("mutations and screenings", self.needed)

    @property
    def lemmas(self) -> NoReturn:
        """Raise AbilityMissing: lemmas are found by Lean."""
        raise AbilityMissing("search for lemmas", self.needed)

    @property
    def states(self) -> NoReturn:
        """Raise AbilityMissing: tactic states are Lean's."""
        raise AbilityMissing("tactic states", self.needed)

    def goals(self) -> NoReturn:
        """Raise AbilityMissing: sessions of tactics are Lean's."""
        raise AbilityMissing("sessions of tactics", self.needed)

    def stats(self) -> NoReturn:
        """Raise AbilityMissing: the processes are not counted."""
        raise AbilityMissing("counts of processes", self.needed)

    @property
    def known_options(self) -> frozenset[str] | None:
        """Raise AbilityMissing: the options are F*'s."""
        raise AbilityMissing("options of the command line", "F*")

    def warm_up(self) -> None:
        """Start nothing: which process is needed depends on the request."""

    def incidents(self) -> Mapping[str, int]:
        """Count nothing, where there is one kernel and no process is believed."""
        return {}

    def caught(self) -> frozenset[str]:
        """Name no process: none is believed a claim, so that none can be caught at a false one."""
        return frozenset()


Limit = Literal["timeout", "memory"]


@dataclass(frozen=True)
class Exhausted:
    """The result of a request that took more than it may: nothing, at a cost.

    Attributes:
        limit: what ran out.
        message: the same for people.
        usage: what was spent.
    """

    limit: Limit
    message: str
    usage: Usage


class Tracer(Protocol):
    """Extracts the steps of accepted proofs. Safe to call from several threads."""

    @property
    def toolchain(self) -> Toolchain:
        """The toolchain that elaborates."""
        ...

    def trace(self, result: Result, *, wall_s: float = ...) -> ProofTrace | Exhausted:
        """Return the steps of an accepted candidate, unless finding them takes too much.

        Raises:
            InvalidRequest: it is no such candidate, or one that has no steps to find.
            BackendUnavailable: the machine failed.
        """
        ...
