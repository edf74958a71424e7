"""A message as the mail server gets it: its words, whose it is, and the proof that a confirmation carries.

The proof is made here, as the message leaves, with the bytes that the page gives; nothing big is stored.  A PDF that
cannot be made is tried like any other failure; from the third attempt on the mail leaves without it: its text and the
page say the same.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import structlog

from portal.logs import place_of
from portal.mail.composing import sender_name
from portal.mail.ends import PROVING, as_sent
from portal.models import Mail, Merchant
from portal.providers.letters import Attachment, Letter
from portal.queries.law import proofs as proof_queries
from portal.services import proofs
from portal.services.context import Context
from portal.services.notices import envelopes

log = structlog.get_logger(__name__)

TRIES_WITH_PROOF: Final = 2


def letter_of(ctx: Context, mail: Mail, opened: dict[str, str], *, now: datetime) -> Letter:
    """Return the message with those words as it leaves now."""
    files = _attachments(ctx, mail, now=now)
    content = as_sent(mail.kind, opened, mail.language, has_file=bool(files))
    with ctx.db.read() as session:
        merchant = session.get_one(Merchant, mail.merchant_id)
    # Answers go to the merchant; the merchant's own mails need no answer address.
    reply_to = merchant.support_email if merchant.support_email != mail.recipient else None
    return Letter(
        message_id=mail.message_id,
        to=mail.recipient,
        sender=ctx.mail_from,
        reply_to=reply_to,
        subject=content.get("subject", mail.subject),
        text=content["text"],
        html=content["html"],
        language=mail.language,
        attachments=files,
        envelope_sender=envelopes.sender_of(ctx, mail),
        sender_name=sender_name(mail.kind, merchant.sender_name or merchant.name),
    )


def _attachments(ctx: Context, mail: Mail, *, now: datetime) -> tuple[Attachment, ...]:
    """Return the proof of the end that the message confirms, if it confirms one."""
    if mail.kind not in PROVING or mail.end_request_id is None:
        return ()
    with ctx.db.read() as session:
        proof = proof_queries.of_request(session, mail.end_request_id)
    if proof is None:
        return ()
    try:
        file = proofs.issue(ctx, proof, now=now)
    except Exception as error:
        if mail.attempts <= TRIES_WITH_PROOF:
            raise
        log.error("mail_without_its_proof", mail_id=str(mail.id), error=type(error).__name__, place=place_of(error))
        return ()
    return (Attachment(name=file.name, media_type=file.media_type, content=file.content),)
