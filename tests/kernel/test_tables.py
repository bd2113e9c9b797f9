"""The project's own wire format: strict reading, canonical writing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kernel_world import World

from aludel.lean_kernel.budget import Budget
from aludel.lean_kernel.declarations import Declaration
from aludel.lean_kernel.environment import Theorem
from aludel.lean_kernel.errors import Declined, Malformed, OutOfBudget, Refused
from aludel.lean_kernel.names import name
from aludel.lean_kernel.store import Store
from aludel.lean_kernel.tables import read_tables, write_tables


def table(**changes: Any) -> dict[str, Any]:
    """`theorem t : ∀ p : Prop, p → p := fun p h => h`."""
    value: dict[str, Any] = {
        "names": [None, [0, "t"], [0, "p"], [0, "u"]],
        "levels": [["z"]],
        "exprs": [
            ["s", 0],
            ["b", 0],
            ["b", 1],
            ["p", 2, 1, 2, 0],
            ["p", 2, 0, 3, 0],
            ["l", 2, 1, 1, 0],
            ["l", 2, 0, 5, 0],
        ],
        "declarations": [["thm", 1, [], 4, 6]],
    }
    value.update(changes)
    return value


def read(value: object) -> list[Declaration]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return read_tables(data, Store(Budget()))


def with_expr(e: object) -> dict[str, Any]:
    t = table()
    return {**t, "exprs": [*t["exprs"], e]}


def test_reads_what_it_says() -> None:
    [found] = read(table())
    assert isinstance(found, Theorem)
    assert found.name == name("t")
    assert repr(found.type).count("Pi") == 2


@pytest.mark.parametrize(
    "value",
    [
        b"\xff",
        b"[1]",
        b'{"names":[null],"names":[null],"levels":[],"exprs":[],"declarations":[]}',
        b'{"names":[null],"levels":[],"exprs":[]}',
        b"[" * 100_000,
        {**table(), "more": []},
        table(names=[]),
        table(names=[[0, "x"]]),
        table(names=[None, [1, "t"]]),
        table(names=[None, [0, "\ud800"]]),
        table(names=[None, [0, -1]]),
        table(names=[None, [0, True]]),
        table(levels=[["s", 0]]),
        table(levels=[["z", 0]]),
        table(levels=[["?"]]),
        table(levels=[["p", 9]]),
        with_expr(["a", 7, 0]),
        with_expr(["a", 0, 0, 0]),
        with_expr(["a", 0]),
        with_expr(["a", -1, 0]),
        with_expr(["a", 0.0, 0]),
        with_expr(["a", True, 0]),
        with_expr(["b", 65_536]),
        with_expr(["b", 1 << 70]),
        with_expr(["j", 1, 65_536, 0]),
        with_expr(["n", "007"]),
        with_expr(["n", ""]),
        with_expr(["n", "-1"]),
        with_expr(["n", "1e3"]),
        with_expr(["n", "\u0663"]),
        with_expr(["n", 3]),
        with_expr(["t", "\udc00"]),
        with_expr(["l", 2, 0, 0, 4]),
        with_expr(["?"]),
        with_expr(["c"]),
        with_expr("a"),
        table(declarations=[["thm", 1, [], 4]]),
        table(declarations=[["thm", 1, [3, 3], 4, 6]]),
        table(declarations=[["thm", 0, [], 4, 6]]),
        table(declarations=[["thm", 1, [], 4, 1]]),
        table(declarations=[["thm", 1, [], 3, 6]]),
        table(declarations=[["thm", 1, [], 99, 6]]),
        table(declarations=[["quot"]]),
        table(declarations=[["ind", [], 0, []]]),
        table(declarations=[["ind", [], 0, [[1, 0]]]]),
    ],
)
def test_refuses(value: object) -> None:
    with pytest.raises(Malformed):
        read(value)


def test_limits_are_no_rejections() -> None:
    deep: list[Any] = [["s", 0]]
    for i in range(30_000):
        deep.append(["a", i, 0])
    with pytest.raises(OutOfBudget):
        read(table(exprs=deep, declarations=[]))
    with pytest.raises(Declined):
        read(with_expr(["n", "9" * 2_000_000]))
    levels: list[Any] = [["z"], *[["s", i] for i in range(5000)]]
    with pytest.raises(OutOfBudget):
        read(table(levels=levels))


def test_a_large_table_that_is_a_small_graph() -> None:
    """A term of 2^1000 nodes on its tree is 1,000 entries here."""
    exprs: list[Any] = [["s", 0], *[["p", 0, i, i, 0] for i in range(1000)]]
    [found] = read(table(exprs=exprs, declarations=[["axm", 1, [], 1000]]))
    w = World()
    with pytest.raises(Refused):  # a function type of functions is no proposition ... nor a sort
        w.theorem("t", w.c("none"), w.c("none"))
    assert found.type.depth == 1001


def test_writing_is_canonical() -> None:
    first = write_tables(read(table()))
    assert read(first)
    assert write_tables(read(first)) == first
    renamed = table(names=[None, [0, "t"], [0, "q"], [0, "u"]])
    unused = with_expr(["n", "5"])
    assert write_tables(read(renamed)) == write_tables(read(unused)) == first
