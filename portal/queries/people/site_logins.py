"""A merchant's client at their own site."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.models import SiteLogin


def of_merchant(session: Session, merchant_id: uuid.UUID) -> SiteLogin | None:
    """Return how the merchant's customers log in with their site, on or off; None where nothing is set up."""
    return session.scalars(select(SiteLogin).where(SiteLogin.merchant_id == merchant_id)).one_or_none()


def lock(session: Session, merchant_id: uuid.UUID) -> SiteLogin | None:
    """Return the same, locked until the transaction ends."""
    return session.scalars(
        select(SiteLogin).where(SiteLogin.merchant_id == merchant_id).with_for_update(key_share=True)
    ).one_or_none()
