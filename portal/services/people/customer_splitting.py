"""Split two customers who were joined: each gets back what was theirs, under the address they had.

What came since stays with the customer who was kept, unless its origin says otherwise: it was paid from the other's
PayPal account, or goes on from a subscription that was theirs.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, or_, update
from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.errors import Denial, NotAllowed
from portal.domain.people.profiles import with_own
from portal.extensions import UtcDateTime
from portal.mail import customers as messages
from portal.models import (
    Comeback,
    Customer,
    CustomerJoining,
    CustomerNote,
    DataExport,
    Grant,
    Mail,
    Subscription,
)
from portal.queries.integrations import external_ids
from portal.queries.merchants import customer_erasures
from portal.queries.operating import import_runs
from portal.queries.people import customer_joinings, customers, sessions
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.notices import notice_facts
from portal.services.notices.recipients import Post
from portal.services.people.customer_addresses import AddressTaken, close_ranks, end_log_ins
from portal.services.people.customer_joining import BELONGINGS, STRICTER, TAKEN_OVER

COUNTED: Final = (Grant, CustomerNote, Mail)  # shown as numbers before it is done


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What splitting would do. `goes` and `came_since` are subscriptions; `counts`: rows that go, by their table.

    `taken_by`: another customer has the former address by now; it cannot be done.  `payer_with`: one who has the
    former PayPal account by now, and keeps it; `named_so`: one who has the former id of the merchant's own.
    """

    joining: CustomerJoining
    kept: Customer
    goes: tuple[Subscription, ...]
    came_since: tuple[Subscription, ...]
    counts: Mapping[str, int]
    taken_by: Customer | None
    payer_with: Customer | None
    named_so: Customer | None

    @property
    def email(self) -> str:
        """The address that the other one gets back."""
        return str(self.joining.former["email"])

    @property
    def is_shared(self) -> bool:
        """Whether both have one address then: the log-in asks which one is meant."""
        return self.kept.email == self.email


def look(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, joining_id: uuid.UUID) -> Preview:
    """Return what splitting would do now. Raises NoResultFound for no joining of that customer's."""
    kept = customers.of_merchant(session, merchant_id, customer_id)
    joining = customer_joinings.of_merchant(session, merchant_id, joining_id)
    return _preview(session, joining, kept)


def split(
    ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, joining_id: uuid.UUID, *, by: By, now: datetime
) -> uuid.UUID | None:
    """Give the other customer back what was theirs, and return their id; None when they are split already.

    All log-ins of both end, and both addresses are told.  Raises AddressTaken when another customer has the former
    address by now; NotAllowed while they are to be erased; NoResultFound for a foreign id.
    """
    with ctx.db.begin() as session:
        (kept,) = customers.lock(session, merchant_id, customer_id)
        joining = customer_joinings.lock(session, merchant_id, joining_id)
        if joining is None or joining.customer_id != kept.id:
            return None
        if customer_erasures.is_open_of(session, kept.id):
            raise NotAllowed(Denial.ERASURE_UNDER_WAY)
        sessions.lock_address(session, str(joining.former["email"]))
        seen = _preview(session, joining, kept)
        if seen.taken_by is not None:
            raise AddressTaken(seen.taken_by.id)
        other = _restored(session, seen)
        _give_back(session, seen, other)
        _forget_archives(session, seen)
        session.delete(joining)
        session.flush()
        for one in (kept, other):
            end_log_ins(session, one.id, now=now)
        close_ranks(session, merchant_id, other.email)
        subject, moved = ("customer", kept.id), len(seen.goes)
        audit.append(
            session, merchant_id, Act.CUSTOMERS_SPLIT, by=by, at=now, subject=subject, other=str(other.id),
            subscriptions=moved, since=len(seen.came_since),
        )  # fmt: skip
        _tell(Post.of(ctx, session, merchant_id, now=now), seen, other)
        return other.id


def _preview(session: Session, joining: CustomerJoining, kept: Customer) -> Preview:
    held = customer_joinings.subscriptions_of(session, kept.id)
    goes = _origins(joining, held)
    others = [one for one in customers.of_address(session, kept.merchant_id, joining.former["email"]) if one != kept]
    is_shared = kept.email == joining.former["email"]
    payer_id = joining.former["payer_id"]
    payer = import_runs.customer_by_payer(session, kept.merchant_id, payer_id) if payer_id else None
    own = {*_ids(joining.own, Subscription), *_ids(joining.moved, Subscription)}
    return Preview(
        joining=joining,
        kept=kept,
        goes=tuple(one for one in held if one.id in goes),
        came_since=tuple(one for one in held if one.id not in own and one.id not in goes),
        counts={
            row.__tablename__: customer_joinings.still_there(session, row, kept.id, _ids(joining.moved, row))
            for row in COUNTED
        },
        taken_by=others[0] if others and not is_shared else None,
        named_so=_named_so(session, joining, kept),
        payer_with=payer if payer is not None and payer.id != kept.id else None,
    )


