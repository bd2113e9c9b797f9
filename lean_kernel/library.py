"""A trusted library: the constants of an import set as Lean exported them, decoded when asked
for.

On disk it is one file of tables, each of one module's constants, and an index with their places,
their hashes, the names in them, and the names that their terms mention and that do not exist.
Constants:

["thm",name,[params],type,value|null] ["opq",...,value|null,unsafe] ["axm",...,unsafe]
["def",...,value|null,hint,safety] safety 0 safe, 1 unsafe, 2 partial; a hint above 1 is height +
2 ["quo",...,role] role 0 type, 1 ctor, 2 lift, 3 ind
["ind",...,[params,indices,recursive,nested,unsafe],[block],[constructors]]
["ctr",...,[type,position,params,fields,unsafe]]
["rec",...,[params,indices,motives,minors,k,unsafe],[block],[[constructor,fields,value],...]]
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .budget import Budget
from .entries import CHILDREN, TermReader, read_levels, read_names
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
    Rule,
    Theorem,
)
from .errors import Malformed
from .levels import Level
from .names import Name
from .ndjson import natural
from .quotient import ROLES
from .store import Store
from .terms import Const, Pi, Term, head

DATA, INDEX = "library.jsonl", "library.index.json"
UNLIMITED = 1 << 62


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a table lies in the data file."""

    module: str
    offset: int
    length: int
    sha256: str


