"""The first factor: which passwords are taken, and how one is changed or, forgotten, set anew.

law.md R-GD-9: sixteen characters or more, any characters, no forced change; refused when easily guessed.  A forgotten
one is set anew by a mailed link *and* the second factor: a mailbox alone opens nothing (ASVS 6.4.3).
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from portal.domain.audit import Act
from portal.domain.people.login_mails import LinkPurpose
from portal.models import Merchant, Staff
from portal.queries.people import staff as stored
from portal.queries.people.people import Person
from portal.services import throttles
from portal.services.context import Context
from portal.services.people import staff_acts, staff_alerts, staff_factors, staff_links
from portal.services.people.sessions import end_all

SHORTEST: Final = 16
LONGEST: Final = 256  # a longer one only costs the server time
RATED: Final = 72  # characters that are rated: what rates them takes much longer over more
LEAST_GUESSES: Final = 10**10  # what a stolen hash withstands: Argon2id at some hundred tries a second and core
# What French people choose; the English ones ship with what rates them.
FRENCH: Final = [
    "motdepasse",
    "azerty",
    "azertyuiop",
    "azertyuiopqsdfghjklm",
    "qsdfghjklm",
    "wxcvbn",
    "bonjour",
    "bonsoir",
    "bienvenue",
    "soleil",
    "chouchou",
    "doudou",
    "loulou",
    "coucou",
    "jetaime",
    "amour",
    "marseille",
    "paris",
    "lyon",
    "france",
    "secret",
    "administrateur",
    "boutique",
    "abonnement",
    "formation",
    "utilisateur",
    "connexion",
]


class Weakness(StrEnum):
    """Why a password is not taken."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    GUESSABLE = "guessable"
    STOLEN = "stolen"  # it stands in a list of stolen ones, where the operator has one asked


class WeakPassword(ValueError):
    """The password is not taken; what it says is English and for the operator, `weakness` for everybody else."""

    def __init__(self, weakness: Weakness) -> None:
        super().__init__(
            {
                Weakness.TOO_SHORT: f"a password needs at least {SHORTEST} characters",
                Weakness.TOO_LONG: f"a password has at most {LONGEST} characters",
                Weakness.STOLEN: "this password stands in a list of stolen ones",
                Weakness.GUESSABLE: "this password is easily guessed: common words or keys, or its owner’s name",
            }[weakness]
        )
        self.weakness = weakness


class _Used(Exception):
    """The link was used meanwhile: the code is not spent for nothing."""


def check_strength(password: str, *, own: tuple[str, ...] = ()) -> None:
    """Raise WeakPassword unless it has 16 to 256 characters that are not soon guessed; `own`: the person's own words.

    Never by kinds of characters: a sentence in small letters is a good password.
    """
    from zxcvbn import zxcvbn  # see portal/first_use.py

    if len(password) < SHORTEST:
        raise WeakPassword(Weakness.TOO_SHORT)
    if len(password) > LONGEST:
        raise WeakPassword(Weakness.TOO_LONG)
    words = [word for text in own for word in (text, *re.split(r"\W+", text)) if len(word) > 2]
    if zxcvbn(password[:RATED], user_inputs=[*words, *FRENCH])["guesses"] < LEAST_GUESSES:
        raise WeakPassword(Weakness.GUESSABLE)


def check_stolen(ctx: Context, password: str) -> None:
    """Raise WeakPassword for one that is known as stolen. It may ask a service: never while rows are locked."""
    if SHORTEST <= len(password) <= LONGEST and ctx.breaches.holds(password):
        raise WeakPassword(Weakness.STOLEN)


def change(ctx: Context, person: Person, password: str, *, now: datetime) -> None:
    """Change the password of somebody who has just given both factors, and end their other sessions.

    Raises WeakPassword.
    """
    check_stolen(ctx, password)
    with ctx.db.begin() as session:
        staff = session.get_one(Staff, person.id, with_for_update={"key_share": True})
        staff.merchant_id = person.merchant_id  # where they are: it is told there
        _set(ctx, session, staff, password, now=now)
        end_all(session, staff.id, but=person.session_id, now=now)


def set_anew(ctx: Context, link: str, password: str, code: str, *, now: datetime) -> bool:
    """Set the password of whoever holds the mailed link *and* the second factor, and end every session of theirs.

    False for a wrong or used code, or a link that opens nothing. Raises WeakPassword, TooManyTries.
    """
    with ctx.db.read() as session:
        found = staff_links.live(session, link, LinkPurpose.PASSWORD, now=now)
        if found is None or found.staff_id is None:
            return False
        staff_id = found.staff_id
        person = session.get_one(Staff, staff_id)
        check_strength(password, own=_own(session, person))
    check_stolen(ctx, password)
    throttles.hit(ctx, staff_factors.tries(str(staff_id)), now=now)
    try:
        with ctx.db.begin() as session:
            locked = stored.lock(session, staff_id)
            if locked is not None and staff_factors.is_right(ctx, session, locked, code, now=now):
                if not staff_links.use(session, link, LinkPurpose.PASSWORD, now=now):
                    raise _Used
                _set(ctx, session, locked, password, now=now)
                end_all(session, locked.id, now=now)
                return True
    except _Used:
        return False
    if locked is not None:
        staff_alerts.refused(ctx, locked, Act.FACTOR_REFUSED, now=now)
    return False


def _set(ctx: Context, session: Session, person: Staff, password: str, *, now: datetime) -> None:
    check_strength(password, own=_own(session, person))
    person.password_hash = ctx.passwords.hash(password)
    staff_acts.tell(session, person, Act.PASSWORD_CHANGED, at=now)
    staff_alerts.password_changed(ctx, session, person, now=now)


def _own(session: Session, person: Staff) -> tuple[str, ...]:
    return (person.email, person.name, session.get_one(Merchant, person.merchant_id).name)
