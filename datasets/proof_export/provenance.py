"""Provenance of an export: command, version, commit and seed."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import aludel
from aludel.distribution import installed_version
from aludel.models import Toolchain


@dataclass(frozen=True, slots=True)
class Provenance:
    """The provenance of an export.

    Attributes:
        command: the command line, the output folder left out.
        version: version of Aludel.
        commit: commit of the checkout that ran, if it is one.
        seed: seed of what made the records, where one command made them and the export.
        toolchains: what is known about each toolchain, by digest.
    """

    command: str
    version: str
    commit: str | None = None
    seed: int | None = None
    toolchains: dict[str, Toolchain] = field(default_factory=dict)


def provenance(
    command: str, toolchains: dict[str, Toolchain], seed: int | None = None
) -> Provenance:
    """Return the provenance of an export that this installation makes now."""
    return Provenance(
        command=command,
        version=installed_version(),
        commit=checkout_commit(Path(aludel.__file__).parents[2]),
        seed=seed,
        toolchains=toolchains,
    )


def checkout_commit(root: Path) -> str | None:
    """Return the commit that ``root`` has checked out, ``-dirty`` added when files differ from it.

    None when ``root`` is not itself a checkout (an installed package may lie inside somebody
    else's) or git cannot tell.
    """
    if not (root / ".git").exists():
        return None
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        result = subprocess.run(
            command, cwd=root, capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip() or None
