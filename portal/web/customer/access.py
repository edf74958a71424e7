"""Everything that a customer may open, from whatever it comes: since when, until when, and what stays after an end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString, ngettext
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.access.grants import is_over
from portal.domain.subscriptions import Status
from portal.mail.letterhead import one_line
from portal.queries.access import products
from portal.queries.account import account_page
from portal.queries.account.account_page import AccountPage
from portal.queries.holdings import Held
from portal.services import accesses
from portal.services.accesses import Access, Ending, Why
from portal.web import labels
from portal.web.customer import bp, presenting, sentences
from portal.web.customer.presenting import Opened, opened
from portal.web.customer.subscriptions import FEW, count_of, page_number, url_of_page
from portal.web.identity import context, person

Rows = tuple[tuple[str, str, str], ...]  # label, value, and why


@dataclass(frozen=True, kw_only=True)
class Source:
    """One subscription with all that it opens."""

    title: str
    url: str
    status: Status
    label: LazyString
    open_now: tuple[Opened, ...]
    later: tuple[Opened, ...]
    closed: tuple[Opened, ...]
    rows: Rows


@bp.get("/access")
def access() -> ResponseReturnValue:
    """Show what each subscription opens and what was given by hand, those that open something first."""
    who, now, number = person(), utc_now(), page_number()
    with context().db.read() as session:
        held = account_page.of_customer(
            session, who.merchant_id, who.id, number=number, self_cancellation=g.merchant.self_cancellation
        )
        given = products.contents(session, {gift.product_id for gift in held.gifts})
    if number > 1 and not held.subscriptions:
        return redirect(url_of_page("customer.access", 1))
    sources = [_source(holding, now=now) for holding in held.subscriptions]
    gifts = [
        presenting.gift(gift, given.get(gift.product_id, ()), now=now, with_since=True)
        for gift in held.gifts
        if not is_over(gift, now)
    ]
    return render_template(
        "customer/access.html",
        lede=_lede(held, sources, gifts),
        sources=[one for one in sources if one.open_now or one.later],
        closed=[one for one in sources if not one.open_now and not one.later],
        gifts=gifts,
        is_brief=len(held.subscriptions) > FEW,
        next_url=url_of_page("customer.access", number + 1) if held.has_more else None,
        previous_url=url_of_page("customer.access", number - 1) if number > 1 else None,
    )


def _lede(held: AccountPage, sources: list[Source], gifts: list[Opened]) -> str:
    """Return how much is open now; of a part of them, which part it is."""
    part = count_of(held, page_number())
    if part:
        return part
    number = sum(len(one.open_now) for one in sources) + len(gifts)
    if not number:
        return _("Nothing is open at the moment.")
    return ngettext("One thing is open to you now.", "%(num)s things are open to you now.", number)


def _source(holding: Held, *, now: datetime) -> Source:
    subscription = holding.subscription
    zone = g.merchant.time_zone
    found = accesses.of_subscription(subscription, holding.request, holding.grants, time_zone=zone, now=now)
    status = labels.CUSTOMER_STATUS[subscription.status]
    seen, schedule = found.windows, subscription.is_schedule
    return Source(
        title=presenting.product_name(holding),
        url=url_for(".subscription", merchant_slug=g.merchant.slug, subscription_id=subscription.id),
        status=status,
        label=labels.CUSTOMER_LABEL[status],
        open_now=tuple(opened(one, now, with_since=True, is_schedule=schedule) for one in seen if one.is_open(now)),
        later=tuple(opened(one, now, is_schedule=schedule) for one in seen if one.since > now),
        closed=tuple(opened(one, now, with_since=True) for one in seen if one.until is not None and one.until <= now),
        rows=_rows(found, now=now),
    )


def _rows(found: Access, *, now: datetime) -> Rows:
    """Return what stays after which end, and why, each as a label, a sentence and a reason."""
    if found.ending is Ending.NONE or not (found.windows or found.left.kept):
        return ()
    label = {
        Ending.HAS_COME: _("After the end"),
        Ending.PLANNED: _("After the planned end"),
        Ending.IF_CANCELLED: _("If you cancel today"),
    }[found.ending]
    rows = [(label, _left(found, now=now), _why(found, now=now))]
    if found.is_kept_to_the_end:
        rows.append((_("After the last payment"), _("You keep all of it for good."), ""))
    return tuple(rows)


def _left(found: Access, *, now: datetime) -> str:
    closes_now = found.left.until is not None and found.left.until <= now
    open_now = {one_line(one.title) for one in found.windows if one.is_open(now)}
    if found.left.until is None and not found.left.is_unknown and {*map(one_line, found.left.kept)} == open_now:
        return _("You keep for good what is open now.")
    if found.ending is Ending.IF_CANCELLED and closes_now and not found.left.kept:
        return _("Access closes at once.")
    return sentences.left(found.left, now=now)


def _why(found: Access, *, now: datetime) -> str:
    shop = one_line(g.merchant.name)
    match found.why:
        case Why.KEPT if found.ending is Ending.HAS_COME:
            return _("%(merchant)s leaves it open after the end of your contract.", merchant=shop)
        case Why.KEPT:
            return _("%(merchant)s leaves open what is unlocked by then.", merchant=shop)
        case Why.AT_ONCE:
            return _("%(merchant)s closes access with the end.", merchant=shop)
        case Why.PAID if found.left.until is not None and found.left.until <= now:
            return _("Nothing is paid beyond that.")
        case Why.PAID:
            return _("That is the end of what is paid.")
    return ""
