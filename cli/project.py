"""The option ``--project``, for commands that work in a Lake project."""

from __future__ import annotations

from pathlib import Path

import click

from aludel.settings import Settings

project_option = click.option(
    "--project",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of a Lake project that is built; its modules and dependencies may be imported.",
)


def with_project(settings: Settings, project: Path | None) -> Settings:
    """Return the settings with the project that was given; without one, as they are."""
    if project is None:
        return settings
    return settings.model_copy(update={"project": str(project)})
