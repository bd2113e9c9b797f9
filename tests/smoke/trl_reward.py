"""``aludel.rl`` in TRL's GRPO, with the base wheel and a tiny model.

Usage: ``python trl_reward.py URL``, with the Python that has TRL; URL is a running service.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # which `-I` leaves out

import datasets
import tiny
from trl import GRPOConfig, GRPOTrainer

import aludel
from aludel.rl import length_shaped, make_async_reward, make_reward

STATEMENT = "theorem swap (a b : Nat) : a + b = b + a"
STEPS = 5
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def train(rewards: list[Any], folder: str) -> list[dict[str, float]]:
    """Take steps of GRPO and return what was logged at each of them."""
    words = tiny.tokenizer()
    trainer = GRPOTrainer(
        model=tiny.model(words),
        reward_funcs=rewards,
        processing_class=words,
        train_dataset=datasets.Dataset.from_list(
            [{"prompt": f"{STATEMENT} := ", "statement": STATEMENT}] * 2 * STEPS
        ),
        args=GRPOConfig(
            output_dir=folder, max_steps=STEPS, per_device_train_batch_size=2, num_generations=2,
            max_completion_length=8, report_to=[], use_cpu=True, save_strategy="no",
            logging_steps=1,
        ),
    )  # fmt: skip
    trainer.train()
    return [step for step in trainer.state.log_history if "reward" in step]


def named(name: str, reward: Any) -> Any:
    """Return a reward function under the name that TRL logs it by."""
    reward.__name__ = name
    return reward


def example(url: str) -> Any:
    """Return the module of ``examples/rl_reward.py``."""
    os.environ["ALUDEL_SERVER"] = url
    spec = importlib.util.spec_from_file_location("rl_reward", EXAMPLES / "rl_reward.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def known(client: aludel.Client) -> None:
    """Ask for the rewards of known proofs, as TRL passes them."""
    answers = ["by omega", "by sorry", [{"role": "assistant", "content": "```lean\nby omega\n```"}]]
    passed = {
        "prompts": ["p"] * 3, "completions": answers, "completion_ids": [[1] * 4] * 3,
        "statement": [STATEMENT] * 3, "trainer_state": None,
    }  # fmt: skip
    reward = make_reward(client)
    assert reward(**passed) == [1.0, 0.0, 1.0]
    assert length_shaped(reward, 2)(**passed) == [0.5, 0.0, 0.5]


def main() -> None:
    """Check the environment, the rewards of known proofs, and the steps of training."""
    url = sys.argv[1]
    assert Path(aludel.__file__).is_relative_to(sys.prefix)
    assert Path(datasets.__file__).is_relative_to(sys.prefix)
    assert importlib.util.find_spec("sqlalchemy") is None  # the base alone
    with aludel.Client(url) as client, tempfile.TemporaryDirectory() as folder:
        known(client)
        rewards = [
            named("blocking", make_reward(client)),
            named("awaited", make_async_reward(url)),
            named("shaped", length_shaped(make_reward(url), 8)),
            named("shaped_awaited", length_shaped(make_async_reward(url), lambda step: 8 - step)),
            named("undecided", make_reward(url, deadline=0)),  # None, which TRL leaves out
            named("example", example(url).reward),
        ]
        logged = train(rewards, folder)
    assert len(logged) == STEPS, logged
    for step in logged:
        assert step["rewards/undecided/mean"] is None, step  # NaN, which TRL leaves out
        for reward in ("blocking", "awaited", "shaped", "shaped_awaited", "example"):
            assert step[f"rewards/{reward}/mean"] == 0.0, step  # a random model proves nothing
        shares = [step[f"proof/{name}"] for name in ("accepted", "rejected", "undecided")]
        assert shares[0] == 0.0, step
        assert abs(sum(shares) - 1) < 1e-6, step  # means over the six functions
        assert abs(shares[2] - 1 / 6) < 1e-6, step
    print(
        f"{STEPS} steps of GRPO with {len(rewards)} reward functions; the last logged {logged[-1]}"
    )


if __name__ == "__main__":
    main()
