"""Proofs that a negation is tried with: small values for the variables, then automation."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

from aludel.disproofs.negation import Binder

_NATURALS = ("0", "1", "2", "3", "5", "10")
_INTEGERS = ("0", "1", "-1", "2", "-2", "3", "-3", "10")
_VALUES = {
    "": _NATURALS,
    "Nat": _NATURALS,
    "ℕ": _NATURALS,
    "Int": _INTEGERS,
    "ℤ": _INTEGERS,
    "Rat": (*_INTEGERS, "1/2"),
    "ℚ": (*_INTEGERS, "1/2"),
    "ℝ": _INTEGERS,
    "Bool": ("false", "true"),
    "Prop": ("False", "True"),
    "Char": ("'a'", "'b'", "'0'"),
    "String": ('""', '"a"', '"ab"'),
    "Unit": ("()",),
    "Type": ("Nat", "Bool", "Unit"),
}
_SORT = re.compile(r"(?:Type|Sort)\b.*")
_FIXED_WIDTH = re.compile(r"Fin\b.*|BitVec\b.*|U?Int(?:8|16|32|64)|USize|ZMod\b.*")
_FORMER = re.compile(r"(List|Option|Array)\s+(.+)")
_MOST = 12
"""Variables that are given values; a statement of more is left to automation."""
_RANDOM = 8
_CLOSERS = "first | decide | simp | omega | grind"

AUTOMATION = (
    "decide",
    "simp",
    "omega",
    "grind",
    "intro h; simp_all",
    "intro h; omega",
    "intro h; grind",
    "intro h; cases h",
)
"""Proofs of a negation that name no values."""


def scripts(binders: Sequence[Binder], seed: int = 0) -> Iterator[str]:
    """Yield the tactics that values give, each once: simple values first, then some at random.

    Args:
        binders: the variables of the statement.
        seed: decides the random ones.
    """
    seen = set()
    for choice in _choices(len(binders), seed):
        arguments = _arguments(binders, choice)
        if arguments and len(arguments) <= _MOST and arguments not in seen:
            seen.add(arguments)
            given = " ".join(f"({name} := {value})" for name, value in arguments)
            yield f"intro h\nhave h' := h {given}\nrevert h'\n{_CLOSERS}"


def _choices(count: int, seed: int) -> Iterator[list[int]]:
    """Yield which value each variable takes: equal ones, in order, alternating, at random."""
    places = range(count)
    for same in (0, 1, 2):
        yield [same] * count
    yield list(places)
    yield [count - 1 - i for i in places]
    yield [1 + i for i in places]
    yield [i % 2 for i in places]
    yield [1 - i % 2 for i in places]
    for same in (3, 4, 5):
        yield [same] * count
    chosen = random.Random(seed)  # noqa: S311 - reproducible values, no secrets
    for _ in range(_RANDOM):
        yield [chosen.randrange(6) for _ in places]


def _arguments(binders: Sequence[Binder], choice: Sequence[int]) -> tuple[tuple[str, str], ...]:
    """Return the values by name; hypotheses and what has no known values are left out."""
    types: dict[str, str] = {}
    found = []
    for binder, index in zip(binders, choice, strict=True):
        kind = types.get(binder.type, binder.type)
        values = _values(kind, types)
        if not values:
            continue
        value = values[index % len(values)]
        if _SORT.fullmatch(kind):
            types[binder.name] = value
        found.append((binder.name, value))
    return tuple(found)


def _values(kind: str, types: dict[str, str]) -> Sequence[str]:
    """Return values of a type as text; none where they are not known, as for hypotheses."""
    kind = _bare(types.get(kind, kind))
    if kind in _VALUES:
        return _VALUES[kind]
    if kind == "ULift Nat":
        return tuple(f"⟨{n}⟩" for n in _NATURALS)
    if _SORT.fullmatch(kind):
        return ("ULift Nat",)
    if _FIXED_WIDTH.fullmatch(kind):
        return _NATURALS[:4]
    if "→" in kind:
        return _functions(kind, types)
    if former := _FORMER.fullmatch(kind):
        return _containers(former[1], _values(former[2], types))
    return ()


def _functions(kind: str, types: dict[str, str]) -> Sequence[str]:
    source, _, target = (part.strip() for part in kind.partition("→"))
    if "(" in source or "∀" in source:
        return ()
    constant = tuple(f"fun _ => {value}" for value in _values(target, types)[:3])
    if not constant:
        return ()
    own = ("fun x => x",) if _bare(source) == _bare(target) else ()
    one = ("fun x => x + 1",) if own and _bare(source) in ("Nat", "ℕ", "Int", "ℤ") else ()
    return (*constant[:2], *own, *one, *constant[2:])


def _containers(former: str, values: Sequence[str]) -> Sequence[str]:
    if not values:
        return ()
    first, second = values[0], values[1 % len(values)]
    if former == "Option":
        return ("none", f"some {_atom(first)}", f"some {_atom(second)}")
    begin = "#[" if former == "Array" else "["
    inside = ("", first, second, f"{first}, {second}", f"{second}, {first}", f"{first}, {first}")
    return tuple(f"{begin}{one}]" for one in inside)


def _bare(kind: str) -> str:
    """Return a type without the brackets around all of it."""
    while kind.startswith("(") and kind.endswith(")") and kind.find(")") == len(kind) - 1:
        kind = kind[1:-1].strip()
    return kind


def _atom(value: str) -> str:
    return f"({value})" if " " in value else value
