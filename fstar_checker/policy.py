"""The policy on a candidate's tokens, applied before F* sees the text.

F* accepts many admits without a word, so its silence proves nothing. The scan knows comments,
strings and quotations; it refuses the names of F*'s escape hatches wherever they may mean them, in
every component of a dotted name, and everything that changes options, attributes or effects.
Tactics are judged by :mod:`aludel.fstar_checker.tactics`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeGuard

from aludel.fstar_checker.lexer import Kind, Token, code_tokens, position
from aludel.fstar_checker.names import (
    SHORTEST_HIDDEN,
    Renaming,
    after_projector,
    binders,
    bound_throughout,
    components,
    is_variable,
    occurrences,
)
from aludel.fstar_checker.options import switches_proofs_off, unsafe_in_pragma
from aludel.fstar_checker.structure import (
    QUALIFIERS,
    Declaration,
    closing,
    definition_of,
    max_depth,
    split_declarations,
    undefined_types,
    val_of,
)
from aludel.fstar_checker.tactics import Vouched, scan_tactics, tactic_renamings
from aludel.fstar_checker.wordlists import (
    ADMIT_ATTRIBUTES,
    ADMIT_NAMES,
    ALLOWED_ATTRIBUTES,
    ALLOWED_QUALIFIERS,
    EFFECT_DEFINITIONS,
    MODULE_ATTRIBUTES,
    OURS,
    TACTIC_ENTRIES,
)
from aludel.models import Diagnostic, RejectReason, Severity

MAX_DEPTH = 400
_SEVERITY = (
    RejectReason.PARSE,
    RejectReason.ADMIT,
    RejectReason.FORBIDDEN_CONSTRUCT,
    RejectReason.STATEMENT_MISMATCH,
    RejectReason.MISSING_DECLARATION,
    RejectReason.EXTRA_DECLARATION,
)


@dataclass(frozen=True)
class Violation:
    """One thing that the policy refuses, at offsets ``start`` to ``end`` of the candidate."""

    reason: RejectReason
    message: str
    start: int
    end: int

    def diagnostic(self, text: str) -> Diagnostic:
        """Return it as a diagnostic about ``text``."""
        return Diagnostic(
            severity=Severity.ERROR,
            message=self.message,
            start=position(text, self.start),
            end=position(text, self.end),
        )


def scan_definition(
    code: str,
    name: str,
    val_tokens: tuple[str, ...] = (),
    tactics: Iterable[str] = (),
    abbreviations: Mapping[str, str] | None = None,
) -> list[Violation]:
    """Scan a candidate that must define exactly ``name``; worst finding first, empty if clean.

    Args:
        code: the candidate's text.
        name: the short name asked for; an operator in brackets, as ``(+!)``.
        val_tokens: tokens of the asked ``val`` after the word ``val``; the candidate may repeat
            them, and nothing else.
        tactics: further tactic names that the context vouches for.
        abbreviations: the context's abbreviations of modules.
    """
    tokens = code_tokens(code)
    vouched = Vouched(frozenset(tactics), abbreviations or {})
    found = [*_scan_tokens(tokens, vouched, strict=True)]
    declarations = split_declarations(code)
    found += _scan_shape(declarations, name, val_tokens, len(code))
    return _worst_first(found)


def scan_module(
    code: str, tactics: Iterable[str] = (), abbreviations: Mapping[str, str] | None = None
) -> list[Violation]:
    """Scan a whole module: several declarations, and options from the closed list, are its
    right."""
    declarations = split_declarations(code)
    known = {**(abbreviations or {}), **abbreviated(declarations)}
    vouched = Vouched(frozenset(tactics), known)
    found = [*_scan_tokens(code_tokens(code), vouched, strict=False)]
    for index, declaration in enumerate(declarations):
        found += _scan_declaration(declaration, declarations[index + 1 :])
    return _worst_first(found)


def abbreviated(declarations: Iterable[Declaration]) -> dict[str, str]:
    """Return the abbreviations of modules that text declares (``module A = B``)."""
    texts = [[t.text for t in d.tokens] for d in declarations if d.keyword == "module"]
    return {t[1]: t[3] for t in texts if len(t) == 4 and t[2] == "="}


def local_renamings(code: str) -> list[Renaming]:
    """Variables that F* is shown under other spellings, so that their scope is F*'s to find.

    These are variables that are called like an escape hatch, and those that tactics bind.
    """
    tokens = code_tokens(code)
    hidden = [Renaming(name, occurrences(tokens, name)) for name in sorted(_local(tokens))]
    taken = {i for renaming in hidden for i in renaming.indices}
    return hidden + [r for r in tactic_renamings(tokens) if not taken.intersection(r.indices)]


def without_repeated_val(code: str, val_tokens: tuple[str, ...]) -> str:
    """Blank a leading ``val`` that repeats the asked one, since the checker declares it itself."""
    declarations = split_declarations(code)
    if declarations and _repeats(declarations[0], val_tokens):
        first = declarations[0]
        blank = "".join(c if c == "\n" else " " for c in code[first.start : first.end])
        return code[: first.start] + blank + code[first.end :]
    return code


def _worst_first(found: list[Violation]) -> list[Violation]:
    return sorted(found, key=lambda f: (_SEVERITY.index(f.reason), f.start))


def _at(where: Token | Declaration, reason: RejectReason, message: str) -> Violation:
    return Violation(reason, message, where.start, where.end)


def _scan_tokens(tokens: list[Token], vouched: Vouched, *, strict: bool) -> Iterator[Violation]:
    if max_depth(tokens) > MAX_DEPTH:
        message = f"brackets are nested deeper than {MAX_DEPTH}"
        yield _at(tokens[0], RejectReason.FORBIDDEN_CONSTRUCT, message)
    quote_chars = any(t.kind is Kind.CHAR and '"' in t.text for t in tokens)
    local = _local(tokens)
    for index, token in enumerate(tokens):
        if token.kind is Kind.IDENT:
            yield from _scan_identifier(tokens, index, local)
        else:
            yield from _scan_token(tokens, index, token, strict=strict)
        if token.kind is Kind.STRING and quote_chars:
            # Where '"' is a literal, a lexer that disagrees would read the strings as code.
            yield from _names_inside(token)
    for finding in scan_tactics(tokens, vouched):
        token = tokens[finding.index]
        yield _at(token, RejectReason.FORBIDDEN_CONSTRUCT, finding.message)


def _local(tokens: list[Token]) -> frozenset[str]:
    """Variables that are called like an escape hatch, and long enough to be spelt otherwise."""
    names = bound_throughout(tokens) & (ADMIT_NAMES | TACTIC_ENTRIES)
    return frozenset(name for name in names if len(name) >= SHORTEST_HIDDEN)


def _scan_token(
    tokens: list[Token], index: int, token: Token, *, strict: bool
) -> Iterator[Violation]:
    if token.kind is Kind.ERROR:
        yield _at(token, RejectReason.PARSE, f"not F* text: {token.text[:20]!r}")
    elif token.kind is Kind.PRAGMA:
        yield from _scan_pragma(tokens, index, strict=strict)
    elif token.kind is Kind.QUOTED_IDENT:
        message = "identifiers in double backticks are not allowed"
        yield _at(token, RejectReason.FORBIDDEN_CONSTRUCT, message)
    elif token.kind is Kind.KEYWORD:
        yield from _scan_keyword(token, strict=strict)
    elif token.kind is Kind.SYMBOL:
        yield from _scan_symbol(tokens, index, token, strict=strict)


def _scan_identifier(tokens: list[Token], index: int, local: frozenset[str]) -> Iterator[Violation]:
    """Every component counts: ``__.field`` is the hole ``__``, whatever is projected from it."""
    token = tokens[index]
    parts = components(token)
    if parts[0] in local and not after_projector(tokens, index):
        parts = parts[1:]
    for part in parts:
        if part in ADMIT_NAMES:
            yield _at(token, RejectReason.ADMIT, f"{part} proves anything")
        elif part in TACTIC_ENTRIES:
            message = f"{part} runs or builds metaprograms; use assert ... by (...)"
            yield _at(token, RejectReason.FORBIDDEN_CONSTRUCT, message)
        elif part.startswith(OURS):
            message = f"{part}: names that begin with {OURS} are the checker's own"
            yield _at(token, RejectReason.FORBIDDEN_CONSTRUCT, message)
    if any(ord(c) > 127 and not unicodedata.category(c).startswith("L") for c in token.text):
        message = f"identifier {token.text!r} holds a character that is no letter"
        yield _at(token, RejectReason.FORBIDDEN_CONSTRUCT, message)


def _scan_keyword(token: Token, *, strict: bool) -> Iterator[Violation]:
    if token.text == "assume":
        yield _at(token, RejectReason.ADMIT, "assume proves anything")
    elif token.text == "synth" or (strict and token.text in ("reify", "reflect")):
        message = f"{token.text} runs metaprograms; use assert ... by (...)"
        yield _at(token, RejectReason.FORBIDDEN_CONSTRUCT, message)
    elif strict and token.text in QUALIFIERS - ALLOWED_QUALIFIERS:
        yield _at(token, RejectReason.FORBIDDEN_CONSTRUCT, f"qualifier {token.text} is not allowed")


def _scan_symbol(
    tokens: list[Token], index: int, token: Token, *, strict: bool
) -> Iterator[Violation]:
    following = tokens[index + 1].text if index + 1 < len(tokens) else ""
    if token.text in ("~>", "↝"):
        message = "~> makes F* skip the other bindings"
        yield _at(token, RejectReason.FORBIDDEN_CONSTRUCT, message)
    elif token.text == "#" and following.startswith("["):
        message = "#[...] runs metaprograms"
        yield _at(token, RejectReason.FORBIDDEN_CONSTRUCT, message)
    elif token.text.startswith("[@"):
        yield from _scan_attribute(tokens, index, strict=strict)
    elif token.text == "`" and following == "`":
        yield _at(token, RejectReason.FORBIDDEN_CONSTRUCT, "nested backticks are not allowed")


def _scan_attribute(tokens: list[Token], index: int, *, strict: bool) -> Iterator[Violation]:
    """An attribute of an unknown name may register a handler, so the list of names is closed."""
    allowed = ALLOWED_ATTRIBUTES if strict else MODULE_ATTRIBUTES
    for token in tokens[index + 1 : closing(tokens, index)]:
        text = token.name.strip('"')
        named = token.kind in (Kind.IDENT, Kind.KEYWORD, Kind.QUOTED_IDENT)
        if text in ADMIT_ATTRIBUTES:
            yield _at(token, RejectReason.ADMIT, f"attribute {text} hides a failing proof")
        elif text not in allowed and (named or (strict and token.kind is Kind.STRING)):
            message = f"attribute {text} is not allowed"
            yield _at(token, RejectReason.FORBIDDEN_CONSTRUCT, message)


def _scan_pragma(tokens: list[Token], index: int, *, strict: bool) -> Iterator[Violation]:
    token = tokens[index]
    argument = tokens[index + 1] if index + 1 < len(tokens) else None
    text = argument.text[1:].removesuffix('"') if _is_string(argument) else ""
    if switches_proofs_off(text):
        yield _at(token, RejectReason.ADMIT, f"{token.text} switches proofs off")
        return
    harmless = token.text in ("#pop-options", "#restart-solver", "#set-options", "#push-options",
                              "#reset-options")  # fmt: skip
    why = unsafe_in_pragma(text) if harmless and not strict else None
    if strict or not harmless or why:
        message = f"{token.text} is not allowed" + (f": {why}" if why else "")
        yield _at(token, RejectReason.FORBIDDEN_CONSTRUCT, message)


def _names_inside(token: Token) -> Iterator[Violation]:
    for inner in code_tokens(token.text.strip('"')):
        if inner.name in ADMIT_NAMES or inner.text == "assume" or inner.kind is Kind.PRAGMA:
            message = f"{inner.name} in a string beside a '\"' literal"
            yield Violation(RejectReason.FORBIDDEN_CONSTRUCT, message, token.start, token.end)


def _is_string(token: Token | None) -> TypeGuard[Token]:
    return token is not None and token.kind is Kind.STRING


def _scan_declaration(declaration: Declaration, later: list[Declaration]) -> Iterator[Violation]:
    """What a declaration of a whole module may not be."""
    val = val_of(declaration)
    defining = {n for d in later if d.keyword in ("let", "type", "instance") for n in d.names}
    if val and val[0] not in defining:
        message = f"val {val[0]} has no definition after it"
        yield _at(declaration, RejectReason.MISSING_DECLARATION, message)
    for name in undefined_types(declaration):
        message = f"type {name} has no definition, which F* takes as an assumption"
        yield _at(declaration, RejectReason.MISSING_DECLARATION, message)
    if declaration.keyword == "friend":
        yield _at(declaration, RejectReason.FORBIDDEN_CONSTRUCT, "friend is not allowed")
    if declaration.keyword in EFFECT_DEFINITIONS or _defines_effect(declaration):
        message = f"{declaration.keyword} could state what an effect does not guarantee"
        yield _at(declaration, RejectReason.FORBIDDEN_CONSTRUCT, message)


def _defines_effect(declaration: Declaration) -> bool:
    """Whether it is ``effect { ... }``, by which newer F* defines one; else it abbreviates."""
    texts = [token.text for token in declaration.tokens]
    return declaration.keyword == "effect" and texts[texts.index("effect") + 1 :][:1] == ["{"]


def _repeats(declaration: Declaration, val_tokens: tuple[str, ...]) -> bool:
    val = val_of(declaration)
    return val is not None and bool(val_tokens) and val[1] == val_tokens


def _scan_shape(
    declarations: list[Declaration], name: str, val_tokens: tuple[str, ...], length: int
) -> Iterator[Violation]:
    """Exactly one ``let`` (or type abbreviation) of exactly the asked name."""
    if declarations and _repeats(declarations[0], val_tokens):
        declarations = declarations[1:]
    definitions = [d for d in declarations if d.keyword in ("let", "type")]
    for declaration in declarations:
        if declaration not in definitions:
            yield _stray(declaration, name)
    asked = [d for d in definitions if name in d.names]
    if not asked:
        message = f"the candidate does not define {name}"
        yield Violation(RejectReason.MISSING_DECLARATION, message, 0, length)
    for declaration in definitions:
        if declaration.names != (name,) or declaration is not asked[0]:
            names = ", ".join(declaration.names) or "a pattern"
            message = f"defines {names}; only {name} may be defined, once"
            yield _at(declaration, RejectReason.EXTRA_DECLARATION, message)
    if asked:
        yield from _scan_body(asked[0], name)


def _stray(declaration: Declaration, name: str) -> Violation:
    keyword = declaration.keyword
    if keyword == "val" and name in declaration.names:
        message = f"declares {name} at a type of its own"
        return _at(declaration, RejectReason.STATEMENT_MISMATCH, message)
    if keyword == "friend":
        return _at(declaration, RejectReason.FORBIDDEN_CONSTRUCT, "friend is not allowed")
    message = f"a declaration besides {name}: {keyword[:40]}"
    return _at(declaration, RejectReason.EXTRA_DECLARATION, message)


def _scan_body(declaration: Declaration, name: str) -> Iterator[Violation]:
    tokens = list(declaration.tokens)
    if declaration.keyword == "type":
        body = definition_of(tokens)
        texts = [t.text for t in body or ()]
        if not texts or texts[0] == "{" or "|" in texts:
            message = "a type with constructors or fields defines more than one name"
            yield _at(declaration, RejectReason.EXTRA_DECLARATION, message)
    elif not declaration.recursive:
        uses = [i for i in occurrences(tokens, name) if is_variable(tokens[i])]
        bound = binders(tokens)
        # The first is the definition's own head. F* finds the scope of a name that is bound again.
        if not bound.intersection(uses[1:]):
            for index in uses[1:]:
                message = f"{name} refers to itself without rec"
                yield _at(tokens[index], RejectReason.FORBIDDEN_CONSTRUCT, message)
