"""The options that a Lake project sets for its modules, found without running anything of it.

For each module that it compiles, Lake (since Lean 4.22; lean4 PRs 8024 and 8447) writes
``MODULE.setup.json`` for ``lean --setup``, with the options in force. That holds for projects with
a ``lakefile.lean``, which is a program, as for those with a ``lakefile.toml``. Where there is no
such file, ``leanOptions`` of a ``lakefile.toml`` count.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Option = bool | int | str
# Options that decide no verdict: what is printed, and what linters say. Heartbeats are a request's
# budget.
_LEFT_OUT = ("linter", "pp", "trace", "profiler", "compiler", "debug", "weak", "warningAsError",
             "maxHeartbeats", "interpreter", "internal", "bootstrap")  # fmt: skip
_LEAN_NOTE = (
    "options of its lakefile.lean are not known, for that is a program: build it with Lean 4.22 or "
    "later, or name them in `context.options`"
)
_MIXED_NOTE = "its modules are compiled with different options: {}; name them in `context.options`"
_UNREAD_NOTE = (
    "{} of the files {} cannot be understood, so options may be missing: build it again, or name "
    "them in `context.options`"
)
_SETUP = "*.setup.json"
_MAX_FILES = 20_000
_MAX_BYTES = 100_000_000
_MAX_TEXT = 1_000


def project_options(
    build: Path, config: Mapping[str, Any], toml: bool
) -> tuple[dict[str, Option], str | None]:
    """Return the options of a project, and a note on what could not be found out.

    Args:
        build: the project's build folder.
        config: its ``lakefile.toml``, empty where it has none.
        toml: whether it has one.
    """
    written, unread = _written(build)
    note = _UNREAD_NOTE.format(unread, build / "ir" / _SETUP) if unread else None
    if written:
        same = _common(written)
        mixed = sorted({name for each in written for name in each} - set(same))
        return same, note or (_MIXED_NOTE.format(", ".join(mixed)) if mixed else None)
    if not toml:
        return {}, note or _LEAN_NOTE
    options = dict(_table(config.get("leanOptions")))
    libraries = config.get("lean_lib")
    if isinstance(libraries, list) and len(libraries) == 1 and isinstance(libraries[0], dict):
        options |= _table(libraries[0].get("leanOptions"))
    return _deciding(options), note


def _common(written: list[dict[str, Option]]) -> dict[str, Option]:
    """The options that all modules have, of one value."""
    first, *others = written
    return {name: value for name, value in first.items()
            if all(name in each and each[name] == value for each in others)}  # fmt: skip


def _written(build: Path) -> tuple[list[dict[str, Option]], int]:
    """What each module was compiled with, as Lake wrote it down; and how many say nothing of it."""
    found: list[dict[str, Option]] = []
    paths = sorted((build / "ir").rglob(_SETUP))[:_MAX_FILES]
    for path in paths:
        with contextlib.suppress(OSError, ValueError, RecursionError):
            found.append(_options_in(path))
    return found, len(paths) - len(found)


def _options_in(path: Path) -> dict[str, Option]:
    """The options of a file that Lake wrote.

    Raises:
        ValueError: it is none that Lake writes.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError("too large")
    setup = json.loads(path.read_text("utf-8"))
    options = setup.get("options", {}) if isinstance(setup, dict) else None
    if not isinstance(options, dict) or not all(map(_is_option, options.items())):
        raise ValueError("its options are no table of values")
    return _deciding(options)


def _is_option(option: tuple[str, object]) -> bool:
    name, value = option
    if isinstance(value, int):
        return len(name) <= _MAX_TEXT and abs(value) < 2**31
    return isinstance(value, str) and max(len(name), len(value)) <= _MAX_TEXT


def _table(value: object) -> dict[str, Option]:
    """Options of a table; in TOML, a dot in a name makes a table within it."""
    found: dict[str, Option] = {}
    if isinstance(value, dict):
        for name, one in value.items():
            if isinstance(one, dict):
                found |= {f"{name}.{inner}": each for inner, each in _table(one).items()}
            elif isinstance(one, bool | int | str):
                found[str(name)] = one
    return found


def _deciding(options: dict[str, Option]) -> dict[str, Option]:
    return {name: value for name, value in options.items()
            if name.partition(".")[0] not in _LEFT_OUT}  # fmt: skip
