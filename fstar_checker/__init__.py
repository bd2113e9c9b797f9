"""F*: toolchains, ``--ide`` sessions, scaffolding and verdict policy."""

from aludel.distribution import needs

needs("fstar", "psutil")
