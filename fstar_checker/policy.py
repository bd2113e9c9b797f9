"""The policy on a candidate's tokens, applied before F* sees the text.

F* accepts many admits without a word, so its silence proves nothing. The scan knows comments,
strings and quotations; it refuses the names of F*'s escape hatches wherever they stand as code,
everything that changes options or attributes, and every tactic that is not on a short list: a
tactic
can build a term from the characters of a forbidden name, which no scan for names finds.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aludel.fstar_checker.lexer import Kind, Token, code_tokens, position, words
from aludel.fstar_checker.options import switches_proofs_off, unsafe_in_pragma
from aludel.fstar_checker.structure import (
    OPENERS,
    QUALIFIERS,
    Declaration,
    max_depth,
    split_declarations,
    val_of,
)
from aludel.models import Diagnostic, RejectReason, Severity

MAX_DEPTH = 400

ADMIT_NAMES = words(
    """__ admit admitP admit_ admit1 admit_all admit_dump admit_dump_t admit_smt_queries
    admit_termination assume_ assume_safe drop_ fadmit lax magic magicP magic_ magic_dump
    magic_dump_t smt_admit tadmit tadmit_t tadmit_all unsafe_coerce"""
)
"""Identifiers (last component) that prove or coerce anything.

``__`` is ``FStar.Tactics.PatternMatching.__ : #t:Type -> t``, assumed.
"""

ADMIT_ATTRIBUTES = words("""expect_failure expect_lax_failure admit_termination fail fail_lax""")

TACTIC_ENTRIES = words(
    """assert_by_tactic by_tactic by_tactic_seman postprocess_for_extraction_with postprocess_with
    postprocess_type preprocess_with rewrite_with_tactic run_tactic squash_by_tactic synth_by_tactic
    with_tactic pack pack_ln pack_fv pack_sigelt pack_comp unquote unsafe_tac_exec launch_process
    set_guard_policy set_options reflect reify splice splice_quals"""
)
"""Names that run a metaprogram outside ``by (...)``, or make terms from data."""

SAFE_TACTICS = words(
    """apply apply_lemma assumption branch clear clear_top compute cut destruct dump exact
    exists_intro explode flip focus
    forall_intro forall_intro_as forall_intros idtac implies_intro implies_intros intro intros
    iterAll iterAllSMT later left lor_elim mapply l_intro l_intros l_to_r norm nbe nth_binder
    or_else
    pointwise qed rename_to repeat repeat1 repeatn rewrite revert right seq simpl smt split
    t_trivial
    tlabel trefl trivial trivial' try_with try_rewrite_equality rewrite_all_equalities
    unfold_def whnf grewrite canon_semiring canon_semiring_with canon_monoid int_cr int_semiring
    tcresolve delta delta_only delta_fully delta_attr delta_namespace delta_unfold delta_qualifier
    hnf iota nbe primops simplify weak zeta zeta_full unascribe unmeta"""
)
"""Tactics and normalisation steps that only transform goals which F* then checks."""

ALLOWED_QUALIFIERS = frozenset(("inline_for_extraction", "noextract", "unfold"))
ALLOWED_ATTRIBUTES = frozenset(("inline_let",))
# What ``fun`` or ``let`` binds is known only under such a name: a longer one could be bound in one
# place and mean a tactic in another, and scoping is not followed here.
_BOUND_NAME = r"[a-z][0-9']*"
_TACTIC_GLUE = frozenset(
    ("fun", "let", "in", "begin", "end", "if", "then", "else", "match", "with")
)
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
    code: str, name: str, val_tokens: tuple[str, ...] = (), tactics: Iterable[str] = ()
) -> list[Violation]:
    """Scan a candidate that must define exactly ``name``; worst finding first, empty if clean.

    Args:
        code: the candidate's text.
        name: the short name asked for.
        val_tokens: tokens of the asked ``val`` after the word ``val``; the candidate may repeat
            them, and nothing else.
        tactics: further tactic names that the context vouches for.
    """
    tokens = code_tokens(code)
    found = [*_scan_tokens(tokens, frozenset(tactics), strict=True)]
    declarations = split_declarations(code)
    found += _scan_shape(declarations, name, val_tokens, len(code))
    return _worst_first(found)


def scan_module(code: str, tactics: Iterable[str] = ()) -> list[Violation]:
    """Scan a whole module: several declarations, and options from the closed list, are its
    right."""
    found = [*_scan_tokens(code_tokens(code), frozenset(tactics), strict=False)]
    declarations = split_declarations(code)
    defined = {n for d in declarations if d.keyword in ("let", "type", "instance") for n in d.names}
    for declaration in declarations:
        val = val_of(declaration)
        if val and val[0] not in defined:
            message = f"val {val[0]} has no definition"
            found.append(_at(declaration, RejectReason.MISSING_DECLARATION, message))
        if declaration.keyword == "friend":
            found.append(
                _at(declaration, RejectReason.FORBIDDEN_CONSTRUCT, "friend is not allowed")
            )
    return _worst_first(found)


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


def _scan_tokens(
    tokens: list[Token], tactics: frozenset[str], *, strict: bool
) -> Iterator[Violation]:
    if max_depth(tokens) > MAX_DEPTH:
        message = f"brackets are nested deeper than {MAX_DEPTH}"
        yield _at(tokens[0], RejectReason.FORBIDDEN_CONSTRUCT, message)
    quote_chars = any(t.kind is Kind.CHAR and '"' in t.text for t in tokens)
    for index, token in enumerate(tokens):
        yield from _scan_token(tokens, index, token, strict=strict)
        if token.kind is Kind.STRING and quote_chars:
            # Where '"' is a literal, a lexer that disagrees would read the strings as code.
            yield from _names_inside(token)
        if token.text == "by" and token.kind is Kind.KEYWORD:
            yield from _scan_tactic(tokens, index + 1, tactics)


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
    elif token.kind is Kind.IDENT:
        yield from _scan_identifier(token)
    elif token.kind is Kind.KEYWORD:
        yield from _scan_keyword(token, strict=strict)
    elif token.kind is Kind.SYMBOL:
        yield from _scan_symbol(tokens, index, token, strict=strict)


def _scan_identifier(token: Token) -> Iterator[Violation]:
    if token.name in ADMIT_NAMES:
        yield _at(token, RejectReason.ADMIT, f"{token.name} proves anything")
    elif token.name in TACTIC_ENTRIES:
        message = f"{token.name} runs or builds metaprograms; use assert ... by (...)"
        yield _at(token, RejectReason.FORBIDDEN_CONSTRUCT, message)
    elif any(ord(c) > 127 and not unicodedata.category(c).startswith("L") for c in token.text):
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
    for token in _group(tokens, index):
        text = token.name.strip('"')
        if text in ADMIT_ATTRIBUTES:
            yield _at(token, RejectReason.ADMIT, f"attribute {text} hides a failing proof")
        elif (
            strict
            and token.kind in (Kind.IDENT, Kind.STRING, Kind.KEYWORD)
            and (text not in ALLOWED_ATTRIBUTES)
        ):
            message = f"attribute {text} is not allowed"
            yield _at(token, RejectReason.FORBIDDEN_CONSTRUCT, message)


def _scan_pragma(tokens: list[Token], index: int, *, strict: bool) -> Iterator[Violation]:
    token = tokens[index]
    argument = tokens[index + 1] if index + 1 < len(tokens) else None
    text = argument.text.strip('"') if argument and argument.kind is Kind.STRING else ""
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


def _scan_tactic(tokens: list[Token], index: int, extra: frozenset[str]) -> Iterator[Violation]:
    """Check the argument of ``by``: a bracketed group or one identifier."""
    if index >= len(tokens):
        return
    group = _group(tokens, index) if tokens[index].text in OPENERS else [tokens[index]]
    bound = {t.text for i, t in enumerate(group) if i and group[i - 1].text in ("fun", "let")}
    quoted = _quoted(group)
    for i, token in enumerate(group):
        bound_here = token.text in bound and re.fullmatch(_BOUND_NAME, token.text)
        known = token.name in SAFE_TACTICS | extra or bound_here or i in quoted
        if token.kind is Kind.IDENT and not known:
            message = f"tactic {token.text} is not on the list of safe ones"
            yield _at(token, RejectReason.FORBIDDEN_CONSTRUCT, message)
        elif token.kind is Kind.KEYWORD and token.text not in _TACTIC_GLUE and i not in quoted:
            message = f"{token.text} is not allowed in a tactic"
            yield _at(token, RejectReason.FORBIDDEN_CONSTRUCT, message)
        elif token.text in ("`#", "`@"):
            message = "antiquotation is not allowed in a tactic"
            yield _at(token, RejectReason.FORBIDDEN_CONSTRUCT, message)


def _quoted(group: list[Token]) -> set[int]:
    """Indices of tokens under a backtick: a quoted term is scanned for names like any other."""
    inside: set[int] = set()
    for i, token in enumerate(group):
        if token.text in ("`", "`%") and i + 1 < len(group):
            length = len(_group(group, i + 1)) + 1 if group[i + 1].text in OPENERS else 1
            inside.update(range(i + 1, i + 1 + length))
    return inside


def _group(tokens: list[Token], opening: int) -> list[Token]:
    depth = 0
    for index in range(opening, len(tokens)):
        if tokens[index].text in OPENERS:
            depth += 1
        elif tokens[index].text in OPENERS.values():
            depth -= 1
            if depth == 0:
                return tokens[opening + 1 : index]
    return tokens[opening + 1 :]


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
    texts = [t.text for t in declaration.tokens]
    head = texts.index(name)
    if declaration.keyword == "type":
        after = texts[texts.index("=") + 1 :][:1] if "=" in texts else []
        if after in ([], ["|"], ["{"]) or (after and _is_constructor(texts)):
            message = "a type with constructors or fields defines more than one name"
            yield _at(declaration, RejectReason.EXTRA_DECLARATION, message)
    elif not declaration.recursive:
        for token in declaration.tokens[head + 1 :]:
            if token.kind is Kind.IDENT and token.text == name:
                message = f"{name} refers to itself without rec"
                yield _at(token, RejectReason.FORBIDDEN_CONSTRUCT, message)


def _is_constructor(texts: list[str]) -> bool:
    rest = texts[texts.index("=") + 1 :]
    return "|" in rest
