"""Universe levels and the complete decision of `<=` and `=` between them.

A level denotes a function from values of its parameters to natural numbers: `imax a b` is 0 where
`b` is 0 and `max a b` elsewhere. `a <= b` asks whether it holds for all values. Where a parameter
decides whether the second part of an `imax` is 0, both cases are looked at; what remains is a
maximum of parameters with offsets, and those are compared exactly (Carneiro, The Type Theory of
Lean, 2.2).
"""

from .budget import MAX_LEVEL_DEPTH, Budget
from .errors import OutOfBudget
from .names import Name, show

ZERO, SUCC, MAX, IMAX, PARAM = range(5)
_WORDS = ("0", "succ", "max", "imax", "param")

Offsets = dict[Name | None, int]
"""A maximum: by parameter the largest offset, and under None the largest constant."""


class Level:
    """A node of a level, one object for each structure of a table."""

    __slots__ = ("depth", "has_param", "kind", "left", "name", "right")
    depth: int
    has_param: bool

    def __init__(
        self,
        kind: int,
        left: "Level | None" = None,
        right: "Level | None" = None,
        name: Name = (),
    ) -> None:
        self.kind = kind
        self.left = left
        self.right = right
        self.name = name
        parts = [x for x in (left, right) if x is not None]
        self.has_param = kind == PARAM or any(x.has_param for x in parts)
        self.depth = 1 + max((x.depth for x in parts), default=0)
        if self.depth > MAX_LEVEL_DEPTH:
            raise OutOfBudget("level depth")

    @property
    def one(self) -> "Level":
        """The only or first part. A zero and a parameter have none."""
        if self.left is None:
            raise TypeError(_WORDS[self.kind])
        return self.left

    @property
    def two(self) -> "Level":
        """The second part of a `max` or `imax`."""
        if self.right is None:
            raise TypeError(_WORDS[self.kind])
        return self.right

    def __repr__(self) -> str:
        if self.kind == PARAM:
            return show(self.name)
        if self.depth > 8:
            return "..."  # its tree may be far larger than its graph
        parts = [repr(x) for x in (self.left, self.right) if x is not None]
        return f"({' '.join([_WORDS[self.kind], *parts])})" if parts else "0"


class LevelTable:
    """All levels of a check, shared, and what is known of their order."""

    zero: Level
    one: Level

    def __init__(self, budget: Budget, parent: "LevelTable | None" = None) -> None:
        self.budget = budget
        self._levels: dict[object, Level] = {}
        self._parent_levels: dict[object, Level] = parent._levels if parent else {}
        self._leq: dict[tuple[Level, Level], bool] = {}
        self.zero = parent.zero if parent else Level(ZERO)
        self.one = self.succ(self.zero)

    def _node(self, key: object, kind: int, a: Level | None, b: Level | None, n: Name) -> Level:
        found = self._levels.get(key)
        if found is None:  # a step whether the parent has it or not: others may have left it there
            self.budget.spend(1)
            found = self._levels[key] = self._parent_levels.get(key) or Level(kind, a, b, n)
        return found

    def succ(self, a: Level) -> Level:
        """`a + 1`."""
        return self._node(a, SUCC, a, None, ())

    def max(self, a: Level, b: Level) -> Level:
        """The larger of the two."""
        return self._node((MAX, a, b), MAX, a, b, ())

    def imax(self, a: Level, b: Level) -> Level:
        """0 where `b` is 0, the larger of the two elsewhere."""
        return self._node((IMAX, a, b), IMAX, a, b, ())

    def param(self, n: Name) -> Level:
        """A universe parameter."""
        return self._node((PARAM, n), PARAM, None, None, n)

    def number(self, n: int) -> Level:
        """The level of a small natural number."""
        level = self.zero
        for _ in range(n):
            level = self.succ(level)
        return level

    def imax_of(self, a: Level, b: Level) -> Level:
        """`imax a b`, or something shorter that is equal to it."""
        if b.kind == ZERO:
            return b
        if b.kind == SUCC:
            return b if a.kind == ZERO or a is b else self.max(a, b)
        return b if a is b or a.kind == ZERO else self.imax(a, b)

    def max_of(self, a: Level, b: Level) -> Level:
        """`max a b`, or something shorter that is equal to it."""
        if a is b or b.kind == ZERO:
            return a
        return b if a.kind == ZERO else self.max(a, b)

    def substitute(self, level: Level, values: dict[Name, Level]) -> Level:
        """`level` with its parameters exchanged; one that `values` does not hold stays."""
        return self._substitute(level, values, {})

    def _substitute(self, u: Level, values: dict[Name, Level], done: dict[Level, Level]) -> Level:
        if not u.has_param:
            return u
        if u.kind == PARAM:
            return values.get(u.name, u)
        found = done.get(u)
        if found is None:
            self.budget.spend(1)
            left = self._substitute(u.one, values, done)
            if u.kind == SUCC:
                found = self.succ(left)
            else:
                make = self.max_of if u.kind == MAX else self.imax_of
                found = make(left, self._substitute(u.two, values, done))
            done[u] = found
        return found

    def leq(self, a: Level, b: Level) -> bool:
        """Whether `a <= b` for all values of the parameters."""
        if a is b or a.kind == ZERO:
            return True
        known = self._leq.get((a, b))
        if known is None:
            known = self._leq[(a, b)] = self._leq_by_cases(a, b, {})
        return known

    def equal(self, a: Level, b: Level) -> bool:
        """Whether both are the same for all values of the parameters."""
        return a is b or (self.leq(a, b) and self.leq(b, a))

    def is_zero(self, a: Level) -> bool:
        """Whether `a` is 0 for all values of the parameters, whatever its spelling."""
        return self.leq(a, self.zero)

    def never_zero(self, a: Level) -> bool:
        """Whether `a` is positive for all values of the parameters."""
        return self.leq(self.one, a)

    def _leq_by_cases(self, a: Level, b: Level, is_zero: dict[Name, bool]) -> bool:
        """`is_zero` tells for some parameters whether they are 0 (or else positive)."""
        case = _Case(self.budget, is_zero)
        left = case.offsets(a)
        right = case.offsets(b) if isinstance(left, dict) else left
        if isinstance(left, dict) and isinstance(right, dict):
            return _leq_offsets(left, right, is_zero)
        split = left if isinstance(left, Level) else right
        if not isinstance(split, Level):
            raise TypeError("no parameter to split on")
        return all(
            self._leq_by_cases(a, b, {**is_zero, split.name: case}) for case in (True, False)
        )


