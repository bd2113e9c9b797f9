"""Preparation of the fast host: slim glue, slim WebAssembly and a symbol table."""

from __future__ import annotations

from pathlib import Path

from aludel.lean_checker.embedded.glue import slim_glue
from aludel.lean_checker.embedded.manifest import FileRecord, hash_file
from aludel.lean_checker.embedded.wasm import slim_module
from aludel.progress import Progress

FILES = ("lean.js", "lean.wasm", "symbols.bin")


def prepare_fast(root: Path, progress: Progress) -> dict[str, FileRecord]:
    """Write ``root/fast`` from ``root/original``; return what was written, by path below ``root``.

    Raises:
        GlueFormatError, WasmFormatError: the release has another shape than the pinned one.
        OSError: the disk is full or read-only.
    """
    progress.step("Preparing for quick starts", len(FILES))
    folder = root / "fast"
    folder.mkdir(exist_ok=True)
    glue = slim_glue((root / "original" / "lean.js").read_bytes())
    (folder / "lean.js").write_bytes(glue.source)
    progress.advance(1)
    module = slim_module((root / "original" / "lean.wasm").read_bytes(), glue.used)
    with (folder / "lean.wasm").open("wb") as file:
        file.writelines(module.parts)
    progress.advance(1)
    (folder / "symbols.bin").write_bytes(module.symbols)
    progress.advance(1)
    return {f"fast/{name}": hash_file(folder / name) for name in FILES}
