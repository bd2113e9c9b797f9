"""A verdict from any Lean: compile challenge and solution, export both, compare the exports."""
