"""Answers from documents: which of their sentences the passages bear out, and how passages are given to a model.

Pure functions, no model. Front doors: :func:`core.agent.answers.attribute.checked`,
:func:`core.agent.answers.verify.verify`, :func:`core.agent.answers.extract.extract`,
:func:`core.agent.answers.pack.pack`, :func:`core.agent.answers.guard.delimited`.
"""
