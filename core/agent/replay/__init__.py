"""Repeating what was recorded: a model call, a run; forks; exports.

Front door: :class:`core.agent.replay.desk.Traces`.
"""
