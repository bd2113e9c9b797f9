"""Celery application and tasks; thin, they call the packages below."""
