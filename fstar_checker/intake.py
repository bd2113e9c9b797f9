"""Intake of a request: violations of the policy, and the fragments for F*."""

from __future__ import annotations

from dataclasses import dataclass, replace

from aludel.errors import InvalidRequest
from aludel.fstar_checker.lexer import code_tokens
from aludel.fstar_checker.policy import (
    Violation,
    scan_definition,
    scan_module,
    without_repeated_val,
)
from aludel.fstar_checker.scaffold import Plan, candidate_fragment, module_of, plan, split_module
from aludel.fstar_checker.session import Fragment
from aludel.models import CheckRequest, FStarContext, RejectReason


@dataclass(frozen=True)
class Intake:
    """A request, read.

    Attributes:
        plan: what a session must hold first.
        findings: what the policy refuses, worst first; F* is not asked when there are any.
        candidate: the candidate as it is pushed.
        first_line: the line of the user's text at which ``candidate`` begins.
        own_header: whether the module's header comes from the candidate.
    """

    plan: Plan
    findings: tuple[Violation, ...]
    candidate: Fragment
    first_line: int
    own_header: bool = False


def read_request(request: CheckRequest, context: FStarContext, *, checked_files: bool) -> Intake:
    """Read a request for one definition (with a statement) or for a whole module (without).

    Raises:
        InvalidRequest: the request contradicts itself; ``field`` names where.
    """
    if request.tier != "fast":
        raise InvalidRequest("F* has no second tier", field="tier", fix="leave it out")
    if request.statement is not None:
        return _definition(request, context, checked_files=checked_files)
    return _module(request, context, checked_files=checked_files)


def _definition(request: CheckRequest, context: FStarContext, *, checked_files: bool) -> Intake:
    layout = plan(
        context,
        request.statement,
        z3rlimit=request.budget.z3rlimit,
        checked_files=checked_files,
    )
    asked = layout.statement
    assert asked is not None  # noqa: S101 - plan() reads the statement it was given
    findings = scan_definition(request.code, asked.name, asked.tokens, context.tactics)
    code = without_repeated_val(request.code, asked.tokens) if not findings else request.code
    return Intake(layout, tuple(findings), candidate_fragment(layout, code), 1)


def _module(request: CheckRequest, context: FStarContext, *, checked_files: bool) -> Intake:
    findings = scan_module(request.code, context.tactics)
    declared = module_of(request.code)
    header, body, own = "", request.code, declared is not None
    if declared is not None:
        _agree(context, declared)
        header, body = split_module(request.code)
        context = context.model_copy(update={"module": declared})
    if not code_tokens(body):
        message = "the text declares nothing"
        findings.append(Violation(RejectReason.MISSING_DECLARATION, message, 0, len(request.code)))
    layout = plan(context, None, z3rlimit=request.budget.z3rlimit, checked_files=checked_files)
    if own:
        layout = _with_header(layout, header, body)
    first_line = 1 + header.count("\n")
    fragment = candidate_fragment(layout, body)
    return Intake(layout, tuple(findings), fragment, first_line, own_header=own)


def _agree(context: FStarContext, declared: str) -> None:
    if context.module not in (None, declared):
        message = f"the text declares module {declared}, not {context.module}"
        fix = "F* wants module M in M.fst: rename the file or the module"
        raise InvalidRequest(message, field="context.module", fix=fix)
    if context.prefix.strip():
        message = "a text with a module header of its own takes no prefix"
        raise InvalidRequest(message, field="context.prefix")


def _with_header(layout: Plan, header: str, body: str) -> Plan:
    """Replace the generated header by the candidate's own; opens of the context come after it."""
    generated = layout.fragments[0]
    opens = generated.code.partition("\n")[2]
    first = Fragment(header, 1)
    fragments, line = [first], first.next_line
    for fragment in ([Fragment(opens, 0)] if opens else []) + list(layout.fragments[1:]):
        fragments.append(replace(fragment, line=line))
        line = fragments[-1].next_line
    fields = ("code", *(("context.opens",) if opens else ()), *layout.fields[1:])
    text = "".join(f.code for f in fragments) + body
    return replace(layout, text=text, fragments=tuple(fragments), fields=fields)
