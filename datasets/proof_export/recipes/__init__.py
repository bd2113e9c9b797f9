"""The recipes. A new one is one module with a ``RECIPE`` and one line here."""

from __future__ import annotations

from collections.abc import Sequence

from aludel.errors import InvalidRequest
from proof_export.recipes import cpt, variants
from proof_export.recipes.base import Recipe

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (cpt.RECIPE, variants.RECIPE)}

__all__ = ["RECIPES", "Recipe", "choose_recipes"]


def choose_recipes(names: Sequence[str]) -> tuple[Recipe, ...]:
    """Return the named recipes in the registry's order; no names means all of them.

    Raises:
        InvalidRequest: a name is not a recipe.
    """
    unknown = sorted(set(names) - RECIPES.keys())
    if unknown:
        raise InvalidRequest(
            f"unknown recipe {unknown[0]!r}", field="recipe", fix=f"use {' or '.join(RECIPES)}"
        )
    return tuple(recipe for name, recipe in RECIPES.items() if not names or name in names)
