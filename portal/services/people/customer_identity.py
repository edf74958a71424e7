"""Who a customer is, as staff correct it: name, language, whether invitations to come back may reach them, address.

All but the address holds at once; another address has to confirm itself first (`address_changes`).  What the customer
has set by themselves stays (`customer_profiles`).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, Final

from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.people.customer_erasures import check_there
from portal.domain.people.email_addresses import normal
from portal.domain.people.profiles import Answer, left_alone
from portal.models import Customer
from portal.queries import subscriptions
from portal.queries.people import address_changes, customers
from portal.services import external_ids, throttles
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.notices import end_confirmations
from portal.services.people.address_changes import ask
from portal.services.people.customer_addresses import AddressTaken
from portal.services.throttles import Limit

MAILS: Final = 20  # answers with another address that a customer's record takes a day
TEXTS: Final = frozenset({"name", "external_id"})  # the audit chain holds that they changed, not what they say


class Saved(Enum):
    """What came of it."""

    NOTHING = auto()  # all was as it is
    CHANGED = auto()
    ASKED = auto()  # the address has to confirm itself; the rest is changed


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The answers of the page. `email` may be in any spelling, empty for a customer who has none.

    `is_same_person`: staff know that another customer has the address, and say that the two are one.  `replaces_id`:
    they say that the merchant's own id of before may go.  `untouched`: the answers that are as their page showed them:
    what somebody else has written there meanwhile stays.
    """

    name: str
    locale: str | None
    contact_allowed: bool
    email: str
    external_id: str | None = None
    is_same_person: bool = False
    replaces_id: bool = False
    untouched: frozenset[str] = frozenset()

    @property
    def columns(self) -> dict[str, Any]:
        """What holds at once, by the name of its column."""
        answers = ("name", "locale", "contact_allowed", "external_id")
        return {name: getattr(self, name) for name in answers if name not in self.untouched}


def save(
    ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, wish: Identity, *, by: By, now: datetime
) -> Saved:
    """Write it, and ask another address to confirm itself.

    Raises AddressTaken, and changes nothing, when the address is another customer's and nobody has said that the two
    are one; what `external_ids.check` raises; NotAllowed for who is erased; NoResultFound for another merchant's
    customer.  Raises TooManyTries as well: each address that is asked is written to.
    """
    if wish.email and "email" not in wish.untouched:
        about = f"{merchant_id}/{customer_id}"
        throttles.hit(ctx, Limit(name="address_changes", who=about, count=MAILS, window=timedelta(days=1)), now=now)
    with ctx.db.begin() as session:
        (customer,) = customers.lock(session, merchant_id, customer_id)
        asks = "email" not in wish.untouched and _asks(session, customer, wish, now=now)
        if "external_id" in wish.columns:
            external_ids.check(session, customer, wish.external_id, replaces=wish.replaces_id)
        changed = write(ctx, session, customer, left_alone(wish.columns, customer.own_answers), by=by, now=now)
        if asks:
            ask(ctx, session, customer, wish.email, by=by, now=now)
            return Saved.ASKED
    return Saved.CHANGED if changed else Saved.NOTHING


def set_external_id(
    ctx: Context,
    merchant_id: uuid.UUID,
    customer_id: uuid.UUID,
    external_id: str | None,
    *,
    replaces: bool = False,
    by: By,
    now: datetime,
) -> bool:
    """Write the merchant's own id of a customer, None for none; False when it is theirs already.

    Raises what `external_ids.check` does, NotAllowed for who is erased, NoResultFound for another merchant's customer.
    """
    with ctx.db.begin() as session:
        (customer,) = customers.lock(session, merchant_id, customer_id)
        return name(ctx, session, customer, external_id, replaces=replaces, by=by, now=now)


def name(
    ctx: Context,
    session: Session,
    customer: Customer,
    external_id: str | None,
    *,
    replaces: bool = False,
    by: By,
    now: datetime,
) -> bool:
    """Write it of a locked customer, as `set_external_id` does."""
    external_ids.check(session, customer, external_id, replaces=replaces)
    return bool(write(ctx, session, customer, {"external_id": external_id}, by=by, now=now))


def write(
    ctx: Context, session: Session, customer: Customer, wanted: Mapping[str, Any], *, by: By, now: datetime
) -> frozenset[str]:
    """Write a locked customer's columns, and in the audit chain what was there before; return those that changed.

    Who is to be invited no more is not invited by what has not left yet.  Raises NotAllowed for who is erased.
    """
    check_there(customer.erased_at)
    changed = frozenset(name for name, new in wanted.items() if getattr(customer, name) != new)
    if changed:
        told = _told(customer, {name: wanted[name] for name in changed})
        subject = ("customer", customer.id)
        audit.append(session, customer.merchant_id, Act.CUSTOMER_CHANGED, by=by, at=now, subject=subject, **told)
    for name in changed:
        setattr(customer, name, wanted[name])
    if Answer.CONTACT in changed and not customer.contact_allowed:
        invite_no_more(ctx, session, customer, now=now)
    return changed


def _asks(session: Session, customer: Customer, wish: Identity, *, now: datetime) -> bool:
    """Say whether there is an address to ask: not the known one, nor the one that waits already."""
    email = normal(wish.email)
    if not email or email == customer.email:
        return False
    others = customers.of_address(session, customer.merchant_id, email)
    if others and not wish.is_same_person:
        raise AddressTaken(others[0].id)
    waiting = address_changes.open_of(session, customer.id)
    return waiting is None or waiting.email != email or waiting.expires_at <= now


def invite_no_more(ctx: Context, session: Session, customer: Customer, *, now: datetime) -> None:
    """Take the invitation out of confirmations that have not left yet."""
    session.flush()
    for subscription in subscriptions.all_of_customer(session, customer.merchant_id, customer.id):
        end_confirmations.invitation_withdrawn(ctx, session, subscription, now=now)


def _told(row: Customer, different: Mapping[str, Any]) -> dict[str, Any]:
    """Return [old, new] for each column about to change, and of texts their names alone: no chain keeps those."""
    told: dict[str, Any] = {name: [getattr(row, name), new] for name, new in different.items() if name not in TEXTS}
    named = sorted(TEXTS & different.keys())
    return told | ({"texts": named} if named else {})
