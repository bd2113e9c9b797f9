"""Lean 4: toolchains, server processes, pool and verdict policy."""

from aludel.distribution import needs

needs("lean", "psutil")
