"""Sameness letter by letter, where levels count by their value."""

from .store import Store
from .terms import Bound, Const, Free, Nat, Proj, Sort, Term, Text


def same_terms(store: Store, a: Term, b: Term) -> bool:
    """Whether two terms have one structure and the same constants, at equal levels."""
    todo = [(a, b)]
    done: set[tuple[Term, Term]] = set()
    while todo:
        x, y = todo.pop()
        if x is y or (x, y) in done:
            continue
        done.add((x, y))
        store.budget.spend(1)
        if type(x) is not type(y) or not _same_node(store, x, y):
            return False
        todo.extend(zip(x.parts(), y.parts(), strict=True))
    return True


def _same_node(store: Store, x: Term, y: Term) -> bool:
    if type(x) is Sort and type(y) is Sort:
        return store.equal(x.level, y.level)
    if type(x) is Const and type(y) is Const:
        if x.name != y.name or len(x.levels) != len(y.levels):
            return False
        return all(store.equal(u, v) for u, v in zip(x.levels, y.levels, strict=True))
    if type(x) is Proj and type(y) is Proj:
        return (x.structure, x.index) == (y.structure, y.index)
    if type(x) is Bound and type(y) is Bound:
        return x.index == y.index
    if type(x) is Nat and type(y) is Nat:
        return x.value == y.value
    if type(x) is Text and type(y) is Text:
        return x.value == y.value
    return type(x) is not Free  # variables are one object each
