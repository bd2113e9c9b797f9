"""``vf-eval`` with an endpoint of given answers.

``python verifiers_program.py URL PROBLEMS ANSWERS`` prints the scores. Module and command are those
that the documentation shows, given as the variables ``PAGE`` and ``COMMAND``. With the variable
``DIRECT`` tasks score traces of the answers, which verifiers' client would not take off an endpoint
where they hold half surrogate pairs.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "fakes"))

import verifiers.v1 as vf  # noqa: E402 - after the path is set
from openai_server import openai_server  # noqa: E402

from aludel.adapters.verifiers import (  # noqa: E402
    LeanTaskConfig,
    LeanTaskset,
    LeanTasksetConfig,
)


def evaluated(url: str, problems: str, answers: dict[str, str], folder: Path) -> list[Any]:
    """Return the traces of a run."""
    (folder / "lean_problems.py").write_text(os.environ["PAGE"])
    path = os.pathsep.join([str(folder), str(HERE / "harness"), os.environ["PYTHONPATH"]])

    def answer(body: dict[str, Any]) -> list[str]:
        [name] = re.findall(r"(?m)^theorem (\S+)", body["messages"][-1]["content"])
        return [answers[name]]

    with openai_server(answer) as server:
        given = {"PROBLEMS": problems, "URL": url}
        program, *words = [given.get(word, word) for word in os.environ["COMMAND"].split()]
        done = subprocess.run(
            [
                Path(sys.executable).with_name(program), *words,
                "--env.agent.harness.id", "one_request", "--env.agent.runtime.type", "subprocess",
                "--model", "given", "--client.base-url", server.url,
                "--client.api-key-var", "NO_KEY", "--output-dir", folder / "out",
                "--no-rich", "--no-push",
            ],
            env={**os.environ, "PYTHONPATH": path, "NO_KEY": "none"},
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-4_000:]
    [file] = (folder / "out").rglob("traces.jsonl")
    episodes = [json.loads(line) for line in file.read_text().split("\n") if line]
    return [trace for episode in episodes for trace in episode["traces"]]


async def rewarded(url: str, problems: str, answers: dict[str, str]) -> dict[str, float]:
    """Return the rewards of traces that end in the answers."""
    config = LeanTasksetConfig(problems=problems, task=LeanTaskConfig(url=url))
    tasks = list(LeanTaskset(config))
    traces = [vf.Trace.model_construct(root_reply=answers[task.data.name]) for task in tasks]
    await asyncio.gather(*(task.score(trace) for task, trace in zip(tasks, traces, strict=True)))
    return {task.data.name: trace.reward for task, trace in zip(tasks, traces, strict=True)}


def main() -> None:
    """Evaluate once; print what came of it."""
    url, problems, answers = sys.argv[1:]
    if "DIRECT" in os.environ:
        scores = asyncio.run(rewarded(url, problems, json.loads(Path(answers).read_text())))
        print(json.dumps({"scores": scores}))
        return
    told: dict[str, Any] = {"scores": {}, "details": {}, "fault": ""}
    with tempfile.TemporaryDirectory() as folder:
        given = json.loads(Path(answers).read_text())
        for trace in evaluated(url, problems, given, Path(folder)):
            name = trace["task"]["data"]["name"]
            errors = [error["message"] for error in trace["errors"]]
            reward = trace["rewards"].get("proved")
            told["scores"][name] = None if errors or reward is None else reward["score"]
            told["details"][name] = {"errors": errors, **trace["info"].get("lean", {})}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
