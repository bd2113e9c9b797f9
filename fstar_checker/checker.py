"""The F* checker: a request in, a verdict out, or an exception when the machine failed.

A candidate is accepted when the policy finds nothing, F* accepts it under a ``val`` of ours, F*
says that the name is defined where the candidate stands, a use at the asked type passes, and
``False`` still cannot be proved. The candidate has no say in any of these.
"""

from __future__ import annotations

import logging
import time

from aludel.candidates import unfit
from aludel.deadline import QUEUE_S
from aludel.errors import BackendCrashed, InvalidRequest
from aludel.fstar_checker.decide import Decision, decide
from aludel.fstar_checker.intake import Abilities, Intake, read_request
from aludel.fstar_checker.pool import FStarPool, build_pool
from aludel.fstar_checker.session import Session
from aludel.fstar_checker.toolchain import NAME, WARN_ERROR, find_fstar, library_modules
from aludel.models import (
    Accepted,
    CheckRequest,
    Evidence,
    FStarContext,
    Rejected,
    RejectReason,
    Toolchain,
    Undecided,
    Usage,
    Verdict,
    content_hash,
)
from aludel.protocols import CheckerOnly
from aludel.settings import Settings

_LOG = logging.getLogger(__name__)


class FStarChecker(CheckerOnly):
    """Judges F* candidates; an `aludel.provers.AnyProver` that does nothing else. Thread-safe.

    A session that dies is replaced and the candidate asked once more; if it dies again the failure
    is the machine's, never a rejection.

    Args:
        known_options: the options that this F* lists, None when it was not asked.
        library: the modules of this F*'s library.
    """

    def __init__(
        self,
        pool: FStarPool,
        toolchain: Toolchain,
        settings: Settings,
        known_options: frozenset[str] | None = None,
        library: frozenset[str] = frozenset(),
    ) -> None:
        warn_error = known_options is not None and WARN_ERROR in known_options
        self._able = Abilities(pool.checked_files, warn_error, library)
        self._known_options = known_options
        self._pool = pool
        self._toolchain = toolchain
        self._settings = settings

    @property
    def toolchain(self) -> Toolchain:
        """The toolchain that decides."""
        return self._toolchain

    @property
    def pool(self) -> FStarPool:
        """The sessions, for measurements."""
        return self._pool

    @property
    def known_options(self) -> frozenset[str] | None:
        """The options that this F* lists, None when it was not asked."""
        return self._known_options

    @property
    def size(self) -> int:
        """How many candidates are judged at once."""
        return self._pool.size

    def check(self, request: CheckRequest) -> Verdict:
        """Judge one candidate.

        Raises:
            InvalidRequest: the request is wrong; ``field`` names what.
            QueueFull: no session became free.
            ToolchainMissing: F* or its Z3 is missing.
            BackendUnavailable: the machine failed, which says nothing about the candidate.
        """
        context = self._validate(request)
        digest = content_hash(self._toolchain.digest, request)
        why = unfit(request.code, self._settings.max_code_bytes)
        if why is not None and why.reason in (RejectReason.TOO_LARGE, RejectReason.TOO_DEEP):
            return Rejected(hash=digest, reason=why.reason, message=why.message)
        ask = read_request(request, context, self._able)
        if ask.findings:
            told = tuple(f.diagnostic(request.code) for f in ask.findings)
            decision = Decision(ask.findings[0].reason, ask.findings[0].message, told)
            return _verdict(decision, digest, Usage(), ask)
        try:
            return self._attempt(ask, request, digest)
        except BackendCrashed as crash:
            _LOG.warning("an F* session died and is replaced: %s", crash.message)
            return self._attempt(ask, request, digest)

    def close(self) -> None:
        """End every session; safe to call twice."""
        self._pool.close()

    def _validate(self, request: CheckRequest) -> FStarContext:
        if not isinstance(request.context, FStarContext):
            raise InvalidRequest("this checker judges F* only", field="context.prover")
        if request.toolchain not in (None, NAME):
            message = f"no F* toolchain {request.toolchain!r} is installed here"
            raise InvalidRequest(message, field="toolchain", fix=f"use {NAME!r} or leave it out")
        return request.context

    def _attempt(self, ask: Intake, request: CheckRequest, digest: str) -> Verdict:
        asked_at = time.monotonic()
        with self._pool.lease(ask.plan, QUEUE_S) as session:
            meter = _Meter(session, queue_s=time.monotonic() - asked_at)
            if request.budget.memory_mb is not None:
                cap = min(request.budget.memory_mb, self._settings.process_memory_mb)
                session.process.memory_mb = cap
            try:
                decision = decide(session, ask, request.budget.wall_s)
            finally:
                session.process.memory_mb = self._settings.process_memory_mb
            return _verdict(decision, digest, meter.usage(), ask)


class _Meter:
    """What a check costs, from the moment its session is leased."""

    def __init__(self, session: Session, queue_s: float) -> None:
        self._process = session.process
        self._started = time.monotonic()
        self._cpu_s = self._process.cpu_s()
        self._queue_s = queue_s
        self._process.peak_mb = 0.0

    def usage(self) -> Usage:
        """Return the cost so far."""
        wall = time.monotonic() - self._started
        alive = self._process.alive
        self._process.resident_mb()
        return Usage(
            wall_s=wall,
            cpu_s=max(0.0, self._process.cpu_s() - self._cpu_s) if alive else None,
            prover_s=wall,
            peak_memory_mb=self._process.peak_mb or None,
            queue_s=self._queue_s,
        )


def build_checker(settings: Settings) -> FStarChecker:
    """Return a checker on the F* that ``settings`` leads to; its processes start when needed.

    Raises:
        ToolchainMissing: there is no F*, or what was found is none.
    """
    toolchain = find_fstar(settings)
    pool = build_pool(toolchain, settings)
    library = library_modules(toolchain.program)
    return FStarChecker(pool, toolchain.toolchain, settings, toolchain.options, library)


def _verdict(decision: Decision, digest: str, usage: Usage, ask: Intake) -> Verdict:
    if decision.reason is None:
        asked = ask.plan.statement
        evidence = Evidence(
            statement_match="identical" if asked is not None else None,
            declarations=(f"{ask.plan.module}.{asked.name}",) if asked is not None else (),
            checks=decision.checks,
        )
        return Accepted(
            hash=digest, usage=usage, diagnostics=decision.diagnostics, evidence=evidence
        )
    message = decision.message or None
    if isinstance(decision.reason, RejectReason):
        return Rejected(
            hash=digest,
            usage=usage,
            diagnostics=decision.diagnostics,
            message=message,
            reason=decision.reason,
        )
    return Undecided(
        hash=digest,
        usage=usage,
        diagnostics=decision.diagnostics,
        message=message,
        reason=decision.reason,
    )
