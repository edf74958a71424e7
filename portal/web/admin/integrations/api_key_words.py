"""The words of the API's keys: what one may do, which of PayPal's worlds it sees, where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from flask_babel import LazyString, lazy_pgettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.domain.integrations import api_keys
from portal.domain.integrations.api_keys import KeyProblem, KeyStanding, Mode, Scope
from portal.web.formatting import formatter

if TYPE_CHECKING:
    from portal.models import ApiKey

MODE: Final[Mapping[Mode, LazyString]] = {
    Mode.LIVE: lazy_pgettext("key", "Live"),
    Mode.TEST: lazy_pgettext("key", "Test"),
}
ABOUT_MODE: Final[Mapping[Mode, LazyString]] = {
    Mode.LIVE: _l("Sees your real subscriptions. What it ends is ended at PayPal."),
    Mode.TEST: _l("Sees only subscriptions of PayPal’s sandbox, where no money moves. For trying things out."),
}

READS: Final[Mapping[Scope, LazyString]] = {
    Scope.ACCESS_READ: _l("Ask who may open what"),
    Scope.CUSTOMERS_READ: _l("Read customers, with their names and email addresses"),
    Scope.SUBSCRIPTIONS_READ: _l("Read subscriptions and cancellation requests"),
    Scope.PAYMENTS_READ: _l("Read payments and refunds"),
    Scope.PRODUCTS_READ: _l("Read products"),
    Scope.EVENTS_READ: _l("Read what happened (events)"),
}
ACTS: Final[Mapping[Scope, LazyString]] = {
    Scope.ENDS_WRITE: _l("Request the end of subscriptions"),
    Scope.GRANTS_WRITE: _l("Give access by hand, and withdraw it"),
    Scope.CUSTOMERS_WRITE: _l("Note your own customer numbers"),
    Scope.PRODUCTS_WRITE: _l("Note your own product numbers"),
    Scope.SESSIONS_WRITE: _l("Make links that open a customer’s space"),
    Scope.EVENTS_WRITE: _l("Choose where events are sent, and send them again"),
}
SCOPE: Final[Mapping[Scope, LazyString]] = {**READS, **ACTS}

MARK: Final[Mapping[KeyStanding, str]] = {
    KeyStanding.GOOD: "ok",
    KeyStanding.LEAVING: "plan",
    KeyStanding.EXPIRED: "done",
    KeyStanding.REVOKED: "stops",
}

PROBLEM: Final[Mapping[KeyProblem, LazyString]] = {
    KeyProblem.NO_NAME: _l("Enter a name."),
    KeyProblem.LONG_NAME: _l("Write at most 60 characters."),
    KeyProblem.NO_SCOPE: _l("Choose at least one thing that the key may do."),
    KeyProblem.NOT_IN_TEST: _l(
        "A test key cannot give access: that would be given for real. Untick it, or choose “Live”."
    ),
    KeyProblem.BAD_NETWORK: _l("“%(what)s” is neither an address like 203.0.113.7 nor a network like 203.0.113.0/24."),
    KeyProblem.MANY_NETWORKS: _l("Write at most 50 lines."),
    KeyProblem.BAD_LIMIT: _l("Enter a number from 1 to 60,000."),
}


def problem(found: api_keys.CannotMakeKey) -> str:
    """Return why a key cannot be made so."""
    return str(PROBLEM[found.why]) % {"what": found.what} if found.what else str(PROBLEM[found.why])


def scopes(allowed: Iterable[Scope]) -> list[str]:
    """Return what a key may do, reading before acting."""
    held = frozenset(allowed)
    return [str(words) for scope, words in SCOPE.items() if scope in held]


def standing(key: ApiKey, now: datetime) -> str:
    """Return where a key stands, with the day where there is one."""
    match key.standing(now):
        case KeyStanding.LEAVING if key.expires_at is not None:
            return _("Replaced: valid until %(date)s", date=formatter().short(key.expires_at))
        case KeyStanding.EXPIRED:
            return _("Replaced: no longer valid")
        case KeyStanding.REVOKED if key.revoked_at is not None:
            return _("Revoked on %(date)s", date=formatter().short_day(key.revoked_at))
    return _("Valid")


def reported(key: ApiKey) -> str:
    """Return that somebody has said where the key can be read; empty where nobody has."""
    if key.reported_at is None:
        return ""
    on = formatter().short(key.reported_at)
    if key.reported_where:
        return _("Reported on %(date)s as readable in public: %(where)s", date=on, where=key.reported_where)
    return _("Reported on %(date)s as readable in public", date=on)


def used(key: ApiKey) -> str:
    """Return when the key was used last; the hour is enough, since it is not written down at every call."""
    return formatter().short(key.last_used_at) if key.last_used_at is not None else _("Not yet")
