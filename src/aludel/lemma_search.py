"""Search for lemmas: what is asked, what is found, and who answers.

Criteria are combined: a lemma that is found meets each one that is given. They are ranked by the
first of ``proves``, ``text``, ``words``, ``pattern`` and ``name`` that is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, Self

from pydantic import Field, ValidationError, model_validator

from aludel.errors import InvalidRequest
from aludel.models import MAX_STATEMENT_BYTES, Model, Toolchain

MOST_LEMMAS = 100
MAX_PATTERN_CHARS = 2_000
MAX_WORDS_CHARS = 1_000
MAX_SEARCH_S = 600.0
CRITERIA = ("proves", "text", "words", "pattern", "name")
_TURNSTILE = ("⊢", "|-")
_CASE = re.compile(r"^case\b.*$", re.MULTILINE)
_HEADER = re.compile(r"^(?:theorem|lemma|example|def|abbrev)\b")
_COLON = re.compile(r":(?!=)")
_NO_NAMES = re.compile(r"[:()\[\]{}]")


class LemmaSearch(Model):
    """A question for lemmas; at least one criterion is given.

    Attributes:
        text: a statement or goal, as Lean prints it, whose symbols the lemmas share.
        pattern: a Lean term with holes, ``_`` or ``?a``, that stands in the lemmas' statements; the
            same ``?a`` twice is the same term. After ``⊢`` it is the whole conclusion.
        name: a part of the lemmas' names in any case, or a glob where ``*`` stands for anything.
        words: English words that stand in the lemmas' names or docstrings.
        proves: a statement, goal or proposition that the lemmas' conclusions may prove.
        imports: the import set.
        count: lemmas at most.
        wall_s: seconds that the search may take, once what it searches is known.
    """

    text: str = Field(default="", max_length=MAX_STATEMENT_BYTES)
    pattern: str = Field(default="", max_length=MAX_PATTERN_CHARS)
    name: str = Field(default="", max_length=MAX_WORDS_CHARS)
    words: str = Field(default="", max_length=MAX_WORDS_CHARS)
    proves: str = Field(default="", max_length=MAX_STATEMENT_BYTES)
    imports: tuple[str, ...] = Field(default=("Init",), max_length=200)
    count: int = Field(default=10, ge=1, le=MOST_LEMMAS)
    wall_s: float = Field(default=30.0, gt=0, le=MAX_SEARCH_S, allow_inf_nan=False)

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not any(getattr(self, name).strip() for name in CRITERIA):
            raise ValueError(f"give at least one of {', '.join(CRITERIA)}")
        return self


def search_of(**given: object) -> LemmaSearch:
    """Return a question.

    Raises:
        InvalidRequest: a value does not fit; ``field`` names it.
    """
    try:
        return LemmaSearch.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or None
        message = first["msg"].removeprefix("Value error, ")
        raise InvalidRequest(message, field=field, fix="see `LemmaSearch`") from error


class FoundLemma(Model):
    """A lemma that was found.

    Attributes:
        name: its full name.
        module: where it is declared.
        statement: its type, as Lean prints it.
        doc: the first sentence of its docstring; None where there is none, or the toolchain holds
            no docstrings.
        score: the BM25 score, where ``text`` or ``words`` rank.
        place: whether the pattern stands in the conclusion or in a hypothesis.
        premises_left: what is left to prove after applying it, where ``proves`` ranks.
    """

    name: str
    module: str | None = None
    statement: str
    doc: str | None = None
    score: float | None = None
    place: Literal["conclusion", "hypothesis"] | None = None
    premises_left: tuple[str, ...] | None = None


class LemmasFound(Model):
    """The answer of a search.

    Attributes:
        lemmas: the best first.
        complete: whether each lemma of the imports was considered, or ``count`` were found; not so
            where a budget ran out: there may be others, or better ones.
        message: what ran out.
    """

    lemmas: tuple[FoundLemma, ...]
    complete: bool = True
    message: str | None = None


@dataclass(frozen=True)
class ListedLemma:
    """A lemma of an import set: its name, its module, and its docstring if there is one."""

    name: str
    module: str
    doc: str | None = None


@dataclass(frozen=True)
class LemmaMatch:
    """What only a prover can answer: which lemmas a pattern matches, or a goal calls for.

    Attributes:
        imports: the import set.
        count: lemmas at most.
        wall_s: seconds that it may take.
        pattern: a term with holes; empty for none.
        conclusion: whether the pattern is the whole conclusion.
        goal: the header of a theorem; empty for none.
        names: only these; a pattern tries them in this order.
    """

    imports: tuple[str, ...]
    count: int
    wall_s: float
    pattern: str = ""
    conclusion: bool = False
    goal: str = ""
    names: tuple[str, ...] | None = None


class Lemmas(Protocol):
    """Who answers. Safe to call from several threads."""

    def search(self, asked: LemmaSearch) -> LemmasFound:
        """Return lemmas that meet every criterion.

        Raises:
            InvalidRequest: an import does not exist, or a pattern or goal is none.
            BackendUnavailable: the prover failed.
        """
        ...


class LemmaSource(Protocol):
    """A prover's part of the answer. Safe to call from several threads."""

    @property
    def toolchain(self) -> Toolchain:
        """The toolchain whose library it is."""
        ...

    def listing(self, imports: tuple[str, ...]) -> Sequence[ListedLemma]:
        """Return every theorem of an import set that a person could name."""
        ...

    def printed(self, imports: tuple[str, ...], names: Sequence[str]) -> Sequence[FoundLemma]:
        """Return some of them with their statements, in no particular order."""
        ...

    def match(self, asked: LemmaMatch) -> LemmasFound:
        """Return lemmas by a pattern or for a goal."""
        ...


