"""Groups of commands: whole sentences in their help, and modules imported when they are called."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import click

from aludel.distribution import extra_of

_WHOLE = 1_000
"""Characters of a summary, more than any has: click would cut it at the terminal's width."""
_EXTRAS = "aludel.extras"


class Entry(NamedTuple):
    """A command that is imported when it is called.

    Attributes:
        extras: what must be installed for it, separated by commas; the base alone if empty.
        summary: the first sentence of its help.
        module: the module that holds it, below ``aludel.cli``; the command's name if empty.
    """

    extras: str
    summary: str
    module: str = ""


class Group(click.Group):
    """A group that lists its commands with whole sentences."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        commands = [self.get_command(ctx, name) for name in self.list_commands(ctx)]
        rows = [
            (command.name or "", command.get_short_help_str(_WHOLE))
            for command in commands
            if command is not None and not command.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class LazyGroup(Group):
    """A group whose commands live in modules of their own; its help imports none of them."""

    def __init__(self, *, entries: Mapping[str, Entry], **options: Any) -> None:  # noqa: ANN401
        listed = {
            name: click.Command(name, short_help=entry.summary) for name, entry in entries.items()
        }
        super().__init__(commands=listed, **options)
        self._entries = entries

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of ``args`` and import it."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is None or command is None:
            return name, command, rest
        entry = self._entries[name]
        ctx.meta[_EXTRAS] = entry.extras
        command = importlib.import_module(f"aludel.cli.{entry.module or name}").command
        assert isinstance(command, click.Command)  # noqa: S101 - a wiring error, not input
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - what the command returns
        """Run the command.

        Raises:
            ExtraMissing: it needs Python packages that are not installed.
        """
        try:
            return super().invoke(ctx)
        except ImportError as error:
            missing = extra_of(error, ctx.meta.get(_EXTRAS, ""))
            if missing is None:
                raise
            raise missing from error
