"""``aludel mcp``: tools for agents, over the Model Context Protocol."""

from __future__ import annotations

import contextlib

import click

from aludel.cli.project import named_by_service, project_option, with_project
from aludel.client import Client
from aludel.mcp_server import Backend, make_server, serve_http, serve_stdio
from aludel.mcp_server.calls import Calls
from aludel.mcp_server.service import ServiceBackend
from aludel.settings import Settings, load_settings


@click.command(name="mcp")
@click.option(
    "--http",
    "port",
    type=click.IntRange(0, 65_535),
    help="Serve streamable HTTP on this port of 127.0.0.1 instead; 0 takes a free one.",
)
@click.option("--server", metavar="URL", help="Ask the service at URL; no Lean is needed here.")
@project_option
def command(port: int | None, server: str | None, project: str | None) -> None:
    """Serve an agent's tools on standard input and output: check, prove, search, mutate, audit.

    Without --server a Lean starts in the background, and says on stderr when it is ready. With it
    the tools are check, open_goal, try_tactics, goal and receipt.
    """
    here = project if server is None else None
    settings, calls = with_project(load_settings(), here), Calls()
    in_service = None if server is None else named_by_service(project)
    with (
        contextlib.closing(calls),
        contextlib.closing(_backend(settings, server, in_service)) as backend,
    ):
        made = make_server(backend, calls)
        if port is None:
            serve_stdio(made)
        else:
            serve_http(made, port, _tell)


def _backend(settings: Settings, server: str | None, project: str | None) -> Backend:
    if server is not None:
        return ServiceBackend(Client(server, key=settings.api_key or None), project)
    from aludel.lean_checker.prover import build_prover
    from aludel.mcp_server.local import LocalBackend

    if not settings.pool_size:  # an agent asks one thing after the other, and memory is its user's
        settings = settings.model_copy(update={"pool_size": 1})
    backend = LocalBackend(build_prover(settings, _Steps()), settings, _tell)
    backend.warm_up()
    return backend


class _Steps:
    """Tells every step of a long preparation on stderr."""

    def step(self, title: str, total: int | None = None, done: int = 0) -> None:  # noqa: ARG002
        """Say which step begins."""
        _tell(f"{title} (once)")

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Say nothing: a line cannot grow."""


def _tell(line: str) -> None:
    click.echo(f"aludel mcp: {line}", err=True)
