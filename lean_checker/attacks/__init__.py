"""Attacks on the Lean checker: the corpus format, what becomes of each case, the fuzzer."""
