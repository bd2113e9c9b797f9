"""Start a program in a session of its own with an address-space limit.

Usage: ``launch.py BYTES PROGRAM ...``; run as a script by :mod:`aludel.fstar_checker.process`.
A launcher and not a ``preexec_fn``, which is unsafe in a process that has threads.
"""

import os
import resource
import sys


def main(arguments: list[str]) -> None:
    """Replace this process by the program; never returns."""
    limit, program = int(arguments[0]), arguments[1:]
    os.setsid()
    if limit:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.execv(program[0], program)  # noqa: S606 - an argument list, resolved by the caller


if __name__ == "__main__":
    main(sys.argv[1:])
