"""Declarations: what is added to an environment, after it was checked.

Everything is checked in an environment of its own over the old one, and what is added is what
came out. Whatever a declaration says of itself (arities, recursors and their rules, K) is
computed here and then compared, never read.
"""

from dataclasses import dataclass, replace

from .budget import Budget
from .environment import (
    Axiom,
    Constant,
    Constructor,
    Definition,
    Environment,
    Inductive,
    Opaque,
    Quotient,
    Recursor,
    Theorem,
)
from .errors import Declined, NotShownEqual, Refused
from .inductive import Block, BlockSpec, check_block
from .infer import Inference, brief
from .names import Name, show
from .nested import restore, unnest, unnested_constructor
from .quotient import ROLES, check_equality, make_quotient
from .recursors import build_recursors, check_recursor
from .same import same_terms
from .terms import Term, require_closed


@dataclass(frozen=True, slots=True)
class InductiveBlock:
    """A block of inductive types, and what was sent about it."""

    spec: BlockSpec
    claims: tuple[Constant, ...] = ()
    unsafe: bool = False


Declaration = Axiom | Definition | Theorem | Opaque | Quotient | InductiveBlock


def declared_name(declaration: Declaration) -> Name:
    """The name of a declaration; of a block, that of its first type."""
    if isinstance(declaration, InductiveBlock):
        return declaration.spec.types[0].name
    return declaration.name


def add_declaration(env: Environment, declaration: Declaration, budget: Budget) -> None:
    """Checks a declaration and adds its constants to the environment.

    Raises:
        Refused: a rule is broken.
        Declined: it is of a kind that is not checked here.
    """
    if isinstance(declaration, InductiveBlock):
        _add_block(env, declaration, budget)
    elif isinstance(declaration, Quotient):
        _add_quotient(env, declaration, budget)
    else:
        _add_constant(env, declaration, budget)


def _unique(params: tuple[Name, ...], env: Environment) -> None:
    if len(set(params)) != len(params) and "unique_params" not in env.off:
        raise Refused("unique_params", "a universe parameter is declared twice")


def _add_constant(
    env: Environment, c: Axiom | Definition | Theorem | Opaque, budget: Budget
) -> None:
    if env.find(c.name) is not None and "name_taken" not in env.off:
        raise Refused("name_taken", show(c.name))
    _unique(c.params, env)
    is_unsafe = c.unsafe or c.partial
    checker = Inference(env, budget)
    if "closed" not in env.off:
        require_closed(show(c.name), c.type)
    level = checker.sort_of(checker.check_closed(c.type, c.params, unsafe=is_unsafe))
    if type(c) is Theorem and "theorem_prop" not in env.off and not env.store.is_zero(level):
        raise Refused("theorem_prop", f"the type of {show(c.name)} is no proposition")
    if type(c) is Axiom:
        env.set(c)
        return
    value = c.value if isinstance(c, Definition | Theorem | Opaque) else None
    if value is None:
        raise Refused("value", f"{show(c.name)} has no value")
    _check_value(env, checker, c, value)
    if type(c) is Definition:
        c = replace(c, height=c.height if c.height == -2 else env.height(value, budget))
    env.set(c)


def _check_value(env: Environment, checker: Inference, c: Constant, value: Term) -> None:
    is_unsafe = c.unsafe or c.partial
    if is_unsafe:  # it may use itself
        scratch = env.child(env.store)
        scratch.set(Axiom(c.name, c.params, c.type, unsafe=c.unsafe, partial=c.partial))
        checker = Inference(scratch, checker.budget)
    try:
        found = checker.check_closed(value, c.params, unsafe=is_unsafe)
    except Refused as e:
        if is_unsafe and e.rule == "unknown_constant":
            raise Declined("an unsafe or partial definition uses a later one") from e
        raise
    if not checker.equal(found, c.type) and "value_type" not in env.off:
        raise NotShownEqual(
            "value_type", f"{show(c.name)}: the value has type {brief(found)}, not {brief(c.type)}"
        )


def _add_quotient(env: Environment, sent: Quotient, budget: Budget) -> None:
    made = make_quotient(env, sent.role, sent.name)
    check_equality(env)
    for role in (
        () if sent.role == "type" else ("type",) if sent.role == "ctor" else ("type", "ctor")
    ):
        if type(env.find(ROLES[role])) is not Quotient and "quotient_order" not in env.off:
            raise Refused("quotient", f"{show(ROLES[role])} is no quotient")
    if "quotient_type" in env.off:
        env.add(sent)
        return
    if len(sent.params) != len(made.params):
        raise Refused("quotient", f"{show(sent.name)} has other universe parameters")
    values = {a: env.store.param(b) for a, b in zip(sent.params, made.params, strict=True)}
    if not same_terms(env.store, env.store.at_levels(sent.type, values), made.type):
        raise Refused("quotient", f"{show(sent.name)} has another type")
    budget.spend(1)
    env.add(made)


