"""Who is visiting: a person, their session and their merchant, in one statement (page budget)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, func, select
from sqlalchemy.orm import Session

from portal.domain.integrations.outgoing_events import EndpointState
from portal.domain.integrations.site_logins import Proof
from portal.domain.integrations.task_links import After, TaskKind, page_of
from portal.domain.law.countries import Country
from portal.domain.merchants.merchants import MerchantState, state_of
from portal.domain.merchants.sections import Section, is_shown
from portal.domain.people.account_members import MemberRole
from portal.domain.people.email_addresses import shown
from portal.domain.policies import Role
from portal.models import (
    Customer,
    EventEndpoint,
    LoginSession,
    Membership,
    Merchant,
    PayPalAccount,
    Provider,
    Staff,
)
from portal.models.names import reading_order
from portal.queries.aliases import kept_alias


class Kind(StrEnum):
    """On which side of the counter somebody stands."""

    CUSTOMER = "customer"
    STAFF = "staff"


@dataclass(frozen=True, kw_only=True)
class MerchantFacts:
    """What a page needs to know of its merchant."""

    id: uuid.UUID
    slug: str
    name: str
    locale: str
    time_zone: str
    support_email: str | None
    self_cancellation: bool
    cancellation_text: str
    accent: str
    site_url: str
    terms_url: str
    privacy_url: str
    legal_url: str
    receipt_text: str
    logo_id: uuid.UUID | None
    hidden_sections: list[str]
    leaving_reasons: list[dict[str, Any]]
    leaving_offer: dict[str, Any]
    return_addresses: list[str]
    country: Country
    sells_to: list[str]
    withdrawal_informed_since: date | None
    public_indexed: bool
    postal_address: str
    own_host: str | None
    suspended_at: datetime | None
    suspended_why: str
    leaving_at: datetime | None
    gone_at: datetime | None

    @property
    def state(self) -> MerchantState:
        """Where it stands."""
        return state_of(suspended_at=self.suspended_at, leaving_at=self.leaving_at)

    def shows(self, section: Section | str) -> bool:
        """Say whether customers see that section of their space; a page names it by its word."""
        return is_shown(Section(section), self.hidden_sections)


@dataclass(frozen=True, kw_only=True)
class OwnTask:
    """The one task that a customer who came by a link may do (domain.task_links); they are not logged in.

    `is_proven`: they have typed the code that was sent to the address on file, or the merchant's server vouches for
    them.  `is_done`: only its result is shown.  `vouched_by`: the key of that server.
    """

    link_id: uuid.UUID
    kind: TaskKind
    subscription_id: uuid.UUID | None
    return_to: str
    is_proven: bool
    is_done: bool
    vouched_by: str = ""
    locale: str | None = None
    after: After = After.STAY

    @property
    def page(self) -> str:
        """The task's page below the account."""
        return page_of(self.kind, self.subscription_id)


