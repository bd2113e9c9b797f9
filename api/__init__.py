"""The HTTP API."""

from aludel.distribution import needs

needs("service", "fastapi", "prometheus_client", "sqlalchemy")
