"""``aludel.adapters.openrlhf`` and its route in OpenRLHF's own executor, as the page shows them.

Usage: ``python openrlhf_reward.py URL``, with the Python that has OpenRLHF; URL is a running
service. OpenRLHF was installed without what it needs a GPU for (vLLM, DeepSpeed, flash-attn), and
its packages import those; so the engine is a stand-in, and modules are imported by themselves. What
fetches rewards and what makes tensors and advantages of them are OpenRLHF's own.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
import re
import sys
import tempfile
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

sys.path.insert(0, str(Path(__file__).parent))  # which `-I` leaves out

import tiny
import torch

PAGE = Path(__file__).resolve().parents[2] / "docs/how-to/train-with-rewards.md"
STATEMENT = "theorem swap (a b : Nat) : a + b = b + a"
PROMPT = "Prove it: "
ANSWERS = ["```lean\nby omega\n```", "by sorry", "I cannot.", f"{STATEMENT} := Nat.add_comm a b"]
REWARDS = [1.0, 0.0, 0.0, 1.0]


def package(name: str) -> None:
    """Make the modules of a package importable without what its ``__init__`` imports."""
    parent, _, last = name.rpartition(".")
    found = importlib.util.find_spec(parent) if parent.count(".") == 0 else None
    folders = sys.modules[parent].__path__ if found is None else found.submodule_search_locations
    bare = ModuleType(name)
    bare.__path__ = [str(Path(folder) / last) for folder in folders or ()]
    sys.modules[name] = bare


def modules() -> tuple[Any, Any, Any]:
    """Return OpenRLHF's executor, and what makes experiences of its responses."""
    for name in ("openrlhf.utils", "openrlhf.models", "openrlhf.trainer", "openrlhf.trainer.ray"):
        package(name)
    package("openrlhf.trainer.ppo_utils")
    for name in ("vllm", "openrlhf.trainer.ray.vllm_engine", "openrlhf.trainer.ray.launcher"):
        sys.modules[name] = MagicMock()
    sys.modules["openrlhf.models.utils"] = MagicMock()
    return (
        importlib.import_module("openrlhf.utils.agent"),
        importlib.import_module("openrlhf.trainer.ppo_utils.samples_generator"),
        importlib.import_module("openrlhf.trainer.ppo_utils.experience_maker"),
    )


class Engine:
    """Answers as a vLLM engine does, with one answer."""

    def __init__(self, words: Any, answer: str) -> None:
        self._ids = [*words(answer)["input_ids"], words.eos_token_id]

    async def generate(self, *_: Any, **__: Any) -> Any:
        output = SimpleNamespace(token_ids=self._ids, finish_reason="stop", logprobs=None)
        return SimpleNamespace(outputs=[output])


async def responses(executor: Any, words: Any) -> list[dict[str, Any]]:
    """Return the executor's responses to one prompt, all asked for at once."""
    params = SimpleNamespace(max_tokens=None, logprobs=None)
    calls = [
        executor.execute(PROMPT, STATEMENT, params, 4_096, words, Engine(words, answer))
        for answer in ANSWERS
    ]
    return await asyncio.gather(*calls)


def check(parts: tuple[Any, Any, Any], remote_url: str, words: Any) -> None:
    """Have known answers rewarded, and advantages made of that."""
    agent, samples, maker = parts
    executor = agent.SingleTurnAgentExecutor([remote_url])
    found = asyncio.run(responses(executor, words))
    generator = samples.SamplesGenerator.__new__(samples.SamplesGenerator)
    made = [generator._process_response_into_experience(one, max_len=4_096) for one in found]
    rewards = torch.cat([one.rewards for one in made]).flatten()
    assert rewards.tolist() == REWARDS, found
    assert [one.scores.item() for one in made] == REWARDS
    assert [one.info["undecided"].item() for one in made] == [0.0] * 4
    advantages = shaped(maker, made)
    assert torch.isfinite(advantages).all()
    assert (advantages[0] > 0) == (REWARDS[0] > 0.5), advantages
    print(f"OpenRLHF with {remote_url.rsplit('/', 1)[-1]}: {rewards.tolist()}")


def shaped(maker: Any, made: list[Any]) -> torch.Tensor:
    """Return each sample's return after OpenRLHF's group baseline."""
    for at, one in enumerate(made):
        one.index = [at]
        one.kl = torch.zeros_like(one.action_mask, dtype=torch.float32)
    returns: list[torch.Tensor] = []

    def keep(reward: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        returns.append(reward.flatten())
        return reward.reshape(1, 1).float()

    maker.compute_reward = keep
    args = SimpleNamespace(
        rollout=SimpleNamespace(n_samples_per_prompt=len(made)),
        algo=SimpleNamespace(advantage=SimpleNamespace(estimator="group_norm", gamma=1.0)),
        reward=SimpleNamespace(
            clip_range=None, overlong_buffer_len=None, stop_properly_penalty_coef=None
        ),
    )
    making = maker.RemoteExperienceMaker.__new__(maker.RemoteExperienceMaker)
    making.strategy, making.kl_ctl = SimpleNamespace(args=args), SimpleNamespace(value=0.0)
    making.advantage_estimator = "group_norm"
    making.get_cumulative_returns = lambda reward, *_: reward
    making.compute_advantages_and_returns(made)
    return torch.cat(returns)


def main() -> None:
    """Go through the two ways that the page shows."""
    url, words, parts = sys.argv[1], tiny.tokenizer(), modules()
    text = PAGE.read_text("utf-8")
    [route] = re.findall(r"--reward\.remote_url (http://127\.0\.0\.1:8321/\S+)", text)
    check(parts, route.replace("http://127.0.0.1:8321", url), words)
    [block] = re.findall(r"```python\n(# reward\.py.*?)```\n", text, re.S)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "reward.py"
        file.write_text(block)
        os.environ["ALUDEL_SERVER"] = url
        check(parts, str(file), words)


if __name__ == "__main__":
    main()
