"""Confining a prover process: what it may read, use and call, whatever runs inside it."""
