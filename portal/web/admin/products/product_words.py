"""A product's rules in sentences: as they stand, in an example, and for whom a change of them holds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from flask_babel import gettext as _
from flask_babel import ngettext

from portal.domain.access.access import EndPreview, PausePreview, Rule, Window
from portal.domain.policies import Override
from portal.domain.subscriptions import Status
from portal.queries.access.products import Audience
from portal.services.product_examples import Examples, examples
from portal.services.products import Effect, ProductWish
from portal.web import labels
from portal.web.admin import presenting
from portal.web.admin.presenting import Row
from portal.web.formatting import formatter

if TYPE_CHECKING:
    from portal.models import Product


def prices(product: Product) -> list[str]:
    """Return the prices at which the product is sold, each once."""
    return list(dict.fromkeys(presenting.price(plan) for plan in product.plans))


def sold(product: Product, audience: Audience) -> str:
    """Return the line under the product's name: its prices, and how many subscriptions it has."""
    said = prices(product)
    running = ngettext("%(num)s subscription under way", "%(num)s subscriptions under way", audience.running)
    if not said:
        return _("No PayPal plan: given by hand. %(running)s.", running=running)
    return _("%(prices)s; %(running)s.", prices=", ".join(said), running=running)


def example_rows(rule: Rule, *, now: datetime) -> list[Row]:
    """Return what happens to the example's customer: « Annulé le 12 mars, payé jusqu’au 3 avril : accès jusqu’au… »."""
    seen = examples(rule, now=now)
    rows: list[Row] = [(str(labels.STATUS[end]), _end(seen, end, preview)) for end, preview in seen.ends.items()]
    rows.append((str(labels.STATUS[Status.PAUSED]), _pause(seen, seen.pause)))
    rows.append((str(labels.STATUS[Status.PAST_DUE]), _late(seen, seen.late)))
    return rows


def example_hint(*, now: datetime) -> str:
    """Return who the example's customer is."""
    seen, fmt = examples(Rule(contents=()), now=now), formatter()
    return _(
        "Example: subscribed on %(start)s, today is %(day)s.",
        start=fmt.short_day(seen.started_at),
        day=fmt.short_day(seen.now),
    )


def _end(seen: Examples, end: Status, preview: EndPreview) -> str:
    day, paid = formatter().short_day(seen.now), formatter().short_last_day(seen.paid_until)
    match end:
        case Status.COMPLETED:
            what = _("Completed on %(day)s, paid until %(paid)s", day=day, paid=paid)
        case Status.CANCELLED:
            what = _("Cancelled on %(day)s, paid until %(paid)s", day=day, paid=paid)
        case _other:
            what = _("Abandoned on %(day)s, paid until %(paid)s", day=day, paid=paid)
    return _led_by(what, _left(preview, now=seen.now))


def _left(preview: EndPreview, *, now: datetime) -> str:
    """Return what an end leaves open, in a phrase."""
    kept = ", ".join(window.title for window in preview.stays)
    until = preview.access_until or preview.after.ended_at  # where nothing stops, it is what did not open that will not
    if kept and not preview.stops and not preview.never:
        return _("everything stays open for good")
    if until is None or until <= now:
        return (
            _("from then on only what is already unlocked: %(kept)s", kept=kept) if kept else _("access stops at once")
        )
    date = formatter().short_last_day(until)
    if not kept:
        return _("access until %(date)s, then nothing", date=date)
    return _("access until %(date)s, then what is already unlocked: %(kept)s", date=date, kept=kept)


def _pause(seen: Examples, preview: PausePreview) -> str:
    day, paid = formatter().short_day(seen.now), formatter().short_last_day(seen.paid_until)
    what = _("Paused on %(day)s, paid until %(paid)s", day=day, paid=paid)
    if not preview.stops:
        return _led_by(what, _("access stays open"))
    until = _latest(preview.stops)
    return _led_by(what, _("access until %(date)s, then nothing until payments start again", date=until))


def _late(seen: Examples, late: tuple[Window, ...]) -> str:
    what = _("Payment failed on %(day)s", day=formatter().short_day(seen.now))
    if not any(window.is_open(seen.now) for window in late):
        return _led_by(what, _("access stops at once"))
    return _led_by(what, _("access until %(date)s, then nothing until a payment comes", date=_latest(late)))


