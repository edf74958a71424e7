"""Staff give a customer access to a product by hand, change its days, or withdraw it.

Access is computed from the dates at each request, so that a gift is open the moment it is written.  Withdrawn, it ends
then, and its row stays: what was given, by whom, and until when, can still be read.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.domain.access import access, grants
from portal.domain.access.access import Window
from portal.domain.audit import Act, By
from portal.domain.ends.end_requests import Channel
from portal.domain.people.customer_erasures import check_there
from portal.mail.composing import Composed
from portal.models import Customer, Grant, Product
from portal.queries import subscriptions
from portal.queries.access import grants as queries
from portal.queries.access import products
from portal.queries.people import customers
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.notices import grant_notices
from portal.services.notices.grant_notices import GrantNews
from portal.services.notices.recipients import Post
from portal.services.rules import grants_of, rule_of

TEXTS: Final = frozenset({"note"})  # the audit chain holds that it changed, not what it says


@dataclass(frozen=True, kw_only=True)
class Gift:
    """What staff want to give: the product, from when until when (None: for good), why, and whether it is told."""

    product_id: uuid.UUID
    since: datetime
    until: datetime | None
    note: str
    is_told: bool


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What an act on a gift does: what is open, what stops, what stays open otherwise, and the message."""

    opens: tuple[Window, ...] = ()
    stops: tuple[Window, ...] = ()
    stays: tuple[Window, ...] = ()
    letter: Composed
    language: str


def preview(
    ctx: Context,
    session: Session,
    customer: Customer,
    wish: Gift,
    *,
    grant_id: uuid.UUID | None = None,
    now: datetime,
) -> Preview:
    """Return what giving it does, or changing the gift `grant_id`. Raises CannotGive; NoResultFound for no product."""
    product = products.of_merchant(session, customer.merchant_id, wish.product_id)
    _check(session, customer, wish, grant_id=grant_id, now=now)
    post = Post.of(ctx, session, customer.merchant_id, now=now)
    news = GrantNews.GIVEN if grant_id is None else GrantNews.CHANGED
    row = Grant(product_id=product.id, since=wish.since, until=wish.until)
    return Preview(
        opens=tuple(_windows(product, [row])),
        letter=grant_notices.words(post, customer, news, product.name, since=wish.since, until=wish.until),
        language=post.head_for(customer).locale,
    )


def preview_withdrawal(ctx: Context, session: Session, customer: Customer, grant: Grant, *, now: datetime) -> Preview:
    """Return what withdrawing a gift does: what its customer has besides stays open."""
    product = products.of_merchant(session, customer.merchant_id, grant.product_id)
    besides = {one.key: one for one in _besides(session, customer, product, grant, now=now)}
    own = _windows(product, [grant])
    post = Post.of(ctx, session, customer.merchant_id, now=now)
    return Preview(
        stops=tuple(one for one in own if one.key not in besides),
        stays=tuple(besides.values()),
        letter=_withdrawn_letter(post, customer, product, grant, has_more=bool(besides)),
        language=post.head_for(customer).locale,
    )


def give(
    ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, wish: Gift, *, by: By, now: datetime
) -> uuid.UUID:
    """Give it; return the gift's id. Raises CannotGive; NoResultFound for another merchant's customer or product."""
    with ctx.db.begin() as session:
        (customer,) = customers.lock(session, merchant_id, customer_id)
        return give_to(ctx, session, customer, wish, by=by, now=now)


def give_to(ctx: Context, session: Session, customer: Customer, wish: Gift, *, by: By, now: datetime) -> uuid.UUID:
    """Give it to a locked customer, as `give` does."""
    check_there(customer.erased_at)
    product = products.of_merchant(session, customer.merchant_id, wish.product_id)
    _check(session, customer, wish, now=now)
    grant = Grant(
        id=uuid.uuid4(),
        created_at=now,
        merchant_id=customer.merchant_id,
        customer_id=customer.id,
        product_id=product.id,
        since=wish.since,
        until=wish.until,
        note=wish.note,
        actor_name=_author(by),
    )
    session.add(grant)
    days = {"since": wish.since.isoformat(), "until": _iso(wish.until)}
    _record(session, grant, Act.GRANT_GIVEN, by=by, now=now, **days)
    if wish.is_told:
        _tell(Post.of(ctx, session, customer.merchant_id, now=now), customer, product, grant, GrantNews.GIVEN)
    return grant.id


