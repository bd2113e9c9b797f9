"""Inductive types: what a block of them has to satisfy (The Type Theory of Lean, 2.6).

All types of a block have the same parameters and live in one universe. Each constructor's fields
fit into the universe of its own type, unless that is `Prop`; the types of the block occur in
fields strictly positively; and a constructor gives a value of its own type with the block's
parameters as they are. Nested occurrences are another file's (`nested.py`); here they are
refused.
"""

from dataclasses import dataclass, field

from .environment import Constructor, Environment, Inductive
from .errors import NotShownEqual, Refused
from .infer import Inference, brief
from .levels import Level
from .names import Name, show
from .terms import Const, Free, Pi, Proj, Term, require_closed, spine


@dataclass(frozen=True, slots=True)
class TypeSpec:
    """An inductive type as declared: its type, and its constructors' names and types in order."""

    name: Name
    type: Term
    constructors: tuple[tuple[Name, Term], ...]


@dataclass(frozen=True, slots=True)
class BlockSpec:
    """A block of inductive types as declared."""

    params: tuple[Name, ...]
    num_params: int
    types: tuple[TypeSpec, ...]


@dataclass(slots=True)
class Block:
    """A block under examination. `locals` is the number of variables opened so far."""

    env: Environment
    checker: Inference
    spec: BlockSpec
    locals: int = 0
    variables: list[Free] = field(default_factory=list)
    """One for each parameter."""
    levels: list[Level] = field(default_factory=list)
    """The universe of each type."""
    num_indices: list[int] = field(default_factory=list)
    clean: set[Term] = field(default_factory=set)
    """Terms in which no type of the block occurs."""

    @property
    def names(self) -> tuple[Name, ...]:
        """The types of the block."""
        return tuple(t.name for t in self.spec.types)

    @property
    def level_args(self) -> tuple[Level, ...]:
        """The universe parameters as levels."""
        return tuple(self.env.store.param(n) for n in self.spec.params)

    def open(self, t: Pi) -> tuple[Free, Term]:
        """A new variable of the binder's type, and the body for it."""
        store = self.env.store
        x = store.free_variable(self.locals, t.type)
        self.locals += 1
        return x, store.instantiate(t.body, [x])

    def variable(self, type_: Term) -> Free:
        """A new variable."""
        x = self.env.store.free_variable(self.locals, type_)
        self.locals += 1
        return x

    def mentions(self, t: Term) -> bool:
        """Whether a type of the block occurs in a term."""
        names, clean = self.names, self.clean
        todo, seen = [t], {t}
        while todo:
            self.env.store.budget.spend(1)
            part = todo.pop()
            if type(part) is Const and part.name in names:
                return True
            if type(part) is Proj and part.structure in names:
                return True
            for inner in part.parts():
                if inner not in seen and inner not in clean:
                    seen.add(inner)
                    todo.append(inner)
        clean |= seen
        return False

    def applied(self, t: Term) -> tuple[int, list[Term]] | None:
        """The type of the block of which `t` is an instance, and the indices.

        The parameters have to be the block's own, and the indices free of the block's types.
        """
        fn, args = spine(t)
        if type(fn) is not Const or fn.name not in self.names or fn.levels != self.level_args:
            return None
        i = self.names.index(fn.name)
        count = self.spec.num_params
        if len(args) != count + self.num_indices[i]:
            return None
        if any(a is not x for a, x in zip(args, self.variables, strict=False)):
            return None
        if any(self.mentions(a) for a in args[count:]) and "index_occurrence" not in self.env.off:
            return None
        return i, args[count:]


def check_block(block: Block) -> None:
    """Checks the types, declares them, checks the constructors, declares them.

    Raises:
        Refused: a rule is broken.
    """
    for spec in block.spec.types:
        _check_type(block, spec)
    _declare_types(block)
    for i, spec in enumerate(block.spec.types):
        for index, (n, type_) in enumerate(spec.constructors):
            fields = _check_constructor(block, i, n, type_)
            block.env.add(
                Constructor(
                    n,
                    block.spec.params,
                    type_,
                    inductive=spec.name,
                    index=index,
                    num_params=block.spec.num_params,
                    num_fields=fields,
                )
            )


def _declare_types(block: Block) -> None:
    is_recursive = any(_is_recursive(block, spec) for spec in block.spec.types)
    for i, spec in enumerate(block.spec.types):
        block.env.add(
            Inductive(
                spec.name,
                block.spec.params,
                spec.type,
                num_params=block.spec.num_params,
                num_indices=block.num_indices[i],
                block=block.names,
                constructors=tuple(n for n, _ in spec.constructors),
                is_recursive=is_recursive,
            )
        )


