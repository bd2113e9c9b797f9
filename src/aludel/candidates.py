"""Texts of candidates: whatever a model writes is judged, never an error of its request.

:func:`extract` makes a candidate of a model's answer; :func:`unfit` says which texts no prover is
given; :func:`judged` has one of many judged.
"""

from __future__ import annotations

import itertools
import re
from functools import lru_cache
from typing import NamedTuple

from aludel.errors import InvalidRequest
from aludel.lean_text import Kind, Piece, UnreadableText, pieces, significant
from aludel.models import (
    MAX_CODE_BYTES,
    UNREADABLE,
    CheckRequest,
    Diagnostic,
    Position,
    Rejected,
    RejectReason,
    Severity,
    Verdict,
    content_hash,
)
from aludel.protocols import Checker
from aludel.statements import declared, declares_theorem, split_header, with_proof

MAX_LINES = 10_000
MAX_LINE_CHARS = 400_000
"""Nobody writes such a line; one of 900,000 characters ran out of time in Lean's parser."""
MAX_NESTING = 2_000
UNKNOWN_MODULE = "unknown module prefix"
"""How Lean begins to say that it has no such module."""
_OPENING = "([{⟨⟦⌊⌈‹"
_CLOSING = ")]}⟩⟧⌋⌉›"
_BRACKETS = re.compile(f"[{re.escape(_OPENING + _CLOSING)}]")
_FENCE = re.compile(r"^[ \t]*```[ \t]*([\w+*-]*)[^\n]*\n(.*?)(?:^[ \t]*```[ \t]*$|\Z)", re.M | re.S)
# Imports stand first, behind comments at most; to divide a text into pieces takes time.
_MAY_IMPORT = re.compile(r"\s*(?:import|module|public|meta|--|/-)")
_LEAN = frozenset({"", "lean", "lean4", "tactic", "tactics"})
_FSTAR = frozenset({"", "fstar", "fst", "f*", "ocaml", "fsharp"})
_THOUGHT_END = "</think>"
_THOUGHT = "<think>"
_STARTS_TACTICS = re.compile(r":=\s*by\s*$")


def extract(text: str, statement: str | None = None) -> str:
    """Return the candidate that a model's answer holds, for ``CheckRequest(code=...)``.

    What a model thinks (``<think>``) is left out. Of several fenced blocks the last one counts,
    one of Lean's before others; without a fence the whole answer does. Imports at its beginning
    are left out, for the request names them; ``lemma`` becomes ``theorem``. An answer that
    declares a theorem is the candidate; any other is the proof of ``statement``: tactics where
    that ends in ``:= by``, else what stands after ``:=``.

    Nothing that a model writes is an error: what cannot be read stays as it is, and the checker
    says what is wrong with it.

    Args:
        text: the answer.
        statement: the declaration that was to be proved, as the model was shown it.

    Returns:
        Lean text; empty where the answer holds none.
    """
    code = _answered(text, _LEAN)
    if len(code.encode(errors="surrogatepass")) > MAX_CODE_BYTES:
        return code  # reading it would take seconds, and no checker takes it
    code = _in_plain_words(_without_imports(code))
    if statement is None or declares_theorem(code) or not code.strip():
        return code
    proof = code.strip("\n").rstrip()
    if _STARTS_TACTICS.search(statement) and not proof.lstrip().startswith(("by", ":=")):
        proof = "by\n" + _at_least_indented(proof)
    return with_proof(bare_statement(statement), proof.strip().removeprefix(":=").lstrip())


def extract_fstar(text: str) -> str:
    """Return the F* definition that a model's answer holds, as :func:`extract` finds Lean's."""
    return _answered(text, _FSTAR)


def _answered(text: str, languages: frozenset[str]) -> str:
    """Return the part of an answer that is code, in one of ``languages`` before others."""
    said = text.removeprefix("\ufeff").rsplit(_THOUGHT_END, 1)[-1]
    if _THOUGHT in said:  # it was cut off before there was an answer
        said = said[: said.index(_THOUGHT)]
    fences = [(language.lower(), body) for language, body in _FENCE.findall(said)]
    if not fences:
        return said
    ours = [body for language, body in fences if language in languages]
    return str(ours[-1] if ours else fences[-1][1])


def _without_imports(code: str) -> str:
    """Return the code from behind its last leading import."""
    if _MAY_IMPORT.match(code) is None:
        return code
    try:
        found = significant(pieces(code))
    except UnreadableText:
        return code
    at, end = 0, 0
    while at < len(found) and found[at].text in ("module", "public", "meta", "import", "all"):
        last = found[at]
        if last.text == "import" and at + 1 < len(found):
            at += 2 if found[at + 1].text == "all" else 1
            last = found[min(at, len(found) - 1)]
        elif last.text != "module" and not _leads_to_import(found, at):
            break
        at += 1
        end = last.start + len(last.text)
    return code[end:].lstrip("\n") if end else code


