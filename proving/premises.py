"""Premise retrieval: lemmas of an import set, ranked by the symbols shared with a goal."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import tempfile
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from aludel.distribution import needs
from aludel.errors import RunFileError
from aludel.goals import GoalState
from aludel.jsonl import lines_of
from aludel.models import Toolchain, canonical_json
from aludel.problems import Hint, Problem, TheoremProblem
from aludel.proving.generators import Proposals, TacticGenerator

RETRIEVER = "bm25-1"
_PRINTED_AT_ONCE = 1_000
KEPT = 8
"""Import sets whose lemmas are kept in memory, the last that were asked for."""
# Made for every definition and type; nobody would cite them.
MADE = re.compile(
    r"\._|^Lean\.|\.match_\d|\.(?:eq_\d+|eq_def|injEq|inj|sizeOf_spec|congr_simp|hcongr_\d+|elim"
    r"|noConfusion|brecOn|mutual_induct|fun_cases_unfolding|induct_unfolding|inst\w*)$"
)
_TOKEN = re.compile(r"[^\W\d_][\w'!?]*(?:\.[\w'!?]+)*|\.[\w'!?]+|[^\w\s(){}\[\],.:;⊢✝⦃⦄«»]+")
_VARIABLE = re.compile(r"[^\W\d_][\d₀-₉'✝]*|[a-z]{1,2}s?[\d₀-₉'✝]*|inst\w*")


def terms(text: str) -> list[str]:
    """Return the symbols of a printed statement or goal: notations and names, variables left out.

    Of ``List.length l`` and ``l.length`` the common part is taken, the name's last component.
    """
    found = []
    for token in _TOKEN.findall(text):
        name = token.rsplit(".", 1)[-1]
        if "." in token or not _VARIABLE.fullmatch(name):
            found.append(name)
    return found


class PremiseIndex:
    """BM25 over the symbols of lemmas' statements (rank-bm25's Okapi). Thread-safe."""

    def __init__(self, lemmas: Iterable[Hint]) -> None:
        self._lemmas = [lemma for lemma in lemmas if lemma.statement]
        corpus = [terms(lemma.statement) for lemma in self._lemmas]
        needs("lean", "rank_bm25")
        from rank_bm25 import BM25Okapi

        self._index = BM25Okapi(corpus) if any(corpus) else None

    def find(self, text: str, count: int, exclude: Collection[str] = ()) -> tuple[Hint, ...]:
        """Return up to ``count`` lemmas that share symbols with ``text``, the most alike first.

        Ties fall to the order of the lemmas; those named in ``exclude`` are left out.
        """
        found = itertools.islice(self._ranked(text), count + len(exclude))
        return tuple(lemma for lemma, _ in found if lemma.name not in exclude)[:count]

    def scored(self, text: str) -> dict[str, float | None]:
        """Return the names of all lemmas that share symbols, with their scores, the best first."""
        return {lemma.name: score for lemma, score in self._ranked(text)}

    def _ranked(self, text: str) -> Iterator[tuple[Hint, float]]:
        asked = terms(text)
        if self._index is None or not asked:
            return
        scores = self._index.get_scores(asked)
        for i in (-scores).argsort(kind="stable"):
            if scores[i] <= 0:
                return
            yield self._lemmas[i], float(scores[i])


class _Listed(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def type(self) -> str | None: ...


class TheoremSource(Protocol):
    """The source of the theorems of an import set: a Lean server, or a test's fake."""

    @property
    def toolchain(self) -> Toolchain:
        """The toolchain whose library it is."""
        ...

    def theorem_names(self, imports: tuple[str, ...]) -> list[str]:
        """Return the names of an import set's theorems, sorted."""
        ...

    def theorems(
        self, imports: tuple[str, ...], *, names: tuple[str, ...], statements: bool
    ) -> Sequence[_Listed]:
        """Return some of them, with their printed statements."""
        ...


class Library:
    """Indices over import sets, made when they are first asked for. Thread-safe.

    Printing the statements takes about a millisecond each, so they are kept in a file.

    Args:
        source: prints the statements.
        folder: where files are kept, one for each toolchain and import set.
    """

    def __init__(self, source: TheoremSource, folder: Path) -> None:
        self._source = source
        self._folder = folder
        self._indices = lru_cache(KEPT)(lambda imports: PremiseIndex(self._lemmas(imports)))
        self._lock = threading.Lock()

    def find(
        self, text: str, imports: tuple[str, ...], count: int, exclude: Collection[str] = ()
    ) -> tuple[Hint, ...]:
        """Return lemmas of an import set; see :meth:`PremiseIndex.find`.

        Raises:
            InvalidRequest: an import does not exist.
            BackendUnavailable: the prover failed.
        """
        return self.index(imports).find(text, count, exclude)

    def index(self, imports: tuple[str, ...]) -> PremiseIndex:
        """Return the index of an import set; raises as :meth:`find`."""
        with self._lock:
            return self._indices(imports)

    def help(self, problem: Problem, count: int) -> Problem:
        """Return a Lean problem with ``count`` premises; a theorem is never its own premise."""
        if not isinstance(problem, TheoremProblem):
            return problem
        premises = self.find(problem.statement, problem.imports, count, {problem.name})
        return problem.model_copy(update={"premises": premises})

    def _lemmas(self, imports: tuple[str, ...]) -> list[Hint]:
        key = canonical_json([self._source.toolchain.digest, list(imports), MADE.pattern])
        path = self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.jsonl"
        if not path.exists():
            write_rows(path, (lemma.model_dump() for lemma in self._printed(imports)))
        text = path.read_text(encoding="utf-8")
        return [Hint.model_validate_json(line) for _, line in lines_of(text)]

    def _printed(self, imports: tuple[str, ...]) -> Iterator[Hint]:
        found = self._source.theorem_names(imports)
        names = [name for name in found if not MADE.search(name)]
        for start in range(0, len(names), _PRINTED_AT_ONCE):
            some = tuple(names[start : start + _PRINTED_AT_ONCE])
            for theorem in self._source.theorems(imports, names=some, statements=True):
                yield Hint(name=theorem.name, statement=theorem.type or "")


class PremisedTactics:
    """A :class:`~aludel.proving.generators.TacticGenerator` that gives another one premises.

    Args:
        generator: proposes the tactics.
        library: where premises are retrieved, for each state anew.
        problem: whose states these are; it is never its own premise.
        count: premises for each state.
    """

    def __init__(
        self, generator: TacticGenerator, library: Library, problem: TheoremProblem, count: int
    ) -> None:
        self._generator = generator
        self._library = library
        self._problem = problem
        self._count = count

    @property
    def name(self) -> str:
        """The name under which attempts are filed."""
        return self._generator.name

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the proposals."""
        return {**self._generator.settings, "premises": self._count, "retriever": RETRIEVER}

    def tactics(self, state: GoalState, count: int, premises: Sequence[Hint] = ()) -> Proposals:
        """Propose tactics; lemmas that the state's first goal reminds of come after ``premises``.

        Raises as the generator's ``tactics``, and as :meth:`Library.find`.
        """
        text = state.goals[0].pretty if state.goals else ""
        problem = self._problem
        found = self._library.find(text, problem.imports, self._count, {problem.name})
        return self._generator.tactics(state, count, (*premises, *found))


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a kept list, one row a line, whole or not at all.

    Raises:
        RunFileError: the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".premises.")
    except OSError as error:
        raise RunFileError(
            f"cannot be written: {error.strerror}",
            field=str(path.parent),
            fix="free space or make the folder writable",
        ) from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            for row in rows:
                stream.write(json.dumps(row, ensure_ascii=False) + "\n")
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
