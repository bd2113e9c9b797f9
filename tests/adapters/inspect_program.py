"""Inspect's ``eval`` with its mock model.

``python inspect_program.py URL PROBLEMS ANSWERS`` prints the scores; with the variable ``PAGE`` it
runs the documentation's lines.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from inspect_ai import eval as evaluate
from inspect_ai.log import EvalLog
from inspect_ai.model import ModelOutput, ModelUsage, get_model

from aludel.adapters.inspect_ai import lean_problems

REWARDS = {"C": 1.0, "I": 0.0}


def mock(answers: dict[str, str]) -> Any:
    """Return a model that answers by the name of the theorem that it is asked for."""

    def answer(messages: Any, *_: Any) -> ModelOutput:
        [name] = re.findall(r"(?m)^theorem (\S+)", messages[-1].text)
        output = ModelOutput.from_content("mockllm/model", answers[name])
        # Without it the mock counts tokens, by a table from the network.
        output.usage = ModelUsage()
        return output

    return get_model("mockllm/model", custom_outputs=answer)


def shown(log: EvalLog) -> dict[str, Any]:
    """Return what a test looks at."""
    told: dict[str, Any] = {"scores": {}, "details": {}, "fault": ""}
    for sample in log.samples or []:
        name = sample.metadata["name"]
        for score in (sample.scores or {}).values():
            unscored = isinstance(score.value, float) and math.isnan(score.value)
            told["scores"][name] = None if unscored else REWARDS[score.value]
            told["details"][name] = {
                "answer": score.answer,
                "explanation": score.explanation,
                "reason": score.reason,
                "metadata": score.metadata,
            }
    if log.error:
        told["fault"] = log.error.message
    if log.results:
        [found] = log.results.scores
        told["mean"] = found.metrics["accuracy"].value
        told["stderr"] = found.metrics["stderr"].value
    return told


def main() -> None:
    """Evaluate once; print what came of it."""
    url, problems, answers = sys.argv[1:]
    if page := os.environ.get("PAGE"):
        model = mock(json.loads(Path(answers).read_text()))
        exec(page, {"URL": url, "PROBLEMS": problems, "MODEL": model})  # noqa: S102 - our own lines
        return
    with tempfile.TemporaryDirectory() as logs:
        [log] = evaluate(
            lean_problems(problems, url),
            model=mock(json.loads(Path(answers).read_text())),
            display="none",
            log_dir=logs,
        )
        print(json.dumps(shown(log)))  # which reads samples from the folder


if __name__ == "__main__":
    main()
