"""Reading GGUF model files, anybody's: bounded memory, no trust in what a file says of itself.

Front door: :func:`read_header`.
"""

from core.gguf.header import GgufError, Header, read_header

__all__ = ["GgufError", "Header", "read_header"]
