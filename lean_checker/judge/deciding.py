"""From an elaborator's claim to a verdict that rests on none of its words.

Tables are parsed strictly, put to the kernel as a question about the statement that another process
read, and only the answers decide. What does not fit is an incident of the process that claimed it.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from aludel.advisories import advisories_of
from aludel.distribution import installed_version
from aludel.errors import AludelError, BackendUnavailable
from aludel.lean_checker.claims import Claim
from aludel.lean_checker.forbidden import forbidden_of
from aludel.lean_checker.import_sets import import_set
from aludel.lean_checker.intake import validate_imports
from aludel.lean_checker.judge.case import Case
from aludel.lean_checker.judge.forbidding import Meanings, finding_of
from aludel.lean_checker.judge.lean_kernel import (
    KernelAnswer,
    LeanKernel,
    ReachedAxiom,
    probe_kernel,
    probe_question,
)
from aludel.lean_checker.judge.question import Question, Statement, WrongCandidate, ask
from aludel.lean_checker.judge.second_kernel import (
    AnySecondKernel,
    Libraries,
    NoLibrary,
    SecondKernel,
)
from aludel.lean_checker.judge.statements import Header, Statements, probe_statement
from aludel.lean_checker.judge.tables import MalformedTables, parse_tables
from aludel.lean_checker.kernel_library import export_library
from aludel.lean_checker.policy import (
    SORRY_AXIOM,
    Finding,
    allows_axiom,
)
from aludel.lean_checker.policy import Question as Asked
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.process import LeanProcess
from aludel.models import (
    Accepted,
    CheckRequest,
    LeanContext,
    RejectReason,
    UndecidedReason,
    Verdict,
)
from aludel.progress import Progress
from aludel.settings import Settings
from aludel.vouching import NATIVE_AXIOMS

_LOG = logging.getLogger(__name__)
_PROBE_S = 60.0
_SHARE = 4
"""Elaborators to one process of each other kind."""
_LOTS = secrets.SystemRandom()
_KERNEL_REASONS = {"deterministic timeout": UndecidedReason.HEARTBEATS}


@dataclass(frozen=True)
class Decision:
    """A verdict, and whether the claim was found to be false.

    Attributes:
        verdict: what was decided.
        digest: SHA-256 of the question that was put, if one was.
        incident: what was wrong with the claim; None for an honest one.
    """

    verdict: Verdict
    digest: str | None = None
    incident: str | None = None


class Judge:
    """Decides claims. Thread-safe.

    Args:
        pool: the elaborators, on whose toolchain statements are read and kernels run, in other
            processes.
        settings: say how much is asked of the second kernel at least, and where its libraries are.
        progress: is told when an import set's library must be exported first.
        second: the second kernel; by default our own.

    Attributes:
        statements: reads statements.
        incidents: how often claims were found to be false, by what was wrong, and how often the
            kernels disagreed (``kernel_disagreement``) or ours did not decide (``second_kernel``).
    """

    def __init__(
        self,
        pool: LeanPool,
        settings: Settings,
        progress: Progress | None = None,
        second: AnySecondKernel | None = None,
    ) -> None:
        size = max(1, pool.size // _SHARE)
        self._pools = (
            pool.another(size, probe_statement, kind="statements"),
            pool.another(size, probe_kernel, shared=True, kind="kernels"),
        )
        self.statements = Statements(self._pools[0])
        self._kernel = LeanKernel(self._pools[1])
        self._meanings = Meanings(self._pools[1])
        self._settings = settings
        self._elaborators = pool
        self._second = second or SecondKernel(
            Libraries(settings, pool.toolchain, self._export, progress), pool.size
        )
        self._version = f"lean {pool.toolchain.version}"
        self._advisories = tuple(one.pull for one in advisories_of(pool.toolchain))
        self.incidents: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._begun = False
        self._caught: set[str] = set()

    @property
    def pools(self) -> tuple[LeanPool, ...]:
        """Processes that read statements, and those whose kernel is asked."""
        return self._pools

    def warm_up(self) -> None:
        """Start one process of each kind, and have the second kernel open its library.

        Raises:
            BackendUnavailable: it cannot be started, or does not do its work.
        """
        with ThreadPoolExecutor(len(self._pools) + 1) as threads:
            started = [threads.submit(pool.warm_up, 1) for pool in self._pools]
            answer = threads.submit(self._second.ask, probe_question(), ("Init",), _PROBE_S)
            for done in started:
                done.result()
        if answer.result().verdict != "accepted":
            _LOG.warning("the second kernel does not accept `True`: %s", answer.result().message)

    def prepare(self) -> None:
        """Begin to start the processes, once, while the first candidate is elaborated."""
        with self._lock:
            begun, self._begun = self._begun, True
        if not begun:
            for pool in self._pools:
                threading.Thread(target=_start_one, args=(pool,), daemon=True).start()

    def close(self) -> None:
        """Stop every process; safe to call twice."""
        self._second.close()
        for pool in self._pools:
            pool.close()

    def install_library(self, imports: tuple[str, ...]) -> Path:
        """Export an import set's library for the second kernel, unless it is there.

        Raises:
            InvalidRequest: there is no such import set.
            BackendUnavailable: it takes more time or memory than there is, or the machine failed.
        """
        try:
            return self._second.install(imports)
        except NoLibrary as error:
            raise BackendUnavailable(str(error), fix="try again on an idle machine") from error

    def _export(self, imports: tuple[str, ...], folder: Path) -> None:
        """Write an import set's library, by a process that does nothing else."""
        with contextlib.closing(self._elaborators.another(1, probe_kernel, shared=True)) as pool:
            export_library(pool, imports, folder)

    def ensure_forbiddable(self, request: CheckRequest, context: LeanContext) -> None:
        """See that what a policy forbids is there to be used, whatever the candidate is.

        Where the request leaves the imports to the candidate, patterns must mean something in
        ``Init``, which every candidate imports: what is bad input must not be its choice.

        Raises:
            InvalidRequest: a pattern means nothing in these imports, or an import is none.
            BackendUnavailable: the machine failed.
        """
        forbidden = forbidden_of(request.policy)
        if forbidden is not None and not forbidden.always_means_something:
            self._meanings.ensure(forbidden, context.imports or ())

    def decide(self, request: CheckRequest, context: LeanContext, claim: Claim) -> Decision:
        """Decide a claim; a rejection by the elaborator stays as it is.

        Raises:
            LimitReached: a process ran out of time or memory.
            ProcessDied: the statement or the terms exhaust a process.
            InvalidRequest: the statement is none.
            BackendUnavailable: the machine failed.
        """
        if not isinstance(claim.verdict, Accepted):
            return Decision(claim.verdict)
        case = Case(request, claim, claim.verdict)
        if claim.terms is None:
            message = "the accepted terms are too large to be judged"
            return Decision(case.refuse(Finding(UndecidedReason.MEMORY, message)))
        try:
            imports = _imports_of(claim, context)
            statement = self._statement(case, context, imports)
            question = ask(parse_tables(claim.terms), statement)
        except MalformedTables as error:
            return self._incident(case, "malformed", UndecidedReason.ELABORATOR, str(error), None)
        except WrongCandidate as wrong:
            reason = RejectReason(wrong.reason)
            return self._incident(case, wrong.reason, reason, wrong.message, wrong.name)
        answer = self._kernel.ask(
            question,
            imports,
            request.budget,
            native=claim.native,
            forbidden=forbidden_of(request.policy),
        )
        case.usage += answer.usage
        return self._judged(case, question, statement, answer)

    def _statement(
        self, case: Case, context: LeanContext, imports: tuple[str, ...]
    ) -> Statement | None:
        text = case.request.statement
        if text is None:
            return None
        header = header_of(text, imports, context)
        statement, usage = self.statements.find(header, case.request.budget)
        case.usage += usage
        return statement

    def _judged(
        self,
        case: Case,
        question: Question,
        statement: Statement | None,
        answer: KernelAnswer,
    ) -> Decision:
        """Make the verdict of the kernel's answer."""
        name = question.name_at(answer.index)
        message = f"the kernel does not accept `{name}`: {answer.message}"
        if answer.outcome == "limit":
            reason = _KERNEL_REASONS.get(answer.message, UndecidedReason.MEMORY)
            return Decision(case.refuse(Finding(reason, message, name)), question.digest)
        if answer.outcome == "rejected":
            return self._incident(
                case, "kernel", RejectReason.KERNEL, message, name, question.digest
            )
        finding = _unwelcome(answer.axioms, case.asked, name)
        if finding is not None:
            axioms = tuple(one.name for one in answer.axioms)
            decision = Decision(case.refuse(finding, axioms), question.digest)
            return self._hidden_axiom(case, answer, decision)
        if answer.uses is not None and (used := finding_of(answer.uses, question)) is not None:
            return Decision(case.refuse(used), question.digest)
        return self._by_both(case, question, statement, answer)

    def _hidden_axiom(self, case: Case, answer: KernelAnswer, decision: Decision) -> Decision:
        """Say so where the claim hides an axiom that its own declarations mention."""
        direct = {one.name for one in answer.axioms if len(one.path) < 2}
        if direct <= set(case.claimed_axioms):
            return decision
        self._report(case, "axioms", decision.verdict.message or "")
        return replace(decision, incident="axioms")

    def _by_both(
        self,
        case: Case,
        question: Question,
        statement: Statement | None,
        answer: KernelAnswer,
    ) -> Decision:
        """Accept what the second kernel accepts too, where it is asked."""
        kernels: tuple[str, ...] = (self._version,)
        if self._asks_second(case, answer):
            second = self._second.ask(question, case.imports, case.request.budget.wall_s)
            case.usage += second.usage
            if second.verdict == "rejected":
                message = f"Lean's kernel accepts the proof, ours does not: {second.message}"
                # Either kernel may be wrong; the process that made the claim is not to blame.
                self.incidents["kernel_disagreement"] += 1
                _LOG.error("%s (question %s)", message, question.digest)
                finding = Finding(RejectReason.KERNEL_DISAGREEMENT, message)
                return Decision(case.refuse(finding), question.digest)
            if second.verdict != "accepted":
                self.incidents["second_kernel"] += 1
                message = f"the second kernel has not decided ({second.verdict}: {second.message})"
                _LOG.warning("%s (question %s)", message, question.digest)
                finding = Finding(UndecidedReason.SECOND_KERNEL, message)
                return Decision(case.refuse(finding), question.digest)
            kernels += (f"aludel {installed_version()}",)
        verdict = case.accept(question, statement, answer, kernels, self._advisories)
        return Decision(verdict, question.digest)

    def _asks_second(self, case: Case, answer: KernelAnswer) -> bool:
        """Whether our own kernel is asked: what rests on compiled code it cannot check."""
        if any(axiom.name in NATIVE_AXIOMS for axiom in answer.axioms):
            return False
        wanted = case.request.policy.second_kernel
        if wanted == "require" or self._settings.second_kernel == "require":
            return True
        # Drawn in secret: a hash of the candidate's would tell it before.
        return wanted == "sample" and _LOTS.random() < self._settings.second_kernel_share

    def report_mismatch(self, process: LeanProcess) -> None:
        """Note that a fresh process made other tables of a candidate than ``process`` did."""
        self.incidents["attribution"] += 1
        _LOG.error("process %s gave tables that its candidate's text does not", process.label)
        self.distrust(process)

    def report_misread(self, header: Header) -> None:
        """Note that a fresh process reads another statement in a text than the one asked for it."""
        self.incidents["statement"] += 1
        _LOG.error("a process read a statement that its text does not hold: %s", header.text)
        self.statements.distrust()

    def distrust(self, process: LeanProcess) -> None:
        """Note that a process made a false claim: it is asked no more, nor believed what it said.

        Whoever recorded verdicts on its claims, acceptances and rejections, learns of it by
        :meth:`caught`.
        """
        process.distrusted = True
        with self._lock:
            self._caught.add(process.label)

    def caught(self) -> frozenset[str]:
        """Return the labels of the processes that were distrusted so far."""
        with self._lock:
            return frozenset(self._caught)

    def _incident(
        self,
        case: Case,
        what: str,
        reason: RejectReason | UndecidedReason,
        message: str,
        name: str | None,
        digest: str | None = None,
    ) -> Decision:
        """A claim that does not hold: refuse it, and say so loudly."""
        self._report(case, what, message)
        return Decision(case.refuse(Finding(reason, message, name)), digest, what)

    def _report(self, case: Case, what: str, message: str) -> None:
        self.incidents[what] += 1
        usage = case.usage
        _LOG.error(
            "a Lean process claimed what is not so (%s: %s); process %s, request %s",
            what, message, usage.process, usage.request,
        )  # fmt: skip


