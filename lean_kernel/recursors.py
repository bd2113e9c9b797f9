"""Recursors, built from a checked block of inductive types (The Type Theory of Lean, 2.6.2).

For parameters, a motive for each type and a minor premise for each constructor, the recursor of a
type takes indices and a value to the motive at them. Its rule on a constructor applies the minor
premise to the fields and, for each recursive field, to what the recursor gives there.
"""

from dataclasses import dataclass, field

from .environment import Inductive, Recursor, Rule
from .errors import NotShownEqual, Refused
from .inductive import Block, eliminates_into_types, is_k_target
from .infer import brief
from .levels import Level
from .names import Name, append_index, show
from .store import Store
from .terms import Const, Free, Pi, Term, spine


@dataclass(slots=True)
class _Type:
    """The motive of one type, with variables for its indices and for the value looked at."""

    motive: Free
    indices: list[Free]
    major: Free


@dataclass(slots=True)
class _Case:
    """A constructor for variable fields. `recursive` are the fields of a type of the block."""

    fields: list[Free]
    recursive: list["_Recursive"]
    result: tuple[int, list[Term]]


@dataclass(slots=True)
class _Recursive:
    """A recursive field: its arguments `xs`, the type that it gives at them, and the indices."""

    variable: Free
    xs: list[Free]
    type: int
    indices: list[Term]


@dataclass(slots=True)
class _Build:
    block: Block
    level: Level
    own_param: tuple[Name, ...]
    types: list[_Type] = field(default_factory=list)
    minors: list[Free] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return self.block.env.store


def rec_name(n: Name) -> Name:
    """The name of a type's recursor."""
    return (*n, "rec")


def build_recursors(block: Block) -> list[Recursor]:
    """One for each type of the block, in order."""
    build = _start(block)
    for i in range(len(block.spec.types)):
        build.types.append(_open_type(build, i))
    cases = [
        _open_case(build, n, type_) for spec in block.spec.types for n, type_ in spec.constructors
    ]
    names = [n for spec in block.spec.types for n, _ in spec.constructors]
    for n, case in zip(names, cases, strict=True):
        build.minors.append(block.variable(_minor_type(build, n, case)))
    k = is_k_target(block)
    made: list[Recursor] = []
    place = 0
    for i, spec in enumerate(block.spec.types):
        count = len(spec.constructors)
        rules = tuple(
            _rule(build, names[j], cases[j], build.minors[j]) for j in range(place, place + count)
        )
        place += count
        made.append(_recursor(build, i, rules, k))
    return made


def _start(block: Block) -> _Build:
    store = block.env.store
    if not eliminates_into_types(block):
        return _Build(block, store.zero, ())
    own: Name = ("u",)
    i = 1
    while own in block.spec.params:
        own = append_index(("u",), i)
        i += 1
    return _Build(block, store.param(own), (own,))


def _open_type(build: _Build, i: int) -> _Type:
    block, store = build.block, build.store
    spec = block.spec.types[i]
    t = block.checker.whnf(spec.type)
    indices: list[Free] = []
    place = 0
    while type(t) is Pi:
        if place < block.spec.num_params:
            t = store.instantiate(t.body, [block.variables[place]])
        else:
            x, t = block.open(t)
            indices.append(x)
        place += 1
        t = block.checker.whnf(t)
    constant = store.const(spec.name, block.level_args)
    major = block.variable(store.apps(constant, [*block.variables, *indices]))
    motive_type = store.bind(store.pi, [*indices, major], store.sort(build.level))
    return _Type(block.variable(motive_type), indices, major)


def _open_case(build: _Build, n: Name, type_: Term) -> _Case:
    block, store = build.block, build.store
    fields: list[Free] = []
    recursive: list[_Recursive] = []
    t, place = type_, 0
    while type(t) is Pi:
        if place < block.spec.num_params:
            t = store.instantiate(t.body, [block.variables[place]])
        else:
            x, t = block.open(t)
            fields.append(x)
            found = _recursive(block, x)
            if found is not None:
                recursive.append(found)
        place += 1
    result = block.applied(t)
    if result is None:
        raise Refused("constructor_result", f"{show(n)} gives {brief(t)}")
    return _Case(fields, recursive, result)


def _recursive(block: Block, x: Free) -> _Recursive | None:
    t = block.checker.whnf(x.type)
    xs: list[Free] = []
    while type(t) is Pi:
        y, body = block.open(t)
        xs.append(y)
        t = block.checker.whnf(body)
    found = block.applied(t)
    return None if found is None else _Recursive(x, xs, found[0], found[1])


