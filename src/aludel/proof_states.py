"""Tactic states of accepted proofs: each tactic with the goals before and after it."""

from __future__ import annotations

from pydantic import Field

from aludel.models import Model, Position


class Premise(Model):
    """A constant that a tactic names.

    Attributes:
        name: fully qualified name.
        module: module of the imports that declares it; ``None``: the candidate itself does.
    """

    name: str
    module: str | None


class ProofStep(Model):
    """One tactic of a proof.

    Attributes:
        declaration: the declaration that it helps to prove.
        tactic: its text, as the candidate has it, tactics inside it included.
        before: goals it was applied to, as Lean prints them; the first is worked on.
        after: goals that it left of those; empty when it closed them.
        start: where its text begins in the candidate.
        end: where it ends.
        depth: 0 for the proof's own tactics, 1 for those inside one of them, and so on.
        parent: index of the step that it is inside of.
        premises: constants that the tactic names, in the order of its text, each once.
    """

    declaration: str
    tactic: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    start: Position
    end: Position
    depth: int = Field(ge=0)
    parent: int | None = Field(default=None, ge=0)
    premises: tuple[Premise, ...] = ()

    @property
    def script(self) -> str:
        """The tactic as it reads at the margin: its lines moved left by the column it begins in."""
        first, *rest = self.tactic.split("\n")
        return "\n".join([first, *(_moved_left(line, self.start.column) for line in rest)])


class ProofTrace(Model):
    """The steps of an accepted candidate, in the order of its text; none for proofs by terms.

    Attributes:
        steps: the steps.
        left_out: tactics that ran on several different states, or on none, or whose state holds
            ``sorry``: they are no steps.
        complete: whether all others are there; a proof that prints too much is cut.
    """

    steps: tuple[ProofStep, ...]
    left_out: int = Field(default=0, ge=0)
    complete: bool = True


def _moved_left(line: str, columns: int) -> str:
    room = len(line) - len(line.lstrip(" "))
    return line[min(room, columns) :]
