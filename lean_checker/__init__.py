"""Lean 4: toolchains, server processes, pool and verdict policy."""