def _add_block(env: Environment, declared: InductiveBlock, budget: Budget) -> None:
    if declared.unsafe:
        raise Declined("an unsafe inductive type")
    spec = declared.spec
    _unique(spec.params, env)
    flat = unnest(env, spec)
    if flat.copies and "nested_params" not in env.off:
        _check_as_declared(env, spec, budget)
    scratch = _scratch(env)
    block = Block(scratch, Inference(scratch, budget), flat.spec)
    check_block(block)
    recursors = build_recursors(block)
    if flat.copies:
        result = _scratch(env)
        _restore_constants(scratch, result, spec, len(flat.copies))
        recursors = [restore(flat, result, spec, r) for r in recursors]
        block = Block(result, Inference(result, budget), spec)
    for rec in recursors:
        block.env.add(rec)
    for rec in recursors:
        if not flat.copies or "nested_params" not in env.off:
            check_recursor(block, rec)
    _compare_claims(env, block, declared.claims)
    for constant in block.env.own.values():
        env.add(constant)


def _scratch(env: Environment) -> Environment:
    return Environment(env.store, env, off=env.off)


def _check_as_declared(env: Environment, spec: BlockSpec, budget: Budget) -> None:
    """Constructors' types are types where the types of the block are constants of their types."""
    scratch = _scratch(env)
    checker = Inference(scratch, budget)
    for t in spec.types:
        require_closed(show(t.name), t.type)
        checker.sort_of(checker.check_closed(t.type, spec.params))
        scratch.add(Axiom(t.name, spec.params, t.type))
    for t in spec.types:
        for n, type_ in t.constructors:
            require_closed(show(n), type_)
            checker.sort_of(checker.check_closed(type_, spec.params))


def _restore_constants(
    flat: Environment, result: Environment, spec: BlockSpec, copies: int
) -> None:
    for t in spec.types:
        inductive = flat.get(t.name)
        if type(inductive) is Inductive:
            names = tuple(x.name for x in spec.types)
            result.add(replace(inductive, block=names, num_nested=copies))
        for n, type_ in t.constructors:
            constructor = flat.get(n)
            if type(constructor) is Constructor:
                result.add(unnested_constructor(constructor, type_))


def _compare_claims(env: Environment, block: Block, claims: tuple[Constant, ...]) -> None:
    """What was sent must be what was computed. A constant that was not sent is not missed."""
    seen: set[Name] = set()
    for claim in claims:
        if claim.name in seen:
            raise Refused("claim", f"{show(claim.name)} is sent twice")
        seen.add(claim.name)
        made = block.env.own.get(claim.name)
        if made is None or type(made) is not type(claim):
            raise Refused("claim", f"{show(claim.name)} is nothing that the block declares")
        if "claims" not in env.off:
            _compare_claim(env, block, made, claim)


def _compare_claim(env: Environment, block: Block, made: Constant, claim: Constant) -> None:
    if _numbers(made) != _numbers(claim):
        raise Refused("claim", f"{show(made.name)} is sent with other numbers than it has")
    if len(made.params) != len(claim.params):
        raise Refused("claim", f"{show(made.name)} is sent with other universe parameters")
    _unique(claim.params, env)
    store = env.store
    values = {a: store.param(b) for a, b in zip(claim.params, made.params, strict=True)}
    if not same_terms(store, store.at_levels(claim.type, values), made.type):
        _require_equal(block, claim, made.type, store.at_levels(claim.type, values))
    if isinstance(made, Recursor) and isinstance(claim, Recursor):
        for ours, sent in zip(made.rules, claim.rules, strict=True):
            value = store.at_levels(sent.value, values)
            if not same_terms(store, value, ours.value):
                _require_equal(block, claim, ours.value, value)


def _require_equal(block: Block, claim: Constant, made: Term, sent: Term) -> None:
    """Not the same letter by letter: then typed, and equal by definition."""
    require_closed(show(claim.name), sent)
    params = block.env.get(claim.name).params
    found = block.checker.check_closed(sent, params)
    same_type = block.checker.equal(found, block.checker.infer(made))
    if not same_type or not block.checker.equal(made, sent):
        raise Refused("claim", f"{show(claim.name)} is not sent as it is built")


def _numbers(c: Constant) -> tuple[object, ...]:
    if isinstance(c, Inductive):
        return (c.num_params, c.num_indices, c.block, c.constructors)
    if isinstance(c, Constructor):
        return (c.inductive, c.index, c.num_params, c.num_fields)
    if isinstance(c, Recursor):
        rules = tuple((r.constructor, r.num_fields) for r in c.rules)
        counts = (c.num_params, c.num_indices, c.num_motives, c.num_minors)
        return (*counts, c.block, rules, c.k)
    return ()
