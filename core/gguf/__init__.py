"""Reading GGUF model files, anybody's: bounded memory, no trust in what a file says of itself.

Front door: :func:`read_header`; over the network :mod:`core.gguf.remote` and :mod:`core.gguf.ollama_registry`.
"""

from core.gguf.header import GgufError, Header, Tensors, read_header

__all__ = ["GgufError", "Header", "Tensors", "read_header"]
