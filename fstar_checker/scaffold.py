"""The scaffold: fragments that F* is given before the candidate.

The order is: the module's header, the rest of its prefix, what the context opens, its options, the
asked ``val``. Each is a fragment of its own, so that a session keeps what the next request shares.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from itertools import pairwise

from aludel.errors import InvalidRequest
from aludel.fstar_checker.lexer import Kind, blank_comments, code_tokens
from aludel.fstar_checker.options import (
    check_options,
    render_options,
    split_options,
    switches_proofs_off,
)
from aludel.fstar_checker.session import Fragment
from aludel.fstar_checker.structure import (
    Declaration,
    definition_of,
    split_declarations,
    val_of,
)
from aludel.fstar_checker.wordlists import OURS
from aludel.models import FStarContext

DEFAULT_MODULE = "Candidate"
MODULE_PATTERN = r"[A-Z][A-Za-z0-9_']*(?:\.[A-Z][A-Za-z0-9_']*)*"
NAME_PATTERN = r"[a-z_][A-Za-z0-9_']*"
LONGEST_MODULE = 200
RESERVED_MODULES = frozenset(("Prims", "FStar.Pervasives", "FStar.Pervasives.Native"))
HARDENING = '#set-options "--warn_error @239@272@296"\n'
"""Makes errors of assumed types, top-level effects and admits by tactics: F* only warns of them."""
FOLDER_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_HEADER_KEYWORDS = ("module", "open", "include")
_MODULE_IN_TEXT = re.compile(r"\b[A-Z][A-Za-z0-9_']*(?:\.[A-Z][A-Za-z0-9_']*)*")


_SIGNS = {
    "&": "Amp", "@": "At", "+": "Plus", "-": "Subtraction", "/": "Slash", "<": "Less",
    "=": "Equals", ">": "Greater", "|": "Bar", "!": "Bang", "^": "Hat", "%": "Percent",
    "*": "Star", "?": "Question", ":": "Colon", "$": "Dollar", ".": "Dot", "~": "Tilde",
}  # fmt: skip


def symbol_of(name: str) -> str:
    """Return the name under which F* keeps a definition: an operator's is spelt out."""
    if not name.startswith("("):
        return name
    return "op_" + "_".join(_SIGNS[sign] for sign in name[1:-1])


@dataclass(frozen=True)
class Statement:
    """The asked ``val``: its short name, its text, and its tokens after the word ``val``."""

    name: str
    text: str
    tokens: tuple[str, ...]
    rest: str

    @property
    def is_operator(self) -> bool:
        """Whether an operator is declared; ``name`` is then ``(+!)``."""
        return self.name.startswith("(")

    @property
    def mentions_itself(self) -> bool:
        """Whether the type uses the name, which then means something else after the definition."""
        bare, own = (self.name[1:-1], 3) if self.is_operator else (self.name, 1)
        return bare in self.tokens[own:]

    def use(self) -> str:
        """Return a declaration that uses the name at the asked type, under an unguessable name."""
        probe = f"{OURS}probe_{secrets.token_hex(8)}"
        used = f"( {self.name[1:-1]} )" if self.is_operator else self.name
        return f"val {probe} {self.rest}\nlet {probe} = {used}\n"

    def total_use(self, code: str) -> str | None:
        """Return a function that computes the definition's value, which F* must find total.

        A definition with arguments, or of a function expression, is a value and has no effect of
        its own: None then, as for a type.
        """
        declarations = [d for d in split_declarations(code) if d.keyword == "let"]
        if len(declarations) != 1 or declarations[0].recursive or self.is_operator:
            return None
        tokens = declarations[0].tokens
        head = [t.text for t in tokens].index("let") + 1
        body = definition_of(tokens)
        if tokens[head + 1].text not in (":", "=") or not body:
            return None
        if body[0].text in ("fun", "function"):
            return None
        probe = f"{OURS}probe_{secrets.token_hex(8)}"
        unit = f"{probe}_unit"
        rest = code[tokens[head].end : tokens[-1].end].strip()
        return f"val {probe} ({unit}: unit) {self.rest}\nlet {probe} {unit} {rest}\n"


