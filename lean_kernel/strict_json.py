"""JSON of bounded nesting, without repeated keys, fractions or infinities."""

import json
import re
from typing import Any

from .errors import Malformed

MAX_NESTING = 32
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NO_BRACKETS = {i: None for i in range(128) if chr(i) not in "[]{}"}


def parse_json(text: str) -> object:
    """The value of a text.

    Raises:
        Malformed: it is no JSON of this kind.
    """
    if not is_shallow(text):
        raise Malformed("json", f"nested more than {MAX_NESTING} deep, or no JSON")
    try:
        value: object = json.loads(
            text,
            object_pairs_hook=_unique_keys,
            parse_float=_no_number,
            parse_constant=_no_number,
        )
    except (ValueError, RecursionError) as e:
        raise Malformed("json", "not JSON") from e
    return value


def is_shallow(text: str) -> bool:
    """Whether brackets pair up at a nesting within the limit. The parser itself recurses in C."""
    if text.count("[") + text.count("{") <= MAX_NESTING:
        return True
    brackets = _STRING.sub("", text).translate(_NO_BRACKETS)
    if not brackets.isascii():
        return False  # outside of strings JSON is ASCII
    for _ in range(MAX_NESTING):
        brackets = brackets.replace("[]", "").replace("{}", "")
        if not brackets:
            return True
    return False


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("json", "a key stands twice in one object")
    return found


def _no_number(text: str) -> None:
    raise Malformed("json", f"{text[:20]} is no natural number")
