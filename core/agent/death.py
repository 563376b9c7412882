"""Whether a run that lost its engine lost it for want of memory.

Ollama from 0.30 on only says "unexpected EOF" when the kernel kills its runner in the middle of an answer, the same as
for any crash: the kernel's own counter tells the two apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import StudyError
from core.ollama.errors import EngineCrashed, EngineOutOfMemory, EngineUnreachable, StreamCut

if TYPE_CHECKING:
    from core.engines import Engine

_LOST = (EngineCrashed, EngineOutOfMemory, EngineUnreachable, StreamCut)


class DeathWatch:
    """The kernel's count of kills at the start of a run. Reads files: to be made in a worker thread.

    Args:
        engine: Its process has to run on this machine; of another nothing is known and nothing claimed.
    """

    def __init__(self, engine: Engine) -> None:
        pids = engine.root_pids()
        self._pid = pids[0] if pids else None
        self._kills = self._count()

    def explain(self, error: StudyError) -> StudyError:
        """Return what to tell the user: the lack of memory when the kernel killed meanwhile, else ``error``."""
        # Sizes from the engine itself say more than a count.
        if self._pid is None or not isinstance(error, _LOST) or error.key == "error.engine.memory.sizes":
            return error
        from core.fit import oom

        text = str(error.params.get("reason", ""))
        found = oom.explain(text=text, kills_before=self._kills, kills_after=self._count(), pid=self._pid)
        # Only the kernel's word: what the engine's words mean was decided where they were read.
        return found if found is not None and found.reason == "killed" else error

    def _count(self) -> int | None:
        if self._pid is None:
            return None
        from core.fit.oom import kill_count

        return kill_count(self._pid)