def _leads_to_import(found: list[Piece], at: int) -> bool:
    following = [piece.text for piece in found[at : at + 3]]
    return "import" in following


def _in_plain_words(code: str) -> str:
    """Return the code with the core language's ``theorem`` for Mathlib's ``lemma``."""
    if "lemma" not in code:
        return code
    try:
        found = significant(pieces(code))
    except UnreadableText:
        return code
    made, done = [], 0
    for piece, following in itertools.pairwise(found):
        begins = piece.text == "lemma" and piece.kind is Kind.NAME and piece.depth == 0
        if begins and following.kind is Kind.NAME and _begins_line(code, piece.start):
            made += [code[done : piece.start], "theorem"]
            done = piece.start + len("lemma")
    return "".join([*made, code[done:]])


def _begins_line(code: str, at: int) -> bool:
    """Whether nothing but modifiers and attributes stands before a place on its line."""
    while at and code[at - 1] != "\n" and code[at - 1].isspace():
        at -= 1
    if not at or code[at - 1] in "\n]":
        return True
    word = next((one for one in ("private", "protected") if code.endswith(one, 0, at)), None)
    return word is not None and (at == len(word) or code[at - len(word) - 1].isspace())


def _at_least_indented(tactics: str) -> str:
    return "\n".join(f"  {line}" if line.strip() else line for line in tactics.split("\n"))


@lru_cache(maxsize=256)  # a statement has many answers
def bare_statement(statement: str) -> str:
    """Return a statement without its open end; one that cannot be read stays as it is."""
    try:
        header = split_header(statement)
        return header.opened + declared(header.declaration).statement
    except InvalidRequest:
        return statement


class Unfit(NamedTuple):
    """The reason for which a text is rejected before a prover sees it."""

    reason: RejectReason
    message: str


def unfit(code: str, max_bytes: int) -> Unfit | None:
    """Return why no prover is given ``code``, or None for a text that one can be given.

    Args:
        code: the candidate's text.
        max_bytes: its largest size in UTF-8.
    """
    size = len(code.encode())
    if size > max_bytes:
        return Unfit(RejectReason.TOO_LARGE, f"{size} bytes, more than the {max_bytes} allowed")
    if not code.strip():
        return Unfit(RejectReason.PARSE, "the text is empty")
    if UNREADABLE in code:
        place = f"character {code.index(UNREADABLE)}"
        return Unfit(RejectReason.PARSE, f"{place} is none of Unicode's, or NUL")
    lines = code.count("\n") + 1
    if lines > MAX_LINES:
        return Unfit(RejectReason.TOO_LARGE, f"{lines} lines, more than the {MAX_LINES} allowed")
    longest = max(map(len, code.split("\n")))
    if longest > MAX_LINE_CHARS:
        message = f"a line of {longest} characters, more than the {MAX_LINE_CHARS} allowed"
        return Unfit(RejectReason.TOO_LARGE, message)
    if nesting(code) > MAX_NESTING:
        message = f"brackets nested more than {MAX_NESTING} deep"
        return Unfit(RejectReason.TOO_DEEP, message)
    return None


def judged(checker: Checker, request: CheckRequest) -> Verdict:
    """Judge one candidate of many, whose own header is a fault of its own.

    A module that the candidate's header names and the toolchain does not have is a rejection here,
    with a hint; :meth:`Checker.check` says that its caller's text is wrong. What else is wrong with
    a request, the imports that it names itself included, is an error of the request.

    Raises:
        InvalidRequest: the request is wrong, and not its candidate.
        BackendUnavailable: the machine failed; says nothing about the candidate.
    """
    try:
        return checker.check(request)
    except InvalidRequest as error:
        if error.field != "code" or not error.message.startswith(UNKNOWN_MODULE):
            raise
        message = f"{error.message}; {error.fix}" if error.fix else error.message
        start = Position(line=1, column=0)
        return Rejected(
            reason=RejectReason.PARSE,
            message=message,
            diagnostics=(Diagnostic(severity=Severity.ERROR, message=message, start=start),),
            hash=content_hash(checker.toolchain.digest, request),
        )


def nesting(text: str) -> int:
    """Return how deep brackets nest in ``text``, those of comments and strings included."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(text):
        if bracket in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif depth:
            depth -= 1
    return deepest
