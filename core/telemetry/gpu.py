"""Graphics cards through NVIDIA's management library (NVML), where there are any."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeVar

from core.events import Gpu
from core.text import clean_line

RETRY_SECONDS = 300.0
"""How long a machine without a driver is left alone."""

DEVICES = ("/dev/nvidiactl", "/dev/dxg")
"""One of these is there where a Linux (the second: under Windows) has a card of NVIDIA's."""

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Gpus:
    """Reads every card. For one thread at a time; the library is loaded with the first reading.

    Args:
        library: Returns the module ``pynvml`` or what behaves like it.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self, library: Callable[[], Any] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._library = library or _load
        self._clock = clock
        self._nvml: Any = None
        self._retry = float("-inf")

    def read(self, pids: Collection[int] = ()) -> tuple[Gpu, ...]:
        """Read every card.

        Args:
            pids: The engine's processes, whose memory on the card is told apart.

        Returns:
            ``()`` without a card or a driver; a figure that a card does not tell is ``None``.
        """
        if self._nvml is None:
            if self._clock() < self._retry:
                return ()
            self._retry = self._clock() + RETRY_SECONDS
            try:
                nvml = self._library()
                nvml.nvmlInit()
            except Exception as error:
                # ImportError, NVMLError (no library, no driver, no permission): no card, as far as we can see.
                _log.info("no GPU through NVML: %s", error)
                return ()
            self._nvml = nvml
        try:
            return tuple(
                self._card(self._nvml.nvmlDeviceGetHandleByIndex(index), frozenset(pids))
                for index in range(self._nvml.nvmlDeviceGetCount())
            )
        except Exception as error:
            # The driver went away (reset, unloaded, card lost).
            _log.warning("the GPU cannot be read any more: %s", error)
            self.close()
            return ()

    def close(self) -> None:
        """Let the library go."""
        nvml, self._nvml = self._nvml, None
        if nvml is not None:
            self._ask(nvml.nvmlShutdown)

    def _card(self, handle: Any, pids: frozenset[int]) -> Gpu:
        nvml = self._nvml
        name = self._ask(nvml.nvmlDeviceGetName, handle) or ""
        memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)
        use = self._ask(nvml.nvmlDeviceGetUtilizationRates, handle)
        power = self._ask(nvml.nvmlDeviceGetPowerUsage, handle)
        heat = self._ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU)
        return Gpu(
            name=clean_line(name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name))[:60],
            utilisation_percent=None if use is None else float(use.gpu),
            memory_used_bytes=None if memory is None else int(memory.used),
            memory_total_bytes=None if memory is None else int(memory.total),
            engine_memory_bytes=self._of(handle, pids),
            power_w=None if power is None else round(power / 1000, 1),
            temperature_c=None if heat is None else float(heat),
        )

    def _of(self, handle: Any, pids: frozenset[int]) -> int | None:
        """Memory of the engine's processes; ``None`` when the card does not tell it, 0 when they have none."""
        running = self._ask(self._nvml.nvmlDeviceGetComputeRunningProcesses, handle)
        if running is None or not pids:
            return None
        # A process may be listed once for each of its contexts; the size may be hidden (WSL, MIG).
        mine = [one.usedGpuMemory for one in running if one.pid in pids]
        return None if None in mine else int(sum(mine))

    @staticmethod
    def _ask(function: Callable[..., T], *arguments: Any) -> T | None:
        try:
            return function(*arguments)
        except Exception as error:
            if type(error).__name__ in ("NVMLError_GpuIsLost", "NVMLError_Uninitialized"):
                raise
            return None


def _load() -> Any:
    if sys.platform.startswith("linux") and not any(Path(node).exists() for node in DEVICES):
        raise OSError("no device of NVIDIA's")

    import pynvml

    return pynvml
