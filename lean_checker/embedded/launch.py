"""Sets resource limits and becomes the Node host: ``python -I -S launch.py NODE [ARGUMENTS]``.

Lean's elaborator recurses deeply on the main thread, whose stack the kernel sizes by a limit in
force when the program starts; nothing else can set it from outside without a shell or without
running code between fork and exec. This file imports nothing of Aludel and costs some 10 ms.
"""

import os
import resource
import sys

STACK_KB = 400_000
_RESERVE_KB = 2_048  # of the stack, left to Node's own native frames


def _limit(kind: int, value: int) -> int:
    """Move the soft limit ``kind`` to ``value`` or as near as the hard limit allows."""
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY and (value == resource.RLIM_INFINITY or value > hard):
        value = hard
    resource.setrlimit(kind, (value, hard))
    return value


def main(argv: list[str]) -> None:
    """Replace this process by ``argv``, with V8's stack fitted to what the system grants."""
    _limit(resource.RLIMIT_CORE, 0)
    stack = _limit(resource.RLIMIT_STACK, resource.RLIM_INFINITY)
    stack_kb = STACK_KB
    if stack != resource.RLIM_INFINITY:
        stack_kb = min(STACK_KB, stack // 1024 - _RESERVE_KB)
    os.execv(argv[0], [argv[0], f"--stack-size={stack_kb}", *argv[1:]])  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main(sys.argv[1:])
