"""Deterministic limits: steps, depth and sizes, the same on every machine. No clock.

A step is a new node of a term or a level, a reduction, a question of equality, an inference, or a
case of a comparison of levels. Arithmetic is charged by the bits of its operands.
"""

import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from .errors import OutOfBudget

T = TypeVar("T")

DEFAULT_STEPS = 5_000_000
MAX_DEPTH = 8_000
"""Nested questions (inference, reduction, equality) at a time."""
MAX_TERM_DEPTH = 20_000
"""Nesting of one term, counted on its tree."""
MAX_LEVEL_DEPTH = 2_000
MAX_NAT_BITS = 1 << 24
"""Bits of a natural number as a literal or a result."""
MAX_DIVISION_BITS = 1 << 16
"""Bits of operands of division, remainder and gcd: one such operation cannot be interrupted."""
RECURSION_LIMIT = 400_000
STACK_BYTES = 256 << 20

_lock = threading.Lock()
_deep = [0, 0]
"""Deep threads that run now, and the limit of recursion without them."""


class Budget:
    """What one check may still spend. `left` is counted down where the work is done."""

    __slots__ = ("depth", "left", "max_depth", "steps")

    def __init__(self, steps: int = DEFAULT_STEPS, max_depth: int = MAX_DEPTH) -> None:
        self.steps = steps
        self.left = steps
        self.depth = 0
        self.max_depth = max_depth

    @property
    def spent(self) -> int:
        """Steps spent so far."""
        return self.steps - self.left

    def spend(self, steps: int) -> None:
        """Raises `OutOfBudget` where fewer than `steps` are left."""
        self.left -= steps
        if self.left < 0:
            raise OutOfBudget("steps")

    def enter(self) -> None:
        """One step and one level of depth. The caller counts `depth` down when it is done."""
        self.left -= 1
        if self.left < 0:
            raise OutOfBudget("steps")
        self.depth += 1
        if self.depth > self.max_depth:
            raise OutOfBudget("depth")


def run_deep(work: Callable[[], T]) -> T:
    """`work()` in a thread whose stack holds the deepest recursion that the limits allow.

    Raises:
        OutOfBudget: the interpreter's own limit of recursion was met first.
    """
    result: list[T] = []
    failure: list[BaseException] = []

    def body() -> None:
        try:
            result.append(work())
        except RecursionError:
            failure.append(OutOfBudget("recursion"))
        except BaseException as e:  # noqa: BLE001  (handed to the caller's thread below)
            failure.append(e)

    _start(body)
    if failure:
        raise failure[0]
    return result[0]


def _start(body: Callable[[], None]) -> None:
    """Runs `body` in a thread of its own. The two settings made for it are of the whole process.

    The limit of recursion is put back afterwards: what recurses in C, as a JSON parser does, must
    not do so on an ordinary stack while the limit is high.
    """
    with _lock:
        if not _deep[0]:
            _deep[1] = sys.getrecursionlimit()
            sys.setrecursionlimit(RECURSION_LIMIT)
        _deep[0] += 1
        before = threading.stack_size(STACK_BYTES)
        thread = threading.Thread(target=body, name="lean-kernel", daemon=True)
        try:
            thread.start()
        finally:
            threading.stack_size(before)
    try:
        thread.join()
    finally:
        with _lock:
            _deep[0] -= 1
            if not _deep[0]:
                sys.setrecursionlimit(_deep[1])
