"""The error tree is as it is drawn, and what is no fault of a machine is outside of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aludel import errors
from aludel.deadline import Deadline
from aludel.errors import AbilityMissing, AludelError, BackendUnavailable
from aludel.lean_checker.limits import LimitReached, limits_as_values
from aludel.lean_checker.operations import LeanOperations, MutationTask, ScreenItem, ScreenTask
from aludel.lean_checker.pool import LeanPool
from aludel.models import Usage
from aludel.protocols import CheckerOnly, Exhausted

ROOT = Path(__file__).parents[2]
_DRAWN = re.compile(
    r"^    (?P<indent>(?:\|   )*)\+-- (?P<name>\w+) .*exit (?P<exit>\d+), HTTP (?P<http>\d+)$", re.M
)


def test_the_tree_is_drawn_as_it_is() -> None:
    drawn: dict[str, tuple[str, int, int]] = {}
    path = ["AludelError"]
    for line in _DRAWN.finditer(errors.__doc__ or ""):
        depth = len(line["indent"]) // 4
        path[depth + 1 :] = [line["name"]]
        drawn[line["name"]] = (path[depth], int(line["exit"]), int(line["http"]))
    real = {
        name: (found.__bases__[0].__name__, found.exit_code, found.http_status)
        for name, found in vars(errors).items()
        if isinstance(found, type) and issubclass(found, AludelError) and found is not AludelError
    }
    assert drawn == real


def test_every_error_has_a_code_of_its_own() -> None:
    found = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, AludelError)]
    assert len({error.code for error in found}) == len(found)


def test_a_reached_limit_is_a_value_outside_its_package() -> None:
    assert not issubclass(LimitReached, AludelError)
    spent = Usage(cpu_s=2.0)

    def ask(word: str) -> str:
        if word == "slow":
            raise LimitReached("too slow", limit="timeout", usage=spent)
        return word

    assert limits_as_values(ask)("quick") == "quick"
    assert limits_as_values(ask)("slow") == Exhausted("timeout", "too slow", spent)


def test_no_operation_lets_a_limit_out(
    fake_pool: LeanPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reach(*_: object, **__: object) -> object:
        raise LimitReached("too much", limit="memory", usage=Usage(wall_s=1.0))

    monkeypatch.setattr("aludel.lean_checker.process.LeanProcess.ask_stream", reach)
    operations = LeanOperations(fake_pool)
    task = MutationTask("Nat.add_comm", ("Init",), None, 1, 1, 0, wall_s=1.0)
    expected = Exhausted("memory", "too much", Usage(wall_s=1.0))
    assert operations.mutate(task) == operations.matches(task) == expected
    assert operations.screen(ScreenTask((ScreenItem("theorem t : True"),), ("Init",))) == expected
    assert operations.goals("theorem t : True", (), ("Init",)) == expected
    assert operations.restate(("Nat.add_comm",), ("Init",)) == expected
    with pytest.raises(BackendUnavailable, match="not listed"):
        operations.theorems(("Init",))
    with pytest.raises(LimitReached), fake_pool.lease(None, Deadline.after(30)):
        reach()
    assert fake_pool.stats().live == 0


def test_an_ability_that_is_absent_says_who_has_it() -> None:
    bare = CheckerOnly()
    bare.warm_up()
    for ask in (lambda: bare.operations, lambda: bare.states, bare.goals, bare.stats):
        with pytest.raises(AbilityMissing, match="there is no Lean here"):
            ask()
    with pytest.raises(AbilityMissing, match=r"no F\* here"):
        _ = bare.known_options


def test_decisions_that_the_code_cites_exist() -> None:
    known = {path.name for path in (ROOT / "docs/decisions").iterdir()}
    numbers = {name[:4] for name in known}
    cited = re.compile(r"docs/decisions/(\d{4})(-[\w-]+\.md)?")
    folders = ("api", "cli", "datasets", "fstar_checker", "lean_checker", "mutation", "proving")
    roots = [ROOT / folder for folder in (*folders, "workers", "src/aludel", "docker")]
    seen = 0
    for path in (one for root in roots for one in root.rglob("*") if one.is_file()):
        if path.suffix not in (".py", ".lean", ".cjs", "") or "__pycache__" in path.parts:
            continue
        for number, rest in cited.findall(path.read_text(encoding="utf-8", errors="replace")):
            seen += 1
            assert (number + rest in known) if rest else (number in numbers), (path, number, rest)
    assert seen >= 4
