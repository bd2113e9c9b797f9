"""Proves a statement step by step on a running service, branching once.

Start the service (`aludel serve`), then: python examples/step_by_step.py
"""

from __future__ import annotations

import os

from aludel import Client
from aludel.goals import GoalRequest, Stepper

STATEMENT = "theorem both (p q : Prop) : p ∧ q → q ∧ p"


def main() -> None:
    """Print the goals on the way, and the verdict on the script."""
    with Client(os.environ.get("ALUDEL_SERVER", "http://127.0.0.1:8321")) as client:
        stepper = Stepper(client.goals, GoalRequest(statement=STATEMENT))
        for step in stepper.try_each(["rfl", "intro h", "intro ⟨a, b⟩"]):
            print(step.tactic, "->", step.error.code if step.error else "a state")
            if step.state is not None:
                stepper.go(step.state.state)
        stepper.run("constructor")
        for goal in stepper.current.goals:
            print(goal.case, [h.names[0] for h in goal.hypotheses], "⊢", goal.target)
        stepper.undo()
        stepper.run("exact ⟨b, a⟩")
        print("finished:", stepper.current.finished)
        candidate = stepper.candidate()
        print(candidate.code, end="")
        print(client.check(candidate).kind)
        stepper.close()


if __name__ == "__main__":
    main()
