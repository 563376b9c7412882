"""Recorded runs, for the interfaces: looked at, repeated, forked, compared, taken elsewhere."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from core.agent.replay.types import Call, Comparison, DiffPart, ExportFormat
from core.errors import StudyError
from core.ground import Ground
from core.session.rows import Rerun, Session

if TYPE_CHECKING:
    from core.runtime import Runtime


class Traces:
    """Recorded runs, to look at and to repeat. What says "blocking" reads the store: call it in a worker."""

    def __init__(self, ground: Ground, runtime: Runtime) -> None:
        self._ground = ground
        self._runtime = runtime

    # -- one call -----------------------------------------------------------------------------------------

    def call(self, span_id: str) -> Call:
        """Return a recorded model call as it was sent. Blocking."""
        _missing()

    def curl(self, span_id: str) -> str:
        """Return the command that makes the call again, its token as ``$LLM_STUDY_TOKEN``. Blocking."""
        _missing()

    def rerun(self, span_id: str, n: int = 1) -> Future[list[Rerun]]:
        """Make a recorded call ``n`` times more; each answer is a row, told as ``ReplayChanged``."""
        return self._ground.call(_later())

    def reruns(self, of: str) -> list[Rerun]:
        """Return what was repeated of a span or a run, oldest first. Blocking."""
        _missing()

    def determinism(self, prompt: str, k: int, seeded: bool) -> Future[list[Rerun]]:
        """Put the same prompt to the model ``k`` times, with one seed or with a new one each time."""
        return self._ground.call(_later())

    # -- whole runs ---------------------------------------------------------------------------------------

    def fork(
        self,
        session_id: str,
        at: str,
        *,
        prompt: str | None = None,
        tool_result: str | None = None,
        model: str | None = None,
    ) -> Future[Session]:
        """Make a new session that goes up to a span or a message, with an edit; the original stays as it is.

        The next run is started unless nothing was edited.
        """
        return self._ground.call(_later())

    def replay(self, run_id: str, model: str | None = None, live_tools: bool = False) -> Future[str]:
        """Run a recorded question again in a hidden session; gives the new run's id once it is on disk.

        Recorded tool results are used; tools are called again only with ``live_tools``.
        """
        return self._ground.call(_later())

    def compare_runs(self, a: str, b: str) -> Comparison:
        """Put two runs side by side. Blocking."""
        _missing()

    def diff(self, a: str, b: str) -> list[DiffPart]:
        """Compare two texts by words."""
        _missing()

    def correct_route(self, run_id: str, tool: str) -> Future[None]:
        """Say which tool a question was for (``none``: no tool): it becomes an example of the router."""
        return self._ground.call(_later())

    # -- elsewhere ----------------------------------------------------------------------------------------

    def export(self, run_or_session_id: str, folder: Path, format: ExportFormat = "otlp") -> Future[Path]:
        """Write a run or a session into a file in ``folder``; gives its path."""
        return self._ground.call(_later())

    def import_session(self, path: Path) -> Future[Session]:
        """Read a session that was exported as JSONL."""
        return self._ground.call(_later())

    async def close(self) -> None:
        """Stop what still goes on."""


def _missing() -> NoReturn:
    raise StudyError("error.trace.not_yet")


async def _later() -> Any:
    _missing()
