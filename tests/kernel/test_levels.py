"""Comparison of universe levels against values of the parameters tried one by one."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aludel.lean_kernel.budget import Budget
from aludel.lean_kernel.errors import OutOfBudget
from aludel.lean_kernel.levels import MAX, PARAM, SUCC, ZERO, Level, LevelTable

PARAMS = ("u", "v", "w")
Shape = tuple[object, ...]

shapes = st.recursive(
    st.sampled_from([("0",), *[("p", p) for p in PARAMS]]),
    lambda inner: st.one_of(
        st.tuples(st.just("s"), inner),
        st.tuples(st.just("max"), inner, inner),
        st.tuples(st.just("imax"), inner, inner),
    ),
    max_leaves=6,
)


def build(table: LevelTable, shape: Shape) -> Level:
    if shape[0] == "0":
        return table.zero
    if shape[0] == "p":
        return table.param((str(shape[1]),))
    parts = [build(table, p) for p in shape[1:]]  # type: ignore[arg-type]
    return table.succ(parts[0]) if shape[0] == "s" else getattr(table, str(shape[0]))(*parts)


def value(level: Level, at: dict[str, int]) -> int:
    if level.kind == ZERO:
        return 0
    if level.kind == PARAM:
        return at[str(level.name[0])]
    if level.kind == SUCC:
        return value(level.one, at) + 1
    a, b = value(level.one, at), value(level.two, at)
    return max(a, b) if level.kind == MAX or b else 0


def everywhere(a: Level, b: Level) -> bool:
    """`a <= b` at all values below 9; offsets here are at most 6."""
    for values in itertools.product((0, 1, 2, 8), repeat=len(PARAMS)):
        at = dict(zip(PARAMS, values, strict=True))
        if value(a, at) > value(b, at):
            return False
    return True


@settings(max_examples=150, deadline=None)
@given(shapes, shapes)
def test_order_is_that_of_the_values(left: Shape, right: Shape) -> None:
    table = LevelTable(Budget())
    a, b = build(table, left), build(table, right)
    assert table.leq(a, b) == everywhere(a, b)
    assert table.equal(a, b) == (everywhere(a, b) and everywhere(b, a))
    assert table.is_zero(a) == everywhere(a, table.zero)
    assert table.never_zero(a) == everywhere(table.one, a)


@settings(max_examples=100, deadline=None)
@given(shapes, shapes)
def test_substitution_is_that_of_the_values(shape: Shape, other: Shape) -> None:
    table = LevelTable(Budget())
    level, put = build(table, shape), build(table, other)
    made = table.substitute(level, {("u",): put})
    for values in itertools.product((0, 1, 3), repeat=len(PARAMS)):
        at = dict(zip(PARAMS, values, strict=True))
        assert value(made, at) == value(level, {**at, "u": value(put, at)})


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (("imax", ("s", ("0",)), ("0",)), ("0",), True),
        (("max", ("0",), ("0",)), ("0",), True),
        (("imax", ("p", "u"), ("p", "u")), ("p", "u"), True),
        (("p", "u"), ("imax", ("p", "u"), ("p", "v")), False),
        (("s", ("imax", ("p", "u"), ("p", "v"))), ("s", ("p", "v")), False),
        (("imax", ("0",), ("p", "v")), ("p", "v"), True),
        (
            ("s", ("max", ("p", "u"), ("p", "v"))),
            ("max", ("s", ("p", "u")), ("s", ("p", "v"))),
            True,
        ),
    ],
)
def test_known_cases(left: Shape, right: Shape, expected: bool) -> None:
    table = LevelTable(Budget())
    assert table.leq(build(table, left), build(table, right)) is expected


def test_many_cases_cost_steps() -> None:
    table = LevelTable(Budget(20_000))
    left = right = table.zero
    for i in range(40):
        p = table.param((f"u{i}",))
        left = table.max(left, table.imax(table.param(("x",)), p))
        right = table.max(table.imax(table.param(("x",)), p), right)
    with pytest.raises(OutOfBudget):
        table.leq(left, right)
