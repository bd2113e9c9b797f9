"""Prover models in the loop: generators propose, the checker disposes."""

from aludel.attempts import SearchBudget
from aludel.problems import TheoremProblem
from proving.estimate import Estimate, mean_pass_at_k, pass_at_k, wilson
from proving.generators import ProofGenerator, Proposal, Proposals, TacticGenerator
from proving.portfolio import ProofPortfolio, TacticPortfolio
from proving.sampling import Sample, outcomes, sample_proofs
from proving.search import SearchResult, best_first

__all__ = [
    "Estimate",
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
    "mean_pass_at_k",
    "outcomes",
    "pass_at_k",
    "sample_proofs",
    "wilson",
]
