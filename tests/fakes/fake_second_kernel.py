"""A second kernel that says what it is told to."""

from __future__ import annotations

from pathlib import Path

from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.judge.deciding import Judge
from aludel.lean_checker.judge.question import Question
from aludel.lean_checker.judge.second_kernel import SecondAnswer
from aludel.lean_checker.pool import LeanPool
from aludel.models import Usage
from aludel.settings import Settings

YES = SecondAnswer("accepted", "", Usage())


class FakeSecondKernel:
    """Answers every question alike; ``asked`` counts them, over which import sets."""

    def __init__(self, answer: SecondAnswer = YES) -> None:
        self.answer = answer
        self.asked: list[tuple[str, ...]] = []

    def install(self, imports: tuple[str, ...]) -> Path:
        return Path("/".join(imports))

    def ask(self, question: Question, imports: tuple[str, ...], wall_s: float) -> SecondAnswer:
        assert question.digest and wall_s > 0
        self.asked.append(imports)
        return self.answer

    def close(self) -> None:
        """There is no process."""


def checker_with(
    pool: LeanPool, settings: Settings, second: FakeSecondKernel | None = None
) -> LeanChecker:
    """A checker on a pool of fake servers, whose second kernel is no process either."""
    judge = Judge(pool, settings, second=second or FakeSecondKernel())
    return LeanChecker(pool, settings, judge=judge)
