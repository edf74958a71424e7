"""What tests of the public pages type, and what they find written down."""

from __future__ import annotations

from sqlalchemy import select

from portal.models import PublicDeclaration, ReceivedRequest

TYPED = {"name": "Zoé Martin", "email": "zoe@client.test", "contract": "", "wished_on": ""}


def rows_of(ctx):
    """Each request with its declaration, the oldest first."""
    with ctx.db.read() as session:
        joined = PublicDeclaration.received_request_id == ReceivedRequest.id
        found = session.execute(select(ReceivedRequest, PublicDeclaration).join(PublicDeclaration, joined))
        return [(one, other) for one, other in found.all()]
