"""The functions that ``lean_problems.yaml`` names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aludel.distribution import needs_package

needs_package("lm-eval", "lm_eval")

from datasets import Dataset

from aludel.adapters.posing import judge_all, prompt_of, read_theorems, request_of
from aludel.errors import InvalidRequest
from aludel.rewards import WALL_S


def problems_of(
    problems: str = "", url: str = "", wall_s: float = WALL_S, **_: object
) -> dict[str, Dataset]:
    """Return the data set of a JSONL file; the arguments are lm-eval's ``metadata``.

    Raises:
        InvalidRequest: the file is not named, cannot be read, or a line of it is no problem.
    """
    if not problems:
        fix = """give --metadata '{"problems": "FILE"}'"""
        raise InvalidRequest("no file of problems is named", field="problems", fix=fix)
    rows = [
        {
            "name": theorem.name,
            "statement": theorem.shown,
            "imports": list(theorem.imports),
            "prompt": prompt_of(theorem),
            "url": url,
            "wall_s": wall_s,
        }
        for theorem in read_theorems(problems)
    ]
    return {"test": Dataset.from_list(rows)}


def judged(
    answers: Sequence[Sequence[str]], problems: Sequence[Mapping[str, Any]]
) -> list[list[dict[str, Any]]]:
    """Return the verdict of every answer to every problem, all judged together.

    Raises:
        BackendUnavailable: the machine failed.
        InvalidRequest: a statement is wrong. Neither is the model's doing.
    """
    requests = [
        request_of(problem["statement"], answer, problem["imports"], problem["wall_s"])
        for problem, texts in zip(problems, answers, strict=True)
        for answer in texts
    ]
    found = iter(judge_all(requests, problems[0]["url"]))
    told = (
        {
            "reward": one.outcome.reward,
            "reason": one.outcome.reason,
            "message": one.outcome.message,
            "hash": one.hash,
            "code": one.code,
        }
        for one in found
    )
    return [[next(told) for _ in texts] for texts in answers]


def figures_of(
    _problem: Mapping[str, Any], results: Sequence[Sequence[Mapping[str, Any]]]
) -> dict[str, float]:
    """Return a problem's share of accepted among its decided answers, and that of the undecided.

    A problem of which nothing was decided has no ``proved`` and is left out of its mean.
    """
    rewards = [verdict["reward"] for verdict in results[0]]
    decided = [reward for reward in rewards if reward is not None]
    figures = {"undecided": 1 - len(decided) / len(rewards)}
    if decided:
        figures["proved"] = sum(decided) / len(decided)
    return figures
