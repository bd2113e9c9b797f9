"""The extras of ``pyproject.toml``, those that they take along resolved."""

from __future__ import annotations

import re
from typing import Any

_OWN = re.compile(r"aludel-proofs\[([a-z,]+)\]")


def expanded(project: dict[str, Any], extra: str) -> list[str]:
    """Return the requirements of ``extra``, given the table ``project``."""
    found: list[str] = []
    for requirement in project["optional-dependencies"][extra]:
        own = _OWN.fullmatch(requirement)
        if own is None:
            found.append(requirement)
        else:
            found += [one for part in own[1].split(",") for one in expanded(project, part)]
    return found
