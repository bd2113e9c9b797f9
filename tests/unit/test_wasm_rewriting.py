"""Rewriting of WebAssembly modules, on modules small enough to write by hand."""

from __future__ import annotations

import json
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aludel.lean_checker.embedded import leb128, wasm
from aludel.lean_checker.node import find_node
from aludel.settings import Settings

I32 = 0x7F
FUNCREF = 0x70


def vector(items: list[bytes]) -> bytes:
    return leb128.write_unsigned(len(items)) + b"".join(items)


def named(text: str) -> bytes:
    return leb128.write_unsigned(len(text)) + text.encode()


def section(number: int, body: bytes) -> bytes:
    return bytes([number]) + leb128.write_unsigned(len(body)) + body


def constant_function(value: int) -> bytes:
    code = b"\0\x41" + leb128.write_signed(value) + b"\x0b"
    return leb128.write_unsigned(len(code)) + code


def export(name: str, kind: int, index: int) -> bytes:
    return named(name) + bytes([kind]) + leb128.write_unsigned(index)


def small_module(**replaced: bytes | None) -> bytes:
    """Three functions that return 10, 11 and 12; the first is in the table already, at slot 1."""
    parts: dict[str, bytes | None] = {
        "custom": section(
            0, named("dylink.0") + bytes([3, 7]) + vector([named("_tls") + b"\x80\x02"])
        ),
        "type": section(1, vector([b"\x60\0\x01" + bytes([I32])])),
        "import": section(2, vector([named("GOT.func") + named("gotten") + bytes([3, I32, 1])])),
        "function": section(3, vector([b"\0", b"\0", b"\0"])),
        "table": section(4, vector([bytes([FUNCREF, 0]) + leb128.write_unsigned(2)])),
        "global": section(6, vector([bytes([I32, 0, 0x41]) + leb128.write_signed(-5) + b"\x0b"])),
        "export": section(
            7,
            vector(
                [
                    export("l_first", 0, 0),
                    export("l_second", 0, 1),
                    export("used", 0, 2),
                    export("system", 0, 2),
                    export("_tls", 0, 2),
                    export("gotten", 0, 2),
                    export("l_constant", 3, 1),
                    export("table", 1, 0),
                ]
            ),
        ),
        "element": section(9, vector([b"\0\x41\x01\x0b" + vector([b"\0"])])),
        "code": section(10, vector([constant_function(n) for n in (10, 11, 12)])),
    }
    parts |= replaced
    return wasm.MAGIC + b"".join(part for part in parts.values() if part is not None)


def read_symbols(data: bytes) -> dict[bytes, int]:
    (count,) = struct.unpack_from("<I", data)
    offsets = struct.unpack_from(f"<{count + 1}I", data, 4)
    addresses = struct.unpack_from(f"<{count}I", data, 4 + 4 * (count + 1))
    names = data[4 + 4 * (2 * count + 1) :]
    return {names[offsets[i] : offsets[i + 1]]: addresses[i] for i in range(count)}


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_unsigned_numbers_survive_encoding(value: int) -> None:
    data = leb128.write_unsigned(value)
    assert leb128.read_unsigned(b"\xff" + data, 1) == (value, len(data) + 1)


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
def test_signed_numbers_survive_encoding(value: int) -> None:
    data = leb128.write_signed(value)
    assert leb128.read_signed(data + b"\xff", 0) == (value, len(data))


@given(st.dictionaries(st.binary(min_size=1, max_size=20), st.integers(0, 2**32 - 1)))
def test_the_symbol_table_holds_every_symbol_in_byte_order(symbols: dict[bytes, int]) -> None:
    found = read_symbols(wasm.symbol_table(symbols.items()))
    assert found == symbols
    assert list(found) == sorted(symbols)


def test_only_used_exports_survive() -> None:
    module = wasm.slim_module(small_module(), frozenset({b"used"}))
    data = b"".join(module.parts)
    kept = {s.id: data[s.body : s.end] for s in wasm.sections(data)}[wasm.SectionId.EXPORT]
    assert module.kept_exports == 4
    for name in (b"used", b"_tls", b"gotten", b"table"):
        assert name in kept
    for name in (b"l_first", b"l_second", b"system", b"l_constant"):
        assert name not in kept


def test_symbols_are_leans_own() -> None:
    """A function of the C library must not be found by name, whatever a candidate calls itself."""
    symbols = read_symbols(wasm.slim_module(small_module(), frozenset()).symbols)
    assert symbols == {b"l_constant": 2**32 - 5, b"l_first": 1, b"l_second": 2}


def test_every_other_section_is_copied() -> None:
    original = small_module()
    data = b"".join(wasm.slim_module(original, frozenset()).parts)
    rewritten = {wasm.SectionId.TABLE, wasm.SectionId.EXPORT, wasm.SectionId.ELEMENT}
    before = [(s.id, original[s.start : s.end]) for s in wasm.sections(original)]
    after = [(s.id, data[s.start : s.end]) for s in wasm.sections(data)]
    assert [s for s in before if s[0] not in rewritten] == [
        s for s in after if s[0] not in rewritten
    ]


def test_a_real_engine_finds_functions_at_their_addresses(tmp_path: Path) -> None:
    module = wasm.slim_module(small_module(), frozenset({b"table"}))
    (tmp_path / "slim.wasm").write_bytes(b"".join(module.parts))
    script = """
        const binary = require('fs').readFileSync(process.argv[1]);
        const value = new WebAssembly.Global({ value: 'i32', mutable: true }, 0);
        const { exports } = new WebAssembly.Instance(
          new WebAssembly.Module(binary), { 'GOT.func': { gotten: value } });
        const slots = [...Array(exports.table.length).keys()];
        console.log(JSON.stringify(slots.map((slot) => exports.table.get(slot)?.() ?? null)));
    """
    node = find_node(Settings()).path
    done = subprocess.run(
        [node, "-e", script, str(tmp_path / "slim.wasm")], capture_output=True, check=True
    )
    assert json.loads(done.stdout) == [None, 10, 11]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"#!/bin/sh\n", "not a WebAssembly module"),
        (small_module()[:-3], "cut off"),
        (small_module(export=None), "no export section"),
        (small_module(table=section(4, vector([b"\x70\0\x01", b"\x70\0\x01"]))), "one table"),
        (small_module(table=section(4, vector([b"\x70\0\x01"]))), "overrun the table"),
        (small_module(element=section(9, vector([b"\x01\0" + vector([b"\0"])]))), "not active"),
    ],
    ids=["text", "cut off", "no exports", "two tables", "overrun", "passive segment"],
)
def test_another_shape_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(wasm.WasmFormatError, match=message):
        wasm.slim_module(data, frozenset())
