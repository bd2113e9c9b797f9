"""The dynamic loader that a program names, where a system keeps it in a place of its own.

NixOS and Guix have no ``/lib64/ld-linux-x86-64.so.2``; a program built there names its loader in a
folder of the store, and finds its libraries through paths in the store.
"""

from __future__ import annotations

import struct
from pathlib import Path

_MAGIC = b"\x7fELF"
_64_BITS, _LITTLE_ENDIAN = 2, 1
_HEADER_BYTES = 64
_SEGMENT_BYTES = 56
_INTERPRETER = 3
_MAX_SEGMENTS = 256
_MAX_PATH = 4096
_STORES = (Path("/nix/store"), Path("/gnu/store"))


def loader_of(program: Path) -> Path | None:
    """Return the loader that an ELF program of 64 bits names; None for anything else."""
    try:
        with program.open("rb") as file:
            header = file.read(_HEADER_BYTES)
            if len(header) < _HEADER_BYTES or header[:4] != _MAGIC:
                return None
            if (header[4], header[5]) != (_64_BITS, _LITTLE_ENDIAN):
                return None
            (start,) = struct.unpack_from("<Q", header, 32)
            size, count = struct.unpack_from("<HH", header, 54)
            if size < _SEGMENT_BYTES or count > _MAX_SEGMENTS:
                return None
            file.seek(start)
            table = file.read(size * count)
            for place in range(0, len(table) - _SEGMENT_BYTES + 1, size):
                kind, _flags, offset, _, _, length = struct.unpack_from("<IIQQQQ", table, place)
                if kind == _INTERPRETER:
                    file.seek(offset)
                    name = file.read(min(length, _MAX_PATH)).rstrip(b"\0")
                    return Path(name.decode()) if name.startswith(b"/") else None
    except (OSError, ValueError, struct.error):
        return None
    return None


def library_folders(loader: Path) -> tuple[Path, ...]:
    """Return where programs of this loader have their libraries besides the usual places."""
    return tuple(store for store in _STORES if store in loader.parents)
