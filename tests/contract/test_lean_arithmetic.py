"""The kernel's arithmetic against Python's, where words of a machine end."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from aludel.lean_checker.checker import LeanChecker
from aludel.models import Accepted, Budget, CheckRequest

pytestmark = [pytest.mark.lean, pytest.mark.long, pytest.mark.timeout(600)]

WIDTHS = (0, 1, 31, 32, 33, 62, 63, 64, 65, 127, 128, 300, 2_000)
OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "Nat.add": lambda a, b: a + b,
    "Nat.sub": lambda a, b: max(0, a - b),
    "Nat.mul": lambda a, b: a * b,
    "Nat.div": lambda a, b: a // b if b else 0,
    "Nat.mod": lambda a, b: a % b if b else a,
    "Nat.gcd": math.gcd,
    "Nat.land": lambda a, b: a & b,
    "Nat.lor": lambda a, b: a | b,
    "Nat.xor": lambda a, b: a ^ b,
}
BY_A_SMALL_NUMBER: dict[str, Callable[[int, int], int]] = {
    "Nat.shiftLeft": lambda a, b: a << b,
    "Nat.shiftRight": lambda a, b: a >> b,
    "Nat.pow": lambda a, b: a**b,
}


def number(rng: random.Random) -> int:
    width = rng.choice(WIDTHS)
    near = rng.random() < 0.5
    return max(0, (1 << width) + rng.randint(-2, 2)) if near else rng.getrandbits(width + 1)


def line(rng: random.Random, index: int) -> str:
    a, b = number(rng), number(rng)
    name = rng.choice([*OPERATIONS, *BY_A_SMALL_NUMBER, "Nat.log2", "Nat.beq", "Nat.ble"])
    if name == "Nat.log2":
        claim = f"Nat.log2 {a} = {max(0, a.bit_length() - 1)}"
    elif name in ("Nat.beq", "Nat.ble"):
        b = rng.choice([b, a, a + 1])
        claim = f"{name} {a} {b} = {str(a == b if name == 'Nat.beq' else a <= b).lower()}"
    elif name in BY_A_SMALL_NUMBER:
        b = rng.choice([0, 1, 31, 32, 33, 63, 64])
        a %= 2**80
        claim = f"{name} {a} {b} = {BY_A_SMALL_NUMBER[name](a, b)}"
    else:
        claim = f"{name} {a} {b} = {OPERATIONS[name](a, b)}"
    return f"theorem x{index} : {claim} := by decide +kernel\n"


def test_the_kernel_computes_as_python_does(lean_checker: LeanChecker) -> None:
    rng = random.Random(0)
    for _ in range(10):
        code = "".join(line(rng, index) for index in range(60))
        verdict = lean_checker.check(CheckRequest(code=code, budget=Budget(wall_s=300)))
        assert isinstance(verdict, Accepted), (verdict.message, code)
        assert len(verdict.evidence.declarations) >= 60