def _check_type(block: Block, spec: TypeSpec) -> None:
    checker, first = block.checker, not block.levels
    require_closed(show(spec.name), spec.type)
    checker.sort_of(checker.check_closed(spec.type, block.spec.params))
    count, indices = 0, 0
    t = checker.whnf(spec.type)
    while type(t) is Pi:
        if count == block.spec.num_params:
            _, t = block.open(t)
            indices += 1
        elif first:
            x, t = block.open(t)
            block.variables.append(x)
            count += 1
        else:
            _require_param(block, count, t.type, spec.name)
            t = block.env.store.instantiate(t.body, [block.variables[count]])
            count += 1
        t = checker.whnf(t)
    if count != block.spec.num_params:
        raise Refused("parameters", f"{show(spec.name)} has {count} parameters")
    level = checker.sort_of(t)
    same = first or block.env.store.equal(level, block.levels[0])
    if not same and "block_universe" not in block.env.off:
        raise Refused("block_universe", "the types of a block live in different universes")
    block.levels.append(level)
    block.num_indices.append(indices)


def _require_param(block: Block, i: int, type_: Term, n: Name) -> None:
    expected = block.variables[i].type
    if not block.checker.equal(type_, expected):
        raise NotShownEqual("parameters", f"parameter {i + 1} of {show(n)} is {brief(type_)}")


def _is_recursive(block: Block, spec: TypeSpec) -> bool:
    for _, type_ in spec.constructors:
        t = type_
        while type(t) is Pi:
            if block.mentions(t.type):
                return True
            t = t.body
    return False


def _check_constructor(block: Block, i: int, n: Name, type_: Term) -> int:
    """The number of fields. The type is taken as it stands, not reduced."""
    checker, store = block.checker, block.env.store
    require_closed(show(n), type_)
    checker.sort_of(checker.check_closed(type_, block.spec.params))
    t, place = type_, 0
    while type(t) is Pi:
        if place < block.spec.num_params:
            _require_param(block, place, t.type, n)
            t = store.instantiate(t.body, [block.variables[place]])
        else:
            _check_field(block, i, n, t.type)
            _, t = block.open(t)
        place += 1
    found = block.applied(t)
    if found is None or found[0] != i or place < block.spec.num_params:
        raise Refused("constructor_result", f"{show(n)} gives {brief(t)}")
    return place - block.spec.num_params


def _check_field(block: Block, i: int, n: Name, type_: Term) -> None:
    store, off = block.env.store, block.env.off
    level = block.checker.sort_of(block.checker.infer(type_))
    own = block.levels[i]
    fits = store.leq(level, own) or store.is_zero(own)
    if not fits and "field_universe" not in off:
        raise Refused("field_universe", f"a field of {show(n)} is too large")
    if "positivity" not in off:
        _check_positive(block, n, type_)


def _check_positive(block: Block, n: Name, type_: Term) -> None:
    t = block.checker.whnf(type_)
    while block.mentions(t) and type(t) is Pi:
        if block.mentions(t.type):
            raise Refused("positivity", f"{show(n)} has a negative occurrence of its type")
        _, body = block.open(t)
        t = block.checker.whnf(body)
    if block.mentions(t) and block.applied(t) is None:
        raise Refused("positivity", f"{show(n)} has an invalid occurrence of its type")


def eliminates_into_types(block: Block) -> bool:
    """Whether the recursor may give data.

    Always for a type that is never a proposition. For one that may be: none of its values, or one
    constructor whose every field is a proof or stands in the result.
    """
    store = block.env.store
    if all(store.never_zero(u) for u in block.levels) or "large_elimination" in block.env.off:
        return True
    if len(block.spec.types) > 1 or len(block.spec.types[0].constructors) > 1:
        return False
    for _, type_ in block.spec.types[0].constructors:
        data, t, place = [], type_, 0
        while type(t) is Pi:
            level = block.checker.sort_of(block.checker.infer(t.type))
            x, t = block.open(t)
            if place >= block.spec.num_params and not store.is_zero(level):
                data.append(x)
            place += 1
        _, args = spine(t)
        if any(x not in args for x in data):
            return False
    return True


def is_k_target(block: Block) -> bool:
    """Whether K holds: one proposition, one constructor, no fields."""
    first = block.spec.types[0]
    if len(block.spec.types) > 1 or len(first.constructors) != 1:
        return False
    if not block.env.store.is_zero(block.levels[0]):
        return False
    constructor = block.env.get(first.constructors[0][0])
    return type(constructor) is Constructor and constructor.num_fields == 0
