"""Customers log in with the merchant's own site: a round begun here, answered there, and believed when it is proven.

A round is what one browser carries in a signed cookie (docs/decisions/0036): state, nonce and the verifier of its code
(PKCE), ten minutes, once. It makes nobody a customer: who is found is logged in, who is not may use a code.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from sqlalchemy.orm import Session

from portal.domain.integrations import site_logins as rules
from portal.domain.integrations.site_logins import LASTS, Expected, Proof, SiteLoginRefused, Wrong
from portal.models import Customer, SiteLogin
from portal.providers.openid import Client
from portal.queries.integrations import external_ids
from portal.queries.people import site_logins
from portal.queries.people.account_members import Space
from portal.queries.people.people import Kind
from portal.secrets import CannotOpen, new_token
from portal.services import throttles
from portal.services.context import Context
from portal.services.people import passkey_challenges, spaces
from portal.services.people.logins import QUARTER, Entry
from portal.services.people.sessions import ABSOLUTE, Visitor
from portal.services.people.site_clients import SECRET, redirect_uri
from portal.services.people.spaces import BySite, Entered
from portal.services.throttles import Limit

log = structlog.get_logger("portal.site_logins")

TRIES: Final = 30  # of one network in a quarter of an hour
SAID_NO: Final = {  # RFC 6749, 4.1.2.1; OpenID Connect Core, 3.1.2.6; the other words are the merchant's to mend
    **dict.fromkeys(("access_denied", "login_required", "interaction_required", "consent_required"), Wrong.DECLINED),
    **dict.fromkeys(("server_error", "temporarily_unavailable"), Wrong.NO_ANSWER),
}


@dataclass(frozen=True, kw_only=True)
class Round:
    """What the browser carries from the button to the way back."""

    merchant_id: str
    issuer: str
    client_id: str
    state: str
    nonce: str
    verifier: str
    next_path: str
    again: bool  # the site was asked to ask for its log-in anew
    at: float  # when it began, in seconds since 1970

    @property
    def facts(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self)

    @property
    def began(self) -> datetime:
        """Return when it began."""
        return datetime.fromtimestamp(self.at, UTC)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the site has put into the address that it led back to; empty where it put nothing."""

    state: str
    code: str
    error: str
    issuer: str


def begin(
    ctx: Context, merchant: tuple[uuid.UUID, str], *, next_path: str, again: bool, now: datetime
) -> tuple[str, Round]:
    """Return the site's address to go to, and what the browser keeps meanwhile; raise SiteLoginRefused. Writes nothing.

    `merchant`: its id and the name in its addresses.
    """
    merchant_id, slug = merchant
    row = _on(ctx, merchant_id)
    site = ctx.sites.discover(row.issuer)
    begun = Round(
        merchant_id=str(merchant_id),
        issuer=row.issuer,
        client_id=row.client_id,
        state=new_token(),
        nonce=new_token(),
        verifier=new_token(),
        next_path=next_path,
        again=again,
        at=now.timestamp(),
    )
    url = ctx.sites.authorization_url(
        site,
        Client(client_id=row.client_id, secret="", redirect_uri=redirect_uri(ctx, slug)),
        scope="openid email" if row.proof is Proof.EMAIL else "openid profile",
        state=begun.state,
        nonce=begun.nonce,
        verifier=begun.verifier,
        again=again,
    )
    return url, begun


def finish(ctx: Context, slug: str, begun: Round, answer: Answer, *, visitor: Visitor, now: datetime) -> Entry:
    """Log in whom the site has proven, once; raise SiteLoginRefused with the reason, TooManyTries."""
    merchant_id = _spend(ctx, begun, answer, now=now)
    row = _on(ctx, merchant_id)
    if (row.issuer, row.client_id) != (begun.issuer, begun.client_id):
        raise SiteLoginRefused(Wrong.OFF)
    throttles.hit(ctx, Limit(name="site_login", who=visitor.network, count=TRIES, window=QUARTER), now=now)
    claims = _claims(ctx, slug, row, begun, answer, now=now)
    with ctx.db.begin() as session:
        still = site_logins.lock(session, merchant_id)
        if still is None or not still.is_on or _rules(still) != _rules(row):
            raise SiteLoginRefused(Wrong.OFF)
        return _enter(session, row, claims, begun, visitor=visitor, now=now)


