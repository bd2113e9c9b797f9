"""F* in the loop: PoPAI's problems with examples and premises, and a baseline without a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from aludel.errors import InvalidRequest
from aludel.fstar_checker.dataset import Definition
from aludel.fstar_checker.lexer import Kind, Token, code_tokens
from aludel.fstar_checker.problems import context_for
from aludel.fstar_checker.retrieval import SimilarProblems
from aludel.fstar_checker.scaffold import parse_statement
from aludel.fstar_checker.structure import CLOSERS, OPENERS, split_declarations
from aludel.fstar_checker.vconfig import VConfig, to_options
from aludel.problems import FStarDefinition, FStarProblem, Hint, Problem
from aludel.proving.generators import Proposal, Proposals


class Posed(NamedTuple):
    """Problems posed by definitions, and for the others by name why they pose none."""

    problems: list[FStarProblem]
    skipped: dict[str, str]


def pose(
    definitions: Sequence[Definition],
    solved: Sequence[Definition] = (),
    *,
    similar: int = 3,
    premises: int = 0,
    known_options: Container[str] | None = None,
) -> Posed:
    """Make problems of definitions, with what PoPAI's prompts hold.

    Args:
        definitions: what is to be written; of their own solutions nothing is used.
        solved: where examples come from, a training split for example.
        similar: examples of each problem, by BM25 over the tokens of their types.
        premises: names of each problem: those that its similar definitions use, which stands in
            for PoPAI's selection; the recorded (ideal) ones of the problem are its answer.
        known_options: those of the F* in use; recorded options that it lacks are left out where
            that is safe.
    """
    poser = Poser(solved, similar, premises, known_options)
    posed = Posed([], {})
    for definition in definitions:
        try:
            posed.problems.append(poser.pose(definition))
        except InvalidRequest as error:
            posed.skipped[definition.name] = error.message
    return posed


class Poser:
    """Makes problems of definitions, one by one; the arguments are those of :func:`pose`."""

    def __init__(
        self,
        solved: Sequence[Definition],
        similar: int,
        premises: int,
        known_options: Container[str] | None,
    ) -> None:
        self._index = SimilarProblems(solved)
        self._similar = similar
        self._premises = premises
        self._known = known_options

    def pose(self, definition: Definition) -> FStarProblem:
        """Return the problem of a definition.

        Raises:
            InvalidRequest: it is none; ``message`` says why.
        """
        why = definition.skipped_because
        if why is not None or definition.statement is None:
            raise InvalidRequest(why or "its type is not known", field="statement")
        alike = self._index.most_similar(definition, max(self._similar, self._premises))
        return _posed(definition, alike, self._similar, self._premises, self._known)


def definition_of(record: FStarDefinition) -> Definition:
    """Return a record as a definition.

    Raises:
        InvalidRequest: it is not in PoPAI's format.
    """
    try:
        return Definition.model_validate(record.model_dump())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidRequest(f"{where}: {first['msg']}", field="statement") from error


def _posed(
    definition: Definition,
    alike: list[Definition],
    similar: int,
    premises: int,
    known: Container[str] | None,
) -> FStarProblem:
    context = context_for(definition)
    options = to_options(definition.vconfig or VConfig(), known)
    used = Counter(name for one in alike for name in one.ideal_premises or one.premises or ())
    used.pop(definition.name, None)
    return FStarProblem(
        name=definition.name,
        statement=definition.statement or "",
        context=context.model_copy(update={"options": options}),
        kind=definition.problem_class.value,
        examples=tuple(_example(one) for one in alike[:similar]),
        premises=tuple(Hint(name=name) for name, _ in used.most_common(premises)),
    )


def _example(definition: Definition) -> str:
    return f"{(definition.statement or '').strip()}\n{(definition.source_definition or '').strip()}"


class FStarPortfolio:
    """A :class:`~aludel.proving.generators.ProofGenerator` of a few definitions that need no model.

    For lemmas ``()``, and induction over lists and numbers; a parameter; the solutions of similar
    problems under the asked name. Nothing is left to F* that it does not prove.
    """

    name = "portfolio/fstar-1"

    @property
    def settings(self) -> dict[str, Any]:
        """Settings that the proposals depend on besides the problem: none."""
        return {}

    def proofs(self, problem: Problem, count: int, seed: int) -> list[Proposals]:  # noqa: ARG002
        """Propose distinct definitions in a fixed order.

        Raises:
            InvalidRequest: the problem is not one of F*.
        """
        if not isinstance(problem, FStarProblem):
            raise InvalidRequest("these definitions are for F*", field="generator")
        texts = list(dict.fromkeys(_definitions(problem)))[:count]
        return [Proposals(proposals=tuple(Proposal(text=t) for t in texts), ordered=True)]


class _Parameter(NamedTuple):
    """A parameter of the asked type: how it is written, and the first word of its type."""

    text: str
    head: str


def _definitions(problem: FStarProblem) -> Iterator[str]:
    name = parse_statement(problem.statement).name
    parameters, result = _signature(problem.statement)
    head = " ".join([name, *(parameter.text for parameter in parameters)])
    lemma = problem.kind == "proof" or result in ("Lemma", "squash")
    if lemma:
        yield f"let {head} = ()"
        yield from _inductions(name, head, parameters)
    for example in problem.examples:
        yield from _adapted(example, name)
    if not lemma:
        for parameter in reversed(parameters):
            yield f"let {head} = {parameter.text.removeprefix('#')}"


def _inductions(name: str, head: str, parameters: list[_Parameter]) -> Iterator[str]:
    for parameter in parameters:
        x = parameter.text
        if x.startswith("#") or parameter.head not in ("list", "nat", "pos"):
            continue
        if parameter.head == "list":
            again = _call(name, parameters, x, "tl")
            yield f"let rec {head} = match {x} with\n  | [] -> ()\n  | _ :: tl -> {again}"
        else:
            again = _call(name, parameters, x, f"({x} - 1)")
            last = 0 if parameter.head == "nat" else 1
            yield f"let rec {head} = if {x} = {last} then () else {again}"


def _call(name: str, parameters: list[_Parameter], old: str, new: str) -> str:
    explicit = [p.text for p in parameters if not p.text.startswith("#")]
    return " ".join([name, *(new if text == old else text for text in explicit)])


def _adapted(example: str, name: str) -> Iterator[str]:
    """Yield the example's definition under another name, if it has one."""
    for declaration in split_declarations(example):
        if declaration.keyword == "let" and len(declaration.names) == 1:
            old, text, at = declaration.names[0], "", declaration.start
            for token in declaration.tokens:
                text += example[at : token.start]
                text += name if token.text == old and token.kind is Kind.IDENT else token.text
                at = token.end
            yield text


