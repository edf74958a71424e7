"""The code by which an installation's first merchant is made on a page: shown to the operator once, good once, a day.

Closed by default: without a good code nothing is made, and with two at the same moment one merchant is.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta
from typing import Final

import structlog

from portal.domain import typed_codes
from portal.domain.audit import By
from portal.domain.ends.end_requests import REFERENCE_ALPHABET
from portal.domain.merchants.merchants import SETUP_CODE_LIFETIME
from portal.models import SetupCode
from portal.queries.merchants import setup_codes
from portal.queries.people import merchants
from portal.secrets import token_hash
from portal.services import throttles
from portal.services.context import Context
from portal.services.merchants import creating
from portal.services.merchants.creating import Made, NewMerchant
from portal.services.throttles import Limit

log = structlog.get_logger("portal.setup_codes")

LETTERS: Final = 24  # of 32 kinds: 120 bits, so that its plain hash may be kept (ASVS 6.5.2)
TRIES: Final = 20  # of one network in a quarter of an hour; nobody guesses 120 bits, whatever their number


class AlreadySetUp(Exception):
    """There is a merchant: whoever may make another one has the command line."""


def issue(ctx: Context, *, now: datetime) -> str:
    """Return a new code, in groups of four letters; those before it open nothing any more. Raises AlreadySetUp."""
    code = "".join(secrets.choice(REFERENCE_ALPHABET) for _ in range(LETTERS))
    with ctx.db.begin() as session:
        if merchants.is_there_one(session):
            raise AlreadySetUp
        setup_codes.forget_all(session)
        session.add(
            SetupCode(id=uuid.uuid4(), code_hash=_hash(code), created_at=now, expires_at=now + SETUP_CODE_LIFETIME)
        )
    return "-".join(code[start : start + 4] for start in range(0, LETTERS, 4))


def redeem(ctx: Context, code: str, wish: NewMerchant, *, network: str, now: datetime) -> Made | None:
    """Make the first merchant; None for a code that is wrong, used or too old.

    A refused wish (WrongSlug) leaves the code as it is.  Raises AlreadySetUp, TooManyTries.
    """
    limit = Limit(name="setup_code", who=network, count=TRIES, window=timedelta(minutes=15))
    throttles.hit(ctx, limit, now=now)
    with ctx.db.begin() as session:
        live = setup_codes.lock_all(session)  # before the merchants are looked at: of two posts the second waits here
        if merchants.is_there_one(session):
            raise AlreadySetUp
        found = next((one for one in live if one.code_hash == _hash(code)), None)
        if found is None or found.used_at is not None or found.expires_at <= now:
            log.warning("setup_code.refused", network=network)
            return None
        made = creating.write(ctx, session, wish, by=By(), now=now)
        found.used_at = now
        return made


def _hash(code: str) -> str:
    return token_hash(typed_codes.compact(code[:200]))
