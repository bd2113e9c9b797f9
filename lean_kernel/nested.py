"""Nested inductive types: a block with copies of the types that it is nested in, and back.

A field `List T` of `T` becomes a field of a new type of the block, a copy of `List` at `T`. The
block without nesting is checked and gives recursors, in which the copies are exchanged for what
they stand for. What was declared is type-checked as it stands first (the copies drop parameters),
and what comes out is checked again. Names of copies begin with a negative number, which no name
that is read can.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from .environment import Constructor, Environment, Inductive, Recursor, Rule
from .errors import Refused
from .inductive import BlockSpec, TypeSpec
from .names import Name, append_index, replace_prefix, show
from .recursors import rec_name
from .store import Store
from .terms import App, Const, Free, Lam, Pi, Term, constants_of, spine, subterms


@dataclass(slots=True)
class Unnested:
    """A block without nesting. `copies`: what each added type stands for, over `variables`."""

    spec: BlockSpec
    variables: list[Free]
    copies: list[tuple[Name, Term]]


@dataclass(slots=True)
class _Elimination:
    env: Environment
    spec: BlockSpec
    variables: list[Free]
    types: list[TypeSpec]
    copies: list[tuple[Name, Term]] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return self.env.store

    def names(self) -> set[Name]:
        return {t.name for t in self.types}


def unnest(env: Environment, spec: BlockSpec) -> Unnested:
    """The block with nested occurrences exchanged for added types.

    Raises:
        Refused: a nested occurrence has a local variable among its parameters.
    """
    if not spec.types:
        raise Refused("empty_block", "a block without a type")
    variables = _parameters(env.store, spec.types[0].type, spec.num_params, [])
    e = _Elimination(env, spec, variables, list(spec.types))
    done = 0
    while done < len(e.types):
        current = e.types[done]
        constructors = tuple((n, _without_nesting(e, type_)) for n, type_ in current.constructors)
        e.types[done] = TypeSpec(current.name, current.type, constructors)
        done += 1
    flat = BlockSpec(spec.params, spec.num_params, tuple(e.types))
    return Unnested(flat, variables, e.copies)


def _parameters(store: Store, type_: Term, count: int, given: Sequence[Free]) -> list[Free]:
    """Variables for the first binders: the given ones, or new ones of the binders' types."""
    variables = list(given)
    t = type_
    for i in range(count):
        if type(t) is not Pi:
            raise Refused("parameters", "fewer binders than parameters")
        if len(variables) == i:
            domain = store.instantiate(t.type, variables)
            variables.append(store.free_variable(i, domain))
        t = t.body
    return variables


def _without_nesting(e: _Elimination, type_: Term) -> Term:
    """A constructor's type: under its parameters, nested occurrences exchanged."""
    binders: list[Term] = []
    t = type_
    for _ in range(e.spec.num_params):
        if type(t) is not Pi:
            raise Refused("parameters", "a constructor has fewer binders than parameters")
        binders.append(t.type)
        t = t.body
    body = _exchange(e, e.store.instantiate(t, e.variables))
    result = e.store.abstract(body, e.variables)
    for domain in reversed(binders):
        result = e.store.pi(domain, result)
    return result


def _exchange(e: _Elimination, term: Term) -> Term:
    done: dict[Term, Term] = {}

    def go(t: Term, k: int) -> Term:
        found = done.get(t)
        if found is None:
            copy = _copy_for(e, t) if type(t) is App else None
            found = done[t] = copy if copy is not None else t.rebuild(e.store, go, k)
        return found

    return go(term, 0)


def _copy_for(e: _Elimination, t: Term) -> Term | None:
    """The added type at the block's parameters and `t`'s indices, where `t` is nested."""
    fn, args = spine(t)
    inductive = e.env.find(fn.name) if type(fn) is Const else None
    if type(inductive) is not Inductive or type(fn) is not Const:
        return None
    params = args[: inductive.num_params]
    if len(params) < inductive.num_params:
        return None
    e.store.budget.spend(len(subterms(*params)))
    if constants_of(*params).isdisjoint(e.names()):
        return None
    if any(p.loose for p in params):
        raise Refused("nested", f"{show(fn.name)} is nested with a local variable")
    if "nested_uniform" not in e.env.off and not all(_uniform(e, p) for p in params):
        raise Refused("nested_uniform", f"{show(fn.name)} is nested at other parameters")
    stands_for = e.store.apps(fn, params)
    known = next((n for n, term in e.copies if term is stands_for), None)
    if known is None:
        known = _add_copies(e, inductive, fn, params)
    levels = tuple(e.store.param(n) for n in e.spec.params)
    copy = e.store.apps(e.store.const(known, levels), e.variables)
    return e.store.apps(copy, args[inductive.num_params :])


def _uniform(e: _Elimination, term: Term) -> bool:
    """Whether types of the block occur in a term only at the block's own parameters."""
    todo, seen = [term], {term}
    names = e.names()
    while todo:
        e.store.budget.spend(1)
        t = todo.pop()
        fn, args = spine(t)
        parts: Sequence[Term] = t.parts()
        if type(fn) is Const and fn.name in names:
            if [id(a) for a in args[: len(e.variables)]] != [id(x) for x in e.variables]:
                return False
            parts = args[len(e.variables) :]
        for part in parts:
            if part not in seen:
                seen.add(part)
                todo.append(part)
    return True


