"""The merchant's client at their own site: set up, tested, switched on and off by owners (domain.site_logins).

Nothing is saved that did not pass its test at the site.  The secret goes in and never comes out; it is sent to nobody
but the issuer that it was typed for.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

import structlog
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.integrations.site_logins import Proof, SiteLoginRefused, Wrong, is_issuer
from portal.models import SiteLogin
from portal.providers.openid import Site
from portal.queries.people import merchants, site_logins
from portal.services import edits
from portal.services.audit import audit
from portal.services.context import Context

log = structlog.get_logger("portal.site_logins")

SECRET: Final = "site_logins.secret"  # noqa: S105 - a purpose, not a secret
TEXTS: Final = frozenset({"label_fr", "label_en"})  # the audit chain says that they changed, not into what


class SecretNeeded(Exception):
    """The secret of another client or issuer is not the one that is kept: it has to be typed. Nothing was saved."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What an owner typed; an empty `secret` keeps the one that is stored."""

    issuer: str
    client_id: str
    secret: str
    proof: Proof
    claim: str
    label_fr: str
    label_en: str


def redirect_uri(ctx: Context, slug: str) -> str:
    """Return where a site leads a customer back to; it has to know this address, letter by letter."""
    return f"{ctx.base_url}/account/{slug}/login/site/back"


def login_url(ctx: Context, slug: str) -> str:
    """Return where a site may lead a customer to who has logged out there."""
    return f"{ctx.base_url}/account/{slug}/login"


def logout_url(ctx: Context, row: SiteLogin, slug: str) -> str:
    """Return where a customer may log out of the site too (OpenID Connect RP-Initiated Logout 1.0); empty: nowhere.

    No id token is kept to be sent along: the site asks the customer, as it should.
    """
    if not row.end_session_url:
        return ""
    asked = {"client_id": row.client_id, "post_logout_redirect_uri": login_url(ctx, slug)}
    return f"{row.end_session_url}{'&' if '?' in row.end_session_url else '?'}{urlencode(asked)}"


def test(ctx: Context, issuer: str) -> Site:
    """Read the site's document and keys now; raise SiteLoginRefused naming the first thing that is wrong."""
    if not is_issuer(issuer, allow_loopback=ctx.sites.allow_loopback):
        raise SiteLoginRefused(Wrong.NOT_ADDRESSABLE)
    site = ctx.sites.discover(issuer, fresh=True)
    ctx.sites.check_keys(site)
    return site


def save(ctx: Context, merchant_id: uuid.UUID, wish: Wish, *, by: By, now: datetime) -> None:
    """Test the site, then store the client; whether it is on stays as it was.

    Raises SiteLoginRefused for a site that is not good, SecretNeeded for another client without its secret.
    """
    site = test(ctx, wish.issuer)
    answers = {name: value for name, value in vars(wish).items() if name != "secret"}
    with ctx.db.begin() as session:
        merchants.lock(session, merchant_id)  # of two who set it up at once the second changes what the first made
        row = site_logins.of_merchant(session, merchant_id)
        is_theirs = row is not None and (row.issuer, row.client_id) == (wish.issuer, wish.client_id)
        if not wish.secret and not is_theirs:
            raise SecretNeeded
        changed: dict[str, Any] = edits.changes(row, answers) if row is not None else answers
        if row is None:
            row = SiteLogin(id=uuid.uuid4(), merchant_id=merchant_id, is_on=False)
            session.add(row)
        for name, value in answers.items():
            setattr(row, name, value)
        if wish.secret:
            row.secret = ctx.vault.seal(wish.secret, purpose=SECRET, row=row.id)
            row.set_at = now
        _note(row, site, now=now)
        _tell(session, row, changed, secret=bool(wish.secret), by=by, now=now)


def check(ctx: Context, merchant_id: uuid.UUID, *, by: By, now: datetime) -> None:
    """Test the stored client's site again; raise SiteLoginRefused when it is not good, NoResultFound without one."""
    site = test(ctx, _issuer(ctx, merchant_id))
    with ctx.db.begin() as session:
        row = _locked(session, merchant_id)
        if row.issuer == site.issuer:
            _note(row, site, now=now)
        about = ("site_login", row.id)
        audit.append(session, merchant_id, Act.SITE_LOGIN_TESTED, by=by, at=now, subject=about)


def switch(ctx: Context, merchant_id: uuid.UUID, *, on: bool, by: By, now: datetime) -> None:
    """Offer the log-in to customers, or no more; on only after another test. Raises as `check`."""
    site = test(ctx, _issuer(ctx, merchant_id)) if on else None
    with ctx.db.begin() as session:
        row = _locked(session, merchant_id)
        if row.is_on == on:
            return
        if site is not None:
            if row.issuer != site.issuer:  # another owner has set up another one in this moment
                raise SiteLoginRefused(Wrong.OFF)
            _note(row, site, now=now)
        row.is_on = on
        about = ("site_login", row.id)
        audit.append(session, merchant_id, Act.SITE_LOGIN_SWITCHED, by=by, at=now, subject=about, on=on)
    log.info("site_login.switched", merchant_id=str(merchant_id), on=on)


def remove(ctx: Context, merchant_id: uuid.UUID, *, by: By, now: datetime) -> None:
    """Forget the client and its secret; who is logged in stays so. Raises NoResultFound where there is none."""
    with ctx.db.begin() as session:
        row = _locked(session, merchant_id)
        session.delete(row)
        about = ("site_login", row.id)
        audit.append(session, merchant_id, Act.SITE_LOGIN_REMOVED, by=by, at=now, subject=about, issuer=row.issuer)
    log.info("site_login.removed", merchant_id=str(merchant_id))


def _issuer(ctx: Context, merchant_id: uuid.UUID) -> str:
    with ctx.db.read() as session:
        row = site_logins.of_merchant(session, merchant_id)
    if row is None:
        raise NoResultFound
    return row.issuer


def _locked(session: Session, merchant_id: uuid.UUID) -> SiteLogin:
    row = site_logins.lock(session, merchant_id)
    if row is None:
        raise NoResultFound
    return row


def _note(row: SiteLogin, site: Site, *, now: datetime) -> None:
    row.checked_at = now
    row.end_session_url = site.end_session_endpoint


def _tell(session: Session, row: SiteLogin, changed: dict[str, Any], *, secret: bool, by: By, now: datetime) -> None:
    told = {name: value for name, value in changed.items() if name not in TEXTS}
    if texts := sorted(TEXTS & changed.keys()):
        told["texts"] = texts
    if secret:
        told["has_new_secret"] = True
    if told:
        about = ("site_login", row.id)
        audit.append(session, row.merchant_id, Act.SITE_LOGIN_SET, by=by, at=now, subject=about, **told)
