"""Similar problems for a prompt: BM25 over the tokens of types."""

from __future__ import annotations

from collections.abc import Sequence

from aludel.distribution import needs
from aludel.fstar_checker.dataset import Definition
from aludel.fstar_checker.lexer import Kind, code_tokens, words

_WORDS = (Kind.IDENT, Kind.KEYWORD, Kind.SYMBOL, Kind.NUMBER)
_COMMON = words("( ) [ ] { } , ; : . ->")


class SimilarProblems:
    """An index over solved problems; ranks them by how alike their types are to a given one."""

    def __init__(self, problems: Sequence[Definition]) -> None:
        self._problems = [p for p in problems if p.statement and p.source_definition]
        corpus = [_terms(p) for p in self._problems]
        needs("fstar", "rank_bm25")
        from rank_bm25 import BM25Okapi

        self._index = BM25Okapi(corpus) if corpus else None

    def most_similar(self, problem: Definition, count: int) -> list[Definition]:
        """Return up to ``count`` solved problems, the most alike first; never ``problem`` itself.

        Ties fall to the order in which the problems were given.
        """
        if self._index is None:
            return []
        scores = self._index.get_scores(_terms(problem))
        order = sorted(range(len(self._problems)), key=lambda i: (-scores[i], i))
        found = [self._problems[i] for i in order if self._problems[i].name != problem.name]
        return found[:count]


def _terms(problem: Definition) -> list[str]:
    tokens = code_tokens(problem.statement or problem.type or "")
    own = problem.short_name
    return [t.name for t in tokens if t.kind in _WORDS and t.text not in _COMMON | {own, "val"}]
