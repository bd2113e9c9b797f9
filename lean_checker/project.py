"""Lake projects as import environments: their compiled modules and those of their dependencies.

Nothing of the project is run: where compiled modules lie is read from the file names that Lake
fixes and from ``lake-manifest.json``, never from ``lakefile.lean``, which is a program. The
project's options come from what Lake wrote when it built it (:mod:`aludel.lean_checker.lake`).
"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aludel.errors import BackendUnavailable, InvalidRequest
from aludel.lean_checker.digests import folders_digest, folders_stamp
from aludel.lean_checker.lake import Option, project_options
from aludel.models import Toolchain
from aludel.progress import Progress

_LAKEFILES = ("lakefile.toml", "lakefile.lean")
_MANIFEST = "lake-manifest.json"
_PACKAGES = ".lake/packages"
_BUILD = ".lake/build"
_COMPILED = ("*.olean*", "*.ir")
_HEADER_BYTES = 88
_COMMIT_DIGITS = 12
_MAX_BYTES = 10_000_000
_MAX_NAME = 100
_MAX_DOTS = 100
_KEY = re.compile(r"""[\w"'-]+(?:\s*\.\s*[\w"'-]+)*""")
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
        files = folders_digest(self.search, cache, _COMPILED, progress)
        if not self.options:
            return files
        options = json.dumps(dict(self.options), sort_keys=True)
        return hashlib.sha256(f"{files}\n{options}".encode()).hexdigest()

    def guard(self) -> Callable[[], None]:
        """Return what fails once compiled modules are others than now; take it before the digest.

        It raises BackendUnavailable: verdicts on another build are other verdicts.
        """
        before = folders_stamp(self.search, _COMPILED)

        def unchanged() -> None:
            if folders_stamp(self.search, _COMPILED) != before:
                raise BackendUnavailable(
                    f"{self.root} was built again since it was opened",
                    field="project",
                    fix="start the service or worker again, which makes it another toolchain",
                )

        return unchanged


def open_project(folder: Path) -> LeanProject:
    """Find the compiled modules of the Lake project at ``folder``.

    Raises:
        InvalidRequest: it is no Lake project, is not built, or a file of it cannot be read.
    """
    try:
        return _opened(folder.expanduser().resolve())
    except (OSError, RuntimeError) as error:  # links in a circle, the home of nobody, no right
        raise InvalidRequest(
            f"{folder} cannot be read: {error}",
            field="project",
            fix="name the folder of a Lake project that this user may read",
        ) from error


def _opened(root: Path) -> LeanProject:
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
        name=_name(config.get("name") or root.name),
        search=(own, *(path for path in others.values() if path is not None)),
        options=options,
        unbuilt=tuple(name for name, path in others.items() if path is None),
        note=note,
    )


def _name(said: object) -> str:
    """The name of the package, which stands in those of toolchains, in rows and in messages."""
    if not isinstance(said, str) or not said.isprintable() or len(said) > _MAX_NAME:
        raise InvalidRequest(
            f"{str(said)[:_MAX_NAME]!r} is no name of a package",
            field="project",
            fix=f"name it in its lakefile by {_MAX_NAME} printable characters at most",
        )
    return said


def require_same_lean(project: LeanProject, toolchain: Toolchain) -> None:
    """Refuse a project that another Lean compiled: this one could not load its modules.

    Raises:
        InvalidRequest: a compiled module carries another commit, or none is left.
    """
    header = _header(project)
    if toolchain.commit and toolchain.commit[:_COMMIT_DIGITS].encode() not in header:
        wanted = project.root / "lean-toolchain"
        named = "the Lean that built it"
        if wanted.is_file():
            with contextlib.suppress(OSError, ValueError):
                named = _text(wanted).strip()[:_MAX_NAME]
        raise InvalidRequest(
            f"{project.root} was not built by {toolchain.name}, Lean {toolchain.version}",
            field="project",
            fix=f"choose {named} with ALUDEL_TOOLCHAIN, or build the project again",
        )


def _header(project: LeanProject) -> bytes:
    try:
        with next(project.search[0].rglob("*.olean")).open("rb") as file:
            return file.read(_HEADER_BYTES)
    except (OSError, StopIteration) as error:
        raise InvalidRequest(
            f"the compiled modules of {project.root} cannot be read: {error}",
            field="project",
            fix=_BUILD_FIX,
        ) from error


def _text(path: Path) -> str:
    """The text of a file that people write.

    Raises:
        OSError: it cannot be read.
        ValueError: it is too large, or no UTF-8.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError(f"more than {_MAX_BYTES} bytes")
    return path.read_text("utf-8")


def _config(root: Path) -> dict[str, Any]:
    """The settings of ``lakefile.toml``; a ``lakefile.lean`` is a program and is not read."""
    path = root / "lakefile.toml"
    if not path.is_file():
        return {}
    try:
        return _parsed(_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidRequest(
            f"{path} cannot be read: {error}", field="project", fix="correct the file"
        ) from error


def _parsed(text: str) -> dict[str, Any]:
    # The parser keeps every beginning of a dotted key, which is memory by the square of it.
    if any(key[0].count(".") > _MAX_DOTS for key in _KEY.finditer(text)):
        raise ValueError("a key of very many parts")
    return tomllib.loads(text)


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
        manifest = json.loads(_text(path))
        folder = root / (manifest.get("packagesDir") or _PACKAGES)
        entries = manifest.get("packages", [])
        return [(str(each["name"]), _package(root, folder, each)) for each in entries]
    except (OSError, ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        raise InvalidRequest(
            f"{path} cannot be understood: {error!r}", field="project", fix="run `lake update`"
        ) from error


def _package(root: Path, packages: Path, entry: dict[str, Any]) -> Path:
    if entry["type"] == "path":
        return root / str(entry["dir"])
    return packages / str(entry["name"]) / str(entry.get("subDir") or ".")
