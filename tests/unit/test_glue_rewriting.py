"""Rewriting of Emscripten's glue, on a sample of its shape."""

from __future__ import annotations

import subprocess

import pytest

from aludel.lean_checker.embedded.glue import GlueFormatError, slim_glue
from aludel.lean_checker.node import find_node
from aludel.settings import Settings

SAMPLE = (
    b'var Module=globalThis.given;var GOT={};var isInternalSym=n=>n=="internal";var registered=[];'
    b"var updateGOT=(exports,replace)=>{for(var symName in exports){"
    b"if(isInternalSym(symName)){continue}registered.push(symName)}};"
    b"var pthreadPoolSize=4;"
    b"var _main,_l_Nat_add,_malloc,wasmTable,_l_Unused,_address;"
    b"function assignWasmExports(wasmExports){"
    b'_main=Module["_main"]=wasmExports["__main_argc_argv"];'
    b'_l_Nat_add=Module["_l_Nat_add"]=wasmExports["l_Nat_add"];'
    b'_malloc=Module["_malloc"]=wasmExports["malloc"];'
    b'__table=Module["__table"]=wasmTable=wasmExports["table"];'
    b'_l_Unused=Module["_l_Unused"]=wasmExports["l_Unused"];'
    b'_address=Module["_address"]=wasmExports["address"].value}'
    b"function run(){return [_main,_malloc(),wasmTable,_address,pthreadPoolSize]}"
)


def test_exports_that_nothing_reads_are_dropped() -> None:
    source = slim_glue(SAMPLE).source
    assert b"l_Nat_add" not in source
    assert b"l_Unused" not in source


def test_the_names_that_are_left_are_reported() -> None:
    used = slim_glue(SAMPLE).used
    assert {b"__main_argc_argv", b"malloc", b"table", b"address"} <= used
    assert b"l_Nat_add" not in used


def test_the_slim_glue_still_runs() -> None:
    exports = "{__main_argc_argv: 1, malloc: () => 2, table: 3, address: {value: 4}, other: 5}"
    script = (
        "globalThis.given = {threadPool: 7};"
        + slim_glue(SAMPLE).source.decode()
        + f"GOT.malloc = 1; assignWasmExports({exports}); updateGOT({exports});"
        + "console.log(JSON.stringify([run(), registered]));"
    )
    node = find_node(Settings()).path
    done = subprocess.run([node, "-e", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[[1,2,3,4,7],["malloc"]]'


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"console.log('hello')", "lacks 'function assignWasmExports"),
        (SAMPLE.replace(b'_main=Module["_main"]=', b"compute("), "other than assignments"),
        (SAMPLE.replace(b"var pthreadPoolSize=4;", b"var pthreadPoolSize=8;"), "pthreadPoolSize"),
        (SAMPLE.replace(b"(var symName in", b"(var name in"), "updateGOT"),
        (
            SAMPLE.replace(b";var _main,", b";let _main,").replace(b";var", b";let"),
            "export variables",
        ),
    ],
    ids=["other program", "other statement", "other pool", "other loop", "other variables"],
)
def test_another_shape_is_refused(source: bytes, message: str) -> None:
    with pytest.raises(GlueFormatError, match=message):
        slim_glue(source)
