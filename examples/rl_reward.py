"""A reward function for reinforcement learning: 1 for a proof that the service accepts, else 0.

Start a service (``aludel serve``), then: ``python examples/rl_reward.py``. TRL takes ``reward`` as
it is, with a data set that has the columns ``prompt`` and ``statement``::

    GRPOTrainer(model=..., reward_funcs=reward, train_dataset=...).train()
"""

from __future__ import annotations

import os

from aludel.rl import make_reward

SAMPLES = (
    ("theorem swap (a b : Nat) : a + b = b + a", "by omega"),
    ("theorem swap (a b : Nat) : a + b = b + a", "by sorry"),
    ("theorem two : 1 + 1 = 2", "rfl"),
    ("theorem wrong : 1 + 1 = 3", "rfl"),
)

URL = os.environ.get("ALUDEL_SERVER", "http://127.0.0.1:8321")
reward = make_reward(URL, key=os.environ.get("ALUDEL_API_KEY"))


def main() -> None:
    """Print the rewards of the samples."""
    statements, proofs = zip(*SAMPLES, strict=True)
    rewards = reward(completions=proofs, statement=statements)
    for proof, worth in zip(proofs, rewards, strict=True):
        print(f"{'undecided' if worth is None else f'{worth:.0f}'}  {proof}")


if __name__ == "__main__":
    main()
