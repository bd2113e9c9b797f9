"""F*: toolchains, ``--ide`` sessions, scaffolding and verdict policy."""
