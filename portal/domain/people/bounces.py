"""Mails that come back: what a report says, which mail it names, and in which words a server's reason is told.

A report comes to an address that names one sending of one mail (VERP): its token cannot be guessed, so that nobody but
those who handled that mail can say anything of it.  The rest of a report is a stranger's text.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MARK_BYTES: Final = 10  # of the HMAC: a guess costs a mail, and one in 2^80 fits
TOKEN_LENGTH: Final = 44  # base32 of 16 + 1 + 10 bytes; letters of mail addresses lose their case on the way
MOST_ROUNDS: Final = 255
LONGEST_LOCAL_PART: Final = 64  # RFC 5321, 4.5.3.1.1
LONGEST_WORDS: Final = 300
MOST_READ: Final = 2000  # letters of a server's sentence
TOKENS: Final = re.compile(rf"\+([a-z2-7]{{{TOKEN_LENGTH}}})@")
CODE: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")  # RFC 3463


class Report(StrEnum):
    """What became of a mail, as a server reports it (RFC 3464, *Action*)."""

    DELAYED = "delayed"
    DELIVERED = "delivered"
    FAILED = "failed"


# A later report counts when it says more: what failed for good stays so until it is sent anew.
RANK: Final = {None: 0, Report.DELAYED: 1, Report.DELIVERED: 2, Report.FAILED: 3}


class Reason(StrEnum):
    """Why a mail came back, as far as the code tells."""

    NO_MAILBOX = "no_mailbox"
    NO_DOMAIN = "no_domain"
    MAILBOX_FULL = "mailbox_full"
    MAILBOX_CLOSED = "mailbox_closed"
    TOO_BIG = "too_big"
    UNREACHABLE = "unreachable"
    UNWANTED = "unwanted"
    OTHER = "other"


# RFC 3463 and the registry that goes on from it: by subject and detail, else by subject.
REASONS: Final = {
    "1.1": Reason.NO_MAILBOX,
    "1.2": Reason.NO_DOMAIN,
    "1.3": Reason.NO_MAILBOX,
    "1.6": Reason.NO_MAILBOX,
    "1.10": Reason.NO_DOMAIN,
    "2.1": Reason.MAILBOX_CLOSED,
    "2.2": Reason.MAILBOX_FULL,
    "2.3": Reason.TOO_BIG,
    "3.4": Reason.TOO_BIG,
    "4.1": Reason.UNREACHABLE,
    "4.2": Reason.UNREACHABLE,
    "4.3": Reason.UNREACHABLE,
    "4.4": Reason.NO_DOMAIN,
    "4.7": Reason.UNREACHABLE,
}
REASONS_BY_SUBJECT: Final = {"1": Reason.NO_MAILBOX, "7": Reason.UNWANTED}

# What the promise rests on: when one of these did not arrive, somebody has to reach the customer.
PROMISED: Final = frozenset(
    {
        "request_received",
        "declaration_received",
        "declaration_link",
        "request_dismissed",
        "end_recorded",
        "end_moved",
        "end_dated",
        "end_withdrawn",
        "end_plan_withdrawn",
        "end_confirmed",
        "end_already_over",
        "end_overdue",
        "access_ends_soon",
        "access_ended",
        "pause_confirmed",
        "pause_refused",
        "pause_taken_back",
        "resume_soon",
        "resume_confirmed",
        "comeback_approved",
        "payment_refunded",
        "payment_missed",
        "access_closes_soon",
        "payment_settled",
        "price_changed",
        "settlement_failed",
        "late_payment",
        "late_payment_refunded",
        "late_payment_open",
        "late_payment_kept",
        "withdrawal_accepted",
    }
)
# Put off so often, which takes more than a day, a message has not reached anybody: as good as one that came back.
TRIES_IN_VAIN: Final = 10
TO_MERCHANTS: Final = "merchant_"  # how the kinds begin that tell the merchant of something to do or to know


@dataclass(frozen=True)
class Sending:
    """One sending of one mail: `rounds` counts how often it was sent anew, so that an old report says nothing of it."""

    mail_id: uuid.UUID
    rounds: int

    @property
    def text(self) -> str:
        """What its mark is made of."""
        return f"{self.mail_id}:{self.rounds}"


def token(sending: Sending, mark: bytes) -> str:
    """Return what an address names the sending by."""
    packed = sending.mail_id.bytes + bytes([sending.rounds]) + mark[:MARK_BYTES]
    return base64.b32encode(packed).decode().rstrip("=").lower()


def unpack(text: str) -> tuple[Sending, bytes] | None:
    """Return the sending that a token names, and its mark, which is still to be compared; None for anything else."""
    try:
        packed = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError):
        return None
    if len(packed) != 17 + MARK_BYTES or token(Sending(uuid.UUID(bytes=packed[:16]), packed[16]), packed[17:]) != text:
        return None
    return Sending(uuid.UUID(bytes=packed[:16]), packed[16]), packed[17:]


def address(bounce_address: str, named: str) -> str:
    """Return the address `local+token@domain` under the one that reports go to."""
    local, _, domain = bounce_address.rpartition("@")
    return f"{local}+{named}@{domain}"


def code_in(text: str) -> str:
    """Return the first status code of a text, like 5.1.1; "" when there is none."""
    found = CODE.search(text[:MOST_READ])
    return found[0] if found else ""


def reason_of(code: str) -> Reason:
    """Return what a status code means for whoever has to reach the person."""
    _kind, _, rest = code.partition(".")
    return REASONS.get(rest) or REASONS_BY_SUBJECT.get(rest.partition(".")[0], Reason.OTHER)


def clean(text: str) -> str:
    """Return a server's sentence on one line, cut, without addresses, controls, or halves of letters.

    Servers repeat addresses, and a forwarded mail would show one that nobody here may know.
    """
    kept = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in text[:MOST_READ])
    words = re.sub(r"[^\s<>]+@[^\s<>]+", "…", re.sub(r"\s+", " ", kept).strip())
    return words if len(words) <= LONGEST_WORDS else words[: LONGEST_WORDS - 1].rstrip() + "…"
