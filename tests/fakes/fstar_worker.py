"""``aludel worker --queues fstar.check`` as it is, with the hand-written stand-in instead of F*."""

from __future__ import annotations

import sys
from pathlib import Path

from fstar_support import fake_checker

import aludel.cli.worker
from aludel.settings import load_settings
from aludel.task_names import FSTAR_QUEUE
from aludel.workers.runtime import Parts


def main() -> None:
    folder = Path.cwd() / "fstar"
    folder.mkdir(exist_ok=True)
    parts = Parts(checker=lambda _settings: fake_checker(folder))
    sys.exit(aludel.cli.worker.run(load_settings(), parts, FSTAR_QUEUE))


if __name__ == "__main__":
    main()
