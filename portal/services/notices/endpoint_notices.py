"""The merchant is told of an endpoint for events that is called no more."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from portal.domain.integrations.outgoing_events import EndpointState
from portal.mail import merchants
from portal.models import EventEndpoint
from portal.services.context import Context
from portal.services.notices.recipients import Post


def stopped(ctx: Context, session: Session, endpoint: EventEndpoint, *, now: datetime) -> None:
    """Say which one, since when and why. Of its address only the host is named: a path may hold a secret."""
    post = Post.of(ctx, session, endpoint.merchant_id, now=now)
    composed = merchants.merchant_endpoint_stopped(
        post.desk_head,
        host=urlsplit(endpoint.address).hostname or "",
        is_gone=endpoint.state is EndpointState.DISABLED,
        since=endpoint.failing_since or now,
        path=f"/admin/integrations/endpoints/{endpoint.id}",
    )
    post.to_merchant(composed, key=f"endpoint-stopped:{endpoint.id}:{now.isoformat()}")
