"""What the portal asks of a mail server, and the errors it may answer with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file that goes with a message. `media_type` is like `application/pdf`."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A message ready to be sent. `message_id` makes a second delivery recognisable.

    `envelope_sender` is where a server that cannot deliver it reports to; empty: the sender.
    """

    message_id: str
    to: str
    sender: str
    reply_to: str | None
    subject: str
    text: str
    html: str
    language: str
    attachments: tuple[Attachment, ...] = ()
    envelope_sender: str = ""
    sender_name: str = ""  # whose message the reader sees; empty: the name that `sender` has


class MailRefused(Exception):
    """The mail server refused this message for good (5xx)."""


class MailUnavailable(Exception):
    """The mail server did not take the message now (4xx, network)."""


class Mailer(Protocol):
    """Sends one composed message; raises `MailRefused` (permanent) or `MailUnavailable` (try again)."""

    def send(self, letter: Letter) -> None: ...