@dataclass(frozen=True)
class Plan:
    """What a session must hold before the candidate.

    Attributes:
        module: the module; its file is ``<module>.fst``.
        dataset: folder of sources and checked files, or None.
        text: the whole text that F* computes dependencies from.
        fragments: in the order of pushing.
        fields: the request's field that each fragment comes from.
        statement: the asked ``val``, or None when a whole module is judged.
    """

    module: str
    dataset: str | None
    text: str
    fragments: tuple[Fragment, ...]
    fields: tuple[str, ...]
    statement: Statement | None

    @property
    def modules(self) -> frozenset[str]:
        """Module names that the text mentions: F* loads dependencies from them, once."""
        return frozenset(_MODULE_IN_TEXT.findall(self.text))

    @property
    def next_line(self) -> int:
        """The line at which the candidate begins."""
        return self.fragments[-1].next_line if self.fragments else 1


def parse_statement(text: str) -> Statement:
    """Read ``val NAME : TYPE``, qualifiers allowed before it.

    Raises:
        InvalidRequest: it is not exactly one ``val``.
    """
    declarations = split_declarations(text)
    val = val_of(declarations[0]) if len(declarations) == 1 else None
    wrong = any(t.kind in (Kind.ERROR, Kind.PRAGMA, Kind.QUOTED_IDENT) for t in code_tokens(text))
    named = val is not None and (val[0].startswith("(") or re.fullmatch(NAME_PATTERN, val[0]))
    if val is None or wrong or not named:
        message = "an F* statement is one declaration 'val NAME : TYPE'"
        raise InvalidRequest(message, field="statement")
    if val[0].startswith(OURS):
        message = f"names that begin with {OURS} are the checker's own"
        raise InvalidRequest(message, field="statement", fix="name the definition otherwise")
    clean = blank_comments(text).strip() + "\n"
    tokens = code_tokens(clean)
    first = [t.text for t in tokens].index("val") + 1
    name = tokens[first + 2 if val[0].startswith("(") else first]
    return Statement(val[0], clean, val[1], clean[name.end :].strip())


def plan(
    context: FStarContext,
    statement: str | None,
    *,
    z3rlimit: int | None = None,
    checked_files: bool = False,
    warn_error: bool = False,
) -> Plan:
    """Lay out the fragments for a context and the asked ``val``, if there is one.

    Args:
        z3rlimit: solver budget that overrides the context's.
        checked_files: whether this F* loads checked files; the prefix stands in otherwise.
        warn_error: whether this F* makes warnings errors when asked to.

    Raises:
        InvalidRequest: the context contradicts itself or holds an option that is not allowed.
    """
    asked = parse_statement(statement) if statement is not None else None
    module, pieces = _module_pieces(context)
    if asked is not None:
        pieces = _without_val(pieces, asked.name)
    until = context.until if checked_files else None
    parts = [*_head(context, module, pieces, until), *_option_parts(context, z3rlimit)]
    parts += [("context.options", HARDENING)] if warn_error else []
    parts += [("statement", asked.text)] if asked is not None else []
    fields, texts = tuple(field for field, _ in parts), [text for _, text in parts]
    fragments = _lay_out(texts)
    if until is not None:
        fields = ("context.until", *fields)
        fragments = (Fragment("", 1, checked_until=until), *fragments)
    return Plan(module, context.dataset, "".join(texts), fragments, fields, asked)


def _head(
    context: FStarContext, module: str, pieces: list[str], until: str | None
) -> list[tuple[str, str]]:
    """The fragments that make the module, with the field that each comes from."""
    opens = render_opens(context)
    if until is not None:
        return [("context.opens", f"{opens}open {module}\n")]
    if pieces:
        parts = [("context.prefix", piece) for piece in pieces]
        return [*parts, ("context.opens", opens)] if opens else parts
    if context.until is not None:
        message = "this F* loads no checked files, and there is no prefix text to stand in"
        raise InvalidRequest(message, field="context.prefix", fix="give the text before it")
    return [("context.opens", f"module {module}\n{opens}")]


def render_opens(context: FStarContext) -> str:
    """Write the ``open`` and ``module A = B`` lines of a context.

    Raises:
        InvalidRequest: an entry is not ``Module`` or ``A=Module``; names its index.
    """
    lines = []
    for index, entry in enumerate(context.opens):
        name, _, target = (part.strip() for part in entry.partition("="))
        if not all(re.fullmatch(MODULE_PATTERN, part) for part in (name, target or name)):
            message = f"{entry!r} is neither 'Module' nor 'A=Module'"
            raise InvalidRequest(message, field=f"context.opens.{index}")
        lines.append(f"module {name} = {target}\n" if target else f"open {name}\n")
    return "".join(lines)


