"""The session store: everything a user saw, in one SQLite file. Front door: :class:`Store`.

Reads and writes by topic: :mod:`~core.session.chat`, :mod:`~core.session.documents`,
:mod:`~core.session.samples`; out of the store: :mod:`~core.session.export`.
"""

from core.session.store import Store, rescue

__all__ = ["Store", "rescue"]