def _signature(statement: str) -> tuple[list[_Parameter], str]:
    """Return the parameters of a ``val``, and the first word of its result."""
    tokens = code_tokens(statement)
    colon = next((i for i, token in enumerate(tokens) if token.text == ":"), len(tokens))
    parts = _split_arrows(tokens[colon + 1 :])
    named = [_parameter(part, number) for number, part in enumerate(parts[:-1], 1)]
    result = parts[-1][0].text if parts[-1] else ""
    return [parameter for parameter in named if parameter is not None], result


def _split_arrows(tokens: list[Token]) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token.text in OPENERS) - (token.text in CLOSERS)
        if token.text == "->" and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _parameter(tokens: list[Token], number: int) -> _Parameter | None:
    """Read ``x:t``, ``#x:t``, ``(x:t)`` or ``t``; None for an instance, which is not written."""
    texts = [token.text for token in tokens]
    if texts[:1] == ["{|"]:
        return None
    if texts[:1] == ["("] and texts[-1:] == [")"] and ":" in texts[2:4]:
        texts = texts[1:-1]
    mark = "#" if texts[:1] == ["#"] else ""
    rest = texts[len(mark) :]
    if rest[1:2] == [":"]:
        return _Parameter(f"{mark}{rest[0]}", rest[2] if len(rest) > 2 else "")
    return _Parameter(f"x{number}", rest[0] if rest else "")
