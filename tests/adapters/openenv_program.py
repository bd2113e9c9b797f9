"""OpenEnv's client on its server.

``python openenv_program.py URL PROBLEMS EPISODES STEPS`` plays episodes of at most so many steps,
which are lists of tactics by the names of theorems. With the variables ``APP`` and ``PAGE`` it runs
the documentation's lines.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from openenv.core.generic_client import GenericEnvClient
from openenv.validation.parsers.openenv_yaml import OpenEnvYamlParser

from aludel.adapters.openenv import MANIFEST, proof_app


@contextlib.contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve until the block ends."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def played(env: Any, index: int, tactics: list[str]) -> list[dict[str, Any]]:
    """Play one episode; return what each answer says."""
    seen = []
    for tactic in [None, *tactics]:
        try:
            result = env.reset(index=index) if tactic is None else env.step({"tactic": tactic})
        except RuntimeError as error:
            seen.append({"fault": str(error)})
            continue
        seen.append({**result.observation, "reward": result.reward, "done": result.done})
    return seen


def asked(http: httpx.Client, path: str, **body: Any) -> Any:
    """Return what a route for discovery says."""
    answer = http.post(path, json=body)
    return answer.json() if answer.is_success else answer.status_code


def main() -> None:
    """Play the episodes; print what came of them."""
    url, problems, episodes, steps = sys.argv[1:]
    if "PAGE" in os.environ:
        names: dict[str, Any] = {"URL": url, "PROBLEMS": problems}
        exec(os.environ["APP"], names)  # noqa: S102 - our own lines
        with serving(names["app"]) as address:
            exec(os.environ["PAGE"], {"ADDRESS": address})  # noqa: S102 - likewise
        return
    given = json.loads(Path(episodes).read_text())
    told: dict[str, Any] = {}
    with serving(proof_app(problems, url, max_steps=int(steps))) as address:
        with httpx.Client(base_url=address) as http:
            told["splits"] = http.get("/lean/splits").json()
            told["count"] = asked(http, "/lean/num_tasks", split="problems")
            told["first"] = asked(http, "/lean/task", split="problems", index=0)
            told["range"] = asked(http, "/lean/task_range", split="problems", start=-1)
            told["none"] = asked(http, "/lean/task", split="problems", index=len(given))
            told["schema"] = http.get("/schema").json()["action"]["properties"]
        with contextlib.ExitStack() as stack:
            envs = {
                name: stack.enter_context(GenericEnvClient(base_url=address).sync())
                for name in given
            }
            told["episodes"] = {
                name: played(envs[name], index, tactics)
                for index, (name, tactics) in enumerate(given.items())
            }
            told["states"] = {name: env.state() for name, env in envs.items()}
            one, two, *_ = [*envs.values(), *envs.values()]
            told["drawn"] = [
                env.reset(seed=seed).observation["statement"]
                for env, seed in ((one, 3), (two, 3), (one, 4), (one, 5), (one, 6))
            ]
    told["manifest"] = OpenEnvYamlParser().parse(MANIFEST.parent).name
    print(json.dumps(told))


if __name__ == "__main__":
    main()
