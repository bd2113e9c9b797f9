"""Which requests reach a Lean server: everything that can be refused without one is refused here.

The limits on nesting and lines keep text away from the server that kills a process of the embedded
toolchain instead of giving an error (docs/decisions/0005-candidates-that-kill-the-prover.md).
"""

from __future__ import annotations

import re

from aludel.candidates import MAX_LINES, MAX_NESTING, nesting
from aludel.errors import InvalidRequest, RequestTooLarge
from aludel.goals import GoalRequest, tactic_fault
from aludel.lean_checker.forbidden import validate_forbidden
from aludel.models import MAX_CODE_BYTES, MAX_STATEMENT_BYTES, CheckRequest, LeanContext, Toolchain
from aludel.statements import LOCAL_RECURSION, declares_recursion

MAX_IMPORTS = 200
_MAX_NAME = 200
_WORD = r"(?:[^\W\d][\w'!?]*|«[^«»\s\x00-\x1f]+»)"
_NAME = re.compile(rf"{_WORD}(?:\.{_WORD})*")
# Options that a budget, not a request, decides; and those that switch checks off.
_BUDGETED = "maxHeartbeats"
_CLOSED_OPTIONS = ("debug.", "compiler.", "interpreter.", "internal.", "bootstrap.")


def validate(request: CheckRequest, toolchain: Toolchain) -> LeanContext:
    """Refuse a question that no server needs to see, and return its context.

    The candidate's text is no part of the question (:func:`aludel.candidates.unfit`).

    Raises:
        RequestTooLarge: text above a limit of size, lines or nesting.
        InvalidRequest: anything else; ``field`` names what is wrong.
    """
    context = request.context
    if not isinstance(context, LeanContext):
        raise InvalidRequest(
            f"a Lean checker cannot check {context.prover.value}", field="context.prover"
        )
    if request.toolchain not in (None, toolchain.name):
        raise InvalidRequest(
            f"{request.toolchain!r} is not the toolchain of this checker",
            field="toolchain",
            fix=f"leave it out or say {toolchain.name!r}",
        )
    if request.statement is not None:
        _validate_statement(request.statement)
    validate_imports(context.imports)
    for name, value in context.options.items():
        _validate_option(name, value)
    validate_forbidden(request)
    return context


def _validate_statement(statement: str) -> None:
    _validate_text("statement", statement, MAX_STATEMENT_BYTES)
    if declares_recursion(statement):
        fix = "state it with a definition of the imports"
        raise InvalidRequest(LOCAL_RECURSION, field="statement", fix=fix)


def _validate_text(field: str, text: str, max_bytes: int) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidRequest(
            f"half a surrogate pair at character {error.start}", field=field, fix="send UTF-8 text"
        ) from error
    if size > max_bytes:
        raise RequestTooLarge(f"{size} bytes, more than the {max_bytes} allowed", field=field)
    if not text.strip():
        raise InvalidRequest("empty", field=field, fix="send Lean text")
    if "\0" in text:
        raise InvalidRequest(
            f"a NUL character at character {text.index(chr(0))}",
            field=field,
            fix="send text, not a binary file",
        )
    lines = text.count("\n") + 1
    if lines > MAX_LINES:
        raise RequestTooLarge(
            f"{lines} lines, more than the {MAX_LINES} allowed", field=field, fix="split it"
        )
    if nesting(text) > MAX_NESTING:
        raise RequestTooLarge(
            f"brackets nested more than {MAX_NESTING} deep", field=field, fix="flatten the term"
        )


def validate_imports(imports: tuple[str, ...] | None) -> None:
    """Refuse names that are no module names, before anything is sent.

    Raises:
        InvalidRequest: a name is malformed.
    """
    if imports is None:
        return
    if len(imports) > MAX_IMPORTS:
        raise RequestTooLarge(
            f"{len(imports)} modules, more than the {MAX_IMPORTS} allowed", field="imports"
        )
    for name in imports:
        if len(name) > _MAX_NAME or not _NAME.fullmatch(name):
            raise InvalidRequest(
                f"{name[:80]!r} is not the name of a module",
                field="imports",
                fix="give names such as Init.Data.Nat.Basic",
            )


def _validate_option(name: str, value: bool | int | str) -> None:
    field = f"options.{name[:80]}"
    if len(name) > _MAX_NAME or not _NAME.fullmatch(name):
        raise InvalidRequest("not the name of an option", field=field)
    # As Lean reads it: marks around a part mean nothing, and `weak.` that it may be unknown.
    name = name.replace("«", "").replace("»", "").removeprefix("weak.")
    if name == _BUDGETED:
        raise InvalidRequest("set by the budget", field=field, fix="use budget.heartbeats")
    if name.startswith(_CLOSED_OPTIONS):
        raise InvalidRequest("this option is not open to requests", field=field, fix="leave it out")
    if isinstance(value, str) and not value.isprintable():
        raise InvalidRequest("a value with control characters", field=field)


def validate_goals(request: GoalRequest) -> None:
    """Refuse a stepwise proof that no server needs to see.

    Raises:
        InvalidRequest: ``field`` names what is wrong.
    """
    _validate_statement(request.statement)
    if request.preamble:
        _validate_text("preamble", request.preamble, MAX_CODE_BYTES)
    validate_imports(request.context.imports)
    for name, value in request.context.options.items():
        _validate_option(name, value)
    for index, tactic in enumerate(request.tactics):
        if (fault := tactic_fault(tactic)) is not None:
            raise InvalidRequest(fault.message, field=f"tactics.{index}")
