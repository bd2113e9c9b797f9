"""lm-eval's evaluator with a model of given answers.

``python lm_eval_program.py URL PROBLEMS ANSWERS`` prints the scores; with the variable ``PAGE`` it
runs the documentation's lines.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from lm_eval import simple_evaluate
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager

from aludel.adapters.lm_eval import FOLDER
from aludel.errors import AludelError


class Given(LM):
    """A model that answers by the name of the theorem that it is asked for."""

    def __init__(self, answers: dict[str, str]) -> None:
        super().__init__()
        self._answers = answers

    def generate_until(self, requests: Any, disable_tqdm: bool = False) -> list[str]:
        """Return the answers to prompts."""
        prompts = [request.args[0] for request in requests]
        return [self._answers[re.findall(r"(?m)^theorem (\S+)", prompt)[0]] for prompt in prompts]

    def loglikelihood(self, requests: Any) -> Any:
        """Fail: the task asks for texts alone."""
        raise NotImplementedError

    def loglikelihood_rolling(self, requests: Any) -> Any:
        """Fail: the task asks for texts alone."""
        raise NotImplementedError


def evaluated(url: str, problems: str, answers: dict[str, str]) -> dict[str, Any]:
    """Return what a test looks at."""
    told: dict[str, Any] = {"scores": {}, "details": {}, "fault": ""}
    manager = TaskManager(include_path=str(FOLDER), metadata={"problems": problems, "url": url})
    try:
        found = simple_evaluate(model=Given(answers), tasks=["lean_problems"], task_manager=manager)
    except AludelError as error:
        return told | {"fault": str(error)}
    for sample in found["samples"]["lean_problems"]:
        [[verdict]] = sample["filtered_resps"]
        name = sample["doc"]["name"]
        told["scores"][name] = sample.get("proved")
        told["details"][name] = verdict
    figures = found["results"]["lean_problems"]
    told["mean"] = figures["proved,judged"]
    told["stderr"] = figures["proved_stderr,judged"]
    told["undecided"] = figures["undecided,judged"]
    return told


def main() -> None:
    """Evaluate once; print what came of it."""
    url, problems, path = sys.argv[1:]
    answers = json.loads(Path(path).read_text())
    if page := os.environ.get("PAGE"):
        names = {"URL": url, "PROBLEMS": problems, "MODEL": Given(answers)}
        exec(page, names)  # noqa: S102 - our own lines
        return
    print(json.dumps(evaluated(url, problems, answers)))


if __name__ == "__main__":
    main()
