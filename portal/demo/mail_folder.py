"""The demo's mails as files: one each, read back whole with the files that came with them."""

from __future__ import annotations

import email
import email.policy
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Attached:
    """A file that came with a mail; its name is the sender's word."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One mail received. `received_at` is aware UTC; `id` sorts by it."""

    id: str
    to: str
    sender: str
    subject: str
    message_id: str
    received_at: datetime
    text: str
    html: str
    attached: tuple[Attached, ...] = ()

    def as_json(self) -> dict[str, str]:
        """Return what a test needs, in JSON's types."""
        return {
            "id": self.id,
            "to": self.to,
            "from": self.sender,
            "subject": self.subject,
            "message_id": self.message_id,
            "date": self.received_at.isoformat(),
            "text": self.text,
            "html": self.html,
        }


class MailFolder:
    """Mails as files, one each, named by the moment they came."""

    def __init__(self, folder: Path) -> None:
        self.path = folder
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, raw: bytes) -> str:
        """Store a mail and return its id; a reader never sees half of it."""
        mail_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}"
        unfinished = self.path / f"{mail_id}.part"
        unfinished.write_bytes(raw)
        unfinished.rename(self.path / f"{mail_id}.eml")
        return mail_id

    def all(self) -> list[Mail]:
        """Return every mail, newest first."""
        return [_read(path) for path in sorted(self.path.glob("*.eml"), reverse=True)]

    def find(self, mail_id: str) -> Mail | None:
        """Return one mail. Compared with the names that exist, so that no id can name another file."""
        return next((_read(path) for path in self.path.glob("*.eml") if path.stem == mail_id), None)


def _read(path: Path) -> Mail:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    return Mail(
        id=path.stem,
        to=str(message.get("To", "")),
        sender=str(message.get("From", "")),
        subject=str(message.get("Subject", "")),
        message_id=str(message.get("Message-ID", "")).strip(),
        received_at=datetime.strptime(path.stem.partition("-")[0], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC),
        text=_body(message, "plain"),
        html=_body(message, "html"),
        attached=tuple(_attached(part) for part in message.iter_attachments()),
    )


def _body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    return str(part.get_content()).replace("\r\n", "\n") if part else ""


def _attached(part: EmailMessage) -> Attached:
    content = part.get_payload(decode=True)
    return Attached(
        name=part.get_filename() or "",
        media_type=part.get_content_type(),
        content=content if isinstance(content, bytes) else part.as_bytes(),  # a mail inside a mail stays as it is
    )
