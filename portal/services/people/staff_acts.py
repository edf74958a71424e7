"""What a member of staff did to their own log-in, in the audit chain of the merchant they work at."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.ends.end_requests import Channel
from portal.domain.policies import Actor
from portal.models import Staff
from portal.services.audit import audit


def by(staff_id: uuid.UUID) -> By:
    """Return somebody at the desk as the one who acts."""
    return By(actor=Actor.STAFF, actor_id=staff_id, channel=Channel.STAFF)


def tell(session: Session, person: Staff, act: Act, *, at: datetime, **details: Any) -> None:
    """Write what the person did."""
    audit.append(session, person.merchant_id, act, by=by(person.id), at=at, **details)
