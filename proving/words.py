"""English words of names and docstrings, as a search reads them."""

from __future__ import annotations

import re

# Lean's naming convention abbreviates; people ask in words.
SHORT_FOR = {
    "abs": "absolute", "add": "addition plus sum", "antisymm": "antisymmetric",
    "assoc": "associative", "bdd": "bounded", "cancel": "cancellation", "comm": "commutative",
    "comp": "composition", "concat": "concatenation", "cons": "construct", "div": "division",
    "distrib": "distributive", "dvd": "divides divisible", "eq": "equal", "ext": "extensional",
    "exists": "existence", "ge": "greater", "gcd": "greatest divisor", "gt": "greater",
    "hom": "homomorphism", "idem": "idempotent", "iff": "equivalent", "imp": "implies",
    "inj": "injective", "inter": "intersection", "inv": "inverse", "irrefl": "irreflexive",
    "lcm": "least multiple", "le": "less", "lt": "less", "max": "maximum",
    "mem": "member membership element", "min": "minimum", "mod": "modulo remainder",
    "mono": "monotone", "mul": "multiplication times product", "ne": "unequal",
    "neg": "negative negation", "nil": "empty", "nonneg": "nonnegative", "of": "",
    "pos": "positive", "pow": "power exponent", "pred": "predecessor", "refl": "reflexive",
    "sub": "subtraction minus difference", "succ": "successor", "surj": "surjective",
    "symm": "symmetric", "trans": "transitive", "union": "union", "zero": "zero 0", "one": "one 1",
}  # fmt: skip
_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
_ENDINGS = ("ivities", "ations", "ivity", "ation", "ities", "ively", "ness", "ies", "ing", "ity",
            "ive", "ion", "ed", "es", "al", "ic", "ly", "s", "e")  # fmt: skip
_LEAST_STEM = 3
_EMPTY = frozenset({
    "a", "an", "and", "are", "as", "be", "by", "for", "if", "in", "is", "it", "its", "of", "on",
    "or", "that", "the", "then", "to", "with",
})  # fmt: skip


def stem(word: str) -> str:
    """Return a word without its ending: ``lists`` and ``list`` are one, as is ``commutativity``."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST_STEM:
            return word[: -len(ending)]
    return word


def words_of(text: str) -> list[str]:
    """Return the stems of an English text, small words left out."""
    found = (piece.lower() for piece in _PIECE.findall(text))
    return [stem(word) for word in found if word not in _EMPTY]


def words_of_name(name: str) -> list[str]:
    """Return the stems of a name's parts, each with what it is short for."""
    found: list[str] = []
    for piece in _PIECE.findall(name):
        word = piece.lower()
        if word not in _EMPTY:
            found.append(stem(word))
        found.extend(stem(each) for each in SHORT_FOR.get(word, "").split())
    return found