def parameters_of(level: Level) -> set[Name]:
    """The parameters that occur in a level."""
    found: set[Name] = set()
    todo, seen = [level], {level}
    while todo:
        u = todo.pop()
        if u.kind == PARAM:
            found.add(u.name)
        for part in (u.left, u.right):
            if part is not None and part.has_param and part not in seen:
                seen.add(part)
                todo.append(part)
    return found


class _Case:
    """Levels where some parameters are known to be 0 or positive; each node is looked at once."""

    def __init__(self, budget: Budget, is_zero: dict[Name, bool]) -> None:
        self.budget = budget
        self.is_zero = is_zero
        self._zero: dict[Level, bool | Level] = {}
        self._offsets: dict[Level, Offsets | Level] = {}

    def zeroness(self, level: Level) -> bool | Level:
        """Whether the level is 0 under the assumptions, or a parameter that decides it."""
        found = self._zero.get(level)
        if found is None:
            self.budget.spend(1)
            found = self._zero[level] = self._find_zeroness(level)
        return found

    def _find_zeroness(self, level: Level) -> bool | Level:
        if level.kind == PARAM:
            return self.is_zero.get(level.name, level)
        if level.kind in (ZERO, SUCC):
            return level.kind == ZERO
        second = self.zeroness(level.two)
        if level.kind == IMAX or second is False:
            return second  # `imax a b` is 0 exactly where `b` is
        first = self.zeroness(level.one)
        return second if first is True else first

    def offsets(self, level: Level) -> Offsets | Level:
        """The level as a maximum, or a parameter that has to be decided first."""
        found = self._offsets.get(level)
        if found is None:
            found = self._offsets[level] = self._find_offsets(level)
            self.budget.spend(1 + (len(found) if isinstance(found, dict) else 0))
        return found

    def _find_offsets(self, level: Level) -> Offsets | Level:
        if level.kind == ZERO:
            return {None: 0}
        if level.kind == PARAM:
            return {None: 0} if self.is_zero.get(level.name) else {None: 0, level.name: 0}
        if level.kind == SUCC:
            inner = self.offsets(level.one)
            return {n: k + 1 for n, k in inner.items()} if isinstance(inner, dict) else inner
        if level.kind == IMAX:
            zero = self.zeroness(level.two)
            if isinstance(zero, Level):
                return zero
            if zero:
                return {None: 0}
        return _join(self.offsets(level.one), self.offsets(level.two))


def _join(a: "Offsets | Level", b: "Offsets | Level") -> "Offsets | Level":
    if not isinstance(a, dict):
        return a
    if not isinstance(b, dict):
        return b
    joined = dict(a)
    for n, k in b.items():
        if joined.get(n, -1) < k:
            joined[n] = k
    return joined


def _leq_offsets(a: Offsets, b: Offsets, is_zero: dict[Name, bool]) -> bool:
    """A parameter can be as large as one likes while the others are as small as they may be."""
    floor = max(k + 1 if n is not None and is_zero.get(n) is False else k for n, k in b.items())
    return all(k <= (floor if n is None else b.get(n, -1)) for n, k in a.items())
