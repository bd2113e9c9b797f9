"""From facts to a verdict: pure functions, no process and no clock.

The rules are tried in the order of :data:`RULES`, and the first that applies decides:

1. ``forbidden_construct``: the server stopped at a construct it does not elaborate.
2. ``undecided: heartbeats`` or ``memory``: an error came from the heartbeat or recursion limit. A
   candidate that ran into a limit is not refused, whatever else is wrong with it.
3. ``parse``, ``elaboration``, ``unsolved_goals``: an error of Lean's; the graver kind names it.
4. ``missing_declaration``: the asked name is not declared; or, without a statement, Lean left
   nothing of a declaration of the text.
5. ``statement_mismatch``: it is declared with another type; ``undecided: heartbeats`` when the
   comparison ran into a limit.
6. ``kernel``: the kernel refuses a constant in the clean environment; ``undecided`` when it only
   ran out of stack, memory or time.
7. ``axiom``: the candidate declares an axiom, reached or not.
8. ``sorry``: the proof rests on ``sorryAx``.
9. ``axiom``: the proof rests on an axiom that the policy does not allow.
10. ``extra_declaration``: helpers, where the policy allows none.
11. ``missing_declaration``: no statement was asked, and nothing is declared.

What no rule refuses is accepted. Facts that contradict each other are no ground for any verdict:
they raise `BackendCrashed`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from aludel.errors import BackendCrashed
from aludel.lean_checker.facts import CheckFacts, Declaration, FoundDiagnostic, position
from aludel.lean_checker.places import extent, place_of
from aludel.lean_checker.wording import LATE_IMPORT, auto_bound, lemma_hints, plain
from aludel.models import (
    Accepted,
    Diagnostic,
    Evidence,
    Policy,
    Rejected,
    RejectReason,
    Severity,
    Undecided,
    UndecidedReason,
    Usage,
)
from aludel.vouching import NATIVE_AXIOMS

SORRY_AXIOM = "sorryAx"
# Constants Lean derives from a declaration: `t._proof_1`, `t.match_1`, `t.eq_1`.
_AUXILIARY = re.compile(r"_.*|(?:match|proof|eq|sizeOf_spec|injEq|noConfusion)(?:_\d+)*")
_KERNEL_LIMITS = {
    "deterministic timeout": UndecidedReason.HEARTBEATS,
    "deep recursion": UndecidedReason.MEMORY,
    "excessive memory": UndecidedReason.MEMORY,
}
_BASE_CHECKS = ("forbidden_constructs", "elaboration", "kernel_replay", "axioms")


@dataclass(frozen=True)
class Question:
    """What was asked of the candidate, as far as the verdict depends on it; ``code``: its text."""

    statement: str | None
    policy: Policy
    code: str = ""


@dataclass(frozen=True)
class Finding:
    """Why a candidate is not accepted; ``culprit`` is the declaration to point at, if one."""

    reason: RejectReason | UndecidedReason
    message: str
    culprit: str | None = None


Rule = Callable[[CheckFacts, Question], Finding | None]


def judge(
    facts: CheckFacts, ask: Question, *, content_hash: str, usage: Usage
) -> Accepted | Rejected | Undecided:
    """Make a verdict of ``facts``; the request's hash and what it cost are stamped on it.

    Raises:
        BackendCrashed: the facts contradict each other or the question.
    """
    _cross_check(facts, ask)
    for rule in RULES:
        finding = rule(facts, ask)
        if finding is not None:
            return refused(facts, ask, finding, content_hash=content_hash, usage=usage)
    return Accepted(
        diagnostics=diagnostics_of(facts, ask.code),
        axioms=facts.axioms,
        usage=usage,
        hash=content_hash,
        evidence=_evidence(facts),
    )


def refused(
    facts: CheckFacts,
    ask: Question,
    finding: Finding,
    *,
    content_hash: str,
    usage: Usage,
    axioms: tuple[str, ...] | None = None,
) -> Rejected | Undecided:
    """Return the verdict that states ``finding``, with the place at fault and all messages.

    ``axioms``: what the proof rests on, where it is not what ``facts`` say.
    """
    return refusal(
        finding,
        content_hash=content_hash,
        usage=usage,
        diagnostics=(*diagnostics_of(facts, ask.code), *_pointer(facts, ask, finding)),
        axioms=facts.axioms if axioms is None else axioms,
    )


def refusal(
    finding: Finding,
    *,
    content_hash: str,
    usage: Usage,
    diagnostics: tuple[Diagnostic, ...] = (),
    axioms: tuple[str, ...] = (),
) -> Rejected | Undecided:
    """Return the verdict that states ``finding``."""
    if isinstance(finding.reason, UndecidedReason):
        return Undecided(
            reason=finding.reason,
            message=finding.message,
            diagnostics=diagnostics,
            axioms=axioms,
            usage=usage,
            hash=content_hash,
        )
    return Rejected(
        reason=finding.reason,
        message=finding.message,
        diagnostics=diagnostics,
        axioms=axioms,
        usage=usage,
        hash=content_hash,
    )


def diagnostics_of(facts: CheckFacts, code: str = "") -> tuple[Diagnostic, ...]:
    """Return everything there is to show of the candidate's text and of the asked statement."""
    own = frozenset(facts.new_axioms)
    found = [item.diagnostic() for item in facts.diagnostics]
    found += [item.diagnostic() for item in facts.forbidden]
    said = [item.model_copy(update={"message": plain(item.message, own)}) for item in found]
    stops = [item.start for item in facts.diagnostics if item.category == "parse"]
    hints = lemma_hints(code, [at for at in map(position, stops) if at], facts.imports)
    unbound = () if facts.statement is None else facts.statement.auto_bound
    return (*auto_bound(unbound), *said, *hints)


