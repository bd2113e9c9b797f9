"""The one question that is put to both kernels about a candidate: `asked : S := t`.

The candidate's tables come from a process that is believed nothing. What they declare gets names
of ours, only what the proof needs is kept, and the statement, which another process read, is
asked for last. The bytes made here are what every kernel reads; their hash stands for the
question.
"""

import hashlib
from collections.abc import Container
from dataclasses import dataclass, replace

from .budget import Budget, run_deep
from .declarations import Declaration, InductiveBlock
from .environment import Axiom, Constant, Definition, Opaque, Theorem
from .errors import Declined, Malformed, Refused
from .inductive import BlockSpec, TypeSpec
from .levels import Level, parameters_of
from .names import Name, show
from .store import Store
from .tables import read_tables, write_tables
from .terms import Const, Proj, Sort, Term, constants_of, subterms

PREFIX = "_aludel"
ASKED: Name = (PREFIX, "asked")
MAX_TABLE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Question:
    """Tables whose last declaration, `asked`, is what has to be checked.

    `given`: the candidate's name of each constant by ours. `digest`: SHA-256 of the bytes.
    """

    tables: bytes
    digest: str
    asked: Name
    given: dict[Name, Name]


def ask(
    candidate: bytes, wanted: Name, statement: bytes | None, known: Container[Name]
) -> Question:
    """The question whether `wanted` of the candidate's tables proves the statement.

    Without a statement: whether it is what it says that it is.

    `statement`: a table of one declaration whose type is the statement; a value is not looked at. A
    definition asks for a value of the type, anything else for a proof: the type has to be a
    proposition.
    `known`: names that the library has or mentions.

    Raises:
        Refused: the tables break a rule of their own.
        Declined: they are larger than any this checker takes on.
    """
    return run_deep(lambda: _ask(candidate, wanted, statement, known))


def _ask(
    candidate: bytes, wanted: Name, statement: bytes | None, known: Container[Name]
) -> Question:
    if len(candidate) > MAX_TABLE_BYTES or len(statement or b"") > MAX_TABLE_BYTES:
        raise Declined("a table of more than 64 MB")
    store = Store(Budget())
    declarations = read_tables(candidate, store)
    needed = _closure(declarations, wanted, store.budget)
    renamed = _Renaming(store, known, declarations, needed)
    kept = [renamed.declaration(d) for d in needed]
    last = renamed.names[wanted]
    if statement is not None:
        asked = _statement(statement, store)
        _require_no_names(asked, renamed)
        target = next(c for c in needed if isinstance(c, Constant) and c.name == wanted)
        kept.append(_asked(renamed, asked, target))
        last = ASKED
    tables = write_tables(kept)
    given = {ours: theirs for theirs, ours in renamed.names.items()}
    return Question(tables, hashlib.sha256(tables).hexdigest(), last, given)


def _statement(data: bytes, store: Store) -> Constant:
    declarations = read_tables(data, store)
    if len(declarations) != 1 or not isinstance(declarations[0], Constant):
        raise Malformed("statement", "a statement is one constant")
    return declarations[0]


def _require_no_names(asked: Constant, renamed: "_Renaming") -> None:
    """A statement speaks of the library alone."""
    for n in sorted(constants_of(asked.type), key=repr):
        if renamed.ours(n) is not None:
            raise Refused("statement", f"the candidate declares {show(n)}, which is asked about")


def _asked(renamed: "_Renaming", asked: Constant, target: Constant) -> Declaration:
    if len(asked.params) != len(target.params):
        raise Refused("statement", "the proof has other universe parameters than the statement")
    store = renamed.store
    params, values = _canonical_params(store, asked.params)
    statement = renamed.term(asked.type, values)
    ours = renamed.ours(target.name)
    if ours is None:
        raise Refused("statement", f"{show(target.name)} is not declared")
    proof = store.const(ours, tuple(store.param(p) for p in params))
    if isinstance(asked, Definition | Opaque):
        return Definition(ASKED, params, statement, value=proof)
    return Theorem(ASKED, params, statement, value=proof)


def _canonical_params(
    store: Store, params: tuple[Name, ...]
) -> tuple[tuple[Name, ...], dict[Name, Level]]:
    """Universe parameters by position, and the levels to put for the old ones."""
    made: tuple[Name, ...] = tuple((f"u_{i + 1}",) for i in range(len(params)))
    return made, {a: store.param(b) for a, b in zip(params, made, strict=True)}


def declared(d: Declaration) -> list[Name]:
    """All names that a declaration gives, recursors of the types themselves included."""
    if not isinstance(d, InductiveBlock):
        return [d.name]
    found: list[Name] = []
    for t in d.spec.types:
        found += [t.name, *[n for n, _ in t.constructors], (*t.name, "rec")]
    return found


def mentioned(d: Declaration, budget: Budget) -> set[Name]:
    """Names of constants that a declaration uses. Declarations may share a large term."""
    if isinstance(d, InductiveBlock):
        roots = [t.type for t in d.spec.types]
        roots += [x for t in d.spec.types for _, x in t.constructors]
    else:
        value = d.value if isinstance(d, Definition | Theorem | Opaque) else None
        roots = [d.type, *([] if value is None else [value])]
    budget.spend(len(subterms(*roots)))
    return constants_of(*roots)


