"""The decision on one candidate in a session: load, push, then probe what was defined."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, replace

from aludel.deadline import Deadline
from aludel.errors import (
    AludelError,
    BackendCrashed,
    BackendUnavailable,
    InvalidRequest,
    ToolchainMissing,
)
from aludel.fstar_checker.classify import InternalFault, Judgement, SolverMissing, judge
from aludel.fstar_checker.intake import Intake
from aludel.fstar_checker.pool import shared_fragments
from aludel.fstar_checker.process import MemoryExceeded
from aludel.fstar_checker.protocol import INPUT, Issue, Response
from aludel.fstar_checker.scaffold import symbol_of
from aludel.fstar_checker.session import SOLVER_FIX, Fragment, Session, TimedOut
from aludel.fstar_checker.wordlists import OURS
from aludel.models import (
    Diagnostic,
    Position,
    RejectReason,
    Severity,
    UndecidedReason,
)

_LOG = logging.getLogger(__name__)
LOAD_S = 300.0
PROBE_S = 30.0
RESTART_S = 10.0
CONTROL_OPTIONS = "--z3rlimit 1 --max_fuel 0 --max_ifuel 0"
DEFINITION_CHECKS = (
    "policy", "typecheck_under_val", "defined_here", "use_at_type", "total", "control",
)  # fmt: skip
LOOKUP = "lookup"
MODULE_CHECKS = ("policy", "typecheck", "control")


@dataclass(frozen=True)
class Decision:
    """What was found about a candidate, before it becomes a verdict; no reason is acceptance."""

    reason: RejectReason | UndecidedReason | None
    message: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()
    checks: tuple[str, ...] = ()


def decide(session: Session, ask: Intake, wall_s: float) -> Decision:
    """Judge the candidate of ``ask``; the deadline starts once the context is loaded.

    A session that may not be used again is killed here; the pool then replaces it.

    Raises:
        InvalidRequest: F* refuses the context or the statement.
        ToolchainMissing: F* cannot run Z3.
        BackendUnavailable: the machine failed.
    """
    try:
        decision = load(session, ask) or _judge_candidate(session, ask, Deadline.after(wall_s))
    except TimedOut as passed:
        if passed.usable:
            _refresh_solver(session)
        return Decision(UndecidedReason.TIMEOUT, f"the deadline of {wall_s:g} s passed")
    except MemoryExceeded:
        message = f"F* and Z3 grew past {session.process.memory_mb} MB"
        return Decision(UndecidedReason.MEMORY, message)
    except InternalFault as fault:
        session.kill()
        raise BackendCrashed(f"F* reports a fault of its own: {fault}") from fault
    except SolverMissing as fault:
        session.kill()
        raise ToolchainMissing(str(fault), field="fstar", fix=SOLVER_FIX) from fault
    if decision.reason is UndecidedReason.RLIMIT:
        _refresh_solver(session)
    return decision


def load(session: Session, ask: Intake) -> Decision | None:
    """Bring the session to the plan, popping and pushing only what differs.

    Returns:
        A rejection when the header is the candidate's own and F* refuses it, else None.

    Raises:
        InvalidRequest: F* refuses a fragment, or the context proves ``False``.
        BackendUnavailable: it did not load in time.
    """
    deadline = Deadline.after(LOAD_S)
    plan = ask.plan
    try:
        shared = shared_fragments(session, plan)
        while session.depth > shared:
            session.pop(deadline)
        if shared == 0:
            session.vfs_add(plan.text, deadline)
            session.modules = plan.modules
        for index in range(shared, len(plan.fragments)):
            judgement, issues = _push(session, plan.fragments[index], deadline)
            if judgement.reason is not None:
                return _refused_context(session, ask, index, judgement, issues)
        if session.sound_at != plan.fragments:
            _control_context(session, plan.fragments, deadline)
    except TimedOut:
        session.kill()
        raise BackendUnavailable(f"the F* context did not load in {LOAD_S:g} s") from None
    return None


def _refresh_solver(session: Session) -> None:
    """Replace a Z3 that was interrupted or ran into its limit, where F* offers to.

    The next candidate then starts on a fresh one. The verdict is already reached: a restart that
    fails costs the session (the pool replaces it), not the verdict.
    """
    try:
        session.restart_solver(Deadline.after(RESTART_S))
    except (TimedOut, MemoryExceeded, AludelError) as error:
        session.kill()
        _LOG.warning("Z3 did not restart, the F* session is replaced: %s", error)


def diagnostics(
    issues: tuple[Issue, ...], fragment: Fragment, first_line: int
) -> tuple[Diagnostic, ...]:
    """Map issues onto the user's own text, leaving out ranges elsewhere (the ``val``)."""
    return tuple(_diagnostic(issue, fragment, first_line) for issue in issues)


def _judge_candidate(session: Session, ask: Intake, deadline: Deadline) -> Decision:
    judgement, issues = _push(session, ask.candidate, deadline)
    issues = tuple(replace(i, message=ask.as_written(i.message)) for i in issues)
    told = diagnostics(issues, ask.candidate, ask.first_line)
    if judgement.reason is not None:
        return Decision(judgement.reason, ask.as_written(judgement.message), told)
    probes = Deadline.after(max(PROBE_S, deadline.remaining()))
    refused = _probe(session, ask, probes)
    session.pop(probes)
    if refused is not None:
        return Decision(refused.reason, ask.as_written(refused.message), told)
    return Decision(None, diagnostics=told, checks=_checks(session, ask))


