"""Prover models in the loop: generators, searches and pass@k."""
