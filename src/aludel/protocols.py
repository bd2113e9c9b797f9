"""Protocols between the packages; the fakes in tests implement the same ones."""

from __future__ import annotations

from typing import Protocol

from aludel.models import CheckRequest, Toolchain, Verdict


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
