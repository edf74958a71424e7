"""What the desk says of a withdrawal and of what was agreed when its contract began."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.domain.law.withdrawals import ConsentKind, ConsentWay, RefundDuty, Verdict
from portal.queries.timelines import TimelineKind
from portal.web.formatting import formatter

if TYPE_CHECKING:
    from portal.models import Withdrawal

REFUND: Final[Mapping[RefundDuty, LazyString]] = {
    RefundDuty.OPEN: _l("to be made"),
    RefundDuty.REFUNDED: _l("refunded"),
    RefundDuty.OTHERWISE: _l("paid another way"),
    RefundDuty.NOTHING: _l("nothing to refund"),
}

VERDICT: Final[Mapping[Verdict, LazyString]] = {
    Verdict.IN_TIME: _l("within the withdrawal period"),
    Verdict.DOUBTFUL: _l("not certain: a date or a proof is missing, or the right had been given up"),
    Verdict.LATE: _l("after the last day, by the dates known here"),
}

CONSENT: Final[Mapping[ConsentKind, LazyString]] = {
    ConsentKind.INFORMED: _l("Informed of the right of withdrawal"),
    ConsentKind.EXPRESS_REQUEST: _l("Asked to begin at once, knowing that the days used are owed"),
    ConsentKind.WAIVER: _l("Gave up the right for digital content that begins at once"),
    ConsentKind.WAIVER_CONFIRMED: _l("That was confirmed on a durable medium"),
    ConsentKind.CHARGE_TOLD: _l("Clearly told that the free trial becomes paid"),
}

CONSENT_WAY: Final[Mapping[ConsentWay, LazyString]] = {
    ConsentWay.ORDER_PAGE: _l("the portal’s order page"),
    ConsentWay.SITE: _l("your site"),
    ConsentWay.EMAIL: _l("by email"),
    ConsentWay.PAPER: _l("on paper"),
    ConsentWay.OTHER: _l("another way"),
}


def details(kind: TimelineKind, said: Mapping[str, object]) -> tuple[str, ...]:
    """Return what a timeline's fact says of a withdrawal or of a contract's beginning; of a later word, nothing."""
    if kind is TimelineKind.CONSENT_RECORDED and said.get("consent") in set(ConsentKind):
        answer = _("yes") if said.get("is_given") is True else _("no")
        what = CONSENT[ConsentKind(str(said["consent"]))]
        return _("%(label)s: %(value)s", label=what, value=answer), str(said.get("version") or "")
    if kind is TimelineKind.WITHDRAWN and said.get("verdict") in set(Verdict):
        return (str(VERDICT[Verdict(str(said["verdict"]))]),)
    if kind is TimelineKind.WITHDRAWAL_CLOSED and said.get("refund") in set(RefundDuty):
        return (str(REFUND[RefundDuty(str(said["refund"]))]),)
    return ()


def not_known() -> str:
    """Return what is said where a sum belongs, of a contract that began and of which no payment was ever seen here."""
    return _("no payment is known here: refresh from PayPal first")


def happened(found: Withdrawal) -> str:
    """Return what the customer did, and what the dates say of it."""
    said = _("The customer withdrew from the contract: access ended then, and PayPal is told by the portal.")
    if found.subscription.stopped_at_provider_at is not None:
        said = _("The customer withdrew from the contract: access ended then, and PayPal takes no more payments.")
    if found.verdict is Verdict.IN_TIME:
        return said
    doubt = {
        Verdict.LATE: _("By the dates known here, it came after the last day."),
        Verdict.DOUBTFUL: _("Whether it came in time is not certain."),
    }
    return f"{said} {doubt[found.verdict]}"


def settled(found: Withdrawal | None) -> str:
    """Return what staff have said of a refund that the portal does not make; empty where they have not."""
    if found is None:
        return ""
    said = {"date": formatter().day(found.closed_at), "name": found.closed_by, "note": found.closed_note}
    if found.refund is RefundDuty.OTHERWISE:
        return _("The customer withdrew, and was paid another way, as %(name)s noted on %(date)s: %(note)s", **said)
    return _("The customer withdrew, and nothing is owed to them, as %(name)s noted on %(date)s: %(note)s", **said)


def todo(found: Withdrawal) -> str:
    """Return what is to be done, with the sum and the day."""
    day = formatter().day(found.refund_due_at)
    if found.verdict is not Verdict.IN_TIME or found.sum_due is None or not found.due:
        return _("Decide what is refunded, by %(date)s, and tell the customer.", date=day)
    return _("Refund %(amount)s by %(date)s at the latest.", amount=formatter().money(found.sum_due), date=day)
