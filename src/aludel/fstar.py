"""F* in this process: check candidates.

with FStar() as fstar:
    verdict = fstar.check("module Candidate\\nlet two : int = 1 + 1\\n")
"""

from __future__ import annotations

from pathlib import Path

from aludel.fstar_checker.checker import FStarChecker, build_checker
from aludel.in_process import InProcess, settings_with
from aludel.models import CheckRequest, FStarContext, Verdict


class FStar(InProcess[FStarChecker]):
    """F* in this process; use as a context manager. Safe to use from several threads.

    Args:
        executable: path of ``fstar.exe``; where the environment leads to by default.
        processes: F* sessions at most.

    Raises:
        ToolchainMissing: there is no F*, or what was found is none.
    """

    def __init__(
        self, *, executable: Path | str | None = None, processes: int | None = None
    ) -> None:
        super().__init__(build_checker(settings_with(fstar=executable, pool_size=processes)))

    def check(self, request: CheckRequest | str) -> Verdict:
        """Judge one candidate; a text is a whole module.

        Raises:
            InvalidRequest: the request is wrong.
            BackendUnavailable: the machine failed; says nothing about the candidate.
        """
        if isinstance(request, str):
            request = CheckRequest(context=FStarContext(), code=request)
        return super().check(request)
