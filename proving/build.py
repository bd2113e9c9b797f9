"""Factories: generators from their specifications, and the attempt on one problem."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple, assert_never

from aludel.attempts import AttemptOptions, AttemptPlan
from aludel.errors import InvalidRequest
from aludel.generators import Endpoint, GeneratorSpec, LocalModel, Portfolio
from aludel.goals import Goals
from aludel.models import Prover
from aludel.problems import TheoremProblem
from aludel.protocols import Checker
from aludel.proving.attempting import Attempt, Premised, sampling, searching
from aludel.proving.fstar import FStarPortfolio
from aludel.proving.generators import ProofGenerator, TacticGenerator
from aludel.proving.local import LocalGenerator
from aludel.proving.openai import OpenAIGenerator
from aludel.proving.portfolio import ProofPortfolio, TacticPortfolio
from aludel.proving.premises import Library, PremisedTactics


class Generators(NamedTuple):
    """A generator of whole proofs and one of tactics."""

    proofs: ProofGenerator
    tactics: TacticGenerator


@contextlib.contextmanager
def open_generators(
    spec: GeneratorSpec, *, key: str = "", prover: Prover = Prover.LEAN
) -> Iterator[Generators]:
    """Open what ``spec`` names.

    Args:
        spec: the kind of generator, and its settings.
        key: the endpoint's, if it wants one.
        prover: whose problems are to be solved; a portfolio is made for one prover.

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
    elif isinstance(spec, Portfolio):
        proofs = FStarPortfolio() if prover is Prover.FSTAR else ProofPortfolio()
        yield Generators(proofs, TacticPortfolio())
    else:
        assert_never(spec)


def attempt_with(
    generators: Generators,
    options: AttemptOptions,
    checker: Checker,
    goals: Goals | None,
    library: Library | None = None,
) -> Attempt:
    """Return the attempt on one problem that ``options`` describe.

    Args:
        goals: sessions for a search; None where the prover has none.
        library: where premises are retrieved for Lean; problems of F* bring theirs.

    Raises:
        InvalidRequest: the options ask for what ``goals`` or ``library`` would have to give.
    """
    if options.premises and library is None and checker.toolchain.prover is Prover.LEAN:
        raise InvalidRequest("premises are not retrieved here", field="premises", fix="ask for 0")
    if options.search == "sample":
        attempt = sampling(
            generators.proofs, checker, options.samples, options.seed, options.repairs
        )
        if library is None or not options.premises:
            return attempt
        return lambda problem: attempt(library.help(problem, options.premises))
    if goals is None:
        raise InvalidRequest("this prover has no goals to search over", field="search")
    return searching(
        generators.tactics, goals, checker, options.budget, _premised(library, options)
    )


def _premised(library: Library | None, options: AttemptOptions) -> Premised:
    def give(generator: TacticGenerator, problem: TheoremProblem) -> TacticGenerator:
        if library is None or not options.premises:
            return generator
        return PremisedTactics(generator, library, problem, options.premises)

    return give


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
