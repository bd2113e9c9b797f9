"""Search for lemmas in kept lists of names and words, and by a prover."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

from aludel.distribution import needs
from aludel.jsonl import lines_of
from aludel.lemma_search import (
    FoundLemma,
    LemmaMatch,
    LemmaSearch,
    LemmasFound,
    LemmaSource,
    ListedLemma,
    goal_header,
    names_match,
    pattern_of,
)
from aludel.models import canonical_json
from aludel.provers import AnyProver
from aludel.proving.premises import KEPT, MADE, Library, write_rows
from aludel.proving.words import words_of, words_of_name
from aludel.settings import Settings

_LISTED = "listed-1"
_MOST_NAMED = 20_000
_TOO_MANY = "only the first lemmas that the other criteria allow were tried"


class Listing:
    """The lemmas of an import set by name and by words. Thread-safe; the index is made once."""

    def __init__(self, lemmas: Iterable[ListedLemma]) -> None:
        self.by_name = {lemma.name: lemma for lemma in lemmas if not MADE.search(lemma.name)}
        self._lock = threading.Lock()
        self._words: WordIndex | None = None

    def named(self, wanted: str) -> dict[str, float | None]:
        """Return the names that match a part or a glob, the shortest first."""
        matches = names_match(wanted)
        found = sorted((len(name), name) for name in self.by_name if matches(name))
        return {name: None for _, name in found}

    def worded(self, text: str) -> dict[str, float | None]:
        """Return the names of lemmas that share words with a text, the most alike first."""
        with self._lock:
            if self._words is None:
                self._words = WordIndex(list(self.by_name.values()))
            words = self._words
        return words.find(text)


class WordIndex:
    """BM25 over the words of names and docstrings."""

    def __init__(self, lemmas: Sequence[ListedLemma]) -> None:
        needs("lean", "rank_bm25")
        from rank_bm25 import BM25Okapi

        self._names = [lemma.name for lemma in lemmas]
        corpus = [words_of_name(lemma.name) + words_of(lemma.doc or "") for lemma in lemmas]
        self._index = BM25Okapi(corpus) if any(corpus) else None

    def find(self, text: str) -> dict[str, float | None]:
        """Return the names that share words with ``text``, with their scores, the best first."""
        asked = words_of_name(text)
        if self._index is None or not asked:
            return {}
        scores = self._index.get_scores(asked)
        best = (-scores).argsort(kind="stable")
        return {self._names[i]: float(scores[i]) for i in best if scores[i] > 0}


class LemmaLibrary:
    """Answers searches; an `aludel.lemma_search.Lemmas`. Thread-safe.

    What a prover says about an import set is kept in files.

    Args:
        source: the prover.
        symbols: finds by shared symbols.
        folder: where lists are kept, one for each toolchain and import set.
    """

    def __init__(self, source: LemmaSource, symbols: Library, folder: Path) -> None:
        self._source = source
        self._symbols = symbols
        self._folder = folder
        self._lock = threading.Lock()
        self._listings = lru_cache(KEPT)(lambda imports: Listing(self._listed(imports)))

    def search(self, asked: LemmaSearch) -> LemmasFound:
        """Return lemmas that meet every criterion; see :class:`aludel.lemma_search.Lemmas`."""
        among = self._among(asked)
        if among is not None and not among:
            return LemmasFound(lemmas=())
        if asked.pattern.strip() or asked.proves.strip():
            return self._matched(asked, among)
        chosen = list(among or ())[: asked.count]
        return LemmasFound(lemmas=self._described(asked.imports, chosen, among or {}))

    def _among(self, asked: LemmaSearch) -> dict[str, float | None] | None:
        """The names that the criteria of kept lists leave, in their order; None where none asks."""
        rankings = []
        if asked.text.strip():
            rankings.append(self._symbols.index(asked.imports).scored(asked.text))
        if asked.words.strip():
            rankings.append(self._listing(asked.imports).worded(asked.words))
        if asked.name.strip():
            rankings.append(self._listing(asked.imports).named(asked.name.strip()))
        if not rankings:
            return None
        first, *others = rankings
        return {n: score for n, score in first.items() if all(n in other for other in others)}

    def _matched(self, asked: LemmaSearch, among: Mapping[str, float | None] | None) -> LemmasFound:
        pattern, conclusion = pattern_of(asked.pattern)
        names = None if among is None else tuple(among)
        found = self._source.match(
            LemmaMatch(
                imports=asked.imports,
                count=asked.count,
                wall_s=asked.wall_s,
                pattern=pattern,
                conclusion=conclusion,
                goal=goal_header(asked.proves) if asked.proves.strip() else "",
                names=None if names is None else names[:_MOST_NAMED],
            )
        )
        lemmas = tuple(
            lemma.model_copy(update={"score": (among or {}).get(lemma.name)})
            for lemma in found.lemmas
        )
        if names is not None and len(names) > _MOST_NAMED and len(lemmas) < asked.count:
            return LemmasFound(lemmas=lemmas, complete=False, message=found.message or _TOO_MANY)
        return found.model_copy(update={"lemmas": lemmas})

    def _described(
        self, imports: tuple[str, ...], names: Sequence[str], scores: Mapping[str, float | None]
    ) -> tuple[FoundLemma, ...]:
        printed = {lemma.name: lemma for lemma in self._source.printed(imports, names)}
        return tuple(
            printed[name].model_copy(update={"score": scores.get(name)})
            for name in names
            if name in printed
        )

    def _listing(self, imports: tuple[str, ...]) -> Listing:
        with self._lock:
            return self._listings(imports)

    def _listed(self, imports: tuple[str, ...]) -> Iterable[ListedLemma]:
        key = canonical_json([_LISTED, self._source.toolchain.digest, list(imports)])
        path = self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.jsonl"
        if not path.exists():
            write_rows(path, map(asdict, self._source.listing(imports)))
        text = path.read_text(encoding="utf-8")
        return [ListedLemma(**json.loads(line)) for _, line in lines_of(text)]


def library_opener(prover: AnyProver) -> Callable[[Path], LemmaLibrary]:
    """Return what opens libraries of a prover, whose lists are kept in a folder.

    Raises:
        AbilityMissing: the prover is no Lean, or one that is judged by exports.
    """
    source, operations = prover.lemmas, prover.operations
    return lambda folder: LemmaLibrary(source, Library(operations, folder), folder)


def open_library(prover: AnyProver, settings: Settings) -> LemmaLibrary:
    """Return the library of a prover; raises as :func:`library_opener`."""
    return library_opener(prover)(settings.premises_dir)
