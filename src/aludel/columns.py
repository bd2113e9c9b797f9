"""Columns of published data sets: which hold a problem's name, its statement, or a candidate.

The first that a row has counts. Lists were read in the data sets themselves: miniF2F, ProofNet,
DeepSeek-Prover, Goedel-Pset, Lean-workbook-proofs, NuminaMath-LEAN, FormalMATH, Kimina.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aludel.models import MAX_CODE_BYTES, MAX_STATEMENT_BYTES, NO_TEXT, UNREADABLE
from aludel.statements import UnusableText, declared, split_header, without_proof

NAMES = (
    "name", "problem_id", "uuid", "id", "theorem_names", "problem_name", "custom_id", "task_id",
)  # fmt: skip
STATEMENTS = (
    "formal_statement", "lean4_code", "statement", "lean4_formalization", "refined_statement",
    "lean4_statement", "theorem",
)  # fmt: skip
HEADERS = ("header", "lean4_src_header")
FORBIDDEN = "forbidden"
INFORMAL = (
    "informal_statement", "informal_stmt", "informal_prefix", "nl_statement", "problem",
)  # fmt: skip
CANDIDATES = (
    "candidates", "candidate", "completions", "completion", "responses", "response", "code",
    "codes", "full_proof", "formal_proof", "proofs", "proof", "generations", "generation",
    "outputs", "output", "model_output", "samples", "full_code", "lean_code",
    "formal_ground_truth", "correct_proof",
)  # fmt: skip
# Where a row has no statement: whole theorems, whose proofs are cut off.
_PROVED = ("full_proof", "formal_ground_truth", "formal_proof", "correct_proof", "full_code")
_TACTICS = re.compile(r":=\s*by(\s+sorry)?\s*$")


class PosedTheorem(NamedTuple):
    """A row's theorem.

    Attributes:
        statement: up to and without ``:=``, with its ``open ... in`` lines.
        shown: the same with the open end ``:= by``, where the row's text asks for tactics.
        forbidden: what a proof may not use.
    """

    name: str
    statement: str
    imports: tuple[str, ...]
    shown: str
    forbidden: tuple[str, ...] = ()


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

    Where a row has proofs and no statement, as Lean-workbook-proofs has, it is the theorem proved.

    Raises:
        UnusableText: the row has no statement, or what it has is none.
    """
    text = first_text(row, statements)
    proved = "" if text else first_text(row, _PROVED)
    if not (text or proved):
        raise UnusableText(f"it has no field {' or '.join(statements)}")
    header = next((row[column] for column in HEADERS if row.get(column)), "")
    if not isinstance(header, str):
        raise UnusableText("its field header is not text")
    header = NO_TEXT.sub(UNREADABLE, header)
    # Each was a file once, and may begin with a byte order mark.
    whole = "\n".join(part.removeprefix("\ufeff") for part in (header, text or proved))
    if len(whole) > (MAX_STATEMENT_BYTES if text else MAX_CODE_BYTES):
        raise UnusableText(f"its {len(whole)} characters are more than a statement may have")
    imports, opened, declaration = split_header(whole)
    name, statement = declared(without_proof(declaration) if proved else declaration)
    asked = opened + statement
    return PosedTheorem(
        name=first_text(row, names) or name,
        statement=asked,
        imports=_listed(row.get("imports")) or imports or ("Init",),
        shown=f"{asked} := by" if _TACTICS.search(declaration) else asked,
        forbidden=forbidden_in(row),
    )


def forbidden_in(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a proof of a row's theorem may not use: a list of patterns, or one.

    Raises:
        UnusableText: the column holds something else.
    """
    value = row.get(FORBIDDEN)
    if value is None or value == "":
        return ()
    listed = [value] if isinstance(value, str) else value
    if isinstance(listed, list) and all(isinstance(one, str) and one for one in listed):
        return tuple(listed)
    raise UnusableText(f"{FORBIDDEN} is no list of names")


def candidates_of(
    row: Mapping[str, Any], columns: Sequence[str] = CANDIDATES
) -> list[str | None] | None:
    """Return the candidates of a row, of which it may have one or a list.

    A candidate is a text, an object with one in a known column, or the messages of a conversation,
    of which the last counts. One that is none of these, ``null`` for example, is None.

    Returns:
        The candidates; None where the row has none of the columns.
    """
    there = [column for column in columns if column in row]
    if not there:
        return None
    # NuminaMath-LEAN has columns for proofs of several origins, most of them empty.
    value = row[next((column for column in there if row[column] not in (None, "")), there[0])]
    if not isinstance(value, list) or _is_conversation(value):
        return [_text(value)]
    return [_text(one) for one in value]


def _listed(imports: object) -> tuple[str, ...]:
    if imports is None:
        return ()
    if isinstance(imports, list) and all(isinstance(name, str) for name in imports):
        return tuple(imports)
    raise UnusableText("imports is no list of names")


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
