"""Making a Lake project for a Lean release, with Mathlib at its tag, as their own pages say.

``lake new`` makes it; what it leaves to the day it is run on (which Mathlib, and with it which
Lean) is then written down: Mathlib has a tag for each release of Lean.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from aludel.errors import BackendUnavailable, InvalidRequest, ToolchainMissing
from aludel.lean_checker.native.locate import elan_home

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_STEP_S = 7_200.0
# Fetching the compiled files is a step of its own.
_NO_CACHE = (("MATHLIB_NO_CACHE_ON_UPDATE", "1"),)


@dataclass(frozen=True)
class Step:
    """One step: a command in a folder, ``env`` being shown with it, or a file with its text."""

    folder: Path
    argv: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    file: str = ""
    text: str = ""

    def shown(self) -> str:
        """The step as a line of shell."""
        if self.file:
            text = self.text.rstrip("\n")
            return (
                f"printf '%s\\n' {shlex.quote(text)} > {shlex.quote(str(self.folder / self.file))}"
            )
        set_ = "".join(f"{name}={value} " for name, value in self.env)
        return f"(cd {shlex.quote(str(self.folder))} && {set_}{shlex.join(self.argv)})"


@dataclass(frozen=True)
class NewProject:
    """A project to be made.

    Attributes:
        name: its name, and that of its folder.
        parent: where the folder is made.
        version: Lean's, such as ``4.28.0``.
        mathlib: the revision of Mathlib; empty for a project without it.
    """

    name: str
    parent: Path
    version: str
    mathlib: str

    @property
    def folder(self) -> Path:
        """The project's folder."""
        return self.parent / self.name

    @property
    def toolchain(self) -> str:
        """The toolchain as elan and Lake call it."""
        return f"leanprover/lean4:v{self.version}"

    def lakefile(self) -> str:
        """The text of ``lakefile.toml``."""
        library = "".join(part[:1].upper() + part[1:] for part in self.name.split("_"))
        head = f'name = "{self.name}"\ndefaultTargets = ["{library}"]\n'
        mathlib = '[[require]]\nname = "mathlib"\nscope = "leanprover-community"\n'
        require = f'\n{mathlib}rev = "{self.mathlib}"\n'
        return f'{head}{require if self.mathlib else ""}\n[[lean_lib]]\nname = "{library}"\n'

    def steps(self) -> Iterator[Step]:
        """Yield the steps in their order."""
        lake = ("lake", f"+{self.toolchain}")
        template = ("math",) if self.mathlib else ("lib",)
        yield Step(self.parent, (*lake, "new", self.name, *template), _NO_CACHE)
        yield Step(self.folder, file="lean-toolchain", text=f"{self.toolchain}\n")
        yield Step(self.folder, file="lakefile.toml", text=self.lakefile())
        if self.mathlib:
            yield Step(self.folder, ("lake", "update"), _NO_CACHE)
            # Mathlib's own hook chooses its Lean again; a tag's is this one.
            yield Step(self.folder, file="lean-toolchain", text=f"{self.toolchain}\n")
            yield Step(self.folder, ("lake", "exe", "cache", "get"))
        yield Step(self.folder, ("lake", "build"))


def plan_project(name: str, parent: Path, version: str, mathlib: str) -> NewProject:
    """Return a project to be made.

    Raises:
        InvalidRequest: the name is none of a library, or its folder is there already.
    """
    if _NAME.fullmatch(name) is None:
        raise InvalidRequest(
            f"{name!r} is no name for a Lake project",
            field="NAME",
            fix="use letters, digits and _, a letter first",
        )
    project = NewProject(name, parent, version, mathlib)
    if project.folder.exists():
        raise InvalidRequest(
            f"{project.folder} exists", field="NAME", fix="choose another name or folder"
        )
    return project


def shell_of(project: NewProject) -> Iterator[str]:
    """Yield the steps as lines of shell, which finds elan's `lake` before anything else."""
    if shutil.which("lake") is None:
        yield f"export PATH={shlex.quote(str(elan_home() / 'bin'))}:$PATH"
    yield from (step.shown() for step in project.steps())


def make_project(project: NewProject, tell: Callable[[str], None]) -> Path:
    """Carry out the steps; return the project's folder. ``tell`` is told each before it begins.

    What the programs say goes to this process's standard error.

    Raises:
        ToolchainMissing: there is no ``lake``.
        BackendUnavailable: a step failed, which offline those of Lake do; what was made stays.
    """
    lake = _lake()
    for step in project.steps():
        tell(step.shown())
        if step.file:
            (step.folder / step.file).write_text(step.text, "utf-8")
        else:
            _run(step, lake)
    return project.folder


def _lake() -> str:
    own = elan_home() / "bin" / "lake"
    found = str(own) if own.is_file() else shutil.which("lake")
    if found is None:
        raise ToolchainMissing(
            "there is no `lake`: elan brings it",
            fix="run `aludel toolchain install lean --version VERSION` first",
        )
    return found


def _run(step: Step, lake: str) -> None:
    again = f"mend it, and go on by hand from: {step.shown()}"
    try:
        done = subprocess.run(
            [lake, *step.argv[1:]],
            cwd=step.folder,
            env={**os.environ, **dict(_NO_CACHE)},
            stdin=subprocess.DEVNULL,
            stdout=2,
            timeout=_STEP_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendUnavailable(f"`{shlex.join(step.argv)}`: {error}", fix=again) from error
    if done.returncode != 0:
        raise BackendUnavailable(
            f"`{shlex.join(step.argv)}` failed with {done.returncode}", fix=again
        )