def write_library(folder: Path, chunks: Iterable[dict[str, Any]]) -> str:
    """Writes the tables that Lean exported; the digest of the library."""
    folder.mkdir(parents=True, exist_ok=True)
    entries: list[dict[str, Any]] = []
    offset = 0
    with (folder / DATA).open("wb") as data:
        for chunk in chunks:
            line = json.dumps(chunk, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            data.write(line)
            entries.append(_index_entry(chunk, offset, line))
            offset += len(line)
    _keep_absent(entries)
    text = json.dumps({"format": 1, "tables": entries}, ensure_ascii=False, separators=(",", ":"))
    (folder / INDEX).write_text(text, encoding="utf-8")
    return hashlib.sha256(text.encode()).hexdigest()


def _index_entry(chunk: dict[str, Any], offset: int, line: bytes) -> dict[str, Any]:
    names = read_names(chunk["names"])
    used = {e[1] for e in chunk["exprs"] if e[0] in ("c", "j")}
    return {
        "module": chunk["module"],
        "offset": offset,
        "length": len(line),
        "sha256": hashlib.sha256(line).hexdigest(),
        "names": [list(names[c[1]]) for c in chunk["constants"]],
        "mentioned": [list(names[i]) for i in sorted(used)],
    }


def _keep_absent(entries: list[dict[str, Any]]) -> None:
    """Of the names that terms mention, those that nothing declares."""
    present = {tuple(n) for e in entries for n in e["names"]}
    for e in entries:
        e["mentioned"] = [n for n in e["mentioned"] if tuple(n) not in present]


class Library:
    """An opened library. `modules`: those whose constants are seen; None for all."""

    def __init__(self, folder: Path, modules: frozenset[str] | None = None) -> None:
        text = (folder / INDEX).read_bytes()
        self.digest = hashlib.sha256(text).hexdigest()
        self._data = folder / DATA
        self._places: list[_Place] = []
        self._where: dict[Name, int] = {}
        self.absent: set[Name] = set()
        for e in json.loads(text)["tables"]:
            if modules is None or e["module"] in modules:
                self._add(e)
        self._chunks: dict[int, _Chunk] = {}
        self.environment = _environment(self.constant)

    def _add(self, e: dict[str, Any]) -> None:
        i = len(self._places)
        self._places.append(_Place(e["module"], e["offset"], e["length"], e["sha256"]))
        for n in e["names"]:
            self._where.setdefault(tuple(n), i)
        self.absent.update(tuple(n) for n in e["mentioned"])

    def __contains__(self, n: object) -> bool:
        """Whether the library has the name or mentions it."""
        return n in self._where or n in self.absent

    def __iter__(self) -> Iterator[Name]:
        """The names of its constants."""
        return iter(self._where)

    def __len__(self) -> int:
        return len(self._where)

    def constant(self, n: Name) -> Constant | None:
        """The constant of that name, decoded now."""
        i = self._where.get(n)
        if i is None:
            return None
        chunk = self._chunks.get(i)
        if chunk is None:
            chunk = self._chunks[i] = _Chunk(self._load(i), self.environment.store)
        return chunk.constant(n)

    def _load(self, i: int) -> dict[str, Any]:
        """A table, if its bytes are those that the index speaks of."""
        place = self._places[i]
        with self._data.open("rb") as data:
            data.seek(place.offset)
            line = data.read(place.length)
        if hashlib.sha256(line).hexdigest() != place.sha256:
            raise LibraryDamaged(f"{self._data}: the table of {place.module} is not as exported")
        value = json.loads(line)
        if not isinstance(value, dict):
            raise LibraryDamaged(f"{self._data}: no table of {place.module}")
        return value


class LibraryDamaged(Exception):
    """A file of the library is not what was written. A fault of the machine, never of a
    candidate."""


def _environment(loader: Callable[[Name], Constant | None]) -> Environment:
    store = Store(Budget(UNLIMITED, UNLIMITED))
    return Environment(store, trusted=True, loader=loader)


class _Chunk:
    """One table, its terms decoded as constants ask for them."""

    def __init__(self, table: dict[str, Any], store: Store) -> None:
        self.names = read_names(table["names"])
        self.levels: list[Level] = read_levels(table["levels"], self.names, store)
        self.entries: list[Any] = table["exprs"]
        self.terms: dict[int, Term] = {}
        self.reader = TermReader(self.names, self.levels, store, self._earlier)
        self.own = {self.names[c[1]]: c for c in table["constants"]}

    def _earlier(self, j: object, i: int) -> Term:
        return self.terms[natural(j, i)]

    def term(self, i: int) -> Term:
        """The term of an entry. Entries it needs are read first, lowest first."""
        if i not in self.terms:
            needed, todo = {i}, [i]
            while todo:
                e = self.entries[todo.pop()]
                for place in CHILDREN.get(e[0], ()):
                    j = e[place]
                    if j not in self.terms and j not in needed:
                        needed.add(j)
                        todo.append(j)
            for j in sorted(needed):
                self.terms[j] = self.reader.read(self.entries[j], j)
        return self.terms[i]

    def body(self, i: object) -> Term | None:
        return None if i is None else self.term(natural(i))

    def constant(self, n: Name) -> Constant:
        word, _, params, type_, *rest = self.own[n]
        first = (n, tuple(self.names[p] for p in params), self.term(type_))
        if word in ("thm", "opq", "axm", "def", "quo"):
            return self._plain(word, first, rest)
        numbers = rest[0]
        if word == "ctr":
            return Constructor(
                *first,
                unsafe=numbers[4] == 1,
                inductive=self.names[numbers[0]],
                index=numbers[1],
                num_params=numbers[2],
                num_fields=numbers[3],
            )
        block = tuple(self.names[i] for i in rest[1])
        if word == "ind":
            return Inductive(
                *first,
                unsafe=numbers[4] == 1,
                num_params=numbers[0],
                num_indices=numbers[1],
                block=block,
                constructors=tuple(self.names[i] for i in rest[2]),
                is_recursive=numbers[2] == 1,
                num_nested=numbers[3],
            )
        return self._recursor(first, numbers, block, rest[2])

    def _plain(
        self, word: str, first: tuple[Name, tuple[Name, ...], Term], rest: list[Any]
    ) -> Constant:
        if word == "axm":
            return Axiom(*first, unsafe=rest[0] == 1)
        if word == "quo":
            return Quotient(*first, role=list(ROLES)[rest[0]])
        body = self.body(rest[0])
        if word == "thm":
            return Theorem(*first, value=body)
        if word == "opq":
            return Opaque(*first, unsafe=rest[1] == 1, value=body)
        hint, safety = rest[1], rest[2]
        height = {0: -1, 1: -2}.get(hint, hint - 2)
        return Definition(
            *first, unsafe=safety == 1, partial=safety == 2, value=body, height=height
        )

    def _recursor(
        self,
        first: tuple[Name, tuple[Name, ...], Term],
        numbers: list[int],
        block: tuple[Name, ...],
        rules: list[list[int]],
    ) -> Constant:
        if not block:
            raise Malformed("library", "a recursor of no type")
        made = Recursor(
            *first,
            unsafe=numbers[5] == 1,
            inductive=(),
            block=block,
            num_params=numbers[0],
            num_indices=numbers[1],
            num_motives=numbers[2],
            num_minors=numbers[3],
            rules=tuple(Rule(self.names[c], n, self.term(v)) for c, n, v in rules),
            k=numbers[4] == 1,
        )
        return with_major(made)


def with_major(rec: Recursor) -> Recursor:
    """The recursor with the type that it takes apart, read off its own type."""
    t = rec.type
    for _ in range(rec.major):
        if type(t) is not Pi:
            raise Malformed("library", "a recursor with too few arguments")
        t = t.body
    fn = head(t.type) if type(t) is Pi else None
    if type(fn) is not Const:
        raise Malformed("library", "a recursor without a type to take apart")
    return replace(rec, inductive=fn.name)
