"""A server that fails on request, and tools that do: what the agent's recovery is measured with.

Front doors: :class:`core.lab.faulty.server.FaultyServer`, :data:`core.lab.faulty.matrix.CASES`,
:func:`core.lab.faulty.tools.broken`.
"""
