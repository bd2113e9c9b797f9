"""Entry point of the ``aludel`` command.

Commands are imported when they are called, so that ``aludel --help`` stays quick and a command
needs only the packages it uses.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys

import click

from aludel.distribution import DISTRIBUTION
from aludel.errors import EX_USAGE, AludelError

COMMANDS = {
    "attacks": "aludel.cli.attacks",
    "attempts": "aludel.cli.attempts",
    "check": "aludel.cli.check",
    "db": "aludel.cli.db",
    "demo": "aludel.cli.demo",
    "doctor": "aludel.cli.doctor",
    "export": "aludel.cli.export",
    "fstar": "aludel.cli.fstar",
    "import": "aludel.cli.importing",
    "iterate": "aludel.cli.iterate",
    "keys": "aludel.cli.keys",
    "mutate": "aludel.cli.mutate",
    "receipt": "aludel.cli.receipt",
    "serve": "aludel.cli.serve",
    "toolchain": "aludel.cli.toolchain",
    "worker": "aludel.cli.worker",
}


class LazyGroup(click.Group):
    """A group whose commands live in modules of their own, each exposing ``command``."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands that this installation has."""
        return sorted(name for name, module in COMMANDS.items() if _exists(module))

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        """Import and return the command, or None when there is none of that name."""
        module = COMMANDS.get(cmd_name)
        if module is None or not _exists(module):
            return None
        command = importlib.import_module(module).command
        assert isinstance(command, click.Command)  # noqa: S101 - a wiring error, not input
        return command


def _exists(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name=DISTRIBUTION, prog_name="aludel")
def cli() -> None:
    """Mutate, check, prove and export theorems with Lean 4 and F*."""


def main() -> None:
    """Run the command line; errors become one message on stderr and an exit code."""
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show(sys.stderr)
        sys.exit(EX_USAGE)
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("interrupted\n")
        sys.exit(130)
    except AludelError as error:
        sys.stderr.write(f"aludel: {error}\n")
        sys.exit(error.exit_code)
    sys.exit(code if isinstance(code, int) else 0)
