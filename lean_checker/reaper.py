"""A program of its own: kills process groups once the process that started it is gone.

A busy prover does not read its standard input, so it cannot see that its parent was killed. This
program does nothing but read: lines ``+GROUP`` and ``-GROUP`` add and remove a process group. The
end of the stream, which the kernel brings about however the parent ended, kills the groups that
are left. It needs only the standard library and runs with ``python -I -S``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterable


def mind(lines: Iterable[bytes]) -> None:
    """Follow ``lines`` to their end, then kill every group still on the list."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line.startswith(b"+"):
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    # Only the end of the stream ends this program: Ctrl-C and SIGTERM are meant for its parent.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    mind(sys.stdin.buffer)
