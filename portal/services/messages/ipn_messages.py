"""One IPN, read as far as it may be: names and values of an unsigned form in an unsure character set (FACTS.md 3.2).

Nothing here believes anything.  What cannot be read is None or empty, never an exception and never a guess.
"""

from __future__ import annotations

import codecs
import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final
from urllib.parse import unquote_to_bytes

from portal.domain.money.money import Money

DEFAULT_CHARSET: Final = "windows-1252"  # PayPal's own default
# Those PayPal offers. Python knows more, and some of them (unicode_escape, idna) are not for messages.
CHARSETS: Final = re.compile(
    r"utf-?(8|16)|us-ascii|(windows|cp|ibm)-?[0-9]{3,4}|iso-?8859-?[0-9]{1,2}|iso-?2022-?(jp|kr)|koi8-?[ru]"
    r"|big5|euc-?(jp|kr)|shift-?jis|gb-?(2312|k|18030)|hz-?gb-?2312|johab"
)
MOST_FIELDS: Final = 500
LONGEST_VALUE: Final = 300
LONGEST_KEY: Final = 120
PROFILE_ID: Final = re.compile(r"[IS]-[A-Z0-9]{8,40}")
TRANSACTION_ID: Final = re.compile(r"[A-Za-z0-9-]{8,40}")
PROFILE_FIELDS: Final = ("recurring_payment_id", "subscr_id")  # FACTS.md 3.2: either, for every type
DATE_FIELDS: Final = ("payment_date", "subscr_effective", "subscr_date", "time_created")
RECEIVER_FIELDS: Final = ("receiver_email", "business", "receiver_id")

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PACIFIC: Final[Mapping[str, timezone]] = {"PST": timezone(timedelta(hours=-8)), "PDT": timezone(timedelta(hours=-7))}
_DATE = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2}) ([A-Za-z]{3})[a-z]*\.? ([0-9]{1,2}),? ([0-9]{4}) (P[SD]T)")
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_TOO_MUCH: Final = 10**14  # more than any price, and than what is stored


@dataclass(frozen=True)
class IpnMessage:
    """The fields of one message as text; the first of two with one name."""

    fields: Mapping[str, str]

    @classmethod
    def read(cls, body: bytes) -> IpnMessage:
        """Decode the body's fields by the charset it names, windows-1252 where that is none we know."""
        raw: dict[str, bytes] = {}
        for pair in body.split(b"&", MOST_FIELDS)[:MOST_FIELDS]:
            name, _equals, value = pair.partition(b"=")
            raw.setdefault(_plain(name).decode("ascii", "replace").strip().lower(), _plain(value))
        charset = _charset(raw.get("charset", b""))
        return cls({name: _line(value.decode(charset, "replace")) for name, value in raw.items()})

    def text(self, name: str) -> str:
        """Return a field on one line, without control characters; empty when it is absent."""
        return self.fields.get(name, "")

    @property
    def kind(self) -> str:
        """PayPal's word for what happened: the type, else (refunds have none) the payment's state."""
        word = self.text("txn_type") or self.text("payment_status")
        return re.sub(r"[^a-z0-9_]+", "_", word.lower())[:60] or "unknown"

    @property
    def profile_id(self) -> str:
        """The subscription's id, from whichever of the two fields has one (rather not an old `S-…`); empty without."""
        found = [value for name in PROFILE_FIELDS if PROFILE_ID.fullmatch(value := self.text(name).upper())]
        return min(found, default="")

    def transaction(self, name: str) -> str:
        """Return PayPal's id of a transaction; empty when the field has none."""
        found = self.text(name)
        return found if TRANSACTION_ID.fullmatch(found) else ""

    @property
    def happened_at(self) -> datetime | None:
        """When it happened, from the first of PayPal's dates that says so."""
        return next((found for name in DATE_FIELDS if (found := self.moment(name)) is not None), None)

    @property
    def receivers(self) -> frozenset[str]:
        """Everything that names who is paid, in lower case."""
        return frozenset(value for name in RECEIVER_FIELDS if (value := self.text(name).lower()))

    @property
    def is_test(self) -> bool:
        """Whether it says that it comes from the sandbox."""
        return self.text("test_ipn") == "1"

    def moment(self, name: str) -> datetime | None:
        """Return a date of PayPal's, as UTC; None for « N/A » and for what is no date."""
        return pacific(self.text(name))

    def money(self, amount: str, currency: str) -> Money | None:
        """Return the money in two fields; None when it is not money or absurdly much."""
        read = Money.parse(self.text(amount), self.text(currency))
        return read if read is not None and abs(read.amount) < _TOO_MUCH else None

    @property
    def email(self) -> str | None:
        """The payer's address; None when it is none."""
        address = self.text("payer_email")
        fits = len(address) <= 254 and re.fullmatch(r"[^@\s]+@[^@\s]+", address)
        return address if fits else None


def key_of(message: IpnMessage, body: bytes) -> str:
    """Return what identifies a message, so that the same one sent again is known (FACTS.md 3.2, 3).

    A transaction in one state of one type; what has no transaction goes by PayPal's tracking id; anything else
    by its bytes.
    """
    kind = message.text("txn_type")
    if message.text("txn_id"):
        key = ":".join((message.text("txn_id"), message.text("payment_status"), kind))
    elif message.text("ipn_track_id"):
        key = ":".join((message.text("ipn_track_id"), kind))
    else:
        return f"body:{digest(body)}"
    return key if len(key) <= LONGEST_KEY else f"long:{digest(key.encode())}"


def digest(content: bytes) -> str:
    """Return a fingerprint of 32 characters."""
    return hashlib.sha256(content).hexdigest()[:32]


def pacific(text: str) -> datetime | None:
    """Read PayPal's « 03:00:00 May 18, 2026 PDT » (English, Pacific time) as UTC; None when it is not one."""
    found = _DATE.fullmatch(text)
    if found is None or found[4].lower() not in _MONTHS:
        return None
    hour, minute, second, month, day, year, zone = found.groups()
    try:
        read = datetime(
            int(year),
            _MONTHS.index(month.lower()) + 1,
            int(day),
            int(hour),
            int(minute),
            int(second),
            tzinfo=_PACIFIC[zone],
        ).astimezone(UTC)
    except (ValueError, OverflowError):  # the 31st of February
        return None
    return read if _EARLIEST <= read < _LATEST else None


def _plain(piece: bytes) -> bytes:
    return unquote_to_bytes(piece.replace(b"+", b" "))


def _charset(named: bytes) -> str:
    name = named.decode("ascii", "replace").strip().lower().replace("_", "-")
    if not CHARSETS.fullmatch(name):
        return DEFAULT_CHARSET
    try:
        return codecs.lookup(name).name
    except LookupError:  # iso-8859-99
        return DEFAULT_CHARSET


def _line(value: str) -> str:
    """Return one clean line: PostgreSQL refuses NUL and lone surrogates, a mail's header refuses line breaks."""
    kept = "".join(" " if unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} else sign for sign in value)
    return " ".join(kept.split())[:LONGEST_VALUE].strip()
