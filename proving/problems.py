"""What is to be proved."""

from __future__ import annotations

import re

from pydantic import Field

from aludel.goals import GoalRequest
from aludel.models import MAX_STATEMENT_BYTES, CheckRequest, LeanContext, Model

_DECLARES = re.compile(r"^[ \t]*(?:@\[[^\]]*\]\s*|private |protected )*theorem\s", re.MULTILINE)


class TheoremProblem(Model):
    """A theorem without its proof.

    Attributes:
        name: what attempts on it are filed under; unique in a set of problems.
        statement: the declaration up to and without ``:=``, meaningful by itself.
        imports: import set.
    """

    name: str = Field(min_length=1, max_length=1_000)
    statement: str = Field(min_length=1, max_length=MAX_STATEMENT_BYTES)
    imports: tuple[str, ...] = ("Init",)

    def candidate(self, text: str) -> CheckRequest:
        """Return the candidate that ``text`` makes: a whole file, or what stands after ``:=``.

        A text that declares a theorem is taken for a file; its imports are the problem's.
        """
        context = LeanContext(imports=self.imports)
        text = text.strip()
        code = f"{text}\n" if _DECLARES.search(text) else f"{self.statement.rstrip()} := {text}\n"
        return CheckRequest(context=context, statement=self.statement, code=code)

    def session(self, heartbeats: int, wall_s: float) -> GoalRequest:
        """Return the request that starts a proof in steps; limits are those of each tactic."""
        return GoalRequest(
            context=LeanContext(imports=self.imports),
            statement=self.statement,
            heartbeats=heartbeats,
            wall_s=wall_s,
        )