def _minor_type(build: _Build, n: Name, case: _Case) -> Term:
    block, store = build.block, build.store
    hypotheses: list[Free] = []
    for r in case.recursive:
        value = store.apps(r.variable, r.xs)
        at = store.apps(build.types[r.type].motive, [*r.indices, value])
        hypotheses.append(block.variable(store.bind(store.pi, r.xs, at)))
    made = store.apps(store.const(n, block.level_args), [*block.variables, *case.fields])
    i, indices = case.result
    goal = store.apps(build.types[i].motive, [*indices, made])
    return store.bind(store.pi, [*case.fields, *hypotheses], goal)


def _shared(build: _Build) -> list[Free]:
    """Parameters, motives and minor premises."""
    motives = [t.motive for t in build.types]
    return [*build.block.variables, *motives, *build.minors]


def _rule(build: _Build, n: Name, case: _Case, minor: Free) -> Rule:
    block, store = build.block, build.store
    levels = (*(store.param(p) for p in build.own_param), *block.level_args)
    values: list[Term] = []
    for r in case.recursive:
        rec = store.const(rec_name(block.names[r.type]), levels)
        value = store.apps(r.variable, r.xs)
        called = store.apps(rec, [*_shared(build), *r.indices, value])
        values.append(store.bind(store.lam, r.xs, called))
    body = store.apps(minor, [*case.fields, *values])
    closed = store.bind(store.lam, [*_shared(build), *case.fields], body)
    return Rule(n, len(case.fields), closed)


def _recursor(build: _Build, i: int, rules: tuple[Rule, ...], k: bool) -> Recursor:
    block, store, t = build.block, build.store, build.types[i]
    goal = store.apps(t.motive, [*t.indices, t.major])
    type_ = store.bind(store.pi, [*_shared(build), *t.indices, t.major], goal)
    return Recursor(
        rec_name(block.names[i]),
        (*build.own_param, *block.spec.params),
        type_,
        inductive=block.names[i],
        block=block.names,
        num_params=block.spec.num_params,
        num_indices=block.num_indices[i],
        num_motives=len(build.types),
        num_minors=len(build.minors),
        rules=rules,
        k=k,
    )


def check_recursor(block: Block, rec: Recursor) -> None:
    """The recursor's type is a type, and each rule gives what the recursor's type promises.

    Raises:
        Refused: it is not so.
    """
    checker = block.checker
    checker.sort_of(checker.check_closed(rec.type, rec.params))
    for rule in rec.rules:
        _check_rule(block, rec, rule)


def _check_rule(block: Block, rec: Recursor, rule: Rule) -> None:
    store, checker = block.env.store, block.checker
    shared = rec.num_params + rec.num_motives + rec.num_minors
    xs: list[Free] = []
    t = rec.type
    while type(t) is Pi and len(xs) < shared:
        x, t = block.open(t)
        xs.append(x)
    constructor = block.env.get(rule.constructor)
    major = t
    opened: list[Free] = []
    while type(major) is Pi and len(opened) < rec.num_indices:
        x, major = block.open(major)
        opened.append(x)
    if type(major) is not Pi:
        raise Refused("recursor_rule", f"{show(rec.name)} has no major premise")
    made_type, made = _constructor_at(block, major.type, constructor.name)
    fields: list[Free] = []
    while type(made_type) is Pi and len(fields) < rule.num_fields:
        x, made_type = block.open(made_type)
        fields.append(x)
    value = store.apps(made, fields)
    _, result_args = spine(made_type)
    indices = result_args[len(result_args) - rec.num_indices :] if rec.num_indices else []
    levels = tuple(store.param(p) for p in rec.params)
    called = store.apps(store.const(rec.name, levels), [*xs, *indices, value])
    given = checker.beta(rule.value, [*xs, *fields])
    params = frozenset(rec.params)
    if not checker.equal(checker.check_open(given, params), checker.check_open(called, params)):
        raise NotShownEqual("recursor_rule", f"{show(rec.name)} on {show(rule.constructor)}")


def _constructor_at(block: Block, type_: Term, n: Name) -> tuple[Term, Term]:
    """The type of the constructor at the parameters of a type, and the constructor at them."""
    fn, args = spine(type_)
    if type(fn) is not Const:
        raise Refused("recursor_rule", f"{brief(type_)} is no inductive type")
    inductive = block.env.get(fn.name)
    if type(inductive) is not Inductive:
        raise Refused("recursor_rule", f"{brief(type_)} is no inductive type")
    store = block.env.store
    made = store.apps(store.const(n, fn.levels), args[: inductive.num_params])
    return block.checker.whnf(block.checker.infer(made)), made
