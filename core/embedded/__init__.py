"""The server side: an Ollama-compatible HTTP server over llama.cpp, for machines without Ollama.

It runs in a child process of its own (``python -m core.embedded``), so that a crash of native code or a lack of
memory costs an answer and not the app, and so that the memory it uses can be measured by itself.

Front doors:

* :class:`core.embedded.supervisor.Supervisor`: starts the child, restarts it when it dies, stops it.
* :func:`core.embedded.foreground.serve`: ``llm-study engine serve``, for anybody's Ollama client.

Inside the child: :mod:`~core.embedded.app` routes requests to :mod:`~core.embedded.native` (``/api``),
:mod:`~core.embedded.manage` (pull, create, delete; files in :mod:`~core.embedded.store`),
:mod:`~core.embedded.info` (models and metadata) and :mod:`~core.embedded.openai` (``/v1``); they take a slot from
:mod:`~core.embedded.scheduler`, which loads and unloads :mod:`~core.embedded.llama` models.
"""
