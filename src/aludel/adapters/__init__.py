"""Adapters: rewards, scorers and environments in the shapes that trainers and harnesses ask for.

One module for each package, named after it. A module imports its package when it is imported
itself; none of them is a dependency of Aludel. TRL's is :mod:`aludel.rl`. What the harnesses' share
is :mod:`aludel.adapters.posing`.
"""
