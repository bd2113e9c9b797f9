"""A prover in memory that has every ability: verdicts by words, goals that are numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fake_checker import TOOLCHAIN, FakeChecker
from fake_goals import FakeGoals
from fake_mutants import FakeSource

from aludel.lean_checker.operations import Screening, ScreenResult, ScreenTask
from aludel.models import Toolchain, Usage, Verdict


@dataclass(frozen=True)
class Listed:
    name: str
    type: str | None


class FakeOperations(FakeSource):
    """Theorems ``A.0`` …, each about a number of its own; screenings by words of the statement."""

    @property
    def toolchain(self) -> Toolchain:
        return TOOLCHAIN

    def theorems(
        self, imports: tuple[str, ...], *, names: tuple[str, ...], statements: bool
    ) -> list[Listed]:
        return [Listed(name, f"Number.n{name[-1]} ≤ Shared") for name in names]

    def screen(self, task: ScreenTask) -> ScreenResult:
        self.screened += len(task.items)
        return ScreenResult(tuple(_screening(task) for _ in task.items), Usage())


def _screening(task: ScreenTask) -> Screening:
    [item] = task.items
    text, proof = item.statement, item.proof or ""
    if "broken" in text:
        return Screening(error="it does not elaborate")
    if "slow" in text:
        return Screening(error="(deterministic) timeout at `whnf`")
    if "autoImplicit" in task.preamble:
        return Screening(error="Unknown identifier `ℕ`" if "ℕ" in text else None)
    return Screening(
        error=None,
        trivial="simp" if "trivial" in text else None,
        vacuous="(exfalso; omega)" if "vacuous" in text else None,
        unused=() if "used" not in text else ("h",) if proof == "sorry" else ("h", "k"),
        exhausted=("simp", "(exfalso; omega)") if "deep" in text else (),
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
        self._verdict = verdict

    @property
    def operations(self) -> FakeOperations:  # type: ignore[override]
        return self.source

    def goals(self) -> FakeGoals:  # type: ignore[override]
        return self.made

    def _decide(self, word: str, key: str, usage: Usage) -> Verdict:
        if self._verdict is not None:
            return self._verdict(word, key)
        return super()._decide(word, key, usage)
