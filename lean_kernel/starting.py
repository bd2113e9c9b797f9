"""How a process of this kernel is started: by whoever wants an answer and does not trust its input.

The process finds this package as its starter does. It reads no module of the folder it was started
in, and is given nothing of the environment that may be secret.
"""

import os
import sys

_PASSED_ON = ("PATH", "HOME", "LANG")


def command(module: str, *arguments: int) -> list[str]:
    """The command line of ``aludel.lean_kernel.MODULE``."""
    return [sys.executable, "-P", "-m", f"{__package__}.{module}", *map(str, arguments)]


def environment() -> dict[str, str]:
    """The environment of the process."""
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**passed_on, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