def candidate_fragment(layout: Plan, code: str) -> Fragment:
    """Return the candidate as it is pushed: comments blanked, positions kept."""
    text = blank_comments(code)
    return Fragment(text if text.endswith("\n") else text + "\n", layout.next_line)


def module_of(code: str) -> str | None:
    """Return the module that ``code`` declares with its header, or None."""
    texts = [t.text for t in code_tokens(code)[:3]]
    return texts[1] if len(texts) > 1 and texts[0] == "module" and texts[2:] != ["="] else None


def split_module(code: str) -> tuple[str, str]:
    """Split a module's text after its leading ``module`` and ``open`` lines (comments blanked)."""
    text = blank_comments(code)
    end = 0
    for declaration in split_declarations(text):
        if declaration.keyword not in _HEADER_KEYWORDS:
            end = declaration.start
            break
        end = len(text)
    line_start = text.rfind("\n", 0, end) + 1 if end < len(text) else end
    if text[line_start:end].strip():
        line_start = end
    return text[:line_start], text[line_start:]


def _module_pieces(context: FStarContext) -> tuple[str, list[str]]:
    """The module's name and the pieces of its prefix; none without a prefix of its own header."""
    declared = module_of(context.prefix)
    module = context.module or declared or DEFAULT_MODULE
    _check_module(module)
    if context.dataset is not None and not re.fullmatch(FOLDER_PATTERN, context.dataset):
        raise InvalidRequest(f"{context.dataset!r} is not a folder name", field="context.dataset")
    if declared and declared != module:
        message = f"the prefix declares module {declared}, not {module}"
        raise InvalidRequest(message, field="context.prefix", fix="make the two agree")
    _refuse_open_switches(context.prefix)
    if not context.prefix.strip():
        return module, []
    if declared:
        return module, [p for p in split_module(context.prefix + "\n") if p]
    return module, [f"module {module}\n", blank_comments(context.prefix) + "\n"]


def _check_module(module: str) -> None:
    if not re.fullmatch(MODULE_PATTERN, module) or len(module) > LONGEST_MODULE:
        fix = "use words of letters and digits that begin with a capital, joined by dots"
        message = f"{module[:LONGEST_MODULE]!r} is not a module name"
        raise InvalidRequest(message, field="context.module", fix=fix)
    if module in RESERVED_MODULES:
        message = f"{module} is built into F*, which every module rests on"
        raise InvalidRequest(message, field="context.module", fix="name another module")


def _refuse_open_switches(prefix: str) -> None:
    """The prefix is trusted, but an option that it leaves in force would judge the candidate."""
    tokens = code_tokens(prefix)
    if any(t.kind is Kind.ERROR for t in tokens):
        raise InvalidRequest("the prefix has an open comment or string", field="context.prefix")
    for pragma, argument in pairwise(tokens):
        if pragma.kind is Kind.PRAGMA and switches_proofs_off(argument.text):
            message = f"{pragma.text} {argument.text} switches proofs off"
            raise InvalidRequest(message, field="context.prefix")


def _without_val(pieces: list[str], name: str) -> list[str]:
    """Blank a ``val`` of the asked name in the prefix: the checker declares it itself."""
    cleaned = []
    for piece in pieces:
        text = piece
        for declaration in split_declarations(piece):
            if declaration.keyword == "val" and declaration.names == (name,):
                text = _blank(text, declaration)
        cleaned.append(text)
    return cleaned


def _blank(text: str, declaration: Declaration) -> str:
    inside = text[declaration.start : declaration.end]
    blank = "".join(c if c == "\n" else " " for c in inside)
    return text[: declaration.start] + blank + text[declaration.end :]


def _option_parts(context: FStarContext, z3rlimit: int | None) -> list[tuple[str, str]]:
    words: list[str] = []
    for entry in context.options:
        words += split_options(entry) if entry.startswith("--") else [entry]
    pairs = check_options(words)
    if z3rlimit is not None:
        pairs.append(("--z3rlimit", str(z3rlimit)))
    return [("context.options", f'#set-options "{render_options(pairs)}"\n')] if pairs else []


def _lay_out(texts: list[str]) -> tuple[Fragment, ...]:
    fragments: list[Fragment] = []
    line = 1
    for text in texts:
        fragments.append(Fragment(text, line))
        line = fragments[-1].next_line
    return tuple(fragments)
