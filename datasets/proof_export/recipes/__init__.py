"""The recipes. A new one is a module with a ``RECIPE``, two lines here, and a ``RecipeName``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from aludel.errors import InvalidRequest
from aludel.proof_export.feeds import Feed
from aludel.proof_export.recipes import (
    attempts,
    cpt,
    found_proofs,
    fstar,
    lineage,
    messages,
    preference,
    prover,
    sft,
    variants,
    verl,
    whole_proof,
)
from aludel.proof_export.recipes.base import Recipe

_ALL: tuple[Recipe[Any], ...] = (
    cpt.RECIPE,
    variants.RECIPE,
    whole_proof.RECIPE,
    messages.RECIPE,
    prover.RECIPE,
    verl.RECIPE,
    sft.RECIPE,
    lineage.RECIPE,
    attempts.RECIPE,
    found_proofs.RECIPE,
    preference.RECIPE,
    fstar.RECIPE,
)
RECIPES: dict[str, Recipe[Any]] = {recipe.name: recipe for recipe in _ALL}

__all__ = ["RECIPES", "Recipe", "choose_recipes"]


def choose_recipes(
    names: Sequence[str], feeds: Collection[Feed[Any]] = ()
) -> tuple[Recipe[Any], ...]:
    """Return the named recipes in the registry's order.

    Args:
        names: recipes; none means those made by default that ``feeds`` can feed.
        feeds: feeds that have records; none means that any is at hand.

    Raises:
        InvalidRequest: a name is not a recipe, or there are no records for it.
    """
    unknown = sorted(set(names) - RECIPES.keys())
    if unknown:
        raise InvalidRequest(
            f"unknown recipe {unknown[0]!r}", field="recipe", fix=f"use {' or '.join(RECIPES)}"
        )
    if not names:
        usual = (recipe for recipe in RECIPES.values() if recipe.by_default)
        return tuple(recipe for recipe in usual if not feeds or recipe.feed in feeds)
    chosen = tuple(recipe for name, recipe in RECIPES.items() if name in names)
    for recipe in chosen:
        if feeds and recipe.feed not in feeds:
            raise InvalidRequest(
                f"the recipe {recipe.name!r} is made of {recipe.feed.name}, and none are given",
                field="recipe",
                fix=recipe.feed.missing,
            )
    return chosen
