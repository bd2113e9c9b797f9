"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def write_whole(path: Path, parts: Iterable[str]) -> None:
    """Write a text, in place of what was there, once all of it is on the disk.

    Raises:
        OSError: it cannot be written; what was there still is.
    """
    draft = path.with_suffix(path.suffix + ".part")
    with draft.open("w", encoding="utf-8") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
