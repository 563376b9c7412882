"""E-mail (RFC 5322, MIME): who, when, subject and what was written; attachments are named, never opened."""

from __future__ import annotations

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from core.rag.parsing import web
from core.rag.parsing.errors import LoadError

HEADERS = ("From", "To", "Cc", "Date")


def read(data: bytes) -> tuple[str, str]:
    """Return a mail's text and its subject.

    Raises:
        LoadError: ``damaged``.
    """
    try:
        mail = BytesParser(policy=policy.default).parsebytes(data)
        subject = str(mail.get("Subject", "")).strip()
        heads = [f"{name}: {mail[name]}" for name in HEADERS if mail[name]]
        body, names = _body(mail), [one.get_filename() or "" for one in mail.iter_attachments()]
    except (ValueError, LookupError, TypeError, AttributeError, IndexError, UnicodeError) as error:
        # The standard library meets broken mails with many kinds of exception.
        raise LoadError("damaged") from error
    parts = [f"# {subject}" if subject else "", "\n".join(heads), body]
    parts.append("\n".join(f"- {name}" for name in names if name))
    return "\n\n".join(part for part in parts if part), subject


def _body(mail: EmailMessage) -> str:
    part = mail.get_body(("plain", "html"))
    if part is None:
        return ""
    text = str(part.get_content())
    return web.read(text)[0] if part.get_content_subtype() == "html" else text
