"""Roles and what they may do, in words. Lazy: said in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.clock import utc_now
from portal.domain.ends.duties import LEAST, Duty
from portal.domain.law.retention import FIXED_DAYS, Kind
from portal.domain.policies import Role
from portal.queries.people.staff import Member
from portal.web.formatting import formatter

DUTY: Final[Mapping[Duty, LazyString]] = {
    Duty.LOOK: _l("See customers, subscriptions, products and settings"),
    Duty.CUSTOMERS: _l("Work on customers’ records, notices and letters; import"),
    Duty.ENDS: _l("End, pause and resume subscriptions, also many at once"),
    Duty.REFUNDS: _l("Refund payments"),
    Duty.EXPORT: _l("Export lists of subscriptions and customers"),
    Duty.PRODUCTS: _l("Change products and their rules"),
    Duty.SETTINGS: _l("Change the settings of the customers’ space"),
    Duty.ARCHIVE: _l("See what the law keeps of erased customers"),
    Duty.PAYPAL: _l("Enter, replace and remove the PayPal key"),
    Duty.INTEGRATIONS: _l("Make API keys, say where events are sent, connect your site"),
    Duty.TEAM: _l("Invite and remove people, change their roles"),
    Duty.AUDIT: _l("Read and export the audit log"),
}

ROLE_HINT: Final[Mapping[str, LazyString]] = {
    "reader": _l("Sees customers, subscriptions, products and settings, and changes nothing."),
    "support": _l("Works for customers, and ends subscriptions."),
    "manager": _l("Also refunds, and changes products and settings."),
    "owner": _l("Everything, also the PayPal key, the team and the audit log."),
}

ROLES: Final = tuple(Role)  # each holds what those before it may


def last_seen(member: Member) -> str:
    """Return when somebody last used this desk. Log-ins are kept for a month: who is newer than that never was here."""
    if member.seen_at is not None:
        return formatter().short(member.seen_at)
    is_new = utc_now() - member.since < FIXED_DAYS[Kind.LOG_INS]
    return _("not yet") if is_new else _("not in the last month")


# What each role adds to those before it, and the choice of one.
SHOWN: Final[Mapping[str, object]] = {
    "last_seen": last_seen,
    "hints": ROLE_HINT,
    "added": tuple((role, tuple(DUTY[duty] for duty in DUTY if LEAST[duty] is role)) for role in ROLES),
}
