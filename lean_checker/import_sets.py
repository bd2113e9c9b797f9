"""Sets of modules that requests import, as processes hold them."""

from __future__ import annotations

from collections.abc import Iterable

_LIBRARY = frozenset({"Init", "Std", "Lean"})


def import_set(imports: Iterable[str]) -> tuple[str, ...]:
    """Return ``imports`` as the server keeps them: ``Init`` first, each module once."""
    return tuple(dict.fromkeys(("Init", *imports)))


def is_library(imports: tuple[str, ...]) -> bool:
    """Whether an import set is of Lean's own library alone.

    A process may hold any number of those, but beside a project's modules nothing else:
    environments made before lack the extensions that a project registers, and using them ends in a
    panic.
    """
    return all(name.partition(".")[0] in _LIBRARY for name in imports)
