"""The agent on trial: tasks with right answers, hostile texts, and a room where nothing leaves the machine.

Front doors: :class:`core.lab.trials.room.Room` runs questions through the real agent, :mod:`core.lab.trials.tasks` and
:mod:`core.lab.trials.injections` hold the data sets, :func:`core.lab.trials.grade.grade` grades.
"""
