"""Inspect: a scorer that has Lean proofs judged, and a task made of a file of problems."""

from __future__ import annotations

from aludel.distribution import needs_package

needs_package("inspect-ai", "inspect_ai")

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import CORRECT, INCORRECT, Score, Scorer, Target, accuracy, scorer, stderr
from inspect_ai.solver import TaskState, generate

from aludel.adapters.posing import judge, prompt_of, read_theorems
from aludel.rewards import WALL_S


@scorer(metrics=[accuracy(), stderr()])
def lean(url: str | None = None, wall_s: float = WALL_S) -> Scorer:
    """Return a scorer for answers that are to prove the sample's target, a statement of Lean's.

    The imports of the statement are the sample's ``metadata["imports"]``, if it has them. What was
    not decided is unscored, which metrics leave out; a fault of the machine and a wrong statement
    are errors of the sample.

    Args:
        url: address of the service; by default ``ALUDEL_SERVER``, or this machine.
        wall_s: seconds that each check may take.
    """

    async def score(state: TaskState, target: Target) -> Score:
        imports = (state.metadata or {}).get("imports")
        judged = await judge(
            target.text, state.output.completion, imports=imports, url=url, wall_s=wall_s
        )
        outcome = judged.outcome
        told = {
            "answer": judged.code,
            "explanation": judged.explanation,
            "metadata": {"hash": judged.hash, "reason": outcome.reason},
        }
        if outcome.reward is None:
            return Score.unscored(reason=outcome.reason, **told)
        return Score(value=CORRECT if outcome.reward else INCORRECT, **told)

    return score


@task
def lean_problems(problems: str, url: str | None = None, wall_s: float = WALL_S) -> Task:
    """Return a task: prove the theorems of a JSONL file, each in one answer.

    Args:
        problems: the file; columns of public data sets are understood.
        url: address of the service; by default ``ALUDEL_SERVER``, or this machine.
        wall_s: seconds that each check may take.
    """
    samples = [
        Sample(
            id=f"{number}-{theorem.name}",
            input=prompt_of(theorem),
            target=theorem.shown,
            metadata={"name": theorem.name, "imports": list(theorem.imports)},
        )
        for number, theorem in enumerate(read_theorems(problems), 1)
    ]
    return Task(dataset=MemoryDataset(samples), solver=generate(), scorer=lean(url, wall_s=wall_s))
