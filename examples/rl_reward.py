"""A reward function for reinforcement learning: 1 for a proof that the service accepts, else 0.

Start a service (``aludel serve``), then: ``python examples/rl_reward.py``. With TRL's GRPO, whose
data set has the columns ``prompt`` and ``statement``::

    with Client("http://127.0.0.1:8321") as client:
        GRPOTrainer(model=..., reward_funcs=proof_reward(client), train_dataset=...).train()
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from aludel import Budget, CheckRequest, Client, Verdict
from aludel.candidates import extract

# An answer of a model: its text, or the messages of a conversation, of which the last one counts.
Completion = str | Sequence[dict[str, Any]]


def proof_reward(client: Client, wall_s: float = 20) -> Callable[..., list[float | None]]:
    """Return a reward function that asks ``client``; each check may take ``wall_s`` seconds."""

    def proved(
        completions: Sequence[Completion], statement: Sequence[str], **_: object
    ) -> list[float | None]:
        """Return a reward for each completion; ``statement`` has what each was to prove.

        Undecided (a limit was reached) is None, which TRL leaves out; what failed for the machine's
        sake raises, so that a fault of the service never teaches the model anything. Whatever else
        a trainer passes (prompts, ids of tokens, other columns) is not looked at.
        """
        requests = [
            CheckRequest(
                statement=asked, code=extract(_text(answer), asked), budget=Budget(wall_s=wall_s)
            )
            for asked, answer in zip(statement, completions, strict=True)
        ]
        return [_reward(client.verdict_of(item)) for item in client.verify_many(requests)]

    return proved


def _text(completion: Completion) -> str:
    return completion if isinstance(completion, str) else str(completion[-1]["content"])


def _reward(verdict: Verdict) -> float | None:
    return {"accepted": 1.0, "rejected": 0.0}.get(verdict.kind)


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
        rewards = proof_reward(client)(completions=proofs, statement=statements)
        for proof, reward in zip(proofs, rewards, strict=True):
            print(f"{'undecided' if reward is None else f'{reward:.0f}'}  {proof}")


if __name__ == "__main__":
    main()
