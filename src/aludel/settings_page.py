"""The settings as a page of Markdown: ``python -m aludel.settings_page``.

Written into ``docs/reference/settings.md`` by ``make docs-settings``.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from aludel.settings import ENV_PREFIX, OTHER_VARIABLES, Settings

_HEAD = """# Settings

Every setting is an environment variable; an empty one counts as unset. A value that does not fit
is refused with its variable's name (exit 64), and an `ALUDEL_*` variable that is none of these gets
a warning with the nearest name: on stderr, or in the log of `aludel serve` and `aludel worker`.

This page is written by `make docs-settings`.

| Variable | Value | Default | Meaning |
|---|---|---|---|
"""
_ATTRIBUTE = re.compile(r"^    ([a-z_]+(?:, [a-z_]+)*): (.*(?:\n        .*)*)", re.MULTILINE)
_CODE = re.compile(r"``([^`]+)``")


def meanings() -> dict[str, str]:
    """Return what each setting means, from the docstring of the settings."""
    text = inspect.getdoc(Settings) or ""
    found = {}
    for names, meaning in _ATTRIBUTE.findall(text.partition("Attributes:")[2]):
        for name in names.split(", "):
            found[name] = " ".join(meaning.split())
    return found


def page() -> str:
    """Return the page."""
    described = meanings()
    rows = [
        (ENV_PREFIX + name.upper(), _kind(schema), _default(schema), _prose(described[name]))
        for name, schema in Settings.model_json_schema()["properties"].items()
    ]
    rows += [(name, "text", "", meaning) for name, meaning in OTHER_VARIABLES.items()]
    return _HEAD + "".join(
        f"| `{variable}` | {kind} | {default} | {meaning} |\n"
        for variable, kind, default, meaning in rows
    )


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(f"`{choice}`" for choice in schema["enum"])
    if schema.get("format") == "path":
        return "folder"
    kind = {"boolean": "`true` or `false`", "integer": "whole number", "number": "number"}.get(
        schema["type"], "text"
    )
    bounds = (
        ("minimum", "at least"),
        ("exclusiveMinimum", "more than"),
        ("maximum", "at most"),
    )
    limits = [f"{words} {schema[key]:,g}" for key, words in bounds if key in schema]
    return ", ".join([kind, *limits])


def _default(schema: dict[str, Any]) -> str:
    value = schema.get("default", "")
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if value != "" else ""


def _prose(text: str) -> str:
    text = _CODE.sub(lambda match: f"`{_variable(match[1])}`", text).replace("|", "\\|")
    return text[0].upper() + text[1:]


def _variable(code: str) -> str:
    return ENV_PREFIX + code.upper() if code in Settings.model_fields else code


if __name__ == "__main__":
    print(page(), end="")
