"""The option ``--project``, for commands that work in a Lake project."""

from __future__ import annotations

import re
from pathlib import Path

import click

from aludel.errors import InvalidRequest
from aludel.models import PROJECT_NAME
from aludel.projects import VARIABLE, listed, named_projects
from aludel.settings import Settings

project_option = click.option(
    "--project",
    metavar="FOLDER|NAME",
    help="Folder of a Lake project that is built, or a name of ALUDEL_PROJECTS; its modules and "
    "dependencies may be imported.",
)


def with_project(settings: Settings, project: str | None) -> Settings:
    """Return the settings with the project that was given; without one, as they are.

    Raises:
        InvalidRequest: it is neither a name of ``ALUDEL_PROJECTS`` nor a folder.
    """
    if project is None:
        return settings
    named = named_projects(settings)
    if project in named:
        return named[project]
    if not _is_folder(project):
        names = listed(named) or "none"
        raise InvalidRequest(
            f"there is no folder {project!r}, and no such name",
            field="--project",
            fix=f"name the folder of a Lake project, or one of {VARIABLE}: {names}",
        )
    return settings.model_copy(update={"project": project})


def _is_folder(text: str) -> bool:
    try:
        return Path(text).expanduser().is_dir()
    except (OSError, RuntimeError, ValueError):  # the home of nobody, a name no system takes
        return False


def named_by_service(project: str | None) -> str | None:
    """Return a project's name, as a service knows it.

    Raises:
        InvalidRequest: it is no name; a service opens no folder that a client chooses.
    """
    if project is not None and re.fullmatch(PROJECT_NAME, project) is None:
        raise InvalidRequest(
            f"{project!r} is no name of a service's project",
            field="--project",
            fix="with --server, name one that GET /v1/projects lists",
        )
    return project
