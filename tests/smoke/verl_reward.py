"""``aludel.adapters.verl`` in verl's own reward managers, with the options that the page shows.

Usage: ``python verl_reward.py URL``, with the Python that has verl; URL is a running service. What
verl's trainer does is done here by its own classes: it loads the function that the options name,
decodes responses, awaits or sends out a call for each sample, and puts the scores into one tensor.
"""

from __future__ import annotations

import asyncio
import inspect
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # which `-I` leaves out

import numpy as np
import ray
import tiny
import torch
from omegaconf import OmegaConf
from tensordict import TensorDict
from verl import DataProto
from verl.experimental.reward_loop.reward_manager.remote import RewardComputeWorker
from verl.trainer.ppo.core_algos import compute_grpo_outcome_advantage
from verl.trainer.ppo.reward import get_custom_reward_fn, load_reward_manager

PAGE = Path(__file__).resolve().parents[2] / "docs/how-to/train-with-rewards.md"
STATEMENT = "theorem swap (a b : Nat) : a + b = b + a"
PROMPT = "Prove it."
ANSWERS = ["```lean\nby omega\n```", "by sorry", "I cannot.", f"{STATEMENT} := Nat.add_comm a b"]
SCORES = [1.0, 0.0, 0.0, 1.0]


def options(url: str, manager: str) -> Any:
    """Return the options of the page, and those that verl's defaults have."""
    shown = re.findall(r"^\s+\+?(reward\.\S+?)=(\S+)", PAGE.read_text("utf-8"), re.M)
    lines = [f"{name}={value.replace('http://127.0.0.1:8321', url)}" for name, value in shown]
    assert len(lines) == 3, lines
    defaults = ["reward.reward_manager.source=register", "reward.num_workers=2"]
    chosen = [f"reward.reward_manager.name={manager}"]
    if manager == "remote":  # as the page says
        chosen.append("reward.custom_reward_function.name=compute_score_sync")
    return OmegaConf.from_dotlist([*defaults, *lines, *chosen])


def batch(words: Any, answers: list[str]) -> DataProto:
    """Return prompts with their answers, padded as verl pads them: on the outer sides."""
    prompt = words(PROMPT)["input_ids"]
    encoded = [words(answer)["input_ids"] + [words.eos_token_id] for answer in answers]
    width = max(map(len, encoded))
    padded = [ids + [words.pad_token_id] * (width - len(ids)) for ids in encoded]
    seen = [[1] * len(prompt) + [1] * len(ids) + [0] * (width - len(ids)) for ids in encoded]
    count = len(answers)
    return DataProto(
        batch=TensorDict(
            {
                "prompts": torch.tensor([prompt] * count),
                "responses": torch.tensor(padded),
                "attention_mask": torch.tensor(seen),
            },
            batch_size=count,
        ),
        non_tensor_batch={
            "data_source": np.array(["lean"] * count, dtype=object),
            "reward_model": np.array([{"ground_truth": STATEMENT}] * count, dtype=object),
            "extra_info": np.array([{"index": n} for n in range(count)], dtype=object),
        },
    )


async def rewards(manager: Any, data: DataProto) -> list[dict[str, Any]]:
    """Return the rewards of the samples, asked for all at once, as a reward worker does."""
    calls = [manager.run_single(data[at : at + 1]) for at in range(len(data))]
    return await asyncio.gather(*calls)


def check(url: str, name: str, words: Any) -> None:
    """Have known answers rewarded by one of verl's managers."""
    config = options(url, name)
    manager = load_reward_manager(config, words)
    data = batch(words, ANSWERS)
    found = manager.loop.run_until_complete(rewards(manager, data))
    scores = [one["reward_score"] for one in found]
    assert scores == SCORES, found
    keys = {tuple(one["reward_extra_info"]) for one in found}
    assert keys == {("score", "acc", "decided", "reason")}, keys
    tensor = type(manager).assemble_rm_scores(data, scores)
    assert tensor.sum(dim=-1).tolist() == SCORES
    advantages, _ = compute_grpo_outcome_advantage(
        tensor, data.batch["attention_mask"][:, -tensor.shape[1] :], np.array(["g"] * len(ANSWERS))
    )
    assert torch.isfinite(advantages).all()
    print(
        f"verl's manager {name}: {scores}, {[one['reward_extra_info']['reason'] for one in found]}"
    )


def check_remote(url: str) -> None:
    """Have a known answer rewarded as a worker of the manager ``remote`` does.

    Ray's processes are left out: the function is pickled as Ray pickles it, and the worker's class
    is verl's.
    """
    function = ray.cloudpickle.loads(
        ray.cloudpickle.dumps(get_custom_reward_fn(options(url, "remote")))
    )
    assert not inspect.iscoroutinefunction(function)  # which the manager refuses
    worker = RewardComputeWorker.__ray_metadata__.modified_class(function)
    found = [
        worker.compute_score(
            data_source="lean", solution_str=answer, ground_truth=STATEMENT, extra_info={}
        )["score"]
        for answer in ANSWERS
    ]
    assert found == SCORES, found
    print(f"verl's worker of the manager remote: {found}")


def main() -> None:
    """Go through the managers that call a function for each sample."""
    url = sys.argv[1]
    check(url, "naive", tiny.tokenizer())
    check_remote(url)


if __name__ == "__main__":
    main()
