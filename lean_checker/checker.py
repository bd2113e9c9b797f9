"""The Lean checker: a request in, a verdict out, or an exception when the machine failed."""

from __future__ import annotations

import logging
import time

from aludel.candidates import unfit
from aludel.deadline import QUEUE_S, Deadline
from aludel.lean_checker import intake
from aludel.lean_checker.facts import parse_facts
from aludel.lean_checker.limits import LimitReached
from aludel.lean_checker.native.leanchecker import ModuleChecker
from aludel.lean_checker.policy import Finding, Question, judge, refusal
from aludel.lean_checker.pool import LeanPool, probe
from aludel.lean_checker.process import LeanProcess, ProcessDied
from aludel.lean_checker.second import FirstTier, replayed
from aludel.lean_checker.sorries import with_open_goals
from aludel.models import (
    Accepted,
    CheckRequest,
    LeanContext,
    Toolchain,
    UndecidedReason,
    Usage,
    Verdict,
    content_hash,
)
from aludel.settings import Settings

_LOG = logging.getLogger(__name__)


class LeanChecker:
    """Judges candidates with a pool of Lean servers; `aludel.protocols.Checker`. Thread-safe.

    A candidate that kills its process is given a second one, which must first prove that it works.
    When it kills that one too, the candidate is undecided for want of memory
    (docs/decisions/0005-candidates-that-kill-the-prover.md).
    """

    def __init__(
        self, pool: LeanPool, settings: Settings, modules: ModuleChecker | None = None
    ) -> None:
        self._pool = pool
        self._modules = modules
        self._settings = settings

    @property
    def toolchain(self) -> Toolchain:
        """The toolchain that decides."""
        return self._pool.toolchain

    @property
    def pool(self) -> LeanPool:
        """The processes, for the other operations of the protocol."""
        return self._pool

    def check(self, request: CheckRequest) -> Verdict:
        """Judge one candidate.

        Raises:
            InvalidRequest: the request is wrong; ``field`` names what.
            QueueFull: no process became free.
            BackendUnavailable: the machine failed, which says nothing about the candidate.
        """
        context = intake.validate(request, self.toolchain)
        digest = content_hash(self.toolchain.digest, request)
        if (why := unfit(request.code, self._settings.max_code_bytes)) is not None:
            finding = Finding(why.reason, why.message)
            return refusal(finding, content_hash=digest, usage=Usage())
        try:
            first = self._decide(request, context, digest)
            confirm = request.tier == "replay" or first.native
            return self._confirmed(request, context, first) if confirm else first.verdict
        except LimitReached as limit:
            message = limit.message
            if limit.limit == "timeout":
                message = f"no verdict within {request.budget.wall_s:g} s of wall time"
            finding = Finding(UndecidedReason(limit.limit), message)
            return refusal(finding, content_hash=digest, usage=limit.usage)
        except ProcessDied as death:
            if death.defective:
                raise
            message = f"the candidate exhausts the prover: {death.message}"
            finding = Finding(UndecidedReason.MEMORY, message)
            return refusal(finding, content_hash=digest, usage=death.usage)

    def _confirmed(self, request: CheckRequest, context: LeanContext, first: FirstTier) -> Verdict:
        """The second tier, and the toolchain's own checker of modules where there is one."""
        verdict = replayed(self._pool, request, context, first)
        if self._modules is None or first.native or not isinstance(verdict, Accepted):
            return verdict
        return self._modules.confirm(request, first.facts, verdict)

    def close(self) -> None:
        """Stop every process; safe to call twice."""
        self._pool.close()

    def _decide(self, request: CheckRequest, context: LeanContext, digest: str) -> FirstTier:
        try:
            first = self._attempt(request, context, digest)
        except ProcessDied as death:
            if death.exhausted or death.defective:
                raise
            _LOG.warning("a candidate's process died, trying once more: %s", death.message)
            first = self._attempt(request, context, digest, spent=death.usage)
        if request.policy.allow_native_decide and first.wants_native:
            return self._attempt_native(request, context, digest, first.verdict.usage)
        return first

    def _attempt_native(
        self, request: CheckRequest, context: LeanContext, digest: str, spent: Usage
    ) -> FirstTier:
        """Check in a process of its own: programs of the candidate's run in it
        (docs/trust.md)."""
        with self._pool.fresh(Deadline.after(QUEUE_S)) as process:
            return self._exchange(process, request, context, digest, spent, native=True)

    def _attempt(
        self,
        request: CheckRequest,
        context: LeanContext,
        digest: str,
        *,
        spent: Usage | None = None,
    ) -> FirstTier:
        """Check in a process of the pool; ``spent`` on a first attempt is added to the usage."""
        queued = time.monotonic()
        cap = request.budget.memory_mb
        with self._pool.lease(context.imports, Deadline.after(QUEUE_S)) as process:
            taken = process.rss_mb
            if cap is None or taken < cap:
                if spent:
                    probe(process)
                before = Usage(queue_s=time.monotonic() - queued) + (spent or Usage())
                return self._exchange(process, request, context, digest, before)
        # Nothing was sent, so the process was not killed for a cap that it exceeds at rest.
        message = f"the prover itself takes {taken:.0f} MB of the {cap} MB in budget.memory_mb"
        raise LimitReached(message, limit="memory", usage=Usage(peak_memory_mb=taken))

    def _exchange(
        self,
        process: LeanProcess,
        request: CheckRequest,
        context: LeanContext,
        digest: str,
        before: Usage,
        *,
        native: bool = False,
    ) -> FirstTier:
        """Ask, and judge while the lease lasts: who reports nonsense is not given back."""
        budget = request.budget
        body = {
            "imports": None if context.imports is None else list(context.imports),
            "options": context.options,
            "statement": request.statement,
            "code": request.code,
            "heartbeats": budget.heartbeats,
            "allow_native": native,
            "terms": native or request.tier == "replay",
        }
        deadline = Deadline.after(budget.wall_s)
        try:
            reply = process.ask("check", body, deadline, memory_mb=budget.memory_mb)
        except (LimitReached, ProcessDied) as error:
            error.usage = error.usage + before
            raise
        terms = reply.result.pop("terms", None)
        facts = parse_facts(reply.result)
        process.loaded.add(facts.imports)
        ask = Question(request.statement, request.policy, request.code)
        verdict = judge(facts, ask, content_hash=digest, usage=reply.usage + before)
        verdict = with_open_goals(verdict, process, body, deadline)
        return FirstTier(verdict, facts, terms, native)
