"""Uses the package ``kimina-client`` as its documentation shows; prints what it understood.

Usage: ``python kimina_user.py URL`` with a Python that has the package.
"""

from __future__ import annotations

import asyncio
import json
import pathlib
import sys
import typing

import typing_extensions

# Version 0.2.1 cannot be imported on Python 3.11 otherwise: pydantic refuses typing's TypedDict.
typing.TypedDict = typing_extensions.TypedDict

import kimina_client.infotree  # type: ignore[import-not-found,unused-ignore]  # noqa: E402
from kimina_client import AsyncKiminaClient, KiminaClient, Snippet  # type: ignore[import-not-found,unused-ignore]  # noqa: E402

STEPS = """\
theorem both (p q : Prop) (h : p ∧ q) : q ∧ p := by
  constructor
  · exact h.2
  · exact h.1
"""
CODES = {
    "proof": "theorem p (n : Nat) : n + 0 = n := by\n  simp",
    "wrong": "theorem w : 1 = 2 := by\n  rfl",
    "sorry": "theorem s : 1 = 2 := by\n  sorry",
    "axiom": "axiom cheat : False\ntheorem c : 1 = 2 := cheat.elim",
    "import": "import Nowhere\ntheorem i : 1 = 1 := rfl",
    "loop": "theorem l : 7 ^ (10 ^ 7) % 7 = 0 := by\n  decide +kernel",
}


def _steps(client: KiminaClient) -> list[dict[str, typing.Any]]:
    """Return what the package's own reader of info trees makes of an accepted proof.

    Version 0.2.1 carries that reader, ``extract_data``, with a comment mark before each line.
    """
    source = pathlib.Path(kimina_client.infotree.__file__).read_text("utf-8")
    lines = [line.removeprefix("#").removeprefix(" ") for line in source.splitlines()]
    reader: dict[str, typing.Any] = {}
    exec("\n".join(lines), reader)  # noqa: S102 - the package's own text
    answer = client.check(STEPS, infotree="original", show_progress=False)
    tree = answer.results[0].response["infotree"]
    steps: list[dict[str, typing.Any]] = reader["extract_data"](tree, STEPS)
    return steps


async def _awaited(url: str) -> str:
    client = AsyncKiminaClient(url)
    answer = await client.check(CODES["proof"], show_progress=False)
    return str(answer.results[0].analyze().status.value)


def main() -> None:
    client = KiminaClient(sys.argv[1], n_retries=1)
    client.test()  # its own: `#check Nat`, with the exact message that Lean gives
    snippets = [Snippet(id=name, code=code) for name, code in CODES.items()]
    answer = client.check(snippets, timeout=3, debug=True, batch_size=2, show_progress=False)
    found = {result.id: str(result.analyze().status.value) for result in answer.results}
    awaited = asyncio.run(_awaited(sys.argv[1]))
    told = {"health": client.health(), "found": found, "awaited": awaited, "steps": _steps(client)}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
