"""Lake projects as import environments: their compiled modules and those of their dependencies.

Nothing of the project is run: where compiled modules lie is read from the file names that Lake
fixes and from ``lake-manifest.json``, never from ``lakefile.lean``, which is a program. The
project's options come from what Lake wrote when it built it (:mod:`aludel.lean_checker.lake`).
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aludel.errors import InvalidRequest
from aludel.lean_checker.digests import folders_digest
from aludel.lean_checker.lake import Option, project_options
from aludel.models import Toolchain
from aludel.progress import Progress

_LAKEFILES = ("lakefile.toml", "lakefile.lean")
_MANIFEST = "lake-manifest.json"
_PACKAGES = ".lake/packages"
_BUILD = ".lake/build"
_HEADER_BYTES = 88
_COMMIT_DIGITS = 12
_BUILD_FIX = "run `lake build` in it (Mathlib: `lake exe cache get` first)"
# With Lake's artifact cache, a build folder may hold traces alone.
_CACHED_FIX = (
    "build it with LAKE_ARTIFACT_CACHE=false, or with LAKE_RESTORE_ARTIFACTS=true "
    "(`restoreAllArtifacts = true` in its lakefile)"
)


@dataclass(frozen=True)
class LeanProject:
    """A Lake project whose modules are compiled.

    Attributes:
        root: its folder.
        name: what its toolchain is called after.
        search: folders of compiled modules: its own first, then its dependencies'.
        options: what it sets for its modules, as far as verdicts depend on it.
        unbuilt: names of packages without compiled modules.
        note: what could not be found out.
    """

    root: Path
    name: str
    search: tuple[Path, ...]
    options: Mapping[str, Option] = field(default_factory=dict)
    unbuilt: tuple[str, ...] = ()
    note: str | None = None

    def modules(self) -> list[str]:
        """Return the names of the project's own compiled modules, sorted."""
        own = self.search[0]
        found = (path.relative_to(own).with_suffix("").parts for path in own.rglob("*.olean"))
        return sorted(".".join(parts) for parts in found)

    def matching(self, patterns: Iterable[str]) -> tuple[str, ...]:
        """Return the own modules that match one of some globs, such as ``Demo.*``.

        Raises:
            InvalidRequest: a pattern matches none.
        """
        modules = self.modules()
        chosen: set[str] = set()
        for pattern in patterns:
            matching = fnmatch.filter(modules, pattern)
            if not matching:
                raise InvalidRequest(
                    f"no module of {self.name} matches {pattern!r}",
                    field="modules",
                    fix=f"it has, for example, {', '.join(modules[:3])}",
                )
            chosen.update(matching)
        return tuple(sorted(chosen))

    def digest(self, cache: Path, progress: Progress | None = None) -> str:
        """Return the SHA-256 over options and every compiled module; ``cache`` keeps the sums.

        Raises:
            ToolchainMissing: a file cannot be read.
        """
        files = folders_digest(self.search, cache, ("*.olean*", "*.ir"), progress)
        if not self.options:
            return files
        options = json.dumps(dict(self.options), sort_keys=True)
        return hashlib.sha256(f"{files}\n{options}".encode()).hexdigest()


def open_project(folder: Path) -> LeanProject:
    """Find the compiled modules of the Lake project at ``folder``.

    Raises:
        InvalidRequest: it is no Lake project, is not built, or its manifest cannot be read.
    """
    root = folder.expanduser().resolve()
    if not any((root / name).is_file() for name in _LAKEFILES):
        raise InvalidRequest(
            f"{root} holds neither {' nor '.join(_LAKEFILES)}",
            field="project",
            fix="name the folder of a Lake project",
        )
    config = _config(root)
    build = root / str(config.get("buildDir") or _BUILD)
    own = _compiled(build)
    if own is None:
        fix = _CACHED_FIX if _is_cached(build) else _BUILD_FIX
        raise InvalidRequest(f"{root} has no compiled modules", field="project", fix=fix)
    others = {name: _compiled(package / _BUILD) for name, package in _packages(root)}
    options, note = project_options(build, config, (root / "lakefile.toml").is_file())
    return LeanProject(
        root=root,
        name=str(config.get("name") or root.name),
        search=(own, *(path for path in others.values() if path is not None)),
        options=options,
        unbuilt=tuple(name for name, path in others.items() if path is None),
        note=note,
    )


def require_same_lean(project: LeanProject, toolchain: Toolchain) -> None:
    """Refuse a project that another Lean compiled: this one could not load its modules.

    Raises:
        InvalidRequest: a compiled module carries another commit.
    """
    first = next(project.search[0].rglob("*.olean"))
    with first.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if toolchain.commit and toolchain.commit[:_COMMIT_DIGITS].encode() not in header:
        wanted = project.root / "lean-toolchain"
        named = wanted.read_text("utf-8").strip() if wanted.is_file() else "the Lean that built it"
        raise InvalidRequest(
            f"{project.root} was not built by {toolchain.name}, Lean {toolchain.version}",
            field="project",
            fix=f"choose {named} with ALUDEL_TOOLCHAIN, or build the project again",
        )


def _config(root: Path) -> dict[str, Any]:
    """The settings of ``lakefile.toml``; a ``lakefile.lean`` is a program and is not read."""
    path = root / "lakefile.toml"
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidRequest(
            f"{path} cannot be read: {error}", field="project", fix="correct the file"
        ) from error


def _compiled(build: Path) -> Path | None:
    """The folder of a package's compiled modules; older Lakes wrote them one level higher."""
    for name in ("lib/lean", "lib"):
        folder = build / name
        if folder.is_dir() and next(folder.rglob("*.olean"), None) is not None:
            return folder.resolve()
    return None


def _is_cached(build: Path) -> bool:
    """Whether a build left traces of modules and no modules: they are in Lake's cache."""
    return next(build.rglob("*.trace"), None) is not None


def _packages(root: Path) -> list[tuple[str, Path]]:
    path = root / _MANIFEST
    if not path.is_file():
        return []
    try:
        manifest = json.loads(path.read_text("utf-8"))
        folder = root / (manifest.get("packagesDir") or _PACKAGES)
        entries = manifest.get("packages", [])
        return [(str(each["name"]), _package(root, folder, each)) for each in entries]
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise InvalidRequest(
            f"{path} cannot be understood: {error!r}", field="project", fix="run `lake update`"
        ) from error


def _package(root: Path, packages: Path, entry: dict[str, Any]) -> Path:
    if entry["type"] == "path":
        return root / str(entry["dir"])
    return packages / str(entry["name"]) / str(entry.get("subDir") or ".")
