"""The checker for any Lean: two compiled modules, their exports, and kernels that saw neither text.

The challenge is compiled and exported before the candidate's text is, in a folder that no process
of the candidate's can write or read. What the candidate's processes say of themselves is a claim.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import Counter, OrderedDict

from aludel.candidates import UNKNOWN_MODULE, unfit
from aludel.deadline import QUEUE_S
from aludel.errors import BackendCrashed, InvalidRequest, QueueFull
from aludel.lean_checker import intake
from aludel.lean_checker.exported.comparing import Compared, compare_exports
from aludel.lean_checker.exported.deciding import Case, reject_comparison
from aludel.lean_checker.exported.modules import Modules
from aludel.lean_checker.exported.running import Ended
from aludel.lean_checker.exported.second import AnyReplay
from aludel.lean_checker.exported.texts import (
    CHALLENGE,
    MOST_SHOWN,
    SOLUTION,
    Question,
    UnusableHeader,
    fault,
    messages,
    missing_module,
    question_of,
)
from aludel.lean_checker.forbidden import FIELD
from aludel.lean_checker.limits import LimitReached
from aludel.lean_checker.policy import SORRY_AXIOM, Finding
from aludel.lean_checker.wording import import_fix
from aludel.lean_kernel.names import Name, read_name
from aludel.models import (
    CheckRequest,
    Diagnostic,
    LeanContext,
    Position,
    RejectReason,
    Severity,
    Toolchain,
    UndecidedReason,
    Usage,
    Verdict,
    content_hash,
)
from aludel.settings import Settings
from aludel.tenants import current_tenant

_LOG = logging.getLogger(__name__)
_BEGIN = Position(line=1, column=0)
_LOTS = secrets.SystemRandom()
KEPT_MB = 64
"""Megabytes of challenges' exports that are kept, for the other candidates of a statement."""
_NEEDS_STATEMENT = (
    "this Lean is judged by exports, which compare a candidate with a statement; there is none"
)
_COMPILED = "this Lean is judged by exports, and no kernel on them runs compiled code"
_HELPERS = "this Lean is judged by exports, which do not tell helpers from the library"
_FORBIDDEN = "this Lean is judged by exports, in which no forbidden constants are looked for"


