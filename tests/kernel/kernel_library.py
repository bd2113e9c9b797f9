"""A world's constants as a library on disk, as the Lean server exports them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aludel.lean_kernel.environment import (
    Axiom,
    Constant,
    Constructor,
    Definition,
    Inductive,
    Opaque,
    Quotient,
    Recursor,
    Theorem,
)
from aludel.lean_kernel.library import Library, write_library
from aludel.lean_kernel.names import Name
from aludel.lean_kernel.quotient import ROLES
from aludel.lean_kernel.tables import _Writer


class Chunk:
    """One table of constants."""

    def __init__(self, module: str) -> None:
        self.module, self.w, self.constants = module, _Writer(), []

    def value(self) -> dict[str, Any]:
        w = self.w
        return {
            "module": self.module,
            "names": w.name_entries,
            "levels": w.level_entries,
            "exprs": w.term_entries,
            "constants": self.constants,
        }

    def add(self, c: Constant, *, hide: bool = False) -> None:
        word, rest = self._rest(c, hide)
        w = self.w
        head = [w.name(c.name), [w.name(p) for p in c.params], w.term(c.type)]
        self.constants.append([word, *head, *rest])

    def _rest(self, c: Constant, hide: bool) -> tuple[str, list[Any]]:
        w = self.w
        value = getattr(c, "value", None)
        body = None if hide or value is None else w.term(value)
        if isinstance(c, Theorem):
            return "thm", [body]
        if isinstance(c, Opaque):
            return "opq", [body, int(c.unsafe)]
        if isinstance(c, Definition):
            hint = {-1: 0, -2: 1}.get(c.height, c.height + 2)
            return "def", [body, hint, 1 if c.unsafe else 2 if c.partial else 0]
        if isinstance(c, Axiom):
            return "axm", [int(c.unsafe)]
        if isinstance(c, Quotient):
            return "quo", [list(ROLES).index(c.role)]
        return self._inductive(c)

    def _inductive(self, c: Constant) -> tuple[str, list[Any]]:
        w = self.w
        if isinstance(c, Inductive):
            numbers = [c.num_params, c.num_indices, int(c.is_recursive), c.num_nested, 0]
            return "ind", [
                numbers,
                [w.name(n) for n in c.block],
                [w.name(n) for n in c.constructors],
            ]
        if isinstance(c, Constructor):
            return "ctr", [[w.name(c.inductive), c.index, c.num_params, c.num_fields, 0]]
        assert isinstance(c, Recursor)
        numbers = [c.num_params, c.num_indices, c.num_motives, c.num_minors, int(c.k), 0]
        rules = [[w.name(r.constructor), r.num_fields, w.term(r.value)] for r in c.rules]
        return "rec", [numbers, [w.name(n) for n in c.block], rules]


def write_world(
    folder: Path, constants: list[Constant], hidden: frozenset[Name] = frozenset()
) -> Library:
    """The library of the constants; the bodies of `hidden` are left out."""
    chunk = Chunk("World")
    for c in constants:
        chunk.add(c, hide=c.name in hidden)
    write_library(folder, [chunk.value()])
    return Library(folder)
