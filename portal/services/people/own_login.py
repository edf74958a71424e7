"""What somebody changes of their own log-in at the desk, having just given both factors: name, app, recovery codes."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

from portal.domain import typed_codes
from portal.domain.audit import Act
from portal.models import Staff
from portal.queries.people.people import Person
from portal.secrets import CannotOpen
from portal.services import throttles
from portal.services.context import Context
from portal.services.people import staff_acts, staff_alerts, staff_factors
from portal.services.people.sessions import end_all
from portal.services.people.staff_factors import TOTP_SECRET


def rename(ctx: Context, person: Person, *, name: str, language: str) -> None:
    """Change how the person is called, and the language they are written to in."""
    with ctx.db.begin() as session:
        staff = session.get_one(Staff, person.id, with_for_update={"key_share": True})
        staff.name, staff.locale = name, language


def new_factor(ctx: Context, person: Person, carried: str) -> tuple[str, str]:
    """Return an app secret for the person and, sealed for them alone, the text that the form carries.

    `carried`: what the form carried so far; the same secret again, unless it is empty or not ours.
    """
    try:
        box = base64.urlsafe_b64decode(carried)
        return ctx.vault.open(box, purpose=TOTP_SECRET, row=person.id), carried
    except (CannotOpen, binascii.Error, ValueError):
        secret = staff_factors.new_secret()
        box = ctx.vault.seal(secret, purpose=TOTP_SECRET, row=person.id)
        return secret, base64.urlsafe_b64encode(box).decode()


def change_factor(ctx: Context, person: Person, secret: str, code: str, *, now: datetime) -> list[str] | None:
    """Put the secret in the old one's place once the app shows its code; return recovery codes, None for a wrong code.

    The other sessions end, and the person is told. Raises TooManyTries.
    """
    throttles.hit(ctx, staff_factors.tries(f"{person.id}/new"), now=now)
    step = staff_factors.step_of(secret, typed_codes.six_digits(code), now=now)
    if step is None:
        return None
    with ctx.db.begin() as session:
        staff = session.get_one(Staff, person.id, with_for_update={"key_share": True})
        staff.merchant_id = person.merchant_id  # where they are: it is told there
        codes = staff_factors.give(ctx, session, staff, secret, step=step)
        end_all(session, staff.id, but=person.session_id, now=now)
        staff_acts.tell(session, staff, Act.FACTOR_CHANGED, at=now)
        staff_alerts.factor_changed(ctx, session, staff, now=now)
    return codes


def renew_recovery_codes(ctx: Context, person: Person, *, now: datetime) -> list[str]:
    """Replace the person's recovery codes; return the new ones."""
    with ctx.db.begin() as session:
        staff = session.get_one(Staff, person.id, with_for_update={"key_share": True})
        staff.merchant_id = person.merchant_id
        codes = staff_factors.new_recovery_codes(session, staff.id)
        staff_acts.tell(session, staff, Act.RECOVERY_CODES_RENEWED, at=now)
    return codes
