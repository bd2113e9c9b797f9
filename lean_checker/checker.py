"""The Lean checker: a request in, a verdict out, or an exception when the machine failed."""

from __future__ import annotations

import logging
import secrets
import time

from aludel.candidates import unfit
from aludel.deadline import QUEUE_S, Deadline
from aludel.errors import BackendCrashed
from aludel.lean_checker import intake
from aludel.lean_checker.claims import Claim, parse_terms
from aludel.lean_checker.facts import parse_facts
from aludel.lean_checker.header import header_imports
from aludel.lean_checker.judge.deciding import Decision, Judge, header_of
from aludel.lean_checker.judge.statements import Header, read_statement
from aludel.lean_checker.limits import LimitReached
from aludel.lean_checker.native.leanchecker import ModuleChecker
from aludel.lean_checker.policy import Finding, Question, refusal
from aludel.lean_checker.policy import judge as first_verdict
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.process import LeanProcess, ProcessDied
from aludel.lean_checker.sorries import with_open_goals
from aludel.lean_checker.starting import probe
from aludel.models import (
    Accepted,
    CheckRequest,
    Diagnostic,
    LeanContext,
    Position,
    Severity,
    Toolchain,
    UndecidedReason,
    Usage,
    Verdict,
    content_hash,
)
from aludel.settings import Settings

_LOG = logging.getLogger(__name__)
_BEGIN = Position(line=1, column=0)
_LOTS = secrets.SystemRandom()
_MISREAD = "a fresh process reads another statement in the text than the one that was proved"
CONFIRMED = "replay_in_fresh_process"
"""Name of the check that a process which saw only this candidate gave the tables."""


class _Spoilt(BackendCrashed):
    """A process that answered others before does not answer this request."""