def header_of(text: str, imports: tuple[str, ...], context: LeanContext) -> Header:
    """A statement with where it is read."""
    return Header(text, imports, tuple(sorted(context.options.items())))


def _start_one(pool: LeanPool) -> None:
    """Start a process; who needs it afterwards hears of what goes wrong."""
    with contextlib.suppress(AludelError):
        pool.warm_up(1)


def _imports_of(claim: Claim, context: LeanContext) -> tuple[str, ...]:
    """The import set of the request, or the one the candidate's header is said to name."""
    if context.imports is not None:
        if import_set(context.imports) != claim.facts.imports:
            raise MalformedTables("they are said to be of another import set")
        return claim.facts.imports
    validate_imports(claim.facts.imports)
    return claim.facts.imports


def _unwelcome(axioms: tuple[ReachedAxiom, ...], asked: Asked, name: str) -> Finding | None:
    """The first axiom that no proof, or no proof under this policy, may rest on."""
    for one in axioms:
        if one.name == SORRY_AXIOM:
            way = _way(name, one, "sorry")
            return Finding(RejectReason.SORRY, f"the proof rests on `sorry`{way}", name)
    outside = [one for one in axioms if not allows_axiom(asked.policy, one.name)]
    if not outside:
        return None
    shown = ", ".join(f"`{one.name}`{_way(name, one, one.name)}" for one in outside[:5])
    message = f"the proof rests on what the policy does not allow: {shown}"
    return Finding(RejectReason.AXIOM, message, name)


def _way(name: str, axiom: ReachedAxiom, last: str) -> str:
    """How the proof comes to an axiom through theorems of the imports."""
    if len(axiom.path) < 2:
        return ""
    return f" ({' -> '.join((name, *axiom.path[:-1], last))})"