class ExportChecker:
    """Judges candidates by exports; `aludel.protocols.Checker`. Thread-safe.

    Args:
        toolchain: what the contract says of the Lean and its exporter.
        modules: compiles and exports.
        replay: Lean's kernel of the pinned version, which accepts a proof once more.
        settings: bound candidates, and say how much is asked of the second kernel.
        size: how many are judged at once.

    Attributes:
        modules: as given.
        incidents: how often the kernels disagreed or did not decide, by what it was.
    """

    def __init__(
        self,
        toolchain: Toolchain,
        modules: Modules,
        replay: AnyReplay,
        settings: Settings,
        size: int,
    ) -> None:
        self._toolchain = toolchain
        self.modules = modules
        self._replay = replay
        self._settings = settings
        self._slots = threading.Semaphore(size)
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self.incidents: Counter[str] = Counter()

    @property
    def toolchain(self) -> Toolchain:
        """The toolchain that decides."""
        return self._toolchain

    def close(self) -> None:
        """Stop every process; safe to call twice."""
        self._replay.close()
        self.modules.watchdog.close()

    def check(self, request: CheckRequest) -> Verdict:
        """Judge one candidate.

        Raises:
            InvalidRequest: the request is wrong, or asks for what exports do not tell.
            QueueFull: too many are judged already.
            BackendUnavailable: the machine failed, which says nothing about the candidate.
            ToolchainMissing: the exporter does not fit.
        """
        context = intake.validate(request, self._toolchain)
        _refuse_what_is_not_told(request)
        case = Case(request, content_hash(self._toolchain.digest, request))
        if (why := unfit(request.code, self._settings.max_code_bytes)) is not None:
            return case.refuse_whole(Finding(why.reason, why.message))
        try:
            question = question_of(request, context)
        except UnusableHeader as error:
            return case.refuse_whole(Finding(error.reason, str(error)))
        queued = time.monotonic()
        if not self._slots.acquire(timeout=QUEUE_S):
            raise QueueFull("every process judges another candidate")
        try:
            case.queued(time.monotonic() - queued)
            verdict = self._judge(case, context, question)
        except LimitReached as limit:
            case.usage += limit.usage
            return case.refuse(Finding(UndecidedReason(limit.limit), limit.message))
        finally:
            self._slots.release()
        self.modules.unchanged()
        return verdict

    def _judge(self, case: Case, context: LeanContext, question: Question) -> Verdict:
        challenge = self._challenge(case, context, question)
        solution = self._solution(case, context, question)
        if not isinstance(solution, bytes):
            return solution
        allowed = [name for name in case.request.policy.allowed_axioms if name != SORRY_AXIOM]
        axioms = [name for name in map(read_name, allowed) if name is not None]
        compared = self._compared((challenge, solution), question.theorem, axioms, case)
        if compared.failed == "challenge" and compared.verdict == "rejected":
            raise BackendCrashed(f"the exporter writes what no kernel accepts: {compared.message}")
        if compared.rule == "challenge":
            raise InvalidRequest(compared.message, field="statement", fix="state a public theorem")
        if compared.verdict != "accepted":
            return reject_comparison(case, compared)
        return self._by_both(case, question, challenge, compared)

    def _compared(
        self, exports: tuple[bytes, bytes], theorem: Name, axioms: list[Name], case: Case
    ) -> Compared:
        wall_s = case.request.budget.wall_s
        compared = compare_exports(exports, theorem, axioms, wall_s, self.modules.watchdog)
        case.usage += compared.usage
        return compared

    def _challenge(self, case: Case, context: LeanContext, question: Question) -> bytes:
        """The challenge's export, by processes that see no text of a candidate's.

        Raises:
            InvalidRequest: the statement does not elaborate.
        """
        options = {"relaxedAutoImplicit": False, **context.options}
        whose = current_tenant() if self._settings.per_key else ""
        heartbeats = case.request.budget.heartbeats
        key = repr((whose, question.challenge, sorted(options.items()), heartbeats))
        with self._lock:
            known = self._kept.get(key)
        if known is not None:
            return known
        budget = case.request.budget
        with self.modules.folder() as folder:
            text = question.challenge
            compiled = self.modules.compile(folder, CHALLENGE, text, budget, options)
            case.usage += compiled.usage
            if compiled.code != 0 or not self.modules.has_module(folder, CHALLENGE):
                raise _unstated(compiled, context)
            exported = self.modules.export(folder, CHALLENGE, question.name, budget)
            case.usage += exported.usage
        self.modules.ensure_export(exported)
        self._keep(key, exported.out)
        return exported.out

    def _keep(self, key: str, export: bytes) -> None:
        with self._lock:
            self._kept[key] = export
            while sum(map(len, self._kept.values())) > KEPT_MB << 20:
                self._kept.popitem(last=False)

    def _solution(self, case: Case, context: LeanContext, question: Question) -> bytes | Verdict:
        """The solution's export, or why there is none."""
        budget = case.request.budget
        with self.modules.folder() as folder:
            text = question.solution
            compiled = self.modules.compile(folder, SOLUTION, text, budget, context.options)
            case.usage += compiled.usage
            said = messages(compiled.out, question.prefix)
            case.diagnostics = said[:MOST_SHOWN]
            if compiled.code != 0 or not self.modules.has_module(folder, SOLUTION):
                return case.refuse(_uncompiled(compiled, said))
            exported = self.modules.export(folder, SOLUTION, question.name, budget)
            case.usage += exported.usage
        if exported.code == 0:
            return exported.out
        if f"{question.name} not found" in exported.errors:
            message = f"the candidate does not declare `{question.name}`"
            return case.refuse(Finding(RejectReason.MISSING_DECLARATION, message))
        # The same exporter has just exported the challenge.
        message = f"the compiled candidate cannot be exported (exit code {exported.code})"
        return case.refuse(Finding(UndecidedReason.ELABORATOR, message))

    def _by_both(
        self, case: Case, question: Question, challenge: bytes, compared: Compared
    ) -> Verdict:
        """Accept what Lean's kernel accepts too, where it is asked."""
        if not self._asks_replay(case):
            return case.accept(question, challenge, compared, None)
        replayed = self._replay.ask(compared.tables, compared.count, case.request.budget)
        case.usage += replayed.usage
        if replayed.outcome == "accepted":
            return case.accept(question, challenge, compared, replayed)
        what = "kernel_disagreement" if replayed.outcome == "rejected" else "second_kernel"
        self.incidents[what] += 1
        message = f"our kernel accepts the proof, {replayed.kernel} has not: {replayed.message}"
        _LOG.warning("%s (request %s)", message, case.hash)
        return case.refuse(Finding(UndecidedReason.SECOND_KERNEL, message))

    def _asks_replay(self, case: Case) -> bool:
        wanted = case.request.policy.second_kernel
        if wanted == "require" or self._settings.second_kernel == "require":
            return True
        return wanted == "sample" and _LOTS.random() < self._settings.second_kernel_share