def pattern_of(text: str) -> tuple[str, bool]:
    """Return a pattern without its turnstile, and whether it had one."""
    stripped = text.strip()
    for sign in _TURNSTILE:
        if stripped.startswith(sign):
            return stripped.removeprefix(sign).strip(), True
    return stripped, False


def goal_header(text: str) -> str:
    """Return the header of a theorem for a statement, a goal as Lean prints it, or a proposition.

    Raises:
        InvalidRequest: a line before the goal is no hypothesis.
    """
    stripped = text.strip()
    if _HEADER.match(stripped):
        return re.sub(r"^(?:lemma|example)\b", "theorem _goal_" if stripped.startswith("example")
                      else "theorem", stripped)  # fmt: skip
    before, turnstile, target = stripped.partition("⊢")
    if not turnstile:
        return f"theorem _goal_ : {stripped}"
    binders = "".join(_binder(entry) for entry in _entries(_CASE.sub("", before)))
    return f"theorem _goal_{binders} : {_accessible(target.strip())}"


def _entries(text: str) -> list[str]:
    """The hypotheses of a goal; a line that is indented goes on with the one before."""
    entries: list[str] = []
    for line in filter(str.strip, text.splitlines()):
        if line[0].isspace() and entries:
            entries[-1] += " " + line.strip()
        else:
            entries.append(line.strip())
    return entries


def _binder(entry: str) -> str:
    colon = _COLON.search(entry)
    declared = entry[: colon.start()].rstrip() if colon else ""
    if colon is None or not declared or _NO_NAMES.search(declared):
        raise InvalidRequest(
            f"{entry[:80]!r} is no hypothesis",
            field="proves",
            fix="give a statement, a proposition, or a goal as Lean prints it",
        )
    stated = entry[colon.end() :].lstrip()
    names, kind = _accessible(declared), _accessible(stated.split(" := ", 1)[0])
    return f" [{kind}]" if names.startswith("inst_") else f" ({names} : {kind})"


def _accessible(text: str) -> str:
    """Names that Lean marks as out of reach, as ones that can be written."""
    return text.replace("✝", "_")


def names_match(wanted: str) -> Callable[[str], bool]:
    """Return what tells the names that a criterion asks for, in time linear in a name.

    With ``*`` it is a glob over the whole name; ``?`` stands for itself, for names hold it.
    """
    first, *others = wanted.split("*")
    if not others:
        folded = first.casefold()
        return lambda name: folded in name.casefold()
    *middle, last = others

    def matches(name: str) -> bool:
        end = len(name) - len(last)
        at = len(first)
        if at > end or not (name.startswith(first) and name.endswith(last)):
            return False
        for piece in middle:
            found = name.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True

    return matches


_SENTENCE = re.compile(r"(.+?[.!?])(?:\s+[A-Z`(*]|\s*\Z|\s*\n\s*\n)", re.DOTALL)


def first_sentence(doc: str) -> str:
    """Return the first sentence of a docstring, in one line."""
    text = doc.strip()
    found = _SENTENCE.match(text)
    return " ".join((found[1] if found else text.split("\n\n", 1)[0]).split())
