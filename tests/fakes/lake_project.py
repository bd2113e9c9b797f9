"""Builds a small Lake project with the embedded Lean, its files where `lake build` puts them.

Every file of it says `module`: this Lean compiles the others as modules too, which export nothing.
"""

from __future__ import annotations

import re
import shutil
from graphlib import TopologicalSorter
from pathlib import Path

from aludel.lean_checker.embedded.command import Host
from aludel.lean_checker.embedded.install import install_root
from aludel.lean_checker.embedded.manifest import read_manifest
from aludel.lean_checker.node import find_node
from aludel.lean_checker.program import run
from aludel.settings import load_settings

ORCHARD = Path(__file__).parents[1] / "fixtures" / "orchard"
_IMPORT = re.compile(r"^public import ([\w.]+)", re.MULTILINE)


def embedded_host() -> Host:
    """The installed embedded Lean."""
    root = install_root(load_settings())
    return Host(root, read_manifest(root).host, find_node(load_settings()))


def build_orchard(folder: Path) -> Path:
    """Copy the project of the fixtures and build it, its dependency first; return its folder."""
    root = folder / "orchard"
    shutil.copytree(ORCHARD, root)
    host = embedded_host()
    seeds = build_package(host, root / "seeds", ["Seeds.lean"], [])
    sources = ["Orchard.lean", "Orchard/Basic.lean", "Orchard/Harvest.lean"]
    build_package(host, root, sources, [seeds])
    return root


def build_package(host: Host, root: Path, sources: list[str], dependencies: list[Path]) -> Path:
    """Compile modules in the order of their imports; return the folder of what was compiled."""
    built = root / ".lake" / "build" / "lib" / "lean"
    built.mkdir(parents=True)
    names = {source.removesuffix(".lean").replace("/", "."): source for source in sources}
    graph = {
        name: set(_IMPORT.findall((root / source).read_text())) & set(names)
        for name, source in names.items()
    }
    search = {f"/search/{place}": path for place, path in enumerate([*dependencies, built])}
    for name in TopologicalSorter(graph).static_order():
        target = Path(names[name]).with_suffix(".olean")
        (built / target).parent.mkdir(parents=True, exist_ok=True)
        lean = ("-R", "/program", "-o", f"/out/{target}", f"/program/{names[name]}")
        done = run(host.command(root, lean, search=search, output=built), "", 120.0)
        assert done.returncode == 0, done.stdout + done.stderr
        assert (built / target).is_file()
    return built
