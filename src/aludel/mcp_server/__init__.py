"""A server of the Model Context Protocol: an agent's tools to check, prove, search and mutate.

:func:`make_server` makes it of a :class:`~aludel.mcp_server.backend.Backend`: a Lean in this
process, or a service.
"""

from __future__ import annotations

from aludel.distribution import needs

needs("mcp", "mcp")

from aludel.mcp_server.backend import Backend
from aludel.mcp_server.server import make_server
from aludel.mcp_server.transports import serve_http, serve_stdio

__all__ = ["Backend", "make_server", "serve_http", "serve_stdio"]
