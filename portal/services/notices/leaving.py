"""Messages that wait are written as they leave: of what is true then, and in one with what came meanwhile.

So a request that PayPal confirms at once costs no message that is thrown away, and fifty requests of one minute are
one list, written once.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy.orm import Session

from portal.mail.composing import Composed
from portal.models import Mail, MailState
from portal.services.context import Context
from portal.services.notices import merchant_news, notices, outbox
from portal.services.notices.recipients import Post


def send(ctx: Context, mail_id: uuid.UUID, *, now: datetime) -> MailState:
    """Send one message, written now if it was put without words (`outbox.send`)."""
    return outbox.send(ctx, mail_id, words=words, now=now)


def words(ctx: Context, session: Session, mail: Mail, *, now: datetime) -> Composed | None:
    """Write a message that was put without words; None when there is nothing left to say."""
    if mail.kind in merchant_news.KINDS.values():
        return merchant_news.words(Post.of(ctx, session, mail.merchant_id, now=now), mail)
    if mail.kind == notices.ACKNOWLEDGEMENT and mail.end_request_id is not None:
        return notices.acknowledgement(
            ctx, session, mail.merchant_id, mail.end_request_id, language=mail.language, now=now
        )
    raise ValueError(f"nothing writes a message of kind {mail.kind!r}")
