"""What a call made for a request says of the key it was made with; the test of a key is in `key_checks`."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from portal.domain.audit import PORTAL, Act
from portal.models import KeyState, PayPalAccount, Provider
from portal.queries.merchants import paypal_accounts
from portal.services.audit import audit


def is_replaced(session: Session, merchant_id: uuid.UUID, provider: Provider, *, used: datetime | None) -> bool:
    """Say whether the key in use is another one than that set at `used` (None: there was none).

    The key is then held until the end of the transaction, so that what follows concerns the one that was used.
    """
    account = paypal_accounts.lock(session, merchant_id, provider)
    return (account.set_at if account is not None else None) != used


def mark_broken(session: Session, merchant_id: uuid.UUID, provider: Provider, *, now: datetime) -> None:
    """PayPal refused the key, or it cannot be opened: say since when, unless that was said already."""
    broken = session.scalars(
        update(PayPalAccount)
        .where(
            PayPalAccount.merchant_id == merchant_id,
            PayPalAccount.provider == provider,
            PayPalAccount.broken_since.is_(None),
        )
        .values(broken_since=now, state=KeyState.REFUSED)
        .returning(PayPalAccount.id)
        .execution_options(synchronize_session="fetch")
    ).all()
    if broken:
        audit.append(session, merchant_id, Act.KEY_BROKEN, by=PORTAL, at=now, provider=provider)


def mark_working(
    session: Session, merchant_id: uuid.UUID, provider: Provider, *, used: datetime | None, now: datetime
) -> bool:
    """PayPal has just taken the key set at `used`: say so; return whether it was thought broken."""
    healed = session.scalars(
        update(PayPalAccount)
        .where(
            PayPalAccount.merchant_id == merchant_id,
            PayPalAccount.provider == provider,
            PayPalAccount.set_at == used,
            PayPalAccount.broken_since.is_not(None),
        )
        .values(broken_since=None, merchant_told_at=None, state=KeyState.WORKING)
        .returning(PayPalAccount.id)
    ).all()
    if healed:
        audit.append(session, merchant_id, Act.KEY_WORKING, by=PORTAL, at=now, provider=provider)
    return bool(healed)
