"""Rewriting of the WebAssembly module of Lean, so that starting it is quick.

The published module exports 193,000 symbols, and Emscripten registers 127,000 functions one by one
in each thread. :func:`slim_module` keeps the exports that the glue uses, puts the functions that
Lean's interpreter calls by name into the module's own table, and writes their names and addresses
into a separate symbol table for ``dlsym``. Source: the WebAssembly core specification, section 5
(binary format), and the ``dylink.0`` section of the tool conventions.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from aludel.lean_checker.embedded.leb128 import (
    read_name,
    read_signed,
    read_unsigned,
    write_signed,
    write_unsigned,
)

MAGIC = b"\0asm\1\0\0\0"
_EXPORT_INFO = 3  # subsection of dylink.0
_END = 0x0B
_I32_CONST = 0x41
_HAS_MAXIMUM = 1
LOOKED_UP = (b"l_", b"initialize_", b"lean_", b"lake_")
"""How names begin that Lean's interpreter looks up: declarations, initialisers, ``@[export]``.

Nothing else gets into the symbol table: a candidate's declaration may export any name, and must not
be bound to ``system`` or another function of the C library by it.
"""


class WasmFormatError(ValueError):
    """The module does not have the shape that the rewriting knows."""


class SectionId(IntEnum):
    """Sections that are read or rewritten."""

    CUSTOM = 0
    IMPORT = 2
    TABLE = 4
    GLOBAL = 6
    EXPORT = 7
    ELEMENT = 9


class ExternKind(IntEnum):
    """Kinds of imports and exports."""

    FUNCTION = 0
    TABLE = 1
    MEMORY = 2
    GLOBAL = 3
    TAG = 4


@dataclass(frozen=True)
class Section:
    """One section: ``data[start:end]`` is all of it, ``data[body:end]`` what follows its size."""

    id: int
    start: int
    body: int
    end: int


@dataclass(frozen=True)
class Export:
    """One export; ``raw`` is its whole encoding."""

    name: bytes
    kind: int
    index: int
    raw: bytes


@dataclass(frozen=True)
class SlimModule:
    """A rewritten module, as parts to be written one after the other, and its symbol table."""

    parts: tuple[bytes | memoryview, ...]
    symbols: bytes
    kept_exports: int
    table_size: int


@dataclass
class _Imports:
    globals: int = 0
    relocated: set[bytes] = field(default_factory=set)


def sections(data: bytes) -> Iterator[Section]:
    """Yield the sections of a module in order.

    Raises:
        WasmFormatError: ``data`` is not a WebAssembly module of version 1, or is cut off.
    """
    if data[:8] != MAGIC:
        raise WasmFormatError("not a WebAssembly module of version 1")
    at = len(MAGIC)
    while at < len(data):
        size, body = read_unsigned(data, at + 1)
        end = body + size
        if end > len(data):
            raise WasmFormatError("the module is cut off")
        yield Section(data[at], at, body, end)
        at = end


def slim_module(data: bytes, used: frozenset[bytes]) -> SlimModule:
    """Rewrite a module; exports of functions and globals survive when their name is in ``used``.

    Names that other parts of the module need (relocated imports, thread-local exports) survive
    too, and so does every export of another kind.

    Raises:
        WasmFormatError: the module does not have the shape that the rewriting knows.
    """
    try:
        return _slim(data, used)
    except IndexError as error:
        raise WasmFormatError("the module is cut off") from error


def _slim(data: bytes, used: frozenset[bytes]) -> SlimModule:
    found = list(sections(data))
    by_id = {section.id: section for section in found if section.id != SectionId.CUSTOM}
    for needed in SectionId:
        if needed != SectionId.CUSTOM and needed not in by_id:
            raise WasmFormatError(f"the module has no {needed.name.lower()} section")
    imports = _read_imports(data, by_id[SectionId.IMPORT])
    addresses = _Addresses.read(data, by_id, imports)
    keep = used | imports.relocated | _export_info(data, found)
    kept: list[bytes] = []
    symbols: list[tuple[bytes, int]] = []
    for export in _read_exports(data, by_id[SectionId.EXPORT]):
        if export.kind not in (ExternKind.FUNCTION, ExternKind.GLOBAL) or export.name in keep:
            kept.append(export.raw)
        if export.name.startswith(LOOKED_UP):
            address = addresses.of(export)
            if address is not None:
                symbols.append((export.name, address))
    table, added = addresses.table, addresses.added
    element = by_id[SectionId.ELEMENT]
    replaced = {
        SectionId.TABLE: table.encode(table.minimum + len(added)),
        SectionId.EXPORT: write_unsigned(len(kept)) + b"".join(kept),
        SectionId.ELEMENT: _extend_elements(data, element, table.minimum, added),
    }
    parts = tuple(_assemble(data, found, replaced))
    return SlimModule(parts, symbol_table(symbols), len(kept), table.minimum + len(added))


def _assemble(
    data: bytes, found: list[Section], replaced: dict[SectionId, bytes]
) -> Iterator[bytes | memoryview]:
    view = memoryview(data)
    yield MAGIC
    for section in found:
        body = replaced.get(SectionId(section.id)) if section.id in replaced else None
        if body is None:
            yield view[section.start : section.end]
        else:
            yield bytes([section.id]) + write_unsigned(len(body))
            yield body


def symbol_table(symbols: Iterable[tuple[bytes, int]]) -> bytes:
    """Encode (name, address) pairs for bisection.

    Layout, little endian 32-bit: count, count + 1 offsets of names, count addresses; then the
    names in byte order, one after the other.
    """
    ordered = sorted(symbols)
    offsets = [0]
    for name, _ in ordered:
        offsets.append(offsets[-1] + len(name))
    count = len(ordered)
    return b"".join(
        (
            struct.pack("<I", count),
            struct.pack(f"<{count + 1}I", *offsets),
            struct.pack(f"<{count}I", *(address for _, address in ordered)),
            *(name for name, _ in ordered),
        )
    )


@dataclass(frozen=True)
class _Table:
    element: int
    limits: int
    minimum: int
    maximum: int

    @classmethod
    def read(cls, data: bytes, section: Section) -> _Table:
        count, at = read_unsigned(data, section.body)
        if count != 1:
            raise WasmFormatError(f"expected one table, found {count}")
        element, limits = data[at], data[at + 1]
        minimum, at = read_unsigned(data, at + 2)
        maximum = read_unsigned(data, at)[0] if limits & _HAS_MAXIMUM else 0
        return cls(element, limits, minimum, maximum)

    def encode(self, size: int) -> bytes:
        maximum = write_unsigned(max(self.maximum, size)) if self.limits & _HAS_MAXIMUM else b""
        head = write_unsigned(1) + bytes([self.element, self.limits])
        return head + write_unsigned(size) + maximum


@dataclass
class _Addresses:
    """Addresses of exports: the slot in the table of a function, the value of a constant global.

    Functions that are not in the table yet get slots after its end, in ``added``'s order.
    """

    table: _Table
    slots: dict[int, int]
    constants: list[int | None]
    imported_globals: int
    added: list[int] = field(default_factory=list)

    @classmethod
    def read(cls, data: bytes, by_id: dict[int, Section], imports: _Imports) -> _Addresses:
        table = _Table.read(data, by_id[SectionId.TABLE])
        slots, end = _read_elements(data, by_id[SectionId.ELEMENT])
        if end > table.minimum:
            raise WasmFormatError("the element segments overrun the table")
        constants = _read_globals(data, by_id[SectionId.GLOBAL])
        return cls(table, slots, constants, imports.globals)

    def of(self, export: Export) -> int | None:
        """Return the address of an export, None when it has none that is known beforehand."""
        if export.kind == ExternKind.FUNCTION:
            if export.index not in self.slots:
                self.slots[export.index] = self.table.minimum + len(self.added)
                self.added.append(export.index)
            return self.slots[export.index]
        if export.kind != ExternKind.GLOBAL or export.index < self.imported_globals:
            return None
        value = self.constants[export.index - self.imported_globals]
        return None if value is None else value & 0xFFFFFFFF


def _read_imports(data: bytes, section: Section) -> _Imports:
    """Count imported globals, and collect the names relocated through ``GOT.*``."""
    imports = _Imports()
    count, at = read_unsigned(data, section.body)
    for _ in range(count):
        module, at = read_name(data, at)
        name, at = read_name(data, at)
        kind = data[at]
        at = _skip_import(data, at)
        imports.globals += kind == ExternKind.GLOBAL
        if module.startswith(b"GOT"):
            imports.relocated.add(name)
    return imports


def _skip_import(data: bytes, at: int) -> int:
    """Return the position after the import description at ``at``."""
    kind = data[at]
    if kind == ExternKind.FUNCTION:
        return read_unsigned(data, at + 1)[1]
    if kind == ExternKind.GLOBAL:
        return at + 3
    if kind == ExternKind.TAG:
        return read_unsigned(data, at + 2)[1]
    limits = at + 1 if kind == ExternKind.MEMORY else at + 2
    has_maximum = data[limits] & _HAS_MAXIMUM
    at = read_unsigned(data, limits + 1)[1]
    return read_unsigned(data, at)[1] if has_maximum else at


def _read_globals(data: bytes, section: Section) -> list[int | None]:
    """Return the value of each constant ``i32`` global, None for every other one."""
    count, at = read_unsigned(data, section.body)
    values: list[int | None] = []
    for _ in range(count):
        mutable, opcode = data[at + 1], data[at + 2]
        value: int | None = None
        if opcode == _I32_CONST:
            value, at = read_signed(data, at + 3)
        elif opcode in (0x42, 0x23):  # i64.const, global.get
            at = read_unsigned(data, at + 3)[1]
        elif opcode in (0x43, 0x44):  # f32.const, f64.const
            at += 7 if opcode == 0x43 else 11
        else:
            raise WasmFormatError(f"global with initialiser {opcode:#x}")
        if data[at] != _END:
            raise WasmFormatError("global with a compound initialiser")
        at += 1
        values.append(None if mutable else value)
    return values


def _read_elements(data: bytes, section: Section) -> tuple[dict[int, int], int]:
    """Return the first table slot of each function, and the end of the segments."""
    slots: dict[int, int] = {}
    end = 0
    segments, at = read_unsigned(data, section.body)
    for _ in range(segments):
        flags, at = read_unsigned(data, at)
        if flags != 0 or data[at] != _I32_CONST:
            raise WasmFormatError("an element segment that is not active at a constant offset")
        offset, at = read_signed(data, at + 1)
        if data[at] != _END:
            raise WasmFormatError("an element segment at a compound offset")
        count, at = read_unsigned(data, at + 1)
        for slot in range(offset, offset + count):
            function, at = read_unsigned(data, at)
            slots.setdefault(function, slot)
        end = max(end, offset + count)
    return slots, end


def _extend_elements(data: bytes, section: Section, offset: int, functions: list[int]) -> bytes:
    """Return the element section with one more segment: ``functions`` from ``offset`` on."""
    segments, at = read_unsigned(data, section.body)
    head = b"\0" + bytes([_I32_CONST]) + write_signed(offset) + bytes([_END])
    encoded = b"".join(map(write_unsigned, functions))
    new = head + write_unsigned(len(functions)) + encoded
    return write_unsigned(segments + 1) + data[at : section.end] + new


def _read_exports(data: bytes, section: Section) -> Iterator[Export]:
    count, at = read_unsigned(data, section.body)
    for _ in range(count):
        start = at
        name, at = read_name(data, at)
        kind = data[at]
        index, at = read_unsigned(data, at + 1)
        yield Export(name, kind, index, data[start:at])


def _export_info(data: bytes, found: list[Section]) -> frozenset[bytes]:
    """Return the names that ``dylink.0`` marks (thread-local exports)."""
    names: set[bytes] = set()
    for section in found:
        if section.id != SectionId.CUSTOM:
            continue
        title, at = read_name(data, section.body)
        if title != b"dylink.0":
            continue
        while at < section.end:
            subsection = data[at]
            size, at = read_unsigned(data, at + 1)
            end = at + size
            if subsection == _EXPORT_INFO:
                count, at = read_unsigned(data, at)
                for _ in range(count):
                    name, at = read_name(data, at)
                    _, at = read_unsigned(data, at)
                    names.add(name)
            at = end
    return frozenset(names)