def _spend(ctx: Context, begun: Round, answer: Answer, *, now: datetime) -> uuid.UUID:
    """Use the round up, and return whose it is; raise SiteLoginRefused for one that is not this browser's answer."""
    if answer.state != begun.state or now - begun.began > LASTS:
        raise SiteLoginRefused(Wrong.STALE)
    if not passkey_challenges.is_first(ctx, begun.state, now=now):
        raise SiteLoginRefused(Wrong.STALE)
    if answer.error:
        raise SiteLoginRefused(SAID_NO.get(answer.error, Wrong.NO_TOKEN), answer.error[:60])
    if answer.issuer not in ("", begun.issuer):  # the answer of another site (RFC 9207)
        raise SiteLoginRefused(Wrong.OTHER_ISSUER)
    if not answer.code:
        raise SiteLoginRefused(Wrong.NO_TOKEN)
    return uuid.UUID(begun.merchant_id)


def _on(ctx: Context, merchant_id: uuid.UUID) -> SiteLogin:
    with ctx.db.read() as session:
        row = site_logins.of_merchant(session, merchant_id)
    if row is None or not row.is_on:
        raise SiteLoginRefused(Wrong.OFF)
    return row


def _rules(row: SiteLogin) -> tuple[str, ...]:
    """Return by what it is decided who comes in."""
    return row.issuer, row.client_id, row.proof, row.claim


def _secret(ctx: Context, row: SiteLogin) -> str:
    try:
        return ctx.vault.open(row.secret, purpose=SECRET, row=row.id)
    except CannotOpen:
        log.error("site_secret_sealed_with_a_lost_master_key", merchant_id=str(row.merchant_id))
        raise SiteLoginRefused(Wrong.OFF) from None


def _claims(
    ctx: Context, slug: str, row: SiteLogin, begun: Round, answer: Answer, *, now: datetime
) -> Mapping[str, Any]:
    """Return what the site says of the person: its token's word, and where that says nothing of it, its page's."""
    site = ctx.sites.discover(row.issuer)
    if site.names_itself and answer.issuer != row.issuer:
        raise SiteLoginRefused(Wrong.OTHER_ISSUER)
    client = Client(client_id=row.client_id, secret=_secret(ctx, row), redirect_uri=redirect_uri(ctx, slug))
    tokens = ctx.sites.exchange(site, client, answer.code, begun.verifier)
    expected = Expected(
        issuer=row.issuer,
        client_id=row.client_id,
        nonce=begun.nonce,
        fresh_since=begun.began if begun.again else None,
    )
    rules.check(tokens.claims, expected, now=now)
    wanted = ("email", "email_verified") if row.proof is Proof.EMAIL else (row.claim,)
    if all(name in tokens.claims for name in wanted):
        return tokens.claims
    told = ctx.sites.userinfo(site, tokens)
    # All of it from one place: an address of the token is not verified by a word about another one.
    return {**tokens.claims, **{name: told.get(name) for name in wanted}}


def _enter(
    session: Session, row: SiteLogin, claims: Mapping[str, Any], begun: Round, *, visitor: Visitor, now: datetime
) -> Entry:
    by_site = BySite(row.proof, _proven_at(claims, now=now))
    entered = None
    if row.proof is Proof.EMAIL:
        email = rules.proven_email(claims)
        entered = spaces.enter(session, row.merchant_id, email, visitor=visitor, by_site=by_site, now=now)
    elif (customer := _of_id(session, row, claims)) is not None:
        space = Space(customer=customer, member=None)
        token = spaces.come_in(session, space, visitor=visitor, by_site=by_site, now=now)
        entered = Entered(token, has_choice=False)
    if entered is None:
        raise SiteLoginRefused(Wrong.UNKNOWN)
    return Entry(token=entered.token, next_path=begun.next_path, has_choice=entered.has_choice)


def _of_id(session: Session, row: SiteLogin, claims: Mapping[str, Any]) -> Customer | None:
    customer = external_ids.customer(session, row.merchant_id, rules.proven_id(claims, row.claim))
    return customer if customer is not None and customer.erased_at is None else None


def _proven_at(claims: Mapping[str, Any], *, now: datetime) -> datetime:
    """Return since when the person is proven: a site that knows them since yesterday proves nothing of this moment.

    One that does not say when it asked for a log-in is taken as one that asked long ago.
    """
    said = rules.authenticated_at(claims)
    return min(said, now) if said is not None else now - ABSOLUTE[Kind.CUSTOMER]
