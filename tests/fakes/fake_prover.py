"""A prover in memory that has every ability: verdicts by words, goals that are numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fake_checker import TOOLCHAIN, FakeChecker
from fake_goals import FakeGoals
from fake_mutants import FakeSource

from aludel.errors import InvalidRequest
from aludel.lean_checker.examining import AuditResult, AuditTask, Examination, RanOut
from aludel.lemma_search import FoundLemma, LemmaMatch, LemmasFound, ListedLemma
from aludel.models import Toolchain, Usage, Verdict


@dataclass(frozen=True)
class Listed:
    name: str
    type: str | None


class FakeOperations(FakeSource):
    """Theorems ``A.0`` …, each about a number of its own; audits by words of the statement."""

    def __init__(self) -> None:
        super().__init__()
        self.audited: list[AuditTask] = []

    @property
    def toolchain(self) -> Toolchain:
        return TOOLCHAIN

    def theorems(
        self, imports: tuple[str, ...], *, names: tuple[str, ...], statements: bool
    ) -> list[Listed]:
        return [Listed(name, f"Number.n{name[-1]} ≤ Shared") for name in names]

    def audit(self, task: AuditTask) -> AuditResult:
        """Examine by words; a text with ``loops`` takes all the time that there is."""
        self.audited.append(task)
        if any("Nope" in name for name in task.imports):
            raise InvalidRequest("there is no module Nope", field="imports")
        before = itertools.takewhile(lambda text: "loops" not in text, task.statements)
        found = tuple(_examined(text, searched=task.budget > 0) for text in before)
        cut = None if len(found) == len(task.statements) else f"more than {task.wall_s:g} s"
        return AuditResult(found, Usage(cpu_s=0.1), cut)


class FakeLemmas:
    """Lemmas ``A.0`` … with the statements of :class:`FakeOperations`; odd ones match a pattern."""

    def __init__(self, source: FakeOperations) -> None:
        self._source = source
        self.asked: list[LemmaMatch] = []

    @property
    def toolchain(self) -> Toolchain:
        return TOOLCHAIN

    def listing(self, imports: tuple[str, ...]) -> list[ListedLemma]:
        return [ListedLemma(n, "Made.Up", None) for n in self._source.theorem_names(imports)]

    def printed(self, imports: tuple[str, ...], names: Sequence[str]) -> list[FoundLemma]:
        return [_printed(name) for name in reversed(names)]

    def match(self, asked: LemmaMatch) -> LemmasFound:
        self.asked.append(asked)
        if "broken" in asked.pattern:
            raise InvalidRequest("unexpected token", field="pattern", fix="write a term")
        if "slow" in asked.pattern:
            return LemmasFound(lemmas=(), complete=False, message="the budget ran out")
        names = asked.names
        if names is None:
            names = tuple(self._source.theorem_names(asked.imports))
        found = [_printed(name) for name in names if int(name[-1]) % 2]
        return LemmasFound(lemmas=tuple(found[: asked.count]))


def _printed(name: str) -> FoundLemma:
    return FoundLemma(name=name, module="Made.Up", statement=f"Number.n{name[-1]} ≤ Shared")


def _examined(text: str, *, searched: bool) -> Examination:
    if "broken" in text:
        return Examination(error="it does not elaborate")
    if "slow" in text:
        return Examination(error="(deterministic) timeout at `whnf`")
    shape = text.partition(" : ")[2]
    if not searched:
        return Examination(error=None, shape_hash=shape)
    return Examination(
        error=None,
        strict_error="Unknown identifier `ℕ`" if "ℕ" in text else None,
        trivial="simp" if "trivial" in text else None,
        vacuous="(exfalso; omega)" if "vacuous" in text else None,
        refuted="decide" if "wrong" in text else None,
        unmentioned=("h", "k") if "used" in text else (),
        unused_in_proof=("h", "k") if "used trivial" in text else None,
        unused_variables=("c",) if "idle" in text else (),
        doubtful_variables=("x",) if "perhaps" in text else (),
        apart=("i",) if "apart" in text else (),
        exhausted=RanOut(trivial=("simp",), vacuous=("(exfalso; omega)",))
        if "deep" in text
        else RanOut(),
        shape_hash=shape,
    )


class FakeProver(FakeChecker):
    """Keeps the promises of :class:`aludel.provers.AnyProver`.

    Args:
        verdict: decides by the first word in the place of the usual words.
    """

    def __init__(self, verdict: Callable[[str, str], Verdict] | None = None) -> None:
        super().__init__()
        self.made = FakeGoals()
        self.source = FakeOperations()
        self.found = FakeLemmas(self.source)
        self._verdict = verdict

    @property
    def operations(self) -> FakeOperations:  # type: ignore[override]
        return self.source

    @property
    def lemmas(self) -> FakeLemmas:  # type: ignore[override]
        return self.found

    def goals(self) -> FakeGoals:  # type: ignore[override]
        return self.made

    def _decide(self, word: str, key: str, usage: Usage) -> Verdict:
        if self._verdict is not None:
            return self._verdict(word, key)
        return super()._decide(word, key, usage)
