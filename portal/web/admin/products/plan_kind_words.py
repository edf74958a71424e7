"""The kinds of contract in words: what each means for the customer and the merchant, and what counsel is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from flask_babel import LazyString, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.domain.dates.periods import Interval
from portal.domain.law.plan_kinds import Caution, PlanKind, Supply, Wrong, cautions

if TYPE_CHECKING:
    from portal.models import Plan

PLAN_KIND: Final[Mapping[PlanKind, LazyString]] = {
    PlanKind.OPEN_ENDED: _l("Open-ended"),
    PlanKind.TACIT_RENEWAL: _l("Fixed term that renews itself"),
    PlanKind.INSTALMENTS: _l("Payment in instalments"),
}
PLAN_KIND_HINT: Final[Mapping[PlanKind, LazyString]] = {
    PlanKind.OPEN_ENDED: _l("It goes on until somebody ends it: month after month, without a term."),
    PlanKind.TACIT_RENEWAL: _l(
        "It is agreed for a term, and renews itself unless the customer refuses. The portal reminds every customer by "
        "email, between three months and one month before the last day to refuse (L215-1 of the French consumer "
        "code). "
        "Where that cannot be proved, the customer may end it at any time from the renewal, free of charge, and what "
        "was paid ahead goes back within 30 days (L241-3)."
    ),
    PlanKind.INSTALMENTS: _l(
        "One price, paid in parts. After the last payment it is completed: nothing is charged and nothing starts "
        "again. Customers read “payment schedule”, never “subscription”."
    ),
}
SUPPLY: Final[Mapping[Supply, LazyString]] = {
    Supply.CONTINUING: _l("A service that continues as long as the payments"),
    Supply.AT_ONCE: _l("Something supplied in full at the beginning"),
}
SUPPLY_HINT: Final[Mapping[Supply, LazyString]] = {
    Supply.CONTINUING: _l("For example coaching, month after month."),
    Supply.AT_ONCE: _l("For example a course whose whole content opens on the first day."),
}
WHY_SUPPLY: Final = _l(
    "Why we ask: since 20 November 2026, payments for something supplied at once that are spread over more than 50 "
    "days may be consumer credit in France. A continuing service is not."
)
WRONG_KIND: Final[Mapping[Wrong, LazyString]] = {
    Wrong.NO_TERM: _l("Enter the length of the term in months."),
    Wrong.NO_NOTICE: _l("Enter the notice in days, at least 1."),
    Wrong.NO_SUPPLY: _l("Say what the instalments pay for."),
    Wrong.NEVER_ENDS: _l("PayPal takes payments of this plan without end: instalments have a last one."),
    Wrong.ENDS_ITSELF: _l("PayPal ends this plan after its last payment: it does not renew itself."),
}
WRONG_FIELD: Final[Mapping[Wrong, str]] = {
    Wrong.NO_TERM: "term_months",
    Wrong.NO_NOTICE: "notice_days",
    Wrong.NO_SUPPLY: "supply",
    Wrong.NEVER_ENDS: "kind",
    Wrong.ENDS_ITSELF: "kind",
}
CAUTION: Final[Mapping[Caution, LazyString]] = {
    Caution.WINDOW: _l(
        "This term is too short for its notice: the first reminder cannot always be sent in the time that the law "
        "sets. Customers are then free to end it from the renewal, and get back what they paid ahead. An open-ended "
        "contract needs no reminder: ask your counsel which of the two it is."
    ),
    Caution.CREDIT: _l(
        "Supplied at once and paid over more than 50 days, this may be consumer credit since 20 November 2026 "
        "(ordinance 2025-880). Ask your counsel before you go on selling it."
    ),
}


def kind_of(plan: Plan) -> str:
    """Return the kind of contract in a line, as a table shows it; unanswered, that it is."""
    if plan.kind_answered_at is None:
        return _("not answered: counts as open-ended")
    said = str(PLAN_KIND[plan.kind])
    renewing = plan.answer.renewing
    if renewing is not None:
        months = ngettext("%(num)s month", "%(num)s months", renewing.months)
        days = ngettext("%(num)s day of notice", "%(num)s days of notice", renewing.notice_days)
        return f"{said}: {months}, {days}"
    return f"{said}: {str(SUPPLY[plan.supply]).lower()}" if plan.supply is not None else said


def cautions_of(plan: Plan) -> list[str]:
    """Return what the merchant is to be told of the plan's answer."""
    if plan.kind_answered_at is None:
        return []
    interval = Interval.parse(plan.interval_unit, plan.interval_count)
    found = cautions(plan.answer, interval=interval, cycles=plan.total_cycles)
    return [str(CAUTION[caution]) for caution in found]
