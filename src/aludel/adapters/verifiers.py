"""verifiers: a taskset of Lean theorems from a file of problems, rewarded by a service's verdicts.

``vf-eval`` finds a taskset by the name of a top-level module: make one that holds
``from aludel.adapters.verifiers import LeanTaskset`` and ``__all__ = ["LeanTaskset"]``.
"""

from __future__ import annotations

from collections.abc import Iterator

from aludel.distribution import needs_package

needs_package("verifiers", "verifiers")

import verifiers.v1 as vf

from aludel.adapters.posing import judge, prompt_of, read_theorems
from aludel.rewards import WALL_S

__all__ = ["LeanTaskset"]


class LeanData(vf.TaskData):
    """A theorem to be proved.

    Attributes:
        statement: as the model was shown it; may end in ``:= by``.
        imports: what it is stated with.
    """

    statement: str
    imports: tuple[str, ...]


class LeanTaskConfig(vf.TaskConfig):
    """The service that judges.

    Attributes:
        url: its address; by default ``ALUDEL_SERVER``, or this machine.
        wall_s: seconds that each check may take.
    """

    url: str | None = None
    wall_s: float = WALL_S


class LeanTask(vf.Task[LeanData, vf.State, LeanTaskConfig]):
    """Prove a theorem; the last message of the trace is the answer."""

    @vf.reward(weight=1.0)
    async def proved(self, trace: vf.Trace) -> float:
        """Return 1.0 for a proof that is accepted, 0.0 for one that is rejected.

        What was not decided is an error of the trace (``TaskError``), which means leave out: the
        package has no reward that says so. A fault of the machine is one too.
        """
        judged = await judge(
            self.data.statement,
            trace.last_reply,
            imports=self.data.imports,
            url=self.config.url,
            wall_s=self.config.wall_s,
        )
        trace.info["lean"] = {"hash": judged.hash, "reason": judged.outcome.reason}
        if judged.outcome.reward is None:
            raise vf.TaskError(f"not decided: {judged.explanation}")
        return judged.outcome.reward


class LeanTasksetConfig(vf.TasksetConfig):
    """The problems, and how they are judged.

    Attributes:
        problems: a JSONL file; columns of public data sets are understood.
    """

    problems: str = ""
    task: LeanTaskConfig = LeanTaskConfig()


class LeanTaskset(vf.Taskset[LeanTask, LeanTasksetConfig]):
    """The theorems of a file, each a task."""

    def load(self) -> Iterator[LeanTask]:
        """Yield the file's theorems.

        Raises:
            InvalidRequest: the file cannot be read, or a line of it is no problem.
        """
        for theorem in read_theorems(self.config.problems):
            data = LeanData(
                name=theorem.name,
                prompt=prompt_of(theorem),
                statement=theorem.shown,
                imports=theorem.imports,
            )
            yield LeanTask(data, self.config.task)
