"""The envelope's sender of each message: reports come back to an address that names it, and that nobody can guess."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import Final

from portal.domain.people import bounces
from portal.domain.people.bounces import MARK_BYTES, MOST_ROUNDS, Sending
from portal.models import Mail
from portal.services.context import Context

PURPOSE: Final = "mails.envelope"  # what the marks are for


def sender_of(ctx: Context, mail: Mail) -> str:
    """Return the address that a report about this sending comes to; "" where none is set up."""
    if not ctx.bounce_address:
        return ""
    sending = Sending(mail.id, min(mail.rounds, MOST_ROUNDS))
    return bounces.address(ctx.bounce_address, bounces.token(sending, _marks(ctx, sending)[0]))


def named_by(ctx: Context, tokens: Iterable[str]) -> Sending | None:
    """Return the sending that one of the tokens names; None when none was made here, by whatever master key."""
    for token in tokens:
        unpacked = bounces.unpack(token)
        if unpacked is not None:
            sending, given = unpacked
            if any(hmac.compare_digest(mark, given) for mark in _marks(ctx, sending)):
                return sending
    return None


def _marks(ctx: Context, sending: Sending) -> list[bytes]:
    return [bytes.fromhex(stamp)[:MARK_BYTES] for stamp in ctx.vault.stamps(sending.text, purpose=PURPOSE)]