def change(
    ctx: Context,
    merchant_id: uuid.UUID,
    customer_id: uuid.UUID,
    grant_id: uuid.UUID,
    wish: Gift,
    *,
    by: By,
    now: datetime,
) -> bool:
    """Change the days or the note of a gift; False when nothing would change. Raises CannotGive, NoResultFound.

    One that is over is not changed: it is given anew.
    """
    with ctx.db.begin() as session:
        customer, grant = _lock(session, merchant_id, customer_id, grant_id, now=now)
        if wish.product_id != grant.product_id:
            raise NoResultFound
        changes = _changes(grant, wish)
        if not changes:
            return False
        _check(session, customer, wish, grant_id=grant_id, now=now)
        grant.since, grant.until, grant.note = wish.since, wish.until, wish.note
        _record(session, grant, Act.GRANT_CHANGED, by=by, now=now, **changes)
        if wish.is_told and changes.keys() & {"since", "until"}:
            product = products.of_merchant(session, merchant_id, grant.product_id)
            _tell(Post.of(ctx, session, merchant_id, now=now), customer, product, grant, GrantNews.CHANGED)
    return True


def withdraw(
    ctx: Context,
    merchant_id: uuid.UUID,
    customer_id: uuid.UUID,
    grant_id: uuid.UUID,
    *,
    is_told: bool,
    by: By,
    now: datetime,
) -> None:
    """End a gift now; one that has not begun never does. Raises NoResultFound for one that is over, or another's."""
    with ctx.db.begin() as session:
        customer, grant = _lock(session, merchant_id, customer_id, grant_id, now=now)
        product = products.of_merchant(session, merchant_id, grant.product_id)
        before, grant.until = grant.until, max(now, grant.since)
        grant.withdrawn_at, grant.withdrawn_by = now, _author(by)
        _record(session, grant, Act.GRANT_WITHDRAWN, by=by, now=now, until=[_iso(before), _iso(grant.until)])
        if is_told and customer.email:
            besides = _besides(session, customer, product, grant, now=now)
            post = Post.of(ctx, session, merchant_id, now=now)
            letter = _withdrawn_letter(post, customer, product, grant, has_more=bool(besides))
            post.to_customer(customer, letter, key=f"{letter.kind}:{grant.id}:{now.isoformat()}")


def _lock(
    session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, grant_id: uuid.UUID, *, now: datetime
) -> tuple[Customer, Grant]:
    (customer,) = customers.lock(session, merchant_id, customer_id)  # every act on a customer's gifts takes this one
    grant = queries.of_merchant(session, merchant_id, customer_id, grant_id)
    if grants.is_over(grant, now):
        raise NoResultFound
    return customer, grant


def _check(
    session: Session, customer: Customer, wish: Gift, *, grant_id: uuid.UUID | None = None, now: datetime
) -> None:
    theirs = queries.of_customer(session, customer.merchant_id, customer.id, product_id=wish.product_id)
    grants.check(wish.since, wish.until, (one for one in theirs if one.id != grant_id), now=now)


def _changes(grant: Grant, wish: Gift) -> dict[str, Any]:
    days = {"since": (grant.since, wish.since), "until": (grant.until, wish.until)}
    told: dict[str, Any] = {name: [_iso(old), _iso(new)] for name, (old, new) in days.items() if old != new}
    return told | ({"texts": sorted(TEXTS)} if grant.note != wish.note else {})


def _author(by: By) -> str:
    """Return whom the desk names as the giver; the name of a key says that it is one."""
    return f"API ({by.name})" if by.channel is Channel.API else by.name


def _record(session: Session, grant: Grant, act: Act, *, by: By, now: datetime, **details: Any) -> None:
    about = {"grant": str(grant.id), "product": str(grant.product_id)}
    subject = ("customer", grant.customer_id)
    audit.append(session, grant.merchant_id, act, by=by, at=now, subject=subject, **about, **details)


def _tell(post: Post, customer: Customer, product: Product, grant: Grant, news: GrantNews) -> None:
    """Write to the customer, if they have an address."""
    if customer.email:
        letter = grant_notices.words(post, customer, news, product.name, since=grant.since, until=grant.until)
        post.to_customer(customer, letter, key=f"{letter.kind}:{grant.id}:{post.now.isoformat()}")


def _withdrawn_letter(post: Post, customer: Customer, product: Product, grant: Grant, *, has_more: bool) -> Composed:
    return grant_notices.words(
        post, customer, GrantNews.WITHDRAWN, product.name, since=grant.since, until=post.now, has_more=has_more
    )


def _windows(product: Product, given: list[Grant]) -> list[Window]:
    return list(access.windows_given(grants_of(product, given)))


def _besides(session: Session, customer: Customer, product: Product, grant: Grant, *, now: datetime) -> list[Window]:
    """Return what is open of the product now without that gift: by subscriptions and by other gifts."""
    others = queries.of_customer(session, customer.merchant_id, customer.id, product_id=product.id)
    found = _windows(product, [one for one in others if one.id != grant.id])
    for subscription in subscriptions.all_of_customer(session, customer.merchant_id, customer.id):
        if subscription.product_id == product.id:
            found += access.windows(subscription.facts, rule_of(subscription))
    return [one for one in found if one.is_open(now)]


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
