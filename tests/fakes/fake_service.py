"""``aludel serve`` and ``aludel worker`` as they are, with the fake prover instead of Lean.

Usage: ``python fake_service.py serve|worker [LOG]``, configured by the environment. Without a log
the prover is the real pool on scripted Lean servers, which are processes and can be killed.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fake_attempter import FakeAttempter
from fake_checker import FakeChecker
from fake_second_kernel import checker_with
from fake_toolchain import FakeLeanToolchain

import aludel.cli.serve
import aludel.cli.worker
from aludel.errors import AludelError
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.prover import LeanProver
from aludel.settings import Settings, load_settings
from aludel.workers.runtime import CheckerFactory, MutationContext, Parts


def fake_mutation(context: MutationContext) -> Mapping[str, Any]:
    return {"pattern": context.request.pattern, "constructed": 0}


def _on_fake_servers(settings: Settings) -> LeanProver:
    checker = checker_with(LeanPool(FakeLeanToolchain(), settings), settings)
    return LeanProver(checker, settings)


def main() -> None:
    log = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    checker: CheckerFactory = _on_fake_servers
    if log is not None:
        checker = lambda _settings: FakeChecker(log)  # noqa: E731 - one line, for one place
    parts = Parts(checker, fake_mutation, attempter=FakeAttempter)
    try:
        if sys.argv[1] == "serve":
            aludel.cli.serve.run(load_settings(), lambda: parts)
        else:
            sys.exit(aludel.cli.worker.run(load_settings(), parts))
    except AludelError as error:
        sys.stderr.write(f"aludel: {error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
