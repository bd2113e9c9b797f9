"""Workers: they lease items of jobs, call the drivers of the packages below, and record."""

from aludel.distribution import needs

needs("service", "celery", "prometheus_client", "sqlalchemy")
