"""Where checks are decided: by the default toolchain, by one that is named, or by a project's."""

from __future__ import annotations

from aludel.errors import AludelError, InvalidRequest, ToolchainMissing
from aludel.models import CheckRequest, Prover
from aludel.projects import listed, project_of, route, unknown_project
from aludel.store import Store


class Routes:
    """What workers have registered, as of now.

    Args:
        store: where they did.
    """

    def __init__(self, store: Store) -> None:
        self._known, self._projects = store.toolchains.served()
        self._default = self._projects.pop("", None)

    def of(self, request: CheckRequest, where: str, *, alone: bool) -> str | None:
        """Return the route of a check: a project's, the name of a toolchain, or the default's.

        In a batch (not ``alone``) a project that there is not goes to the default's workers, which
        say so of that item; the others are carried out.

        Raises:
            ToolchainMissing: no worker has a toolchain of the prover.
            InvalidRequest: no worker has the toolchain or the project that is named.
        """
        prover = request.context.prover
        mine = [toolchain for toolchain in self._known if toolchain.prover is prover]
        if not mine:
            raise ToolchainMissing(
                f"no worker with a {prover} toolchain has registered",
                fix="start one (aludel worker)",
            )
        names = {toolchain.name for toolchain in mine}
        if request.toolchain is not None and request.toolchain not in names:
            raise InvalidRequest(
                f"no worker has the toolchain {request.toolchain!r}",
                field=where + "toolchain",
                fix="use one of: " + listed(sorted(names)),
            )
        if prover is not Prover.LEAN:
            return request.toolchain
        return self._of_lean(request, where, alone=alone)

    def _of_lean(self, request: CheckRequest, where: str, *, alone: bool) -> str | None:
        named = project_of(request)
        if named in self._projects:
            return route(named)
        if named and (alone or not self._has_default()):
            raise unknown_project(named, self._projects, where)
        if request.toolchain is not None:
            return self._of_toolchain(request.toolchain, where)
        if not self._has_default():
            raise self._none_by_default(where)
        return None

    def _of_toolchain(self, name: str, where: str) -> str:
        """Return the route to a toolchain, through the project that brings it, if one does.

        Raises:
            InvalidRequest: several have that name, which is that of a package in each.
        """
        bring = {name_: each for name_, each in self._projects.items() if each.name == name}
        default = self._default if self._default and self._default.name == name else None
        found = {each.digest for each in (*bring.values(), *filter(None, [default]))}
        if len(found) > 1:
            raise InvalidRequest(
                f"several toolchains are called {name!r}",
                field=where + "toolchain",
                fix="name a project in `context.project`: " + listed(bring),
            )
        return route(next(iter(bring))) if bring and default is None else name

    def _has_default(self) -> bool:
        """Whether some worker decides what names no project."""
        named = {toolchain.digest for toolchain in self._projects.values()}
        lean = {each.digest for each in self._known if each.prover is Prover.LEAN}
        return self._default is not None or not lean <= named

    def _none_by_default(self, where: str) -> AludelError:
        return InvalidRequest(
            "no worker decides what names no project",
            field=where + "context.project",
            fix="use one of: " + listed(sorted(self._projects)),
        )
