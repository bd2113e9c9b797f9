"""What an elaborator says of a candidate: a claim, whatever it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aludel.lean_checker.facts import CheckFacts
from aludel.models import Verdict


@dataclass(frozen=True)
class Claim:
    """A verdict as far as an elaborator can give one, and the declarations it rests on.

    Attributes:
        verdict: a rejection stands; an acceptance is yet to be decided.
        facts: what the server reported.
        terms: the declarations as tables, unparsed; None where they were too large or not needed.
        native: whether compiled code of the candidate ran, so that the kernel has to run it too.
    """

    verdict: Verdict
    facts: CheckFacts
    terms: object
    native: bool = False

    @property
    def wants_native(self) -> bool:
        """Whether it stopped at a proof by compiled code, and at nothing else."""
        return bool(self.facts.forbidden) and self.facts.forbidden[0].native


def parse_terms(result: dict[str, Any]) -> object:
    """Take the tables out of an answer of ``check``."""
    return result.pop("terms", None)
