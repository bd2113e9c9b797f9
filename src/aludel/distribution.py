"""The name under which this package is distributed, and its version."""

from __future__ import annotations

import importlib.metadata

# ``aludel`` on PyPI is another project; the import name and the command are ours alone.
DISTRIBUTION = "aludel-proofs"


def installed_version() -> str:
    """Return the version of the installed distribution."""
    return importlib.metadata.version(DISTRIBUTION)