def _refuse_what_is_not_told(request: CheckRequest) -> None:
    if request.statement is None:
        raise InvalidRequest(_NEEDS_STATEMENT, field="statement", fix="send the theorem's header")
    policy = request.policy
    if policy.allow_native_decide:
        raise InvalidRequest(_COMPILED, field="policy.allow_native_decide", fix="leave it out")
    if not policy.allow_helpers:
        raise InvalidRequest(_HELPERS, field="policy.allow_helpers", fix="leave it out")
    if policy.forbidden:
        raise InvalidRequest(_FORBIDDEN, field=FIELD, fix="leave it out")


def _unstated(compiled: Ended, context: LeanContext) -> Exception:
    """What to say of a challenge that does not compile; it holds nothing of a candidate's."""
    found = messages(compiled.out, 0)
    absent = missing_module(found, compiled.errors)
    if absent is not None:
        field = "code" if context.imports is None else "imports"
        message = absent if absent.startswith(UNKNOWN_MODULE) else f"{UNKNOWN_MODULE}: {absent}"
        return InvalidRequest(message, field=field, fix=import_fix(message))
    errors = [one.message for one in found if one.severity is Severity.ERROR]
    if errors:
        return InvalidRequest(errors[0], field="statement")
    if _exhausted(compiled):
        message = f"the statement exhausts the prover (exit code {compiled.code})"
        return LimitReached(message, limit="memory", usage=Usage())
    said = " ".join(compiled.errors.split())[-300:]
    if "unknown" in said and "option" in said:
        return InvalidRequest(said, field="options", fix="leave it out")
    return BackendCrashed(f"`lean` ended with exit code {compiled.code} on a statement: {said}")


def _exhausted(compiled: Ended) -> bool:
    """Whether it ended as one that has no stack or memory left."""
    said = compiled.errors
    return compiled.code < 0 or "overflow" in said or "out of memory" in said


def _uncompiled(compiled: Ended, diagnostics: tuple[Diagnostic, ...]) -> Finding:
    """Why a candidate is no module; the statement was one, with the same Lean."""
    if (found := fault(diagnostics)) is not None and compiled.code != 0:
        return found
    if _exhausted(compiled):
        message = f"the candidate exhausts the prover (exit code {compiled.code})"
        return Finding(UndecidedReason.MEMORY, message)
    message = f"`lean` wrote no module of the candidate (exit code {compiled.code})"
    return Finding(UndecidedReason.ELABORATOR, message)
