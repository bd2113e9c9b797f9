"""The attack corpus: candidates with the verdict each must get (format: ``docs/trust.md``)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from aludel.errors import InvalidRequest
from aludel.models import Budget, CheckRequest, LeanContext, Policy, RejectReason, UndecidedReason

ACCEPTED = "accepted"
INVALID = "invalid:"
ANY_FIELD = "*"
_OUTCOMES = {ACCEPTED, *(reason.value for reason in (*RejectReason, *UndecidedReason))}


class Case(BaseModel):
    """One candidate.

    Attributes:
        name: unique in its family.
        expect: outcomes that are right: ``accepted``, reasons of a rejection, reasons of no
            decision, ``invalid:FIELD`` (``invalid:*``: any field).
        code: the candidate's text, or its lines.
        why: why it must get that verdict, where the family does not say it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    expect: tuple[str, ...] = Field(min_length=1)
    code: str
    statement: str | None = None
    imports: tuple[str, ...] | None = None
    options: dict[str, bool | int | str] = Field(default_factory=dict)
    policy: Policy = Field(default_factory=Policy)
    budget: Budget = Field(default_factory=Budget)
    why: str = ""

    @field_validator("code", mode="before")
    @classmethod
    def _join(cls, value: Any) -> Any:  # noqa: ANN401 - validated by pydantic after this
        if isinstance(value, list) and all(isinstance(line, str) for line in value):
            return "\n".join(value) + "\n"
        return value

    @field_validator("expect")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [one for one in value if one not in _OUTCOMES and not one.startswith(INVALID)]
        if unknown:
            raise ValueError(f"no such outcome: {unknown[0]!r}")
        if ACCEPTED in value and len(value) > 1:
            raise ValueError("a case is either to be accepted or not")
        return value

    @property
    def honest(self) -> bool:
        """Whether it must be accepted."""
        return self.expect == (ACCEPTED,)

    def allows(self, outcome: str) -> bool:
        """Whether ``outcome`` is one of those that are right."""
        if outcome.startswith(INVALID) and INVALID + ANY_FIELD in self.expect:
            return True
        return outcome in self.expect

    def request(self) -> CheckRequest:
        """Return the request that puts the case to a checker."""
        return CheckRequest(
            context=LeanContext(imports=self.imports, options=self.options),
            statement=self.statement,
            code=self.code,
            policy=self.policy,
            budget=self.budget,
        )


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str = Field(min_length=1)
    mechanism: str = ""
    cases: tuple[Case, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Family:
    """Cases that share a mechanism; ``path`` is the file they stand in."""

    name: str
    path: Path
    cases: tuple[Case, ...]


def read_corpus(folder: Path) -> list[Family]:
    """Read every ``*.json`` file of ``folder`` and its subfolders, in the order of their paths.

    Raises:
        InvalidRequest: there is none, or one is not in the corpus format; ``field`` names it.
    """
    families = [_read(path) for path in sorted(folder.rglob("*.json"))]
    if not families:
        raise InvalidRequest(
            "no *.json file in it", field=str(folder), fix="name a folder of cases (docs/trust.md)"
        )
    return families


def all_cases(families: list[Family]) -> Iterator[tuple[Family, Case]]:
    """Yield every case with its family."""
    for family in families:
        for case in family.cases:
            yield family, case


def _read(path: Path) -> Family:
    try:
        file = _File.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise InvalidRequest(
            _first_problem(error), field=str(path), fix="see the corpus format in docs/trust.md"
        ) from error
    names = [case.name for case in file.cases]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidRequest(f"two cases are called {twice!r}", field=str(path))
    return Family(file.family, path, file.cases)


def _first_problem(error: OSError | ValueError) -> str:
    if not isinstance(error, ValidationError):
        return f"cannot be read: {error}"
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