@dataclass(frozen=True, kw_only=True)
class OwnMembership:
    """Who of a customer's people somebody is, with the address that they log in with (domain.account_members)."""

    id: uuid.UUID
    role: MemberRole
    name: str
    email: str


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody logged in, on one browser. `role` is None for customers, `locale` None when they chose none.

    `desks`: for how many merchants a member of staff works. `viewer_id`: of the desk, who sees what this customer sees.
    `time_zone`, `own_locale`: what a customer has set in their profile; None for what they have not.
    `task`: a customer's, who came by a link and is not logged in: they see the pages of that task alone.
    `member`: who it is of the customer's people; then `id`, `name` and `email` are the customer's all the same.
    `spaces`: how many accounts the address that was proven opens at this merchant.
    `site_proof`: by which claim the merchant's own site has named a customer; None: a code has.
    `in_instalments`: whether all that they hold is paid in instalments; no word of theirs says « subscription » then.
    `vouched`: the portal session by which they came, with one task or none; nobody has seen a code of theirs.
    """

    kind: Kind
    id: uuid.UUID
    merchant_id: uuid.UUID
    name: str
    email: str | None
    role: Role | None
    session_id: uuid.UUID
    authenticated_at: datetime
    last_seen_at: datetime
    locale: str | None
    desks: int = 0
    viewer_id: uuid.UUID | None = None
    time_zone: str | None = None
    own_locale: str | None = None
    task: OwnTask | None = None
    member: OwnMembership | None = None
    spaces: int = 1
    in_instalments: bool = False
    vouched: OwnTask | None = None
    site_proof: Proof | None = None

    is_authenticated = True  # these three and get_id are what Flask-Login asks of a user
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """Return the person's id as text."""
        return str(self.id)

    @property
    def own_email(self) -> str | None:
        """The address that this log-in has proven."""
        return self.member.email if self.member is not None else self.email

    @property
    def proves_address(self) -> bool:
        """Whether their log-in has proven their address, and not their id at the merchant's site alone."""
        return self.site_proof is not Proof.EXTERNAL_ID

    @property
    def own_name(self) -> str:
        """How the one who is logged in is greeted."""
        return self.member.name if self.member is not None else self.name

    @property
    def may_change(self) -> bool:
        """Whether pages offer what changes something in a customer's account; the guard refuses it (`web.access`)."""
        return self.member is None or self.member.role is MemberRole.OWNER

    @property
    def signature(self) -> str:
        """By whom something was done, as it is shown: of an account's people with the address, which names one."""
        if self.member is None:
            return self.name
        address = shown(self.member.email)
        return f"{self.member.name} ({address})" if self.member.name else address


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A merchant's page and who looks at it.

    For the desk alone it is looked up which keys are broken (since when), and how many endpoints the portal stopped.
    """

    merchant: MerchantFacts
    person: Person | None
    broken_keys: Mapping[Provider, datetime] = field(default_factory=dict)
    stopped_endpoints: int = 0


MERCHANT: Final = tuple(getattr(Merchant, name) for name in MerchantFacts.__dataclass_fields__)
SESSION: Final = (
    LoginSession.id.label("session_id"),
    LoginSession.authenticated_at,
    LoginSession.last_seen_at,
)
ALIVE: Final = and_(
    LoginSession.token_hash == bindparam("token_hash"),
    LoginSession.revoked_at.is_(None),
    LoginSession.expires_at > bindparam("now"),
    LoginSession.last_seen_at > bindparam("seen_after"),
)

_BROKEN_SINCE: Final = {
    provider: select(PayPalAccount.broken_since)
    .where(PayPalAccount.merchant_id == Merchant.id, PayPalAccount.provider == provider)
    .scalar_subquery()
    for provider in Provider
}

_ELSEWHERE: Final = kept_alias(Membership)
_DESKS: Final = (
    select(func.count())
    .where(_ELSEWHERE.staff_id == Staff.id, _ELSEWHERE.disabled_at.is_(None))
    .correlate(Staff)
    .scalar_subquery()
)

_STOPPED_ENDPOINTS: Final = (
    select(func.count())
    .where(
        EventEndpoint.merchant_id == Merchant.id,
        EventEndpoint.state != EndpointState.ENABLED,
        EventEndpoint.is_by_hand.is_(False),
    )
    .correlate(Merchant)
    .scalar_subquery()
)

_AT_DESK: Final = (
    select(
        *MERCHANT,
        *SESSION,
        Staff.id.label("person_id"),
        Staff.name.label("person_name"),
        Staff.email,
        Staff.locale.label("person_locale"),
        Membership.role,
        _DESKS.label("desks"),
        *(broken_since.label(provider) for provider, broken_since in _BROKEN_SINCE.items()),
        _STOPPED_ENDPOINTS.label("stopped_endpoints"),
    )
    .select_from(LoginSession)
    .join(Staff, Staff.id == LoginSession.staff_id)
    .join(Merchant, Merchant.id == LoginSession.merchant_id)
    .join(Membership, and_(Membership.staff_id == Staff.id, Membership.merchant_id == Merchant.id))
    .where(ALIVE, Membership.disabled_at.is_(None), Merchant.closed_at.is_(None))
)


def merchant_of(row: Any) -> MerchantFacts:
    """Return the merchant of a row that has its columns."""
    return MerchantFacts(**{name: getattr(row, name) for name in MerchantFacts.__dataclass_fields__})


def person_of(row: Any, kind: Kind, **more: Any) -> Person:
    """Return who a row of a session is; `more`: what their face alone has."""
    return Person(
        kind=kind,
        id=row.person_id,
        merchant_id=row.id,
        name=row.person_name,
        email=row.email,
        session_id=row.session_id,
        authenticated_at=row.authenticated_at,
        last_seen_at=row.last_seen_at,
        locale=row.person_locale,
        **{"role": None, **more},
    )


def at_desk(connection: Connection, token_hash: str, *, now: datetime, seen_after: datetime) -> Visit | None:
    """Return the staff member a token stands for and their merchant; None when it stands for nobody."""
    parameters = {"token_hash": token_hash, "now": now, "seen_after": seen_after}
    row = connection.execute(_AT_DESK, parameters).one_or_none()
    if row is None:
        return None
    since = {provider: getattr(row, provider) for provider in Provider}
    broken = {provider: at for provider, at in since.items() if at is not None}
    person = person_of(row, Kind.STAFF, role=row.role, desks=row.desks)
    stopped: int = row.stopped_endpoints
    return Visit(merchant=merchant_of(row), person=person, broken_keys=broken, stopped_endpoints=stopped)


def customer_by_email(session: Session, merchant_id: uuid.UUID, email: str) -> uuid.UUID | None:
    """Return the merchant's customer with that address (normal form), or None; of several, the one whose it is."""
    return session.scalars(
        select(Customer.id).where(
            Customer.merchant_id == merchant_id, Customer.email == email, Customer.email_place == 0
        )
    ).one_or_none()


def merchants_shown(session: Session, *, limit: int = 10) -> list[MerchantFacts]:
    """Return the first merchants by name: only the demo's home page lists them."""
    by_name = reading_order(Merchant.name), Merchant.id
    rows = session.execute(select(*MERCHANT).where(Merchant.closed_at.is_(None)).order_by(*by_name).limit(limit))
    return [merchant_of(row) for row in rows]
