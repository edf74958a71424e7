"""What the desk reads of a customer's erasure: what an open one waits for, and of a finished one what is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from portal.domain.law.retention import Kind, until
from portal.domain.people.customer_erasures import ErasureState, Hold
from portal.queries.merchants import customer_erasures as stored
from portal.queries.people import merchants
from portal.web.admin.presenting import day, short

if TYPE_CHECKING:
    from portal.models import Customer

HOLD: Final[Mapping[Hold, LazyString]] = {
    Hold.LIVE: _l("a subscription still runs"),
    Hold.NOTICE: _l("a cancellation notice has to be answered"),
    Hold.PLANNED_END: _l("an end waits for its day"),
    Hold.END: _l("PayPal has not confirmed an end"),
    Hold.PAUSE: _l("a pause or a resumption is under way"),
    Hold.COMEBACK: _l("a new subscription is still open at PayPal"),
    Hold.REFUND: _l("a refund is under way"),
    Hold.SETTLEMENT: _l("PayPal is taking an outstanding payment"),
    Hold.ADDRESS: _l("the address was changed lately, and may be contested or is"),
    Hold.LATE_PAYMENT: _l("a payment after an end has to be settled"),
    Hold.MAIL: _l("an email is still to be sent"),
}


@dataclass(frozen=True, kw_only=True)
class Told:
    """A notice above the record: its title, a sentence, and lines below it."""

    kind: str
    title: str
    text: str
    lines: tuple[str, ...] = ()


def told(session: Session, customer: Customer, *, now: datetime) -> Told | None:
    """Return what is to be said of an erasure; None where nobody asked for one."""
    erasure = stored.newest_of(session, customer.merchant_id, customer.id)
    if customer.erased_at is not None:
        by_customer = erasure is not None and erasure.state is ErasureState.DONE
        return Told(
            kind="info",
            title=_("This customer is erased"),
            text=_(
                "Erased on %(date)s at the customer’s request, reference %(reference)s. The law has this kept:",
                date=short(customer.erased_at),
                reference=erasure.reference,
            )
            if by_customer and erasure is not None
            else _(
                "Erased on %(date)s, as the last contact was long ago. The law has this kept:",
                date=short(customer.erased_at),
            ),
            lines=_kept(session, customer),
        )
    if erasure is None or erasure.state is not ErasureState.OPEN:
        return None
    holds = stored.holds(session, customer, now=now)
    waits = [str(HOLD[hold]) for hold in Hold if hold in holds]
    if now < erasure.due_at:
        waits.append(_("the customer can think it over until %(date)s", date=short(erasure.due_at)))
    return Told(
        kind="plan",
        title=_("This customer has asked for their data to be erased"),
        text=_(
            "Requested on %(date)s, reference %(reference)s. It happens by itself. It waits for this:",
            date=short(erasure.created_at),
            reference=erasure.reference,
        ),
        lines=tuple(waits) or (_("nothing more: within minutes"),),
    )


def _kept(session: Session, customer: Customer) -> tuple[str, ...]:
    found, chosen = stored.kept(session, customer.id), merchants.of(session, customer.merchant_id).retention
    lines = []
    if found.paid_at is not None:
        last = day(until(Kind.PAYMENTS, chosen, found.paid_at))
        lines.append(_("Payments (%(number)s), until %(date)s", number=found.payments, date=last))
    if found.proven_at is not None:
        last = day(until(Kind.PROOFS, chosen, found.proven_at))
        lines.append(_("Proofs of ends (%(number)s), until %(date)s", number=found.proofs, date=last))
    if found.noticed_at is not None:
        last = day(until(Kind.PROOFS, chosen, found.noticed_at))
        lines.append(_("Cancellation notices (%(number)s), until %(date)s", number=found.notices, date=last))
    return tuple(lines) or (_("nothing"),)
