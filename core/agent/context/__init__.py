"""What goes into the context window: token counts, the budget, trimming, long-term memory.

Front doors: :func:`core.agent.context.fit.fit` and :class:`core.agent.context.desk.Facts`.
"""
