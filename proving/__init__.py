"""Prover models in the loop: generators propose, the checker disposes."""

from aludel.attempts import SearchBudget
from aludel.problems import TheoremProblem
from proving.generators import ProofGenerator, Proposal, Proposals, TacticGenerator
from proving.portfolio import ProofPortfolio, TacticPortfolio
from proving.sampling import Sample, outcomes, sample_proofs
from proving.search import SearchResult, best_first

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