def _pointer(facts: CheckFacts, ask: Question, finding: Finding) -> tuple[Diagnostic, ...]:
    """Show the place at fault, where Lean itself had nothing to say about it."""
    start, end = place_of(facts, finding.culprit, sorry=finding.reason is RejectReason.SORRY)
    if start is None:
        if any(item.start for item in _errors(facts)) or any(i.start for i in facts.forbidden):
            return ()
        start, end = extent(ask.code)
    if start is None:
        return ()
    return (Diagnostic(severity=Severity.ERROR, message=finding.message, start=start, end=end),)


def _asked(facts: CheckFacts) -> str | None:
    return facts.statement.name if facts.statement else None


def _forbidden(facts: CheckFacts, _ask: Question) -> Finding | None:
    if not facts.forbidden:
        return None
    first = facts.forbidden[0]
    # Lean itself refuses a late import; it runs no code.
    late = first.what == LATE_IMPORT
    reason = RejectReason.PARSE if late else RejectReason.FORBIDDEN_CONSTRUCT
    return Finding(reason, plain(first.message))


def _limits(facts: CheckFacts, _ask: Question) -> Finding | None:
    errors = _errors(facts)
    unmarked = facts.limits and any(error.category is None for error in errors)
    if unmarked or any(error.category == "limit" for error in errors):
        return Finding(UndecidedReason.HEARTBEATS, "the heartbeat limit was reached")
    if any(error.category == "recursion" for error in errors):
        # Lean's own guard of the stack: deterministic, but a limit and no refutation.
        return Finding(
            UndecidedReason.MEMORY,
            "the recursion limit was reached; `set_option maxRecDepth` in the candidate raises it",
        )
    return None


def _elaboration(facts: CheckFacts, _ask: Question) -> Finding | None:
    errors = _errors(facts)
    for category, reason in (
        ("parse", RejectReason.PARSE),
        ("elaboration", RejectReason.ELABORATION),
        ("unsolved_goals", RejectReason.UNSOLVED_GOALS),
    ):
        for error in errors:
            if _category(error) == category:
                return Finding(reason, error.message.strip().split("\n", 1)[0])
    return None


def _declared(facts: CheckFacts, _ask: Question) -> Finding | None:
    if facts.statement is None or facts.statement.declared:
        return None
    return Finding(
        RejectReason.MISSING_DECLARATION, f"the candidate does not declare `{facts.statement.name}`"
    )


def _matches(facts: CheckFacts, _ask: Question) -> Finding | None:
    asked = facts.statement
    if asked is not None and asked.match == "undecided":
        return Finding(
            UndecidedReason.HEARTBEATS,
            f"a limit was reached while the type of `{asked.name}` was compared",
            asked.name,
        )
    if asked is None or asked.match != "different":
        return None
    return Finding(
        RejectReason.STATEMENT_MISMATCH,
        f"`{asked.name}` has another type than asked:\nexpected: {asked.expected}\n"
        f"found:    {asked.found}" + (f"\n{asked.note}" if asked.note else ""),
        asked.name,
    )


def _kernel(facts: CheckFacts, _ask: Question) -> Finding | None:
    reason: RejectReason | UndecidedReason = RejectReason.KERNEL
    for rejected in facts.kernel_rejected:
        limit = next(
            (why for sign, why in _KERNEL_LIMITS.items() if sign in rejected.message), None
        )
        reason = limit or reason
    if not facts.kernel_rejected:
        return None
    first = facts.kernel_rejected[0]
    message = f"the kernel does not accept `{first.name}`: {first.message}"
    return Finding(reason, message, first.name)


def _new_axioms(facts: CheckFacts, _ask: Question) -> Finding | None:
    if not facts.new_axioms:
        return None
    return Finding(
        RejectReason.AXIOM,
        f"the candidate declares an axiom: {_names(facts.new_axioms)}",
        facts.new_axioms[0],
    )


