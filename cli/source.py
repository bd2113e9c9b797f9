"""Reading the text that a user hands over, with every way it can be wrong told apart."""

from __future__ import annotations

import sys
from pathlib import Path

from aludel.errors import InvalidRequest, RequestTooLarge

STANDARD_INPUT = "-"


def read_source(file: str, max_bytes: int) -> str:
    """Return the text of ``file``, or of standard input for ``-``.

    Args:
        file: path, or ``-``.
        max_bytes: no more than this is read.

    Raises:
        InvalidRequest: there is no such file, it cannot be read, or it holds no UTF-8 text;
            ``field`` is the file.
    """
    if file == STANDARD_INPUT:
        return _decode(sys.stdin.buffer.read(max_bytes + 1), "standard input", max_bytes)
    try:
        with Path(file).open("rb") as stream:
            data = stream.read(max_bytes + 1)
    except FileNotFoundError as error:
        raise InvalidRequest("no such file", field=file, fix="check the path") from error
    except IsADirectoryError as error:
        raise InvalidRequest("a directory", field=file, fix="name a file inside it") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidRequest(f"cannot be read: {reason}", field=file) from error
    return _decode(data, file, max_bytes)


def _decode(data: bytes, file: str, max_bytes: int) -> str:
    if len(data) > max_bytes:
        raise RequestTooLarge(
            f"more than {max_bytes} bytes",
            field=file,
            fix="check a smaller file, or raise ALUDEL_MAX_CODE_BYTES",
        )
    if b"\0" in data:
        raise InvalidRequest(
            f"a binary file (a NUL at byte {data.index(0)})", field=file, fix="name a text file"
        )
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(
            f"not UTF-8 (byte {error.start})", field=file, fix="save it as UTF-8"
        ) from error
    if not text.strip():
        raise InvalidRequest("empty", field=file, fix="write a theorem into it")
    return text