def _checks(session: Session, ask: Intake) -> tuple[str, ...]:
    """Names of the checks that were run, in order."""
    asked = ask.plan.statement
    if asked is None:
        return MODULE_CHECKS
    left_out = {"use_at_type"} if asked.mentions_itself else set()
    if asked.total_use(ask.candidate.code) is None:
        left_out.add("total")
    if not session.offers(LOOKUP):
        left_out.add("defined_here")
    return tuple(c for c in DEFINITION_CHECKS if c not in left_out)


def _is_defined_here(session: Session, ask: Intake, name: str, deadline: Deadline) -> bool:
    found = session.defined_at(symbol_of(name), ask.plan.module, deadline)
    return found is not None and found >= ask.candidate.line


def _probe(session: Session, ask: Intake, deadline: Deadline) -> Judgement | None:
    """Ask F* what the candidate cannot answer for: is the name here, at the type, and no more."""
    asked = ask.plan.statement
    line = ask.candidate.next_line
    if asked is not None:
        if session.offers(LOOKUP) and not _is_defined_here(session, ask, asked.name, deadline):
            message = f"F* knows no definition of {asked.name} in the candidate"
            return Judgement(RejectReason.MISSING_DECLARATION, message)
        use = None if asked.mentions_itself else asked.use()
        total = asked.total_use(ask.candidate.code)
        refused = _passes(
            session, use, line, deadline, f"{asked.name} cannot be used at the asked type"
        ) or _passes(session, total, line, deadline, f"{asked.name} has an effect")
        if refused is not None:
            return refused
    if _proves_false(session, line, deadline):
        return Judgement(RejectReason.ADMIT, "False can be proved after the candidate")
    return None


def _passes(
    session: Session, code: str | None, line: int, deadline: Deadline, complaint: str
) -> Judgement | None:
    """Push a probe and drop it again; why it does not pass, or None."""
    if code is None:
        return None
    found, _ = _push(session, Fragment(code, line), deadline)
    if found.reason is None:
        session.pop(deadline)
        return None
    undecided = isinstance(found.reason, UndecidedReason)
    reason = found.reason if undecided else RejectReason.STATEMENT_MISMATCH
    return Judgement(reason, f"{complaint}: {found.message}")


def _control_context(session: Session, fragments: tuple[Fragment, ...], deadline: Deadline) -> None:
    if _proves_false(session, fragments[-1].next_line, deadline):
        message = "False can be proved in this context"
        raise InvalidRequest(message, field="context", fix="mend its prefix, opens or options")
    session.sound_at = fragments


def _proves_false(session: Session, line: int, deadline: Deadline) -> bool:
    name = f"{OURS}control_{secrets.token_hex(8)}"
    lemma = f"let {name} () : Lemma False = ()"
    code = f'#push-options "{CONTROL_OPTIONS}"\n{lemma}\n#pop-options\n'
    judgement, _ = _push(session, Fragment(code, line), deadline)
    if judgement.reason is None:
        session.pop(deadline)
        return True
    return False


def _push(
    session: Session, fragment: Fragment, deadline: Deadline
) -> tuple[Judgement, tuple[Issue, ...]]:
    """Push one fragment and judge the answer; what is refused is not held afterwards."""
    if fragment.checked_until is not None:
        response = session.push_checked_file(fragment, deadline)
    else:
        response = session.push(fragment, deadline)
    judgement = _judged(response)
    if judgement.reason is not None and response.status == "success":
        session.pop(deadline)
    if judgement.reason is None and response.status != "success":
        message = f"F* answered {response.status} without an error"
        session.kill()
        raise BackendCrashed(message)
    return judgement, response.issues


def _judged(response: Response) -> Judgement:
    if response.status != "success" and not isinstance(response.body, list):
        return Judgement(RejectReason.ELABORATION, str(response.body)[:500])
    return judge(response.issues)


def _refused_context(
    session: Session,
    ask: Intake,
    index: int,
    judgement: Judgement,
    issues: tuple[Issue, ...],
) -> Decision:
    """F* refuses a fragment of the context: the request's fault, or the candidate's own header."""
    name = ask.plan.fields[index]
    if name == "code":
        told = diagnostics(issues, ask.plan.fragments[index], 1)
        return Decision(judgement.reason, judgement.message, told)
    if judgement.reason is UndecidedReason.RLIMIT:
        _refresh_solver(session)
    message = f"F* refuses it ({judgement.reason}): {judgement.message[:500]}"
    raise InvalidRequest(message, field=name)


def _diagnostic(issue: Issue, fragment: Fragment, first_line: int) -> Diagnostic:
    severity = {"error": Severity.ERROR, "warning": Severity.WARNING}.get(
        issue.level, Severity.INFO
    )
    message = issue.message.strip()
    for place in issue.ranges:
        inside = fragment.line <= place.begin[0] <= fragment.next_line
        if place.file in (INPUT, "") and inside:
            shift = first_line - fragment.line
            return Diagnostic(
                severity=severity,
                message=message,
                start=Position(line=place.begin[0] + shift, column=place.begin[1]),
                end=Position(line=place.end[0] + shift, column=place.end[1]),
            )
    return Diagnostic(severity=severity, message=message)
