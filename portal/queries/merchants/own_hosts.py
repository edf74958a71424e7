"""Merchants' own host names: by merchant, by name, and those that are looked at again."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Row, or_, select
from sqlalchemy.orm import Session

from portal.domain.merchants import own_hosts
from portal.models import Merchant, OwnHost

MAYBE: Final = re.compile(r"[a-z0-9-]{1,63}([.][a-z0-9-]{1,63})+")  # what stands in the table


def of_merchant(session: Session, merchant_id: uuid.UUID) -> OwnHost | None:
    """Return the one that the merchant has entered and not given up."""
    of_theirs = select(OwnHost).where(OwnHost.merchant_id == merchant_id, OwnHost.given_up_at.is_(None))
    return session.scalars(of_theirs).one_or_none()


def lock(session: Session, host_id: uuid.UUID) -> OwnHost | None:
    """Return one, locked until the transaction ends."""
    found = select(OwnHost).where(OwnHost.id == host_id).with_for_update(key_share=True)
    return session.scalars(found.execution_options(populate_existing=True)).one_or_none()


def visited(session: Session, host: str, *, now: datetime) -> Row[str, bool] | None:
    """Return the name in addresses of the merchant that a host leads to, and whether its pages are there.

    A host that was given up leads there for a while, and so does one that waits; of several the one with pages counts.
    """
    is_active = Merchant.own_host == OwnHost.host
    kept = (OwnHost.given_up_at.is_(None)) | (OwnHost.given_up_at > now - own_hosts.KEPT)
    found = (
        select(Merchant.slug, is_active.label("is_active"))
        .select_from(OwnHost)
        .join(Merchant, Merchant.id == OwnHost.merchant_id)
        .where(OwnHost.host == host, kept)
        .order_by(is_active.desc().nulls_last(), OwnHost.proved_at.desc().nulls_last(), OwnHost.created_at.desc())
    )
    return session.execute(found.limit(1)).one_or_none()


def sign_of(session: Session, host: str, token: str) -> uuid.UUID | None:
    """Return what this installation answers at a host to show that it leads here."""
    return session.scalar(
        select(OwnHost.id).where(OwnHost.host == host, OwnHost.token == token, OwnHost.given_up_at.is_(None))
    )


def is_proved(session: Session, host: str, *, now: datetime) -> bool:
    """Say whether a certificate may be asked for: its owner has proved it, and has not given it up for long."""
    kept = (OwnHost.given_up_at.is_(None)) | (OwnHost.given_up_at > now - own_hosts.KEPT)
    proved = select(OwnHost.id).where(OwnHost.host == host, OwnHost.proved_at.is_not(None), kept)
    return session.scalar(proved.limit(1)) is not None


def watched(session: Session) -> Sequence[uuid.UUID]:
    """Return the merchants whose host is or was proved or active: it is looked at again, the longest unseen first."""
    is_known = or_(OwnHost.proved_at.is_not(None), OwnHost.active_since.is_not(None))
    every = select(OwnHost.merchant_id).where(is_known, OwnHost.given_up_at.is_(None))
    return session.scalars(every.order_by(OwnHost.checked_at)).all()
