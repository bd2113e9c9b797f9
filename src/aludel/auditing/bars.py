"""Bars: how many statements may have a fault before a file of problems is refused."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from aludel.audits import FAULTS
from aludel.errors import InvalidRequest
from aludel.models import Model

REFUSED = "refused"
_UNDECIDED = "undecided."
_FORM = re.compile(r"(?P<name>[a-z_.]+)=(?P<most>\d+(?:\.\d+)?)(?P<share>%?)")


class Bar(Model):
    """At most so many statements, or such a share, may have a fault.

    Attributes:
        name: a fault, ``undecided.`` and a fault, or ``refused``.
        most: how many, or how many of a hundred where it is a ``share``.
    """

    name: str
    most: float
    share: bool = False

    @classmethod
    def of(cls, text: str) -> Bar:
        """Return the bar that a text names, as ``vacuous=0`` or ``trivial=5%``.

        Raises:
            InvalidRequest: it names none.
        """
        found = _FORM.fullmatch(text.strip())
        if found is None or (not found["share"] and "." in found["most"]):
            raise InvalidRequest(
                f"{text!r} is no bar", field="--most", fix="write vacuous=0 or trivial=5%"
            )
        if found["name"] not in NAMES:
            raise InvalidRequest(
                f"there is no fault {found['name']!r}",
                field="--most",
                fix=f"name one of {', '.join((*FAULTS, REFUSED))}; {_UNDECIDED}NAME counts those "
                "that may have it",
            )
        return cls(name=found["name"], most=float(found["most"]), share=bool(found["share"]))

    def missed(self, counts: Mapping[str, int], of: int) -> str | None:
        """Return in words that more than that have the fault; None where the bar is met.

        Args:
            counts: by name.
            of: how many there are at all.
        """
        found = counts.get(self.name, 0)
        allowed = math.floor(self.most * of / 100 + 1e-9) if self.share else self.most
        if found <= allowed:
            return None
        bar = f"{self.most:g}%" if self.share else f"{self.most:g}"
        return f"{self.name}: {found:,} of {of:,}, at most {bar}"


NAMES = frozenset({*FAULTS, *(f"{_UNDECIDED}{name}" for name in FAULTS), REFUSED})


def counted(
    faults: Mapping[str, int], undecided: Mapping[str, int], refused: int
) -> dict[str, int]:
    """Return figures under the names by which bars know them."""
    maybe = {f"{_UNDECIDED}{name}": count for name, count in undecided.items()}
    return {**faults, **maybe, REFUSED: refused}
