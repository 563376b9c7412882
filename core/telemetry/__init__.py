"""What the machine and the engine's processes use. Front doors: :class:`Hub` and :func:`engine_memory`.

Every source (the host, the engine's process tree, the token stream, disks, networks, pressure, graphics cards, the
container) has one cached sampler with a period and a cost budget; whoever wants a number reads the last
:class:`core.events.Sample`. What cannot be read is ``None``, never 0 and never an exception.
"""

from core.telemetry.hub import Hub
from core.telemetry.process import ProcessTree, TreeReading, engine_memory

__all__ = ["Hub", "ProcessTree", "TreeReading", "engine_memory"]
