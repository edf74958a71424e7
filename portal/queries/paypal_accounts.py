"""Every SELECT of PayPal keys."""

from __future__ import annotations

import uuid

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from portal.models import PayPalAccount, Provider


def of_merchant(
    session: Session, merchant_id: uuid.UUID, provider: Provider = Provider.PAYPAL_REST
) -> PayPalAccount | None:
    """Return the merchant's key of that kind as stored, if there is one."""
    return session.scalars(_of_merchant(merchant_id, provider)).one_or_none()


def lock(session: Session, merchant_id: uuid.UUID, provider: Provider) -> PayPalAccount | None:
    """Return the key, locked, so that two workers do not tell of one breakage twice."""
    statement = _of_merchant(merchant_id, provider).with_for_update().execution_options(populate_existing=True)
    return session.scalars(statement).one_or_none()


def all_of_merchant(session: Session, merchant_id: uuid.UUID) -> dict[Provider, PayPalAccount]:
    """Return the merchant's keys by kind."""
    rows = session.scalars(select(PayPalAccount).where(PayPalAccount.merchant_id == merchant_id))
    return {account.provider: account for account in rows}


def _of_merchant(merchant_id: uuid.UUID, provider: Provider) -> Select[PayPalAccount]:
    return select(PayPalAccount).where(PayPalAccount.merchant_id == merchant_id, PayPalAccount.provider == provider)
