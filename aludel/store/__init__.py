"""The store: what was asked and what was decided, in SQL."""
