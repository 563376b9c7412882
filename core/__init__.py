"""Everything LLM Study does, without the interface: importable and testable headless.

Front doors: :class:`core.runtime.Runtime` for a program, :func:`core.cli.main` for a shell.
Nothing in here may import ``textual`` or ``tui`` (import-linter holds it).
"""

__version__ = "0.1.0"
