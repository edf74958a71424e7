"""Browsers on which a member of staff has logged in before: a new one is written down and told.

The first of all is taken as theirs: there is nothing to compare it with.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from portal.domain.audit import Act
from portal.domain.law.retention import OPERATOR, Stock
from portal.models import Staff, StaffDevice
from portal.queries.people import staff as stored
from portal.secrets import token_hash
from portal.services.batches import delete_all
from portal.services.context import Context
from portal.services.people import staff_acts, staff_alerts
from portal.services.people.sessions import Visitor

KEPT: Final = OPERATOR[Stock.DEVICES]


def meet(ctx: Context, session: Session, staff: Staff, visitor: Visitor, *, now: datetime) -> None:
    """Remember the browser of a log-in, in the caller's transaction, which holds the staff member's row."""
    if not visitor.device:
        return
    known = stored.devices(session, staff.id)
    found = next((one for one in known if one.token_hash == token_hash(visitor.device)), None)
    if found is not None:
        found.last_seen_at = now
        return
    device = StaffDevice(
        id=uuid.uuid4(), staff_id=staff.id, token_hash=token_hash(visitor.device), created_at=now, last_seen_at=now
    )
    session.add(device)
    if known:
        staff_acts.tell(session, staff, Act.NEW_DEVICE, at=now)
        staff_alerts.new_device(ctx, session, staff, visitor, key=str(device.id), now=now)


def purge(ctx: Context, *, now: datetime) -> int:
    """Delete browsers whose cookie has run out; return how many."""
    return delete_all(ctx.db, StaffDevice, StaffDevice.last_seen_at < now - KEPT)