def _sorry(facts: CheckFacts, _ask: Question) -> Finding | None:
    if SORRY_AXIOM not in facts.axioms:
        return None
    return Finding(RejectReason.SORRY, "the proof rests on `sorry`", _asked(facts))


def _axioms(facts: CheckFacts, ask: Question) -> Finding | None:
    outside = tuple(name for name in facts.axioms if not allows_axiom(ask.policy, name))
    if not outside:
        return None
    return Finding(
        RejectReason.AXIOM,
        f"the proof rests on what the policy does not allow: {_names(outside)}",
        _asked(facts),
    )


def _extra(facts: CheckFacts, ask: Question) -> Finding | None:
    if ask.policy.allow_helpers or not facts.declarations:
        return None
    # Dependencies come first, so without a statement the last declaration is the one meant.
    main = facts.statement.name if facts.statement else facts.declarations[-1].name
    extra = [item.name for item in facts.declarations if _is_helper(item, main)]
    extra += [name for name in facts.companions if name not in extra]
    if not extra:
        return None
    return Finding(
        RejectReason.EXTRA_DECLARATION,
        f"the policy allows no declaration besides `{main}`: {_names(extra)}",
        main,
    )


def _dropped(facts: CheckFacts, ask: Question) -> Finding | None:
    if ask.statement is not None or not facts.dropped:
        return None
    return Finding(
        RejectReason.MISSING_DECLARATION, "Lean left nothing of a declaration of the text"
    )


def _anything(facts: CheckFacts, _ask: Question) -> Finding | None:
    if facts.statement is not None or facts.declarations:
        return None
    return Finding(RejectReason.MISSING_DECLARATION, "the candidate declares nothing")


RULES: tuple[Rule, ...] = (
    _forbidden,
    _limits,
    _elaboration,
    _dropped,
    _declared,
    _matches,
    _kernel,
    _new_axioms,
    _sorry,
    _axioms,
    _extra,
    _anything,
)


def allows_axiom(policy: Policy, name: str) -> bool:
    """Whether a proof may rest on the axiom ``name``.

    Since Lean 4.29, each use of `native_decide` is an axiom of its own; those are run again and
    proved, or refused (``Replay.lean``): a name is no ground to believe one.
    """
    if name in policy.allowed_axioms:
        return True
    return policy.allow_native_decide and name in NATIVE_AXIOMS


def _cross_check(facts: CheckFacts, ask: Question) -> None:
    """Refuse to judge by facts that cannot all be true."""
    if facts.forbidden:
        return  # Elaboration stopped there; the fields after it are empty.
    asked = facts.statement
    if (ask.statement is None) != (asked is None):
        raise BackendCrashed("the Lean server answered another question than was asked")
    if asked is None:
        return
    if asked.declared != (asked.match is not None):
        raise BackendCrashed(f"the Lean server compared `{asked.name}`, which is not declared")
    known = {item.name for item in facts.declarations}
    known.update(item.name for item in facts.kernel_rejected)
    # A constructor comes with its type, under whose name the kernel was given it.
    if asked.declared and asked.match != "different" and asked.name not in known:
        raise BackendCrashed(f"the Lean server did not pass `{asked.name}` through the kernel")


def _evidence(facts: CheckFacts) -> Evidence:
    match = facts.statement.match if facts.statement else None
    if match == "different" or match == "undecided":
        raise BackendCrashed("a statement that is not matched cannot be accepted")
    return Evidence(
        statement_match=match,
        binders=facts.statement.binders if facts.statement else None,
        declarations=tuple(item.name for item in facts.declarations),
        checks=(*_BASE_CHECKS, "statement") if match else _BASE_CHECKS,
    )


def _errors(facts: CheckFacts) -> list[FoundDiagnostic]:
    return [item for item in facts.diagnostics if item.severity == "error"]


def _category(error: FoundDiagnostic) -> str:
    """The kind of an error; one of a server that marks none, or another, is ``elaboration``."""
    if error.category in ("parse", "unsolved_goals"):
        return error.category
    if error.category is None and error.message.startswith("unsolved goals"):
        return "unsolved_goals"
    return "elaboration"


def _is_helper(found: Declaration, main: str) -> bool:
    """Whether a declaration is one besides ``main``, as the text says or, without it, the name."""
    if found.helper is None:
        return not _belongs(found.name, main)
    return found.helper


def _belongs(name: str, main: str) -> bool:
    """Whether ``name`` is ``main`` itself or a constant that Lean derived from it."""
    if name == main:
        return True
    if not name.startswith(main + "."):
        return False
    return all(_AUXILIARY.fullmatch(part) for part in name[len(main) + 1 :].split("."))


def _names(names: tuple[str, ...] | list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
