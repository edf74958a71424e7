"""What a message of the outbox says, whether it has left or would leave now."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from portal.clock import utc_now
from portal.models import Mail
from portal.services.context import Context
from portal.services.notices import leaving
from portal.services.notices.outbox import CONTENT


@dataclass(frozen=True)
class Said:
    """A message's words."""

    subject: str
    text: str
    html: str


def said(ctx: Context, mail: Mail, *, now: datetime | None = None) -> Said:
    """Return the words of a message; one that is written as it leaves is written for `now`, and stays as it is."""
    if mail.content is not None:
        return Said(**{"subject": mail.subject, **json.loads(ctx.vault.open(mail.content, purpose=CONTENT))})
    with ctx.db.read() as session:
        composed = leaving.words(ctx, session, mail, now=now or utc_now())
    assert composed is not None
    return Said(composed.subject, composed.text, composed.html)
