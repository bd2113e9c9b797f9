"""Problems: theorems and F* definitions to be proved."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field

from aludel.columns import forbidden_in
from aludel.errors import InvalidRequest
from aludel.goals import GoalRequest
from aludel.jsonl import read_lines
from aludel.models import (
    MAX_STATEMENT_BYTES,
    CheckRequest,
    FStarContext,
    LeanContext,
    Model,
    Policy,
    canonical_json,
)
from aludel.policies import MAX_FORBIDDEN, SELF, ForbiddenPattern
from aludel.statements import (
    UnusableText,
    declared,
    declares_theorem,
    split_header,
    with_proof,
)

_FIX = 'write {"name": "swap", "statement": "theorem swap : ..."}'


class Hint(Model):
    """A lemma that may help; ``statement`` is its printed type, empty where it is not known."""

    name: str = Field(min_length=1)
    statement: str = ""

    @property
    def line(self) -> str:
        """The lemma as a line of a prompt."""
        return f"{self.name} : {self.statement}" if self.statement else self.name


class TheoremProblem(Model):
    """A theorem without its proof.

    Attributes:
        name: what attempts on it are filed under; unique in a set of problems.
        statement: the declaration up to and without ``:=``, meaningful by itself.
        imports: import set.
        premises: lemmas of the imports that may help, the most promising first; hints for a
            generator, no part of what is to be proved.
        forbidden: what a proof may not use, as in a policy.
    """

    name: str = Field(min_length=1, max_length=1_000)
    statement: str = Field(min_length=1, max_length=MAX_STATEMENT_BYTES)
    imports: tuple[str, ...] = ("Init",)
    premises: tuple[Hint, ...] = ()
    forbidden: tuple[ForbiddenPattern, ...] = Field(default=(), max_length=MAX_FORBIDDEN)

    @property
    def identity(self) -> list[Any]:
        """The identity of a problem, hints included, as JSON."""
        hints = [premise.name for premise in self.premises]
        told = [self.name, self.statement, list(self.imports), *([hints] if hints else [])]
        return [*told, {"forbidden": list(self.forbidden)}] if self.forbidden else told

    @property
    def policy(self) -> Policy:
        """The policy on candidates."""
        return Policy(forbidden=self.forbidden)

    def without_itself(self) -> TheoremProblem:
        """Return the problem with its own theorem among what is forbidden."""
        if not declares_theorem(self.statement):
            return self  # the prover says what is wrong with it
        return self.model_copy(update={"forbidden": (*self.forbidden, SELF)})

    def candidate(self, text: str) -> CheckRequest:
        """Return the candidate that ``text`` makes: a whole file, or what stands after ``:=``.

        A text that declares a theorem is taken for a file; its imports are the problem's.
        """
        context = LeanContext(imports=self.imports)
        text = text.strip()
        code = f"{text}\n" if declares_theorem(text) else with_proof(self.statement, text)
        return CheckRequest(
            context=context, statement=self.statement, code=code, policy=self.policy
        )

    def session(self, heartbeats: int, wall_s: float) -> GoalRequest:
        """Return the request that starts a proof in steps; limits are those of each tactic."""
        return GoalRequest(
            context=LeanContext(imports=self.imports),
            statement=self.statement,
            heartbeats=heartbeats,
            wall_s=wall_s,
        )


class FStarProblem(Model):
    """An F* definition that is to be written at a given type, as PoPAI poses it.

    Attributes:
        name: its full name; what attempts on it are filed under.
        statement: the ``val`` that the definition must satisfy.
        context: module, opened names, options and the file before the definition.
        kind: ``simply_typed``, ``dependently_typed`` or ``proof``; empty where it is not known.
        examples: definitions (``val`` and ``let``) at similar types, the most alike first.
        premises: names that may help. Examples and premises are hints for a generator.
    """

    name: str = Field(min_length=1, max_length=1_000)
    statement: str = Field(min_length=1, max_length=MAX_STATEMENT_BYTES)
    context: FStarContext
    kind: str = ""
    examples: tuple[str, ...] = ()
    premises: tuple[Hint, ...] = ()

    @property
    def identity(self) -> list[Any]:
        """The identity of a problem, hints included, as JSON."""
        hints = [list(self.examples), [premise.name for premise in self.premises]]
        return [self.name, self.statement, self.context.model_dump(mode="json"), *hints]

    def candidate(self, text: str) -> CheckRequest:
        """Return the candidate that ``text``, a definition, makes."""
        code = f"{text.strip()}\n"
        return CheckRequest(context=self.context, statement=self.statement, code=code)


class FStarDefinition(Model):
    """A definition as PoPAI publishes it; a worker with F* makes a problem of it.

    What else a record has is kept, and read as :mod:`aludel.fstar_checker.dataset` says.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str = Field(min_length=1, max_length=1_000)
    file_name: str = Field(min_length=1)

    @property
    def statement(self) -> str:
        """The ``val`` in the source; empty where there is none."""
        return str((self.model_extra or {}).get("source_type") or "")

    @property
    def identity(self) -> list[Any]:
        """The identity of a definition, as JSON."""
        return [self.name, self.model_dump(mode="json")]


