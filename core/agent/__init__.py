"""The agent: a LangGraph graph over the engine, its tools, and a trace of everything it does.

Front door: :class:`core.agent.run.Agent`. Importing this package is light; LangChain and LangGraph are
imported when the first question is asked (or by :func:`core.agent.run.warm_up`, in a worker).
"""
