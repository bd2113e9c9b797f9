"""The releases of Lean that the server program is written for, and what differs between them.

One source of the program serves all of them. What differs stands in the module ``Aludel.Compat``,
of which each range has a version (``docs/reference/lean-versions.md``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from aludel.errors import ToolchainMissing

EMBEDDED = "V4_27"
"""The version of the module that the embedded Lean compiles."""
EXPORTED_FROM = (4, 15)
"""The first release that a tag of lean4export is for. From here on, those that the program is not
written for are judged by exports (``lean_checker/exported/``)."""
# To 4.26, `module` at the head of a file is an experiment (lean4 PR 11637 ends that).
_EXPERIMENT = ("-Dexperimental.module=true",)


@dataclass(frozen=True)
class ReleaseRange:
    """Releases between which nothing changed that the program uses.

    Attributes:
        first: major and minor number of the first.
        last: of the last.
        compat: the version of ``Aludel.Compat``.
        options: what ``lean`` must be told to compile and run modules of ours.
    """

    first: tuple[int, int]
    last: tuple[int, int]
    compat: str
    options: tuple[str, ...] = ()


RANGES = (
    ReleaseRange((4, 24), (4, 24), "V4_24", _EXPERIMENT),
    ReleaseRange((4, 25), (4, 25), "V4_25", _EXPERIMENT),
    ReleaseRange((4, 26), (4, 26), "V4_26", _EXPERIMENT),
    ReleaseRange((4, 27), (4, 28), EMBEDDED),
    ReleaseRange((4, 29), (4, 32), "V4_29"),
    ReleaseRange((4, 33), (4, 35), "V4_33"),
)


def numbers_of(version: str) -> tuple[int, int]:
    """Return the major and minor number of a release; zeros where it names none."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def is_served(version: str) -> bool:
    """Whether the program is written for a release."""
    return any(each.first <= numbers_of(version) <= each.last for each in RANGES)


def release_range(version: str) -> ReleaseRange:
    """Return the range of a release, such as ``4.28.1`` or ``4.33.0-rc2``.

    Raises:
        ToolchainMissing: the program is written for no such release; ``fix`` names the nearest.
    """
    numbers = numbers_of(version)
    for each in RANGES:
        if each.first <= numbers <= each.last:
            return each
    nearest = RANGES[0].first if numbers < RANGES[0].first else RANGES[-1].last
    spans = f"{_text(RANGES[0].first)} to {_text(RANGES[-1].last)}"
    age = "old" if nearest == RANGES[0].first else "new"
    raise ToolchainMissing(
        f"Lean {version} is too {age}: the server program is written for {spans}",
        field="toolchain",
        fix=f"run `aludel toolchain install lean --version {_text(nearest)}.0`",
    )


def _text(numbers: tuple[int, int]) -> str:
    return ".".join(map(str, numbers))
