"""Every SELECT of the addresses that PayPal reports to."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import Select, and_, bindparam, or_, select
from sqlalchemy.orm import Session

from portal.models import KeyState, PayPalAccount, Provider, WebhookEndpoint, WebhookTrouble

__all__ = ["WebhookTrouble", "by_token", "due_for_check", "lock", "lock_all", "of_merchant"]


def of_merchant(session: Session, merchant_id: uuid.UUID, environment: str) -> WebhookEndpoint | None:
    """Return the merchant's address for that environment, if it was made already."""
    whose = {"merchant_id": merchant_id, "environment": environment}
    return session.scalars(_of_merchant(), whose).one_or_none()


@cache
def _of_merchant() -> Select[WebhookEndpoint]:
    return select(WebhookEndpoint).where(
        WebhookEndpoint.merchant_id == bindparam("merchant_id"),
        WebhookEndpoint.environment == bindparam("environment"),
    )


def lock(session: Session, merchant_id: uuid.UUID, environment: str) -> WebhookEndpoint:
    """Return it, locked until the transaction ends; raise NoResultFound when there is none."""
    whose = {"merchant_id": merchant_id, "environment": environment}
    statement = _of_merchant().with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalars(statement, whose).one()


def lock_all(session: Session, merchant_id: uuid.UUID) -> Sequence[WebhookEndpoint]:
    """Return the merchant's addresses of every environment, locked until the transaction ends."""
    ours = select(WebhookEndpoint).where(WebhookEndpoint.merchant_id == merchant_id)
    return session.scalars(ours.order_by(WebhookEndpoint.environment).with_for_update(key_share=True)).all()


def by_token(session: Session, token: str) -> WebhookEndpoint | None:
    """Return the row with that secret address."""
    return session.scalars(_by_token(), {"token": token}).one_or_none()


@cache
def _by_token() -> Select[WebhookEndpoint]:
    return select(WebhookEndpoint).where(WebhookEndpoint.token == bindparam("token"))


def due_for_check(session: Session, *, checked_before: datetime, unanswered_before: datetime) -> Sequence[uuid.UUID]:
    """Return the merchants with a working REST key whose webhook was never looked at, or not since.

    `unanswered_before` is for those whom PayPal left without an answer the last time.
    """
    of_key = and_(
        WebhookEndpoint.merchant_id == PayPalAccount.merchant_id,
        WebhookEndpoint.environment == PayPalAccount.environment,
    )
    unanswered = and_(
        WebhookEndpoint.trouble == WebhookTrouble.NO_ANSWER, WebhookEndpoint.checked_at <= unanswered_before
    )
    return session.scalars(
        select(PayPalAccount.merchant_id)
        .outerjoin(WebhookEndpoint, of_key)
        .where(
            PayPalAccount.provider == Provider.PAYPAL_REST,
            PayPalAccount.state == KeyState.WORKING,
            or_(WebhookEndpoint.checked_at.is_(None), WebhookEndpoint.checked_at <= checked_before, unanswered),
        )
        .order_by(PayPalAccount.merchant_id)
    ).all()
