"""Disproofs: the negation of a statement, put to the checker with proofs that often suffice.

A statement is false when its negation is accepted, by the same kernels as any candidate.
"""

from aludel.disproofs.models import Disproof, DisproofRequest
from aludel.disproofs.run import Disproving, disprove

__all__ = ["Disproof", "DisproofRequest", "Disproving", "disprove"]
