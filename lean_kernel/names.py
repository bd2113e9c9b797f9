"""Hierarchical names: tuples of components, each a text or a natural number.

Names are compared component by component. A dotted text is for people only: `«a.b»` and `a.b` print
alike and are different names.
"""

import re

from .errors import Declined

Name = tuple[str | int, ...]

ANONYMOUS: Name = ()
MAX_PARTS = 256
"""Components of a name that is read. A name holds all its prefixes' components."""


def extend(prefix: Name, part: str | int) -> Name:
    """A name read as a prefix and a last component.

    Raises:
        Declined: it has too many components.
    """
    if len(prefix) >= MAX_PARTS:
        raise Declined(f"a name of more than {MAX_PARTS} components")
    return (*prefix, part)


def name(dotted: str) -> Name:
    """The name of a dotted text whose components are all texts, as in `Nat.add`."""
    return tuple(dotted.split(".")) if dotted else ANONYMOUS


_COMPONENT = re.compile("«([^«»]+)»|([^.«»]+)")


def read_name(text: str) -> Name | None:
    """A name as Lean writes it: «» around a component with dots, digits alone are a number.

    None where the text is no such name.
    """
    parts: list[str | int] = []
    at = 0
    while found := _COMPONENT.match(text, at):
        quoted, plain = found.groups()
        is_number = plain is not None and plain.isascii() and plain.isdigit()
        parts.append(int(plain) if is_number and len(plain) < 20 else quoted or plain)
        at = found.end()
        if at == len(text):
            return tuple(parts)
        if text[at] != ".":
            return None
        at += 1
    return None


def show(n: Name) -> str:
    """A name for a message. Two different names may print alike."""
    return ".".join(str(part) for part in n) if n else "[anonymous]"


def append_index(n: Name, index: int) -> Name:
    """`foo.rec` and 2 give `foo.rec_2`.

    Raises:
        ValueError: the last component is not a text.
    """
    if not n or not isinstance(n[-1], str):
        raise ValueError(f"no text to append to in {show(n)}")
    return (*n[:-1], f"{n[-1]}_{index}")


def replace_prefix(n: Name, old: Name, new: Name) -> Name:
    """`n` with the leading components `old` exchanged for `new`; `n` where it does not start so."""
    return new + n[len(old) :] if n[: len(old)] == old else n
