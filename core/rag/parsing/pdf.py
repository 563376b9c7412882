"""PDF: the text of each page."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.rag.parsing.errors import LoadError
from core.text import clean_line


@dataclass(frozen=True, slots=True)
class Pages:
    """What a PDF says."""

    texts: list[str]
    title: str
    note: str = ""
    """``pages_without_text`` or ``pages_unreadable``."""


def read(data: bytes, cleaned: Callable[[str], str], most: int) -> Pages:
    """Return a PDF's pages.

    Args:
        data: The file.
        cleaned: Applied to each page's text.
        most: Characters of text that are allowed.

    Raises:
        LoadError: ``protected``, ``no_text``, ``too_long``, ``too_complex`` or ``damaged``.
    """
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError, PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    texts: list[str] = []
    total = unreadable = without = 0
    try:
        reader = PdfReader(io.BytesIO(data))
        # Many files are encrypted with no password, only to forbid printing; readers open them.
        if reader.is_encrypted and not reader.decrypt(""):
            raise LoadError("protected")
        for page in reader.pages:
            try:
                text = cleaned(page.extract_text()).strip()
            except (LimitReachedError, FileNotDecryptedError, DependencyError):
                raise
            except _ANY as error:
                if isinstance(error, RecursionError | MemoryError):
                    raise
                text = ""
                unreadable += 1
            without += not text and _has_picture(page)
            total += len(text) + 2
            if total > most:
                raise LoadError("too_long", limit=f"{most:,}")
            texts.append(text)
        title = _title(reader)
    except DependencyError as error:
        raise LoadError("encryption") from error
    except FileNotDecryptedError as error:
        raise LoadError("protected") from error
    except LimitReachedError as error:
        raise LoadError("too_complex") from error
    except RecursionError as error:
        raise LoadError("too_complex") from error
    except (PyPdfError, *_ANY) as error:
        # pypdf meets broken files with many kinds of exception, not only its own.
        raise LoadError("damaged") from error
    if not any(texts):
        raise LoadError("damaged" if unreadable and unreadable == len(texts) else "no_text")
    note = "pages_unreadable" if unreadable else "pages_without_text" if without else ""
    return Pages(texts, title, note)


_ANY = (ValueError, TypeError, KeyError, IndexError, AttributeError, OSError, ArithmeticError, AssertionError, NotImplementedError, LookupError, EOFError)  # fmt: skip


def _has_picture(page: Any) -> bool:
    """Say whether a page shows a picture: without text it is a scan, else it is only empty."""
    try:
        found = page["/Resources"].get("/XObject", {}).get_object()
        return any(one.get_object().get("/Subtype") == "/Image" for one in found.values())
    except Exception:
        # Whatever is wrong with a page's resources, there is nothing to tell then.
        return False


def _title(reader: Any) -> str:
    title = clean_line(str(getattr(reader.metadata, "title", None) or ""))
    # Word processors leave their file name or "untitled" here; those say less than the file's own name.
    useless = title.lower() in ("", "untitled", "anonymous") or title.lower().endswith(
        (".doc", ".docx", ".hwp", ".hwpx", ".ppt", ".pptx")
    )
    return "" if useless else title
