"""Every SELECT of the addresses that PayPal reports to."""

from __future__ import annotations

import uuid

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from portal.models import WebhookEndpoint


def of_merchant(session: Session, merchant_id: uuid.UUID, environment: str) -> WebhookEndpoint | None:
    """Return the merchant's address for that environment, if it was made already."""
    return session.scalars(_of_merchant(merchant_id, environment)).one_or_none()


def lock(session: Session, merchant_id: uuid.UUID, environment: str) -> WebhookEndpoint:
    """Return it, locked until the transaction ends; raise NoResultFound when there is none."""
    statement = _of_merchant(merchant_id, environment).with_for_update().execution_options(populate_existing=True)
    return session.scalars(statement).one()


def by_token(session: Session, token: str) -> WebhookEndpoint | None:
    """Return the row with that secret address."""
    return session.scalars(select(WebhookEndpoint).where(WebhookEndpoint.token == token)).one_or_none()


def _of_merchant(merchant_id: uuid.UUID, environment: str) -> Select[WebhookEndpoint]:
    return select(WebhookEndpoint).where(
        WebhookEndpoint.merchant_id == merchant_id, WebhookEndpoint.environment == environment
    )
