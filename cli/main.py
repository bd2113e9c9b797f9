"""Entry point of the ``aludel`` command.

Commands are imported when they are called, so that ``aludel --help`` stays quick and a command
needs only the packages it uses.
"""

from __future__ import annotations

import os
import sys

import click

from aludel.cli.groups import Entry, LazyGroup
from aludel.distribution import DISTRIBUTION
from aludel.errors import EX_USAGE, AludelError

COMMANDS = {
    "attacks": Entry(
        "lean",
        "Check every case of the folder CORPUS (format: docs/trust.md) and count wrong verdicts.",
    ),
    "attempts": Entry(
        "lean", "Have a generator prove theorems; every attempt is checked and recorded."
    ),
    "audit": Entry(
        "lean",
        "Look for what the statements of PROBLEMS have against them, before anyone trains on them.",
    ),
    "check": Entry("lean", "Judge the text of each FILE, or of standard input when FILE is '-'."),
    "compare": Entry("", "Check two exports, and whether SOLUTION proves what CHALLENGE states."),
    "db": Entry(
        "service", "Look after the database that ALUDEL_DATABASE_URL or ALUDEL_DATA_DIR names."
    ),
    "demo": Entry(
        "lean,export",
        "Mutate theorems of Lean's core library, have held-out ones attempted, export a dataset.",
    ),
    "disprove": Entry(
        "lean", "Look for a proof that the theorem STATEMENT is false; '-' reads standard input."
    ),
    "doctor": Entry(
        "lean,service", "Check everything Aludel needs, and say how to mend each lack."
    ),
    "export": Entry("export", "Write what is recorded as a dataset: JSONL, Parquet and a card."),
    "fstar": Entry("fstar", "Check F* candidates for problems in PoPAI's format."),
    "import": Entry(
        "lean", "Import PATH, in FORMAT: leandojo, leandojo-repo, minif2f or popai.", "importing"
    ),
    "iterate": Entry(
        "lean,export",
        "Attempt recorded theorems, train on what was accepted, and measure on held-out ones.",
    ),
    "kernel": Entry("", "Check every declaration of an export of Lean, FILE, from nothing."),
    "keys": Entry(
        "service",
        "Make, list and revoke API keys of the service whose database ALUDEL_DATABASE_URL names.",
    ),
    "mcp": Entry(
        "mcp,lean",
        "Serve an agent's tools on standard input and output: check, prove, search, mutate, audit.",
    ),
    "mutate": Entry(
        "lean", "Rewrite the theorems whose names match PATTERN (globs such as 'Nat.*')."
    ),
    "project": Entry("lean", "Make a Lake project with Mathlib.", "lake_project"),
    "receipt": Entry("lean", "Verify receipts, or make the key that signs them."),
    "search": Entry(
        "lean", "Find lemmas by symbols, pattern, name, words, or by what they would prove."
    ),
    "serve": Entry("service", "Serve the HTTP API."),
    "toolchain": Entry("lean", "Install, list and verify prover toolchains."),
    "verify": Entry(
        "lean",
        "Check every candidate of CANDIDATES against the problem of PROBLEMS that it names.",
    ),
    "worker": Entry("service", "Run jobs that the broker at ALUDEL_BROKER_URL hands out."),
}

LOGGING = frozenset({"serve", "worker"})
"""Commands that warn in their log, which is what stderr is for them."""


@click.group(
    cls=LazyGroup, entries=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name=DISTRIBUTION, prog_name="aludel")
@click.pass_context
def cli(context: click.Context) -> None:
    """Mutate, check, prove and export theorems with Lean 4 and F*."""
    if context.invoked_subcommand not in LOGGING:
        _warn_of_variables()


def _warn_of_variables() -> None:
    if any(name.upper().startswith("ALUDEL_") for name in os.environ):
        # Only now: it costs a tenth of a second.
        from aludel.settings import unknown_variables

        for warning in unknown_variables():
            click.echo(f"aludel: warning: {warning}", err=True)


def main() -> None:
    """Run the command line; errors become one message on stderr and an exit code."""
    try:
        code = cli.main(prog_name="aludel", standalone_mode=False)
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
