"""A reward function for reinforcement learning: 1 for a proof that the service accepts, else 0.

Start a service (``aludel serve``), then: ``python examples/rl_reward.py``. With TRL's GRPO, whose
data set has the columns ``prompt`` and ``statement``::

    reward = make_reward("http://127.0.0.1:8321")
    GRPOTrainer(model=..., reward_funcs=reward, train_dataset=...).train()
"""

from __future__ import annotations

import os

from aludel import Client
from aludel.rl import make_reward

SAMPLES = (
    ("theorem swap (a b : Nat) : a + b = b + a", "by omega"),
    ("theorem swap (a b : Nat) : a + b = b + a", "by sorry"),
    ("theorem two : 1 + 1 = 2", "rfl"),
    ("theorem wrong : 1 + 1 = 3", "rfl"),
)


def main() -> None:
    """Print the rewards of the samples."""
    url = os.environ.get("ALUDEL_SERVER", "http://127.0.0.1:8321")
    with Client(url, key=os.environ.get("ALUDEL_API_KEY")) as client:
        statements, proofs = zip(*SAMPLES, strict=True)
        rewards = make_reward(client)(completions=proofs, statement=statements)
        for proof, reward in zip(proofs, rewards, strict=True):
            print(f"{'undecided' if reward is None else f'{reward:.0f}'}  {proof}")


if __name__ == "__main__":
    main()
