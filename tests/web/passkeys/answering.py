"""What a page says of a passkey, and what is left of it in the database."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select, update

from portal.clock import utc_now
from portal.models import LoginSession, Passkey
from tests.fakes.authenticator import asked

STALE = "This page was open for too long, or was answered already. Try again."
NOT_TAKEN = "This passkey was not accepted. Try another one; your password and your code work as always."
COPIED = (
    "This passkey was refused: a copy of it seems to be in use. We have emailed the person it belongs to. Your "
    "password and your code work as always."
)
ABSENT = (
    "Your browser sent no passkey: that needs JavaScript and a device that supports passkeys. Your password and your "
    "code work as always."
)


def answer(page, device, *, status=200, **lies):
    """Press the page's button for passkeys; the device answers."""
    return page.submit(passkey_answer=device.answer(asked(page), **lies), status=status)


def row(ctx) -> Passkey:
    with ctx.db.read() as session:
        return session.scalars(select(Passkey)).one()


def live_sessions(ctx) -> int:
    with ctx.db.read() as session:
        living = select(func.count()).select_from(LoginSession).where(LoginSession.revoked_at.is_(None))
        return session.execute(living).scalar_one()


def grow_old(ctx, minutes=11):
    with ctx.db.begin() as session:
        session.execute(update(LoginSession).values(authenticated_at=utc_now() - timedelta(minutes=minutes)))