def _add_copies(e: _Elimination, inductive: Inductive, fn: Const, params: list[Term]) -> Name:
    """Copies of all types of the block of `inductive`; the name of its own."""
    own: Name = ()
    for n in inductive.block:
        copied = e.env.get(n)
        if type(copied) is not Inductive:
            raise Refused("nested", f"{show(n)} is no inductive type")
        name: Name = (-1 - len(e.copies), *n)
        if n == inductive.name:
            own = name
        e.copies.append((name, e.store.apps(e.store.const(n, fn.levels), params)))
        constructors = tuple(
            (replace_prefix_or_add(c, n, name), _at(e, c, fn, params)) for c in copied.constructors
        )
        e.types.append(TypeSpec(name, _at(e, n, fn, params), constructors))
    return own


def replace_prefix_or_add(n: Name, old: Name, new: Name) -> Name:
    """A copy's constructor: under the copy, whatever the original's name is."""
    return replace_prefix(n, old, new) if n[: len(old)] == old else (*new, *n)


def _at(e: _Elimination, n: Name, fn: Const, params: list[Term]) -> Term:
    """The type of a constant at the levels of `fn` and the parameters, under the block's own."""
    constant = e.env.get(n)
    t = e.store.at_levels(constant.type, e.env.level_values(constant, fn.levels))
    for _ in params:
        if type(t) is not Pi:
            raise Refused("nested", f"{show(n)} has fewer binders than parameters")
        t = t.body
    return e.store.bind(e.store.pi, e.variables, e.store.instantiate(t, params))


def restore(u: Unnested, env: Environment, spec: BlockSpec, rec: Recursor) -> Recursor:
    """A recursor of the block without nesting, with copies exchanged for what they stand for."""
    store = env.store
    constants = _stand_ins(u, env, spec)
    rules = tuple(
        Rule(
            _original(u, env, rule.constructor),
            rule.num_fields,
            _restore_term(u, store, constants, rule.value),
        )
        for rule in rec.rules
    )
    name = constants.renamed.get(rec.name, rec.name)
    return replace(
        rec,
        name=name,
        type=_restore_term(u, store, constants, rec.type),
        rules=rules,
        inductive=_original_type(u, rec.inductive),
        block=tuple(t.name for t in spec.types),
    )


@dataclass(slots=True)
class _StandIns:
    """`applied`: by name of a copy or of its constructor, the term for it at the parameters."""

    applied: dict[Name, Term]
    renamed: dict[Name, Name]


def _original_type(u: Unnested, n: Name) -> Name:
    for copy, term in u.copies:
        fn, _ = spine(term)
        if copy == n and type(fn) is Const:
            return fn.name
    return n


def _stand_ins(u: Unnested, env: Environment, spec: BlockSpec) -> _StandIns:
    found = _StandIns({}, {})
    main = rec_name(spec.types[0].name)
    for i, (copy, term) in enumerate(u.copies):
        found.renamed[rec_name(copy)] = append_index(main, i + 1)
        found.applied[copy] = term
        fn, params = spine(term)
        if type(fn) is not Const:
            raise Refused("nested", "a copy of no constant")
        inductive = env.get(fn.name)
        if type(inductive) is not Inductive:
            raise Refused("nested", f"{show(fn.name)} is no inductive type")
        for c in inductive.constructors:
            made = env.store.apps(env.store.const(c, fn.levels), params)
            found.applied[replace_prefix_or_add(c, fn.name, copy)] = made
    return found


def _original(u: Unnested, env: Environment, constructor: Name) -> Name:
    for copy, term in u.copies:
        fn, _ = spine(term)
        inductive = env.find(fn.name) if type(fn) is Const else None
        if type(inductive) is Inductive:
            for c in inductive.constructors:
                if replace_prefix_or_add(c, inductive.name, copy) == constructor:
                    return c
    return constructor


def _restore_term(u: Unnested, store: Store, constants: _StandIns, term: Term) -> Term:
    binders: list[tuple[type[Term], Term]] = []
    t = term
    for _ in u.variables:
        if not isinstance(t, Lam | Pi):
            raise Refused("nested", "a recursor without its parameters")
        binders.append((type(t), t.type))
        t = t.body
    body = _replace(u, store, constants, store.instantiate(t, u.variables))
    result = store.abstract(body, u.variables)
    for kind, domain in reversed(binders):
        result = store.lam(domain, result) if kind is Lam else store.pi(domain, result)
    return result


def _replace(u: Unnested, store: Store, constants: _StandIns, term: Term) -> Term:
    done: dict[Term, Term] = {}
    count = len(u.variables)

    def head_of(fn: Const, args: list[Term]) -> tuple[Term, list[Term]] | None:
        if fn.name in constants.renamed:
            return store.const(constants.renamed[fn.name], fn.levels), args
        made = constants.applied.get(fn.name)
        if made is None:
            return None
        if [id(a) for a in args[:count]] != [id(x) for x in u.variables]:
            raise Refused("nested", "a copy without the block's parameters")
        return made, args[count:]

    def go(t: Term, k: int) -> Term:
        found = done.get(t)
        if found is None:
            fn, args = spine(t)
            other = head_of(fn, args) if type(fn) is Const else None
            if other is None:
                found = t.rebuild(store, go, k)
            else:
                found = store.apps(other[0], [go(a, k) for a in other[1]])
            done[t] = found
        return found

    return go(term, 0)


def unnested_constructor(constant: Constructor, type_: Term) -> Constructor:
    """A constructor with the type that it was declared with."""
    return replace(constant, type=type_)
