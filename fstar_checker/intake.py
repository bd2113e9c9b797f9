"""Intake of a request: violations of the policy, and the fragments for F*."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aludel.errors import InvalidRequest
from aludel.fstar_checker.lexer import code_tokens
from aludel.fstar_checker.names import renamed
from aludel.fstar_checker.policy import (
    Violation,
    abbreviated,
    local_renamings,
    scan_definition,
    scan_module,
    without_repeated_val,
)
from aludel.fstar_checker.scaffold import Plan, candidate_fragment, module_of, plan, split_module
from aludel.fstar_checker.session import Fragment
from aludel.fstar_checker.structure import split_declarations
from aludel.models import CheckRequest, FStarContext, RejectReason


@dataclass(frozen=True)
class Abilities:
    """What the F* in use can do, as far as a request's layout depends on it.

    Attributes:
        checked_files: it loads checked files.
        warn_error: it has an option that makes chosen warnings errors.
        library: the modules of its library.
    """

    checked_files: bool = False
    warn_error: bool = False
    library: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Intake:
    """A request, read.

    Attributes:
        plan: what a session must hold first.
        findings: what the policy refuses, worst first; F* is not asked when there are any.
        candidate: the candidate as it is pushed.
        first_line: the line of the user's text at which ``candidate`` begins.
        own_header: whether the module's header comes from the candidate.
        respelt: variables that F* is shown under another spelling, by that spelling.
    """

    plan: Plan
    findings: tuple[Violation, ...]
    candidate: Fragment
    first_line: int
    own_header: bool = False
    respelt: Mapping[str, str] = field(default_factory=dict)

    def as_written(self, message: str) -> str:
        """Return F*'s message with the names as the candidate spells them."""
        for spelling, name in self.respelt.items():
            message = re.sub(rf"(?<![\w']){re.escape(spelling)}(?![\w'])", name, message)
        return message


def read_request(request: CheckRequest, context: FStarContext, able: Abilities) -> Intake:
    """Read a request for one definition (with a statement) or for a whole module (without).

    Raises:
        InvalidRequest: the request contradicts itself; ``field`` names where.
    """
    if request.tier != "fast":
        raise InvalidRequest("F* has no second tier", field="tier", fix="leave it out")
    if request.policy.forbidden:
        message = "forbidden constants are looked for in Lean's terms, and F* gives none"
        raise InvalidRequest(message, field="policy.forbidden", fix="leave it out")
    if request.statement is not None:
        return _definition(request, context, able)
    return _module(request, context, able)


def _definition(request: CheckRequest, context: FStarContext, able: Abilities) -> Intake:
    layout = plan(
        context,
        request.statement,
        z3rlimit=request.budget.z3rlimit,
        checked_files=able.checked_files,
        warn_error=able.warn_error,
    )
    asked = layout.statement
    assert asked is not None  # noqa: S101 - plan() reads the statement it was given
    known = _abbreviations(context)
    findings = scan_definition(request.code, asked.name, asked.tokens, context.tactics, known)
    if findings:
        return Intake(layout, tuple(findings), candidate_fragment(layout, request.code), 1)
    code, respelt = _respelt(request.code, layout.text)
    code = without_repeated_val(code, asked.tokens)
    return Intake(layout, (), candidate_fragment(layout, code), 1, respelt=respelt)


def _module(request: CheckRequest, context: FStarContext, able: Abilities) -> Intake:
    findings = scan_module(request.code, context.tactics, _abbreviations(context))
    declared = module_of(request.code)
    header, body, own = "", request.code, declared is not None
    if declared is not None:
        _agree(context, declared, able.library)
        header, body = split_module(request.code)
        context = context.model_copy(update={"module": declared})
    if not code_tokens(body):
        message = "the text declares nothing"
        findings.append(Violation(RejectReason.MISSING_DECLARATION, message, 0, len(request.code)))
    layout = plan(
        context,
        None,
        z3rlimit=request.budget.z3rlimit,
        checked_files=able.checked_files,
        warn_error=able.warn_error,
    )
    if own:
        layout = _with_header(layout, header, body)
    first_line = 1 + header.count("\n")
    body, respelt = (body, {}) if findings else _respelt(body, layout.text)
    fragment = candidate_fragment(layout, body)
    return Intake(layout, tuple(findings), fragment, first_line, own_header=own, respelt=respelt)


def _respelt(code: str, scope: str) -> tuple[str, dict[str, str]]:
    try:
        return renamed(code, code_tokens(code), local_renamings(code), scope)
    except ValueError as error:
        raise InvalidRequest(f"too many short names: {error}", field="code") from error


def _abbreviations(context: FStarContext) -> dict[str, str]:
    """The abbreviations of modules that the context declares, in its text or its list."""
    listed = (entry.partition("=") for entry in context.opens if "=" in entry)
    own = {name.strip(): module.strip() for name, _, module in listed}
    return {**abbreviated(split_declarations(context.prefix)), **own}


def _agree(context: FStarContext, declared: str, library: frozenset[str]) -> None:
    if declared in library:
        message = f"{declared} is a module of F*'s library, which no candidate replaces"
        raise InvalidRequest(message, field="context.module", fix="give the module another name")
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
