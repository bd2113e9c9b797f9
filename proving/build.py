"""From data to what carries it out: generators, and the attempt on one problem."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

from aludel.attempts import AttemptOptions, AttemptPlan
from aludel.generators import Endpoint, GeneratorSpec, LocalModel
from aludel.goals import Goals
from aludel.protocols import Checker
from proving.attempting import Attempt, sampling, searching
from proving.generators import ProofGenerator, TacticGenerator
from proving.local import LocalGenerator
from proving.openai import OpenAIGenerator
from proving.portfolio import ProofPortfolio, TacticPortfolio


class Generators(NamedTuple):
    """What proposes whole proofs, and what proposes tactics."""

    proofs: ProofGenerator
    tactics: TacticGenerator


@contextlib.contextmanager
def open_generators(spec: GeneratorSpec, *, key: str = "") -> Iterator[Generators]:
    """Open what ``spec`` names; ``key`` is the endpoint's, if it wants one.

    Raises:
        InvalidRequest: there is no such model.
        ToolchainMissing: the libraries for local models are not installed.
        BackendUnavailable: a local model does not fit into memory.
    """
    if isinstance(spec, Endpoint):
        with contextlib.closing(OpenAIGenerator(spec, key=key)) as asked:
            yield Generators(asked, asked)
    elif isinstance(spec, LocalModel):
        local = LocalGenerator(spec)
        yield Generators(local, local)
    else:
        yield Generators(ProofPortfolio(), TacticPortfolio())


def attempt_with(
    generators: Generators, options: AttemptOptions, checker: Checker, goals: Goals
) -> Attempt:
    """Return the attempt on one problem that ``options`` describe."""
    if options.search == "sample":
        return sampling(generators.proofs, checker, options.samples, options.seed, options.repairs)
    return searching(generators.tactics, goals, checker, options.budget)


def plan_of(
    generators: Generators, options: AttemptOptions, toolchain_digest: str, problems_digest: str
) -> AttemptPlan:
    """Return everything that a run depends on."""
    chosen = generators.proofs if options.search == "sample" else generators.tactics
    return AttemptPlan(
        generator=chosen.name,
        settings=chosen.settings,
        toolchain_digest=toolchain_digest,
        problems_digest=problems_digest,
        **options.planned(),
    )
