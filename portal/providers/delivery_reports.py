"""Reads what a mail server sends back to an envelope sender: a delivery status (RFC 3464), or anything else.

Every byte is a stranger's.  Only the beginning is read, since the mail that came back follows the status; what cannot
be read is no report.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser, HeaderParser
from email.policy import compat32
from itertools import islice
from typing import Final

import structlog

from portal.domain.people import bounces
from portal.domain.people.bounces import RANK, Report

log = structlog.get_logger(__name__)

MOST_BYTES: Final = 512 * 1024
MOST_RECIPIENTS: Final = 50  # a mail of ours has one; lists and forwards may add some
MOST_TOKENS: Final = 10
MOST_OF_A_HEADER: Final = 4000
ADDRESSED_BY: Final = ("Delivered-To", "X-Original-To", "Envelope-To", "To")  # which server writes which: operations.md
STATUSES: Final = ("message/delivery-status", "message/global-delivery-status")
ACTIONS: Final = {one.value: one for one in Report}  # *relayed* and *expanded* say nothing of the mailbox


@dataclass(frozen=True, kw_only=True)
class DeliveryReport:
    """What a server says became of a mail; `code` like 5.1.1 and `words` may be empty."""

    report: Report
    code: str = ""
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A message to the bounce address: the tokens it was addressed to, and the report in it, if it is one."""

    tokens: tuple[str, ...]
    report: DeliveryReport | None


def read(raw: bytes, *, recipient: str = "") -> Incoming:
    """Return what a message says. `recipient`: the envelope's, where the mail server tells it; else its headers do."""
    try:
        message = BytesParser(policy=compat32).parsebytes(raw[:MOST_BYTES])
        tokens = tuple(islice(_tokens(message, recipient), MOST_TOKENS))
        return Incoming(tokens=tokens, report=_report(message))
    except Exception as error:  # the parser promises nothing for bytes that no mail program would write
        log.warning("bounce_unreadable", error=type(error).__name__)
        return Incoming(tokens=tuple(_in(recipient)), report=None)


def _tokens(message: Message, recipient: str) -> Iterator[str]:
    if recipient:
        yield from _in(recipient)
        return
    for name in ADDRESSED_BY:
        for value in message.get_all(name, []):
            yield from _in(str(value))


def _in(text: str) -> list[str]:
    return bounces.TOKENS.findall(text[:MOST_OF_A_HEADER].lower())


def _report(message: Message) -> DeliveryReport | None:
    """Return the weightiest of what it says; None for a vacation notice, a receipt, a letter that quotes a report."""
    if message.get_content_type() != "multipart/report":
        return None
    parts = message.get_payload()
    status = next((part for part in _messages(parts) if part.get_content_type() in STATUSES), None)
    if status is None:
        return None
    told = [_of_recipient(block) for block in islice(_groups(status), MOST_RECIPIENTS)]
    return max((one for one in told if one is not None), key=lambda one: RANK[one.report], default=None)


def _groups(status: Message) -> Iterator[Message]:
    """Yield the groups of fields; for addresses with accents (RFC 6533) the parser knows the first alone."""
    groups = _messages(status.get_payload())
    yield from groups
    rest = groups[0].get_payload() if len(groups) == 1 else None
    if isinstance(rest, str):
        for text in rest.replace("\r\n", "\n").split("\n\n"):
            yield HeaderParser(policy=compat32).parsestr(text)


def _messages(payload: object) -> list[Message]:
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _of_recipient(block: Message) -> DeliveryReport | None:
    """Return what a group of fields says; the first group is about the report itself and names no action."""
    said = {name: str(block.get(name, "")) for name in ("Action", "Status", "Diagnostic-Code")}
    report = ACTIONS.get(said["Action"].partition("(")[0].strip().lower())
    if report is None:
        return None
    kind, separator, words = said["Diagnostic-Code"].partition(";")
    return DeliveryReport(
        report=report,
        code=bounces.code_in(said["Status"]) or bounces.code_in(said["Diagnostic-Code"]),
        words=bounces.clean(words if separator else kind),
    )
