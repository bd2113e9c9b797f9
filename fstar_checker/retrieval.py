"""Similar problems for a prompt: BM25 over the tokens of types, and the prompt's text."""

from __future__ import annotations

from collections.abc import Sequence

from rank_bm25 import BM25Okapi

from fstar_checker.dataset import Definition
from fstar_checker.lexer import Kind, code_tokens, words
from fstar_checker.scaffold import parse_statement

PROMPT_VERSION = "aludel-fstar-1"
_WORDS = (Kind.IDENT, Kind.KEYWORD, Kind.SYMBOL, Kind.NUMBER)
_COMMON = words("( ) [ ] { } , ; : . ->")


class SimilarProblems:
    """An index over solved problems; ranks them by how alike their types are to a given one."""

    def __init__(self, problems: Sequence[Definition]) -> None:
        self._problems = [p for p in problems if p.statement and p.source_definition]
        corpus = [_terms(p) for p in self._problems]
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


def render_prompt(problem: Definition, examples: Sequence[Definition] = ()) -> str:
    """Return the prompt for a problem (format ``aludel-fstar-1``, see docs/reference/fstar.md).

    Raises:
        InvalidRequest: the problem's type is not known.
    """
    asked = parse_statement(problem.statement or "")
    parts = [f"You write F*. Define {asked.name} at the given type."]
    parts.append("Answer with the one definition, nothing else: no admit, no assume, no options.")
    if problem.file_context:
        parts.append(f"The file before it:\n```fstar\n{problem.file_context.rstrip()}\n```")
    elif problem.opens_and_abbrevs:
        opens = "\n".join(_open_line(o.entry) for o in reversed(problem.opens_and_abbrevs))
        parts.append(f"In scope:\n```fstar\n{opens}\n```")
    for example in examples:
        code = f"{(example.statement or '').rstrip()}\n{(example.source_definition or '').rstrip()}"
        parts.append(f"A similar definition:\n```fstar\n{code}\n```")
    if problem.ideal_premises:
        parts.append("Names that may help: " + ", ".join(problem.ideal_premises))
    parts.append(f"Define:\n```fstar\n{asked.text.rstrip()}\n```")
    return "\n\n".join(parts) + "\n"


def _terms(problem: Definition) -> list[str]:
    tokens = code_tokens(problem.statement or problem.type or "")
    own = problem.short_name
    return [t.name for t in tokens if t.kind in _WORDS and t.text not in _COMMON | {own, "val"}]


def _open_line(entry: str) -> str:
    name, _, target = entry.partition("=")
    return f"module {name} = {target}" if target else f"open {name}"
