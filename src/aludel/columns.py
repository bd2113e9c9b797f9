"""Columns of published data sets: which hold a problem's name, its statement, or a candidate.

The first that a row has counts. Lists were read in the data sets themselves: miniF2F, ProofNet,
DeepSeek-Prover, Goedel-Pset, Lean-workbook-proofs, NuminaMath-LEAN, FormalMATH, Kimina.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aludel.lean_text import UnreadableText, without_comments
from aludel.models import NO_TEXT, UNREADABLE
from aludel.statements import UnusableText, declared, split_header

NAMES = (
    "name", "problem_id", "uuid", "id", "theorem_names", "problem_name", "custom_id", "task_id",
)  # fmt: skip
STATEMENTS = (
    "formal_statement", "lean4_code", "statement", "lean4_formalization", "refined_statement",
    "lean4_statement", "theorem",
)  # fmt: skip
HEADERS = ("header", "lean4_src_header")
INFORMAL = (
    "informal_statement", "informal_stmt", "informal_prefix", "nl_statement", "problem",
)  # fmt: skip
CANDIDATES = (
    "candidates", "candidate", "completions", "completion", "responses", "response", "code",
    "codes", "full_proof", "formal_proof", "proofs", "proof", "generations", "generation",
    "outputs", "output", "model_output", "samples", "full_code", "lean_code",
    "formal_ground_truth", "correct_proof",
)  # fmt: skip
_TACTICS = re.compile(r":=\s*by(\s+sorry)?\s*$")


class PosedTheorem(NamedTuple):
    """A row's theorem.

    Attributes:
        statement: up to and without ``:=``, with its ``open ... in`` lines.
        shown: the same with the open end ``:= by``, where the row's text asks for tactics.
    """

    name: str
    statement: str
    imports: tuple[str, ...]
    shown: str


def first_text(row: Mapping[str, Any], columns: Sequence[str]) -> str:
    """Return the first of ``columns`` that a row has, as text; empty where it has none.

    Of a list, as FormalMATH has for names, the first entry counts.
    """
    for column in columns:
        value = row.get(column)
        if isinstance(value, list | tuple):
            value = value[0] if value else None
        if value is not None and (shown := str(value).strip()):
            return NO_TEXT.sub(UNREADABLE, shown)
    return ""


def names_of(row: Mapping[str, Any], columns: Sequence[str] = NAMES) -> list[str]:
    """Return every name that a row has, in the order of ``columns``."""
    found = [first_text(row, [column]) for column in columns]
    return list(dict.fromkeys(filter(None, found)))


def theorem_of(
    row: Mapping[str, Any],
    names: Sequence[str] = NAMES,
    statements: Sequence[str] = STATEMENTS,
) -> PosedTheorem:
    """Return the theorem that a row poses; without a name of its own it has the declared one.

    Raises:
        UnusableText: the row has no statement, or what it has is none.
    """
    text = first_text(row, statements)
    if not text:
        raise UnusableText(f"it has no field {' or '.join(statements)}")
    header = next((row[column] for column in HEADERS if row.get(column)), "")
    if not isinstance(header, str):
        raise UnusableText("its field header is not text")
    header = NO_TEXT.sub(UNREADABLE, header)
    # Each was a file once, and may begin with a byte order mark.
    parts = [part.removeprefix("\ufeff") for part in (header, text)]
    imports, opened, declaration = split_header("\n".join(parts))
    name, statement = declared(declaration)
    asked = opened + statement
    return PosedTheorem(
        name=first_text(row, names) or name,
        statement=asked,
        imports=_listed(row.get("imports")) or imports or ("Init",),
        shown=f"{asked} := by" if _asks_for_tactics(text) else asked,
    )


def candidates_of(
    row: Mapping[str, Any], columns: Sequence[str] = CANDIDATES
) -> list[str | None] | None:
    """Return the candidates of a row, of which it may have one or a list.

    A candidate is a text, an object with one in a known column, or the messages of a conversation,
    of which the last counts. One that is none of these, ``null`` for example, is None.

    Returns:
        The candidates; None where the row has none of the columns.
    """
    column = next((column for column in columns if column in row), None)
    if column is None:
        return None
    value = row[column]
    if not isinstance(value, list) or _is_conversation(value):
        return [_text(value)]
    return [_text(one) for one in value]


def _listed(imports: object) -> tuple[str, ...]:
    if imports is None:
        return ()
    if isinstance(imports, list) and all(isinstance(name, str) for name in imports):
        return tuple(imports)
    raise UnusableText("imports is no list of names")


def _asks_for_tactics(text: str) -> bool:
    try:
        return _TACTICS.search(without_comments(text)) is not None
    except UnreadableText:  # which no statement is made of
        return False


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and _is_conversation(value):
        value = value[-1]["content"]
    elif isinstance(value, dict):
        value = next(
            (value[column] for column in ("content", *CANDIDATES) if column in value), None
        )
    return value if isinstance(value, str) else None


def _is_conversation(value: Sequence[object]) -> bool:
    return bool(value) and all(isinstance(one, dict) and "content" in one for one in value)
