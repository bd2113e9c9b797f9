"""The server: which tools there are, and what is said about them."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.context import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, InputRequiredResult, ToolAnnotations

from aludel.distribution import installed_version
from aludel.mcp_server.backend import Backend
from aludel.mcp_server.calls import Calls
from aludel.mcp_server.tools import LibraryTools, Tools

Tool = Callable[..., Awaitable[Any]]
_ABOUT = """Lean 4, checked by two kernels. `check` alone says whether a proof is accepted; \
"no errors" elsewhere is no verdict. To prove step by step: `open_goal`, then `try_tactics` on a \
state as often as you like, then `goal` for the text, then `check`. Undecided (time, memory) is no \
refutation. Mathlib is there only if the project has it: name modules in `imports`."""
_LIBRARY = " `search_lemmas` finds lemmas, `audit` what is wrong with a statement."
_NO_LIBRARY = " This server asks a service, so there is no search_lemmas, mutate and audit."


class StrictServer(MCPServer[Any]):
    """A server that refuses arguments which a tool does not have; by itself the SDK drops them."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool.

        Raises:
            ToolError: there is no such tool, it has no such argument, or it fails.
        """
        tool = next((each for each in await self.list_tools() if each.name == name), None)
        if tool is not None:
            has = tool.input_schema.get("properties", {})
            stray = sorted(set(arguments) - set(has))
            if stray:
                raise ToolError(f"{stray[0]}: {name} has no such argument (use {', '.join(has)})")
        return await super().call_tool(name, arguments, context)


def make_server(backend: Backend, calls: Calls | None = None) -> MCPServer[Any]:
    """Return the server of a backend, which the caller closes.

    Args:
        backend: carries the tools out; ``search_lemmas``, ``mutate`` and ``audit`` are there where
            it has a Lean in this process.
        calls: bound what is under way at once.
    """
    calls, library = calls or Calls(), backend.library
    server = StrictServer(
        "aludel",
        title="Aludel",
        description="Checks Lean proofs so that an acceptance can be believed.",
        instructions=_ABOUT + (_NO_LIBRARY if library is None else _LIBRARY),
        version=installed_version(),
        log_level="WARNING",
        subscriptions=False,
    )
    basic = Tools(backend, calls)
    _add(server, basic.check, "Check a proof", repeatable=True)
    _add(server, basic.disprove, "Disprove a statement", repeatable=True)
    _add(server, basic.open_goal, "Begin a proof by tactics")
    _add(server, basic.try_tactics, "Try tactics on a goal")
    _add(server, basic.goal, "Show a goal and the proof so far", repeatable=True)
    _add(server, basic.receipt, "Check a proof for a receipt", repeatable=True)
    if library is not None:
        more = LibraryTools(library, calls)
        _add(server, more.search_lemmas, "Search lemmas", repeatable=True)
        _add(server, more.mutate, "Make new theorems", repeatable=True)
        _add(server, more.audit, "Audit a statement", repeatable=True)
    return server


def _add(server: MCPServer[Any], tool: Tool, title: str, *, repeatable: bool = False) -> None:
    hints = ToolAnnotations(
        title=title,
        read_only_hint=True,
        destructive_hint=False,
        idempotent_hint=repeatable,
        open_world_hint=False,
    )
    server.add_tool(
        tool,
        title=title,
        description=inspect.getdoc(tool),
        annotations=hints,
        structured_output=True,
    )