class LeanChecker:
    """Judges candidates with a pool of Lean servers; `aludel.protocols.Checker`. Thread-safe.

    A candidate that kills its process is given a second one, which must first prove that it works.
    When it kills that one too, the candidate is undecided for want of memory
    (docs/decisions/0005-candidates-that-kill-the-prover.md).
    """

    def __init__(
        self,
        pool: LeanPool,
        settings: Settings,
        modules: ModuleChecker | None = None,
        judge: Judge | None = None,
    ) -> None:
        self._pool = pool
        self._judge = judge or Judge(pool, settings)
        self._modules = modules
        self._settings = settings

    @property
    def toolchain(self) -> Toolchain:
        """The toolchain that decides."""
        return self._pool.toolchain

    @property
    def judge(self) -> Judge:
        """What decides, with its own processes."""
        return self._judge

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
            whole = Diagnostic(severity=Severity.ERROR, message=why.message, start=_BEGIN)
            return refusal(finding, content_hash=digest, usage=Usage(), diagnostics=(whole,))
        try:
            return self._decide(request, context, digest)
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

    def close(self) -> None:
        """Stop every process; safe to call twice."""
        self._judge.close()
        self._pool.close()

    def _decide(self, request: CheckRequest, context: LeanContext, digest: str) -> Verdict:
        """Have the candidate elaborated, and judge what comes of it.

        A false claim may be the work of an earlier candidate in the same process: whoever made it
        is asked no more, and the claim of a process that sees this candidate alone is judged.
        """
        self._judge.prepare()
        self._judge.ensure_forbiddable(request, context)
        claim, process = self._claim(request, context, digest)
        decision = self._judge.decide(request, context, claim)
        alone = request.tier == "replay" or claim.native or self._drawn()
        if decision.incident is not None:
            self._judge.distrust(process)
        elif not process.distrusted and not (alone and isinstance(decision.verdict, Accepted)):
            return decision.verdict
        return self._confirmed(request, context, digest, claim, decision, process)

    def _confirmed(
        self,
        request: CheckRequest,
        context: LeanContext,
        digest: str,
        first: Claim,
        decision: Decision,
        process: LeanProcess,
    ) -> Verdict:
        """The verdict on what a fresh process says of this candidate alone.

        It reads the statement first, for who read it before had read others, too.
        """
        header, usage = _header(request, context, first, decision), Usage()
        statement = None
        with self._pool.fresh(Deadline.after(QUEUE_S), first.facts.imports) as alone:
            if header is not None:
                statement, usage = read_statement(alone, header, request.budget)
            spent = decision.verdict.usage + usage
            again = self._exchange(alone, request, context, digest, spent, native=first.native)
        second = self._judge.decide(request, context, again)
        if second.digest != decision.digest and decision.incident is None:
            self._judge.report_mismatch(process)
        verdict = second.verdict
        if not isinstance(verdict, Accepted):
            return verdict
        if request.statement is not None and header is None:
            return self._confirmed(request, context, digest, again, second, alone)
        if header and statement and statement.digest != verdict.evidence.statement_hash:
            self._judge.report_misread(header)
            finding = Finding(UndecidedReason.ELABORATOR, _MISREAD)
            return refusal(finding, content_hash=digest, usage=verdict.usage)
        verdict = attributed(verdict)
        if self._modules is None or first.native or request.tier != "replay":
            return verdict
        return self._modules.confirm(request, again.facts, verdict)

    def _drawn(self) -> bool:
        """Whether this acceptance is among those that are confirmed by chance."""
        return _LOTS.random() < self._settings.confirm_share

    def _claim(
        self, request: CheckRequest, context: LeanContext, digest: str
    ) -> tuple[Claim, LeanProcess]:
        try:
            claim, process = self._attempt(request, context, digest)
        except ProcessDied as death:
            if death.exhausted or death.defective:
                raise
            _LOG.warning("a candidate's process died, trying once more: %s", death.message)
            claim, process = self._attempt(request, context, digest, spent=death.usage)
        except _Spoilt as spoilt:
            _LOG.warning("a process that others used talks nonsense: %s", spoilt)
            with self._pool.fresh(Deadline.after(QUEUE_S), _wanted(request, context)) as process:
                claim = self._exchange(process, request, context, digest, Usage())
        if request.policy.allow_native_decide and claim.wants_native:
            return self._attempt_native(request, context, digest, claim.verdict.usage), process
        return claim, process

    def _attempt_native(
        self, request: CheckRequest, context: LeanContext, digest: str, spent: Usage
    ) -> Claim:
        """Check in a process of its own: programs of the candidate's run in it
        (docs/trust.md)."""
        with self._pool.fresh(Deadline.after(QUEUE_S), _wanted(request, context)) as process:
            return self._exchange(process, request, context, digest, spent, native=True)

    def _attempt(
        self,
        request: CheckRequest,
        context: LeanContext,
        digest: str,
        *,
        spent: Usage | None = None,
    ) -> tuple[Claim, LeanProcess]:
        """Check in a process of the pool; ``spent`` on a first attempt is added to the usage.

        Raises:
            _Spoilt: a process that had answered others before talks nonsense, for which this
                candidate may not be to blame.
        """
        queued = time.monotonic()
        cap = request.budget.memory_mb
        with self._pool.lease(_wanted(request, context), Deadline.after(QUEUE_S)) as process:
            taken = process.memory_mb
            if cap is None or taken < cap:
                if spent:
                    probe(process)
                before = Usage(queue_s=time.monotonic() - queued) + (spent or Usage())
                others = process.requests
                try:
                    return self._exchange(process, request, context, digest, before), process
                except BackendCrashed as nonsense:
                    if others and not isinstance(nonsense, ProcessDied):
                        raise _Spoilt(nonsense.message) from nonsense
                    raise
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
    ) -> Claim:
        """Ask, and read the answer while the lease lasts: who talks nonsense is not given back."""
        budget = request.budget
        body = {
            "imports": None if context.imports is None else list(context.imports),
            "options": context.options,
            "statement": request.statement,
            "code": request.code,
            "heartbeats": budget.heartbeats,
            "allow_native": native,
        }
        deadline = Deadline.after(budget.wall_s)
        try:
            reply = process.ask("check", body, deadline, memory_mb=budget.memory_mb)
        except (LimitReached, ProcessDied) as error:
            error.usage = error.usage + before
            raise
        terms = parse_terms(reply.result)
        facts = parse_facts(reply.result)
        process.loaded.add(facts.imports)
        ask = Question(request.statement, request.policy, request.code)
        source = Usage(process=process.label, request=process.requests)
        usage = source + reply.usage + before
        verdict = first_verdict(facts, ask, content_hash=digest, usage=usage)
        verdict = with_open_goals(verdict, process, body, deadline)
        return Claim(verdict, facts, terms, native)


def _wanted(request: CheckRequest, context: LeanContext) -> tuple[str, ...]:
    """The import set of a candidate, for the pool: as asked, or as its text says."""
    return header_imports(request.code) if context.imports is None else context.imports


def _header(
    request: CheckRequest, context: LeanContext, claim: Claim, decision: Decision
) -> Header | None:
    """The statement with where it is read; None while only a claim says what is imported."""
    if request.statement is None:
        return None
    if context.imports is not None:
        return header_of(request.statement, context.imports, context)
    if not isinstance(decision.verdict, Accepted):
        return None
    return header_of(request.statement, claim.facts.imports, context)


def attributed(verdict: Accepted) -> Accepted:
    """The verdict of a process that saw nothing but the candidate."""
    evidence = verdict.evidence
    checks = (*evidence.checks, CONFIRMED)
    update = {"checks": checks, "attribution": "confirmed"}
    return verdict.model_copy(update={"evidence": evidence.model_copy(update=update)})
