"""The button by which customers log in with the merchant's site, and the link by which they log out there."""

from __future__ import annotations

from flask import g
from flask_babel import gettext as _

from portal.queries.people import site_logins
from portal.services.people import site_clients
from portal.web import identity, locale


def label() -> str:
    """Return the words of the button, empty where there is none."""
    with identity.context().db.read() as session:
        row = site_logins.of_merchant(session, g.merchant.id)
    if row is None or not row.is_on:
        return ""
    return words(g.merchant.name, {"fr": row.label_fr, "en": row.label_en}.get(locale.current(), ""))


def words(merchant: str, chosen: str) -> str:
    """Return the merchant's own words for the button, or ours."""
    return chosen or _("Continue with %(site)s", site=merchant)


def log_out_there() -> str:
    """Return the address by which a customer may log out of the merchant's site too; empty where there is none."""
    with identity.context().db.read() as session:
        row = site_logins.of_merchant(session, g.merchant.id)
    return site_clients.logout_url(identity.context(), row, g.merchant.slug) if row is not None and row.is_on else ""
