"""Releases of Lean: which version of `Aludel.Compat` each takes, and what that may use."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from aludel.errors import ToolchainMissing
from aludel.lean_checker.embedded import release
from aludel.lean_checker.native.host import NativeHost
from aludel.lean_checker.native.locate import NativeLean
from aludel.lean_checker.releases import EMBEDDED, RANGES, release_range
from aludel.lean_checker.server_program import COMPAT, SERVER_MODULES, SOURCES, server_source

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "lean-versions.md"
FOLDER = SOURCES / "Aludel" / "Compat"
# What the program itself imports or calls by the same name in all releases.
CALLED = re.compile(
    r"\b(importModules|addDeclCore|getOriginalConstKind\?|Compiler\.LCNF\.Decl(?: \.pure)?"
    r"|s\.(?:trim|trimAscii|endPos)(?=\b)|String\.Pos(?=$))",
    re.MULTILINE,
)


@pytest.mark.parametrize(
    ("version", "compat"),
    [
        ("4.24.0", "V4_24"),
        ("4.25.1", "V4_25"),
        ("4.26.1", "V4_26"),
        ("4.27.0-rc1", "V4_27"),
        (release.VERSION, EMBEDDED),
        ("4.29.1", "V4_29"),
        ("4.32.2", "V4_29"),
        ("4.33.1", "V4_33"),
        ("4.35.0-rc1", "V4_33"),
    ],
)
def test_a_release_takes_the_version_of_its_range(version: str, compat: str) -> None:
    assert release_range(version).compat == compat
    assert server_source(version).file(COMPAT) == FOLDER / f"{compat}.lean"
    assert server_source(version).file(COMPAT).is_file()


@pytest.mark.parametrize(
    ("version", "words", "nearest"),
    [
        ("4.9.0", "too old", "4.24.0"),
        ("4.23.0", "too old", "4.24.0"),
        ("4.36.0", "too new", "4.35.0"),
        ("5.0.0", "too new", "4.35.0"),
    ],
)
def test_other_releases_are_refused_with_the_nearest(
    version: str, words: str, nearest: str
) -> None:
    with pytest.raises(ToolchainMissing, match=words) as caught:
        release_range(version)
    assert nearest in (caught.value.fix or "")


def test_ranges_follow_each_other_without_a_gap() -> None:
    for one, next_one in itertools.pairwise(RANGES):
        assert next_one.first == (one.last[0], one.last[1] + 1)
    assert {path.stem for path in FOLDER.glob("*.lean")} == {each.compat for each in RANGES}


def test_each_range_has_a_program_of_its_own() -> None:
    digests = {server_source(f"4.{each.first[1]}.0").digest for each in RANGES}
    assert len(digests) == len(RANGES)
    assert COMPAT in SERVER_MODULES


def test_modules_are_an_option_before_they_are_the_rule(tmp_path: Path) -> None:
    for version, options in (("4.26.0", True), ("4.27.0", False)):
        host = NativeHost(NativeLean(tmp_path, version, None), tmp_path)
        for command in (
            host.compile_command(tmp_path, Path("A.lean")),
            host.run_command(tmp_path, "Boot.lean"),
        ):
            assert ("-Dexperimental.module=true" in command.argv) is options


def test_each_version_declares_the_same_names() -> None:
    """So that the rest of the program compiles against any of them."""
    public = re.compile(r"^(?:unsafe )?(?:def|abbrev) (\S+)", re.MULTILINE)
    names = [set(public.findall(_text(each.compat))) - {"maxKernelDepth"} for each in RANGES]
    # what later releases have by themselves, under those names
    ours = [{name for name in found if not name.startswith("String.")} for found in names]
    assert all(each == ours[0] for each in ours)


def test_nothing_else_of_the_program_calls_what_differs() -> None:
    differing = re.compile(
        r"\b(?:importModules|addDeclCore|getOriginalConstKind\?)|\.(?:trim|trimAscii)\b|(?<!m)\.endPos\b"
    )
    for module in SERVER_MODULES:
        if module != COMPAT:
            text = server_source(release.VERSION).file(module).read_text()
            assert differing.findall(text) == [], module


@pytest.mark.parametrize("compat", [each.compat for each in RANGES])
def test_what_a_version_uses_stands_in_the_table_of_signatures(compat: str) -> None:
    allowed = _table()[compat]
    used = set(CALLED.findall(_code(compat)))
    assert used == set(allowed)
    for name, arguments in allowed.items():
        if arguments is not None:
            assert f"{name} {arguments}" in _code(compat), name


def _text(compat: str) -> str:
    return (FOLDER / f"{compat}.lean").read_text()


def _code(compat: str) -> str:
    return re.sub(r"/-.*?-/", "", _text(compat), flags=re.DOTALL)


def _table() -> dict[str, dict[str, str | None]]:
    """The table of the page: for each version, the names with the arguments they are given."""
    found: dict[str, dict[str, str | None]] = {}
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and cells[0].startswith("`V4_"):
            for compat in re.findall(r"`(V4_\d+)`", cells[0]):
                name = cells[1].strip("`")
                arguments = cells[2].strip("`") or None
                found.setdefault(compat, {})[name] = arguments
    return found
