"""A reward function for reinforcement learning: 1 for a proof that the service accepts, else 0.

Start a service (``aludel serve``), then: ``python examples/rl_reward.py``. Trainers that take a
function of prompts and completions (TRL's GRPO, for example) take ``reward_proofs`` as it is.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from aludel import Budget, CheckRequest, Client, Verdict
from aludel.statements import with_proof


def reward_proofs(statements: Sequence[str], proofs: Sequence[str], client: Client) -> list[float]:
    """Return a reward for each proof of the statement in the same place.

    Undecided (a limit was reached) counts as 0 here; what failed for the machine's sake raises, so
    that a fault of the service never teaches the model anything.
    """
    requests = [
        CheckRequest(
            statement=statement, code=with_proof(statement, proof), budget=Budget(wall_s=20)
        )
        for statement, proof in zip(statements, proofs, strict=True)
    ]
    return [_reward(client.verdict_of(item)) for item in client.verify_many(requests)]


def _reward(verdict: Verdict) -> float:
    return 1.0 if verdict.kind == "accepted" else 0.0


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
        for proof, reward in zip(proofs, reward_proofs(statements, proofs, client), strict=True):
            print(f"{reward:.0f}  {proof}")


if __name__ == "__main__":
    main()
