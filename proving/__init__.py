"""Prover models in the loop: generators propose, the checker disposes."""

from aludel.attempts import SearchBudget
from aludel.problems import TheoremProblem
from aludel.proving.generators import ProofGenerator, Proposal, Proposals, TacticGenerator
from aludel.proving.portfolio import ProofPortfolio, TacticPortfolio
from aludel.proving.sampling import Sample, outcomes, sample_proofs
from aludel.proving.search import SearchResult, best_first

__all__ = [
    "ProofGenerator",
    "ProofPortfolio",
    "Proposal",
    "Proposals",
    "Sample",
    "SearchBudget",
    "SearchResult",
    "TacticGenerator",
    "TacticPortfolio",
    "TheoremProblem",
    "best_first",
    "outcomes",
    "sample_proofs",
]
