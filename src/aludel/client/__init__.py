"""A client of the service, typed with the contract's models.

``Client`` blocks, ``AsyncClient`` awaits; both say the same things over HTTP (``flows``).
"""

from aludel.client.asynchronous import AsyncClient
from aludel.client.synchronous import Client

__all__ = ["AsyncClient", "Client"]
