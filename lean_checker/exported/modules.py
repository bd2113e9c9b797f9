"""Compiling modules and exporting them, confined, each in a folder of its own."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aludel.errors import BackendCrashed, ToolchainMissing
from aludel.lean_checker.exported.folders import remove_folder, remove_stale
from aludel.lean_checker.exported.locate import how_to_build
from aludel.lean_checker.exported.running import Bounds, Ended, run_bounded
from aludel.lean_checker.native.host import NativeHost
from aludel.lean_checker.watchdog import Watchdog
from aludel.models import Budget
from aludel.settings import Settings

SAID_MB = 8.0
"""Megabytes that ``lean`` may say of a text."""
MODULE_MB = 256.0
"""Megabytes of files that compiling a text may leave."""
EXPORT_MB = 128.0
"""Megabytes of an export."""
Option = bool | int | str


def _nothing_to_change() -> None:
    """There is no project."""


@dataclass(frozen=True)
class Modules:
    """A native Lean with its exporter. Thread-safe.

    Attributes:
        host: runs programs of the toolchain.
        exporter: ``lean4export``, built for this Lean.
        settings: bound memory, and name the cache folder.
        search: folders of compiled modules that may be imported.
        options: what the project sets.
        unchanged: fails once the project was built again.
        watchdog: kills what outlives this process.
    """

    host: NativeHost
    exporter: Path
    settings: Settings
    search: tuple[Path, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)
    unchanged: Callable[[], None] = _nothing_to_change
    watchdog: Watchdog = field(default_factory=Watchdog)

    @property
    def _scratch(self) -> Path:
        return self.host.cache / "exported"

    def remove_stale(self) -> None:
        """Remove what services left that were killed while they compiled."""
        remove_stale(self._scratch)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ToolchainMissing(
                f"no module can be compiled: {error.strerror}",
                field=str(self._scratch),
                fix="make the folder writable, or set ALUDEL_CACHE_DIR",
            ) from error

    @contextlib.contextmanager
    def folder(self) -> Iterator[Path]:
        """Make a folder for one module, and remove it with all that is in it.

        Raises:
            ToolchainMissing: the disk cannot be written.
        """
        with self._writing():
            self._scratch.mkdir(parents=True, exist_ok=True)
            made = Path(tempfile.mkdtemp(dir=self._scratch))
        try:
            yield made
        finally:
            remove_folder(made)

    def compile(
        self, folder: Path, module: str, text: str, budget: Budget, options: Mapping[str, Option]
    ) -> Ended:
        """Have ``lean`` compile a text to a module in ``folder``, the only one that it may write.

        Raises:
            LimitReached: it took more than the budget.
            BackendUnavailable: it cannot be started.
            ToolchainMissing: the disk cannot be written.
        """
        source = folder / f"{module}.lean"
        with self._writing():
            source.write_text(text, "utf-8")
        given = {**self.options, **options, "maxHeartbeats": budget.heartbeats}
        lean = [f"-D{name}={_shown(value)}" for name, value in given.items()]
        lean += ["--json", "-R", str(folder), "-o", str(_olean(folder, module)), str(source)]
        command = self.host.command(folder, lean, search=self.search, output=folder)
        bounds = Bounds(budget.wall_s, self._memory(budget), SAID_MB, folder, MODULE_MB)
        return run_bounded(command, bounds, self.watchdog)

    def export(self, folder: Path, module: str, name: str, budget: Budget) -> Ended:
        """Have ``lean4export`` write a constant of a module and all that it rests on.

        It reads files that the compiled text may have made, and may write none.

        Raises:
            LimitReached: it took more than the budget, or wrote more than :data:`EXPORT_MB`.
            BackendUnavailable: it cannot be started.
        """
        command = self.host.confined(
            (str(self.exporter), module, "--", name), folder, self.search, run=(self.exporter,)
        )
        bounds = Bounds(budget.wall_s, self._memory(budget), EXPORT_MB)
        return run_bounded(command, bounds, self.watchdog)

    def has_module(self, folder: Path, module: str) -> bool:
        """Whether a module was written."""
        return _olean(folder, module).is_file()

    def ensure_export(self, ended: Ended) -> None:
        """Refuse an exporter that does not work, or is another Lean's, by its first export.

        Raises:
            ToolchainMissing: it does not write what can be checked, or is another release's.
            BackendCrashed: it fails.
        """
        version = self.host.lean.version
        fix = how_to_build(self.settings, version)
        said = " ".join(ended.errors.split())[-300:] or f"exit code {ended.code}"
        meta = _meta(ended.out)
        if meta is None and ended.code != 0:
            raise BackendCrashed(f"{self.exporter} fails: {said}", fix=fix)
        if meta is None or not meta[0].startswith("3."):
            what = f"format {meta[0]}" if meta else "what is no export"
            raise ToolchainMissing(
                f"it writes {what}, and 3.x can be checked", field=str(self.exporter), fix=fix
            )
        # A build between releases says another version of itself than its compiler does.
        commit = self.host.lean.commit
        same = meta[1] == version or (commit is not None and meta[2].startswith(commit))
        if not same:
            raise ToolchainMissing(
                f"it was built for Lean {meta[1]}, not {version}", field=str(self.exporter), fix=fix
            )
        if ended.code != 0:
            raise BackendCrashed(f"{self.exporter} fails: {said}", fix=fix)

    def _memory(self, budget: Budget) -> float:
        return float(min(self.settings.process_memory_mb, budget.memory_mb or 10**9))


def _meta(export: bytes) -> tuple[str, str, str] | None:
    """The format, the Lean and its commit that an export's first line names; None without one."""
    try:
        meta = json.loads(export.split(b"\n", 1)[0])["meta"]
        form = meta.get("format") or meta["exporter"]
        lean = meta["lean"]
        return str(form["version"])[:20], str(lean["version"])[:60], str(lean.get("githash", ""))
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None


def _olean(folder: Path, module: str) -> Path:
    return folder / f"{module}.olean"


def _shown(value: Option) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