def _closure(declarations: list[Declaration], wanted: Name, budget: Budget) -> list[Declaration]:
    """What the wanted constant needs, in order.

    Raises:
        Refused: it is not declared, or a declaration uses a later one.
    """
    place: dict[Name, int] = {}
    for i, d in enumerate(declarations):
        for n in declared(d):
            if n in place:
                raise Refused("name_taken", f"{show(n)} is declared twice")
            place[n] = i
    if wanted not in place or isinstance(declarations[place[wanted]], InductiveBlock):
        raise Refused("wanted", f"{show(wanted)} is not declared")
    needed, todo = {place[wanted]}, [place[wanted]]
    while todo:
        i = todo.pop()
        for n in mentioned(declarations[i], budget):
            j = place.get(n, place.get(_owner(n), i))
            own_block = j == i and isinstance(declarations[i], InductiveBlock)
            if j > i or (j == i and n in place and not own_block):
                raise Refused("order", f"{show(n)} is used before it is declared")
            if j not in needed:
                needed.add(j)
                todo.append(j)
    return [declarations[i] for i in sorted(needed)]


def _owner(n: Name) -> Name:
    """`T.rec_1`, made with a nested type `T`, belongs with `T.rec`."""
    last = n[-1] if n else ""
    if isinstance(last, str) and last.startswith("rec_") and last[4:].isdigit():
        return (*n[:-1], "rec")
    return n


class _Renaming:
    """Names of ours for what the candidate declares."""

    def __init__(
        self,
        store: Store,
        known: Container[Name],
        declarations: list[Declaration],
        needed: list[Declaration],
    ) -> None:
        self.store = store
        self.names: dict[Name, Name] = {}
        for d in declarations:
            for n in declared(d):
                if n in known or n[0] == PREFIX:
                    raise Refused("name_taken", f"{show(n)} belongs to the library")
        for i, d in enumerate(needed):
            if isinstance(d, InductiveBlock):
                self._block_names(i, d)
            else:
                self.names[d.name] = (PREFIX, i)

    def _block_names(self, i: int, d: InductiveBlock) -> None:
        for j, t in enumerate(d.spec.types):
            ours: Name = (PREFIX, i, j)
            self.names[t.name] = ours
            for k, (n, _) in enumerate(t.constructors):
                self.names[n] = (*ours, k)
            self.names[(*t.name, "rec")] = (*ours, "rec")

    def ours(self, n: Name) -> Name | None:
        """Our name for a constant of the candidate's; None for one of the library's."""
        found = self.names.get(n)
        if found is None:
            owner = self.names.get(_owner(n))
            return None if owner is None else (*owner[:-1], n[-1])
        return found

    def declaration(self, d: Declaration) -> Declaration:
        """The declaration in our names."""
        if isinstance(d, InductiveBlock):
            params, values = _canonical_params(self.store, d.spec.params)
            types = tuple(
                TypeSpec(
                    self.names[t.name],
                    self.term(t.type, values),
                    tuple((self.names[n], self.term(x, values)) for n, x in t.constructors),
                )
                for t in d.spec.types
            )
            return InductiveBlock(BlockSpec(params, d.spec.num_params, types))
        params, values = _canonical_params(self.store, d.params)
        n, type_ = self.names[d.name], self.term(d.type, values)
        if isinstance(d, Definition | Theorem | Opaque) and d.value is not None:
            value = self.term(d.value, values)
            return replace(d, name=n, params=params, type=type_, value=value)
        if isinstance(d, Axiom):
            return replace(d, name=n, params=params, type=type_)
        raise Malformed("declaration", "a quotient cannot be declared")

    def term(self, term: Term, values: dict[Name, Level]) -> Term:
        """A term in our names, with canonical universe parameters."""
        done: dict[Term, Term] = {}
        store = self.store

        def go(t: Term, k: int) -> Term:
            found = done.get(t)
            if found is None:
                found = done[t] = self._node(t, values) or t.rebuild(store, go, k)
                if type(found) is Proj:
                    self._require_no_prefix(found.structure)
                    ours = self.ours(found.structure)
                    if ours is not None:
                        found = done[t] = store.proj(ours, found.index, found.term)
            return found

        return go(term, 0)

    def _node(self, t: Term, values: dict[Name, Level]) -> Term | None:
        if type(t) is Sort:
            return self.store.sort(self._level(t.level, values))
        if type(t) is Const:
            self._require_no_prefix(t.name)
            levels = tuple(self._level(u, values) for u in t.levels)
            return self.store.const(self.ours(t.name) or t.name, levels)
        return None

    @staticmethod
    def _require_no_prefix(n: Name) -> None:
        if n[:1] == (PREFIX,):
            raise Refused("unknown_constant", show(n))

    def _level(self, level: Level, values: dict[Name, Level]) -> Level:
        for n in parameters_of(level):
            if n not in values:
                raise Refused("level_params", f"universe parameter {show(n)} is not declared")
        return self.store.substitute(level, values)
