"""What tests of the public pages type, and what they find written down."""

from __future__ import annotations

from sqlalchemy import select, update

from portal.clock import utc_now
from portal.models import Mail, MailState, PublicDeclaration, ReceivedRequest

TYPED = {"name": "Zoé Martin", "email": "zoe@client.test", "contract": "", "wished_on": ""}


def question_taken(ctx):
    """The mail server takes what asks the mailbox on file: the delay begins."""
    with ctx.db.begin() as session:
        asked = update(Mail).where(Mail.kind == "declaration_link", Mail.state == MailState.WAITING)
        session.execute(asked.values(state=MailState.SENT, sent_at=utc_now()))


def rows_of(ctx):
    """Each request with its declaration, the oldest first."""
    with ctx.db.read() as session:
        joined = PublicDeclaration.received_request_id == ReceivedRequest.id
        found = session.execute(select(ReceivedRequest, PublicDeclaration).join(PublicDeclaration, joined))
        return [(one, other) for one, other in found.all()]