def _latest(seen: Iterable[Window]) -> str:
    until = max((window.until for window in seen if window.until is not None), default=None)
    return formatter().short_last_day(until)


def _led_by(what: str, then: str) -> str:
    return _("%(title)s: %(until)s", title=what, until=then)


def late_said(wish: ProductWish) -> str:
    """Return the rule of late payments, as its folded group says it."""
    if not wish.grace_days:
        return _("Access stops as soon as a payment fails; time already paid is kept.")
    return ngettext(
        "Access stays open for %(num)s day after a payment failed.",
        "Access stays open for %(num)s days after a payment failed.",
        wish.grace_days,
    )


def pauses_said(wish: ProductWish) -> str:
    """Return the rule of pauses."""
    offered = (
        ngettext(
            "Customers can pause for up to %(num)s day.",
            "Customers can pause for up to %(num)s days.",
            wish.pause_longest_days,
        )
        if wish.pause_offered
        else _("Customers cannot pause themselves.")
    )
    kept = (
        _("Access stays open meanwhile.")
        if wish.kept_while_paused
        else _("Access lasts until the end of the paid time.")
    )
    return f"{offered} {kept}"


def commitment_said(wish: ProductWish) -> str:
    """Return the rule of commitment and notice."""
    notice = (
        ngettext("%(num)s day of notice.", "%(num)s days of notice.", wish.notice_days)
        if wish.notice_days
        else _("No notice.")
    )
    if wish.commitment_months is None:
        return _("No commitment, unless the PayPal plan has a last payment. %(notice)s", notice=notice)
    months = ngettext("%(num)s month of commitment", "%(num)s months of commitment", wish.commitment_months)
    return (
        _("%(months)s; a cancellation takes effect at the end of it. %(notice)s", months=months, notice=notice)
        if wish.commitment_binds
        else _("%(months)s; customers can leave earlier. %(notice)s", months=months, notice=notice)
    )


def cancelling_said(wish: ProductWish, *, setting: bool) -> str:
    """Return whether customers cancel by themselves."""
    match wish.self_cancellation:
        case Override.ON:
            return _("Yes, whatever the settings say.")
        case Override.OFF:
            return _("No, whatever the settings say.")
    return _("Yes, as in the settings.") if setting else _("No, as in the settings.")


def touched(effect: Effect) -> list[str]:
    """Return for whom a change holds, and for whom it does not: sentences with their numbers."""
    audience, said = effect.audience, []
    if effect.renamed:
        said.append(
            _(
                "Your other systems no longer find this product as “%(id)s”: what they open by it closes, until they "
                "ask by its new ID.",
                id=effect.renamed,
            )
        )
    if effect.changed == ("external_id",):
        return said
    following = audience.running - audience.ending
    if following:
        said.append(
            ngettext(
                "%(num)s subscription under way will follow the new rules.",
                "%(num)s subscriptions under way will follow the new rules.",
                following,
            )
        )
    if audience.ending:
        said.append(
            ngettext(
                "%(num)s whose end was requested keeps the access after the end that was announced.",
                "%(num)s whose end was requested keep the access after the end that was announced.",
                audience.ending,
            )
        )
    if audience.over:
        said.append(
            ngettext(
                "%(num)s ended subscription keeps what was promised.",
                "%(num)s ended subscriptions keep what was promised.",
                audience.over,
            )
        )
    if audience.given and "contents" in effect.changed:
        said.append(
            ngettext(
                "Access given by hand: %(num)s will follow the new contents.",
                "Access given by hand: %(num)s will follow the new contents.",
                audience.given,
            )
        )
    if "commitment_months" in effect.changed and audience.running:
        said.append(
            _("The end of the commitment is recalculated for subscriptions under way; a planned end keeps its date.")
        )
    return said


def removals(effect: Effect) -> list[str]:
    """Return what becomes of each content that is taken out."""
    if not effect.audience.over:
        return [_("“%(title)s” closes for subscriptions under way.", title=title) for title in effect.removed]
    return [
        _("“%(title)s” closes for subscriptions under way; ended subscriptions that kept it keep it.", title=title)
        for title in effect.removed
    ]