def _named_so(session: Session, joining: CustomerJoining, kept: Customer) -> Customer | None:
    """Return who has the other one's former id by now; not the kept one, who gives back what came from there."""
    external_id = joining.former.get("external_id")
    if external_id is None:
        return None
    found = external_ids.customer(session, kept.merchant_id, external_id)
    gives_back = found is not None and found.id == kept.id and joining.before["external_id"] is None
    return None if gives_back else found


def _origins(joining: CustomerJoining, held: list[Subscription]) -> set[uuid.UUID]:
    """Return which of the subscriptions are the other's: those that were, and what has come of them since."""
    moved, own = set(_ids(joining.moved, Subscription)), set(_ids(joining.own, Subscription))
    payer_id = joining.former["payer_id"]
    goes = {one.id for one in held if one.id in moved}
    since = [one for one in held if one.id not in moved and one.id not in own]
    goes |= {one.id for one in since if payer_id is not None and one.payer_id == payer_id}
    while found := {one.id for one in since if one.predecessor_id in goes} - goes:
        goes |= found
    return goes


def _restored(session: Session, seen: Preview) -> Customer:
    """Write the other one's row as it stood, and take from the kept one what came from there.

    A refusal of what both were asked stands: one given since, for both; the joined one's stays with the kept one.
    """
    former, before, kept = seen.joining.former, seen.joining.before, seen.kept
    refused = {name for name in STRICTER if before.get(name) and former.get(name) and not getattr(kept, name)}
    given_back = {
        name for name in TAKEN_OVER
        if name in before and not before[name] and former[name] and getattr(kept, name) == former[name]
    }  # fmt: skip
    for name in given_back:
        setattr(kept, name, before[name])
    was_own = before.get("own_answers", ())
    kept.own_answers = [name for name in kept.own_answers if name not in given_back or name in was_own]
    session.flush()
    values = {name: _value(name, value) for name, value in former.items()}
    values |= dict.fromkeys(refused, False)
    values["own_answers"] = with_own(former.get("own_answers", ()), refused.intersection(kept.own_answers))
    if seen.payer_with is not None:
        values["payer_id"] = None
    if seen.named_so is not None:
        values["external_id"] = None
    place = len(customers.of_address(session, kept.merchant_id, seen.email))
    other = Customer(id=seen.joining.other_id, merchant_id=kept.merchant_id, email_place=place, **values)
    session.add(other)
    session.flush()
    return other


def _value(name: str, value: Any) -> Any:
    is_moment = isinstance(Customer.__table__.columns[name].type, UtcDateTime)
    return datetime.fromisoformat(value) if is_moment and value is not None else value


def _give_back(session: Session, seen: Preview, other: Customer) -> None:
    """Move what was the other's, and what hangs on subscriptions that go."""
    goes = [one.id for one in seen.goes]
    for row in BELONGINGS:
        ids = goes if row is Subscription else _ids(seen.joining.moved, row)
        theirs: ColumnElement[bool] = row.id.in_(ids)
        if row is Comeback:
            theirs |= Comeback.subscription_id.in_(goes)
        if row is Mail:
            theirs |= Mail.end_request_id.in_(customer_joinings.requests_about(session, goes))
        session.execute(update(row).where(row.customer_id == seen.kept.id, theirs).values(customer_id=other.id))


def _forget_archives(session: Session, seen: Preview) -> None:
    """Delete what holds the data of both, or is being made: each may ask for their own."""
    of_both = or_(DataExport.ready_at.is_(None), DataExport.ready_at >= seen.joining.created_at)
    session.execute(delete(DataExport).where(DataExport.customer_id == seen.kept.id, of_both))


def _ids(rows: Mapping[str, Any], row: Any) -> list[uuid.UUID]:
    return [uuid.UUID(one) for one in rows.get(row.__tablename__, ())]


def _tell(post: Post, seen: Preview, other: Customer) -> None:
    """Write to both addresses, once where they are one."""
    path = notice_facts.account_path(post.merchant)
    for one in (seen.kept,) if seen.is_shared else (seen.kept, other):
        if one.email is not None:
            told = messages.customers_split(post.head_for(one), name=one.name, path=path, is_shared=seen.is_shared)
            post.to_customer(one, told, key=f"customers-split:{seen.joining.id}:{one.id}")
