"""Projects and toolchains that requests choose by name, and where the checks of each are decided.

``ALUDEL_PROJECTS`` names them; each has a prover of its own. A check for one is routed by
``+NAME``, which no toolchain is called, so that workers of others leave it alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from aludel.errors import AbilityMissing, InvalidRequest
from aludel.goals import GoalRequest, Goals, GoalState, Step
from aludel.models import PROJECT_NAME, CheckRequest, LeanContext
from aludel.settings import Settings

VARIABLE = "ALUDEL_PROJECTS"
FIELD = "context.project"
ROUTE = "+"
R = TypeVar("R", CheckRequest, GoalRequest)
_FORM = "write NAME=FOLDER, NAME=TOOLCHAIN or NAME=TOOLCHAIN@FOLDER, separated by commas"
_MOST_SESSIONS = 10_000
_MOST_LISTED = 50
_PATH = (os.sep, ".", "~")


class ProjectSettings(Settings):
    """The settings of a named project: its toolchain and its folder instead of the default's."""

    named: str

    @property
    def project_name(self) -> str:
        """The name by which requests choose it."""
        return self.named


def named_projects(settings: Settings) -> Mapping[str, ProjectSettings]:
    """Return the settings of each project that ``settings.projects`` names, in its order.

    Raises:
        InvalidRequest: the variable cannot be understood; the message says where.
    """
    found: dict[str, ProjectSettings] = {}
    for entry in filter(None, (part.strip() for part in settings.projects.split(","))):
        name, equals, what = (part.strip() for part in entry.partition("="))
        if not equals or not what or re.fullmatch(PROJECT_NAME, name) is None:
            raise InvalidRequest(f"{entry!r} names no project", field=VARIABLE, fix=_FORM)
        if name in found:
            raise InvalidRequest(f"{name!r} is there twice", field=VARIABLE, fix=_FORM)
        toolchain, project = _parts(what)
        if not toolchain and not project:
            raise InvalidRequest(f"{entry!r} names no project", field=VARIABLE, fix=_FORM)
        found[name] = ProjectSettings(
            **{
                **settings.model_dump(),
                "toolchain": toolchain or settings.toolchain,
                "project": project,
                "projects": "",
            },
            named=name,
        )
    return found


def _parts(what: str) -> tuple[str, str]:
    """Return the toolchain and the folder of an entry; an empty one is not said.

    An `@` within the path of a folder is a part of it, unless the path of another one follows.
    """
    toolchain, at, folder = (part.strip() for part in what.partition("@"))
    if at and (not _is_path(toolchain) or folder.startswith(_PATH)):
        return toolchain, folder
    return ("", what) if _is_path(what) else (what, "")


def _is_path(text: str) -> bool:
    return os.sep in text or text.startswith(_PATH)


def settings_of(settings: Settings, name: str) -> ProjectSettings:
    """Return the settings of the project ``name``.

    Raises:
        InvalidRequest: there is none of that name.
    """
    known = named_projects(settings)
    if name not in known:
        raise unknown_project(name, known)
    return known[name]


def unknown_project(name: str, known: Iterable[str], where: str = "") -> InvalidRequest:
    """Return what to tell about a name that no project has; ``where`` goes before the field."""
    names = listed(sorted(known))
    there = f"use one of: {names}; or leave it out" if names else "leave it out: there is none"
    return InvalidRequest(
        f"there is no project {name!r} here",
        field=where + FIELD,
        fix=f"{there}. Whoever runs this names projects in {VARIABLE}",
    )


def listed(names: Iterable[str]) -> str:
    """Return names for a sentence, not all of very many."""
    found = list(names)
    more = len(found) - _MOST_LISTED
    return ", ".join(found[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def project_of(request: CheckRequest | GoalRequest) -> str:
    """Return the name of the project that a request chooses; empty for none."""
    context = request.context
    return (context.project or "") if isinstance(context, LeanContext) else ""


def in_project(request: R, project: str | None) -> R:
    """Return a request in a project, unless it names one itself."""
    context = request.context
    if project is None or not isinstance(context, LeanContext) or context.project:
        return request
    named = context.model_copy(update={"project": project})
    return request.model_copy(update={"context": named})


def ensure_own(request: CheckRequest | GoalRequest, own: str, known: Iterable[str] = ()) -> None:
    """Refuse a request for another project than the one that is asked.

    Raises:
        InvalidRequest: it names another one.
    """
    named = project_of(request)
    if named and named != own:
        raise unknown_project(named, {*known, own} - {""})


def route(project: str) -> str:
    """Return the route of the checks of a named project."""
    return ROUTE + project


def is_route(toolchain: str | None) -> bool:
    """Whether an item's toolchain is a project's route rather than a name."""
    return toolchain is not None and toolchain.startswith(ROUTE)


def route_of(request: CheckRequest) -> str | None:
    """Return where a check is decided, as it says itself: a project's route, or a toolchain."""
    named = project_of(request)
    return route(named) if named else request.toolchain


class ProjectGoals:
    """Sessions of tactics in several projects, each where its request says. Thread-safe.

    Args:
        by_project: the sessions of each, or why it has none; those of the default have no name.
    """

    def __init__(self, by_project: Mapping[str, Goals | AbilityMissing]) -> None:
        self._by_project = by_project
        self._where: dict[str, Goals] = {}

    def open(self, request: GoalRequest) -> GoalState:
        """Start a session; raises as :meth:`aludel.goals.Goals.open`.

        Raises:
            InvalidRequest: there is no such project, too.
            AbilityMissing: it has no sessions.
        """
        name = project_of(request)
        if name not in self._by_project:
            raise unknown_project(name, set(self._by_project) - {""})
        goals = self._in(name)
        state = goals.open(request)
        if name:
            self._where[state.session] = goals
            while len(self._where) > _MOST_SESSIONS:
                self._where.pop(next(iter(self._where)), None)
        return state

    def step(self, session: str, state: int, tactics: Sequence[str]) -> list[Step]:
        """Try tactics; raises as :meth:`aludel.goals.Goals.step`."""
        return self._of(session).step(session, state, tactics)

    def get(self, session: str, state: int) -> GoalState:
        """Return a state again; raises as :meth:`aludel.goals.Goals.step`."""
        return self._of(session).get(session, state)

    def script(self, session: str, state: int) -> CheckRequest:
        """Return the proof so far; raises as :meth:`aludel.goals.Goals.step`."""
        return self._of(session).script(session, state)

    def close(self, session: str) -> None:
        """End a session; safe to call twice."""
        self._of(session).close(session)
        self._where.pop(session, None)

    def _of(self, session: str) -> Goals:
        return self._where.get(session) or self._in("")

    def _in(self, name: str) -> Goals:
        goals = self._by_project[name]
        if isinstance(goals, AbilityMissing):
            raise goals.with_traceback(None)  # else it would keep the traceback of every call
        return goals
