"""What the desk reads of settlements: customers ask for them, PayPal decides, and the merchant can look at PayPal."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext as _

from portal.domain.money.settlements import GIVE_UP
from portal.queries.money.settlements import Settlement, SettlementState
from portal.web import labels
from portal.web.formatting import formatter


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Where the newest one stands, on the subscription's page."""

    kind: str
    title: str
    line: str


def notice(found: Settlement | None, *, is_late: bool) -> Notice | None:
    """Return what is to be known of the newest one; once the payment is there, the timeline says all."""
    if found is None or found.state is SettlementState.DONE:
        return None
    if found.failed_for is not None:
        why = str(labels.NOT_SETTLED[found.failed_for])
        return Notice(kind="info", title=happened(found), line=why) if is_late else None
    kind = "warn" if found.state is SettlementState.NEEDS_MERCHANT else "info"
    return Notice(kind=kind, title=happened(found), line=todo(found))


def happened(found: Settlement) -> str:
    """Return what the customer asked for."""
    say = formatter()
    return _(
        "On %(date)s the customer asked PayPal to take the unpaid %(amount)s",
        date=say.day(found.created_at),
        amount=say.money(found.money),
    )


def todo(found: Settlement) -> str:
    """Return what is known of an open one, and what helps."""
    if found.state is not SettlementState.NEEDS_MERCHANT:
        return _("PayPal has not confirmed it yet. The portal keeps checking, and takes it once at most.")
    return _(
        "PayPal has given no clear answer for a day: see in your PayPal account whether the payment is there. The "
        "portal keeps checking until %(date)s, and then tells the customer what PayPal shows.",
        date=formatter().day(found.created_at + GIVE_UP),
    )


def rows(found: Settlement) -> list[tuple[str, str | None]]:
    """Return the facts that help to find it at PayPal."""
    answer = found.answer or {}
    debug_id = str(answer.get("debug_id") or "")
    return [
        (_("Amount"), formatter().money(found.money)),
        *([(_("PayPal payment ID"), found.provider_id)] if found.provider_id else []),
        *([(_("PayPal debug ID"), debug_id)] if debug_id else []),
    ]
