"""Make a merchant, and invite its first owner by a link: nobody chooses a password for somebody else."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.merchants.merchants import check_slug
from portal.models import Merchant
from portal.queries.people import merchants, staff
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.people import invitations
from portal.services.people.logins import normal_email


@dataclass(frozen=True, kw_only=True)
class NewMerchant:
    """Who is to sell here. `slug` is the name in addresses, `time_zone` an IANA name, `locale` one of the portal's."""

    slug: str
    name: str
    locale: str
    time_zone: str
    owner_email: str
    owner_name: str


@dataclass(frozen=True, kw_only=True)
class Made:
    """The merchant that now stands. `invitation` is the path of the owner's link, None for who is in the team."""

    merchant_id: uuid.UUID
    is_new: bool
    invitation: str | None


class SlugTaken(Exception):
    """Another merchant has that name in addresses, one that is gone had it, or its owner is another; `name`: whose."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def create(ctx: Context, wish: NewMerchant, *, by: By, now: datetime) -> Made:
    """Make the merchant and invite the owner, in one transaction; a second time the same owner gets a new link.

    Raises WrongSlug, SlugTaken.
    """
    with ctx.db.begin() as session:
        return write(ctx, session, wish, by=by, now=now)


def write(ctx: Context, session: Session, wish: NewMerchant, *, by: By, now: datetime) -> Made:
    """Do so in the caller's transaction."""
    check_slug(wish.slug)
    found = merchants.named(session, wish.slug)
    if found is not None:
        return _again(ctx, session, found, wish, by=by, now=now)
    row = Merchant(
        id=uuid.uuid4(),
        slug=wish.slug,
        name=wish.name,
        locale=wish.locale,
        time_zone=wish.time_zone,
        support_email=normal_email(wish.owner_email),
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        if "uq_merchants_slug" in str(error.orig):  # made by somebody else at the same moment
            raise SlugTaken(wish.name) from None
        raise
    audit.append(session, row.id, Act.MERCHANT_CREATED, by=by, at=now, locale=wish.locale)
    return Made(merchant_id=row.id, is_new=True, invitation=_invite(ctx, session, row, wish, by=by, now=now))


def _again(ctx: Context, session: Session, found: Merchant, wish: NewMerchant, *, by: By, now: datetime) -> Made:
    """Answer a command that is given again: nothing new but the link, while nobody has used it."""
    email = normal_email(wish.owner_email)
    owners = staff.owners(session, found.id)
    is_owner = any(owner.email == email for owner in owners)
    if found.closed_at is not None or found.name != wish.name or (owners and not is_owner):
        raise SlugTaken(found.name)
    link = None if is_owner else _invite(ctx, session, found, wish, by=by, now=now)
    return Made(merchant_id=found.id, is_new=False, invitation=link)


def _invite(ctx: Context, session: Session, merchant: Merchant, wish: NewMerchant, *, by: By, now: datetime) -> str:
    return invitations.invite_owner(
        ctx, session, merchant, wish.owner_email, wish.owner_name, by=by, language=wish.locale, now=now
    )
