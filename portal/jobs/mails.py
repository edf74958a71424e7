"""The job of one message."""

from __future__ import annotations

import uuid

from portal.clock import utc_now
from portal.services import outbox
from portal.services.context import Context


def send_mail(ctx: Context, mail_id: str) -> None:
    """Send the message, or see that it needs no sending; what fails is put off by the outbox itself."""
    outbox.send(ctx, uuid.UUID(mail_id), now=utc_now())
