"""What a member of staff is told of their own account, and what the audit chain keeps of attacks on it.

The mails go to the person, in their language, and never to the merchant's support address (ASVS 6.3.5, 6.3.7).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.end_requests import Channel
from portal.domain.login_mails import LIFETIME
from portal.i18n import pick_locale
from portal.mail import logins, staff_alerts
from portal.mail.composing import Composed
from portal.mail.letterhead import Letterhead
from portal.models import Merchant, Staff
from portal.services import throttles
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.notices import notice_facts as facts
from portal.services.notices import outbox
from portal.services.people.sessions import Visitor
from portal.services.throttles import Limit

SPREE: Final = 5  # refusals in one day of which the person is told, once a day
DAY: Final = timedelta(days=1)


def refused(ctx: Context, staff: Staff, act: Act, *, now: datetime) -> None:
    """Write that somebody's password or second factor was refused, and tell the person when it is a spree.

    Whoever tried is not known: the row says about whom it is, not who did it.
    """
    refusals = Limit(name="staff_refusals", who=str(staff.id), count=SPREE, window=DAY)
    with ctx.db.begin() as session:
        about = ("staff", staff.id)
        audit.append(session, staff.merchant_id, act, by=By(channel=Channel.STAFF), at=now, subject=about)
        if throttles.count(session, refusals, now=now) == SPREE:
            composed = staff_alerts.refusals(_head(ctx, session, staff), number=SPREE, at=now)
            _put(ctx, session, staff, composed, key=refusals.start(now).date().isoformat(), now=now)


def new_device(ctx: Context, session: Session, staff: Staff, visitor: Visitor, *, key: str, now: datetime) -> None:
    """Tell the person of a log-in, both factors right, on a browser never seen."""
    composed = staff_alerts.new_device(
        _head(ctx, session, staff), browser=visitor.browser, network=visitor.network, at=now
    )
    _put(ctx, session, staff, composed, key=key, now=now)


def recovery_code(ctx: Context, session: Session, staff: Staff, *, key: str, left: int, now: datetime) -> None:
    """Tell the person that a recovery code was used in the second factor's place."""
    composed = staff_alerts.recovery_code(_head(ctx, session, staff), left=left, at=now)
    _put(ctx, session, staff, composed, key=key, now=now)


def unlock(ctx: Context, session: Session, staff: Staff, *, key: str, path: str, language: str, now: datetime) -> None:
    """Send the link that opens the log-in page; too late is never."""
    head = _head(ctx, session, staff, language)
    composed = logins.staff_unlock(
        head, path=path, minutes=LIFETIME // timedelta(minutes=1), valid_until=now + LIFETIME
    )
    _put(ctx, session, staff, composed, key=key, now=now)


def _head(ctx: Context, session: Session, staff: Staff, language: str = "") -> Letterhead:
    head = facts.letterhead(ctx, session.get_one(Merchant, staff.merchant_id), pick_locale(language, staff.locale))
    return replace(head, support_email=None)  # they are the ones who answer there


def _put(ctx: Context, session: Session, staff: Staff, composed: Composed, *, key: str, now: datetime) -> None:
    outbox.put(
        ctx,
        session,
        composed,
        merchant_id=staff.merchant_id,
        key=f"{composed.kind}:{staff.id}:{key}",
        recipient=staff.email,
        language=pick_locale(staff.locale),
        now=now,
    )
