"""A merchant's secret address for PayPal's messages: made once per environment, found by its token."""

from __future__ import annotations

import uuid
from typing import Final

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.models import WebhookEndpoint
from portal.queries.messages import webhook_endpoints
from portal.secrets import new_token
from portal.services.context import Context

PATH: Final = "/webhooks/paypal/"


def endpoint_of(session: Session, merchant_id: uuid.UUID, environment: str) -> WebhookEndpoint:
    """Return the merchant's row for `environment` (sandbox or live), made with a token if absent.

    Two transactions at once make one row: the second waits for the first and takes its token.
    """
    while (found := webhook_endpoints.of_merchant(session, merchant_id, environment)) is None:
        session.execute(
            insert(WebhookEndpoint)
            .values(merchant_id=merchant_id, environment=environment, token=new_token())
            .on_conflict_do_nothing(constraint="uq_webhook_endpoints_environment")
        )
    return found


def by_token(session: Session, token: str) -> WebhookEndpoint | None:
    """Return the row that a message's address names; None for an address we never gave."""
    # PostgreSQL refuses a NUL; no token of ours is longer than 43 characters.
    return webhook_endpoints.by_token(session, token) if len(token) <= 64 and "\x00" not in token else None


def webhook_url(ctx: Context, endpoint: WebhookEndpoint) -> str:
    """Return the address PayPal sends its webhook messages to, from our own settings."""
    return f"{ctx.base_url}{PATH}{endpoint.token}"


def ipn_url(ctx: Context, endpoint: WebhookEndpoint) -> str:
    """Return the address the merchant enters at PayPal for IPNs (classic keys)."""
    return f"{webhook_url(ctx, endpoint)}/ipn"
