"""The agent's tools.

A tool is a :class:`core.agent.types.Tool`: a name, a sentence for the model, a flat JSON schema of its arguments and
an async ``call(context, arguments)`` that returns a :class:`core.agent.types.ToolResult`. To add one:

1. Write ``core/agent/tools/<name>.py`` with ``TOOL = Tool(...)`` and its ``call``. Import heavy libraries inside it.
2. ``call`` returns what it found, or raises: :class:`core.errors.StudyError` for what a user can understand,
   :class:`core.agent.tools.web.HttpFailed` for an HTTP answer. It need not clean, cut, time or retry anything:
   :func:`core.agent.tools.runner.run` does that for every tool alike, by the tool's own figures
   (``timeout_s``, ``retries``, ``cache_s``, ``max_chars``).
3. When something leaves the machine, set ``leaves`` to the key of a sentence that says what; the tool then asks first
   (:mod:`core.agent.tools.permission`). When others wrote the result, set ``untrusted``.
4. Name the module in :data:`core.agent.tools.registry.BUILTIN`, and write its sentences in ``core/i18n/*/tools.py``.

Front doors: :func:`core.agent.tools.registry.tools_for`, :func:`core.agent.tools.runner.run`,
:func:`core.agent.tools.permission.permission_of`, :func:`core.agent.tools.wrapped.structured` (for LangChain).
"""