class FStarHints(Model):
    """Hints with which problems of F* are posed.

    Attributes:
        examples: solved definitions; the most alike are shown, and premises are taken from them.
        similar: examples of each problem.
    """

    examples: tuple[FStarDefinition, ...] = Field(default=(), max_length=1_000)
    similar: int = Field(default=3, ge=0, le=20)


Problem = TheoremProblem | FStarProblem
Posable = Problem | FStarDefinition
"""What a problem is, or becomes where its prover is."""


def problems_digest(problems: Sequence[Posable], hints: FStarHints | None = None) -> str:
    """Return the SHA-256 over a set of problems, whatever their order, and over their hints.

    Raises:
        InvalidRequest: there are none, or two have one name.
    """
    shown = sorted((p.identity for p in problems), key=lambda identity: str(identity[0]))
    names = {identity[0] for identity in shown}
    if not shown or len(names) != len(shown):
        raise InvalidRequest(
            "there are no problems" if not shown else "two problems have the same name",
            field="problems",
            fix="give each a name of its own",
        )
    told = shown if hints is None else [shown, hints.model_dump(mode="json")]
    return hashlib.sha256(canonical_json(told).encode()).hexdigest()


def read_problems(path: Path) -> list[TheoremProblem]:
    """Return the problems of a JSONL file.

    A line has ``statement`` (or ``formal_statement``), which is read as :func:`declared` says and
    may have ``open ... in`` lines before it; it may have ``name``, else the declared one,
    ``imports``, and ``forbidden``: what a proof may not use, a list or one text.

    Raises:
        InvalidRequest: the file cannot be read, or a line is no problem; ``field`` names it.
    """
    return [_problem(f"{path}:{n}", line) for n, line in read_lines(path, "problems")]


def posed(problem: TheoremProblem, field: str) -> TheoremProblem:
    """Return a problem whose statement is read as that of a file; one that is no theorem stays.

    Args:
        problem: a problem that somebody sent.
        field: where its statement stands, for the error.

    Raises:
        InvalidRequest: the statement holds a proof, or cannot be told apart from one.
    """
    if not declares_theorem(problem.statement):
        return problem  # the prover says what is wrong with it
    try:
        header = split_header(problem.statement)
        statement = header.opened + declared(header.declaration).statement
    except UnusableText as error:
        raise InvalidRequest(error.message, field=field, fix=error.fix) from error
    return problem.model_copy(update={"statement": statement})


def _problem(where: str, line: str) -> TheoremProblem:
    try:
        row = json.loads(line)
        text = str(row.get("statement") or row["formal_statement"])
        header = split_header(text)
        found = declared(header.declaration)
        imports = tuple(row.get("imports") or header.imports or ("Init",))
        return TheoremProblem.model_validate(
            {
                "name": row.get("name") or found.name,
                "statement": header.opened + found.statement,
                "imports": imports,
                "forbidden": forbidden_in(row),
            }
        )
    except UnusableText as error:
        raise InvalidRequest(
            f"not a valid problem record: {error.message}", field=where, fix=error.fix or _FIX
        ) from error
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise InvalidRequest(
            "not a valid problem record",
            field=where,
            fix=_FIX,
        ) from error
