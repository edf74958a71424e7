"""The sentence that matters first of each subscription, and of the whole page: what is true now, and what will happen.

Nothing here says that something is over before it is: one whose end was asked for still lives.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from flask import g
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.documents.access import access_sentence
from portal.domain.access.access import End, Window
from portal.domain.dates.billing import HOURS, term_end
from portal.domain.dates.commitments import instalments
from portal.domain.money.money import Money
from portal.domain.subscriptions import Status
from portal.i18n import Translator
from portal.mail.facts import PlannedWords
from portal.mail.letterhead import one_line
from portal.queries.holdings import Held
from portal.services.dates.paid_time import terms_of
from portal.services.rules import AccessLeft, access_left
from portal.web import locale
from portal.web.customer import presenting
from portal.web.customer.notification_words import waits_for_end
from portal.web.formatting import formatter

NAMED: Final = 3  # products of which there are several subscriptions; the others are not listed
SHORT: Final = 30  # letters of a name that is kept on one line


def greeting(name: str, *, live: int, late: int, has_schedule: bool = False) -> str:
    """Return the page's title: who it is for, and how things stand; without a name, with whom.

    `has_schedule`: some of it is paid in instalments, so that they are not all subscriptions.
    """
    who, shop = one_line(name), one_line(g.merchant.name)
    who = who.replace(" ", "\N{NO-BREAK SPACE}") if len(who) <= SHORT else who
    if late and who:
        return ngettext(
            "Hello %(name)s, a payment is late", "Hello %(name)s, %(num)s payments are late", late, name=who
        )
    if late:
        return ngettext("One payment is late", "%(num)s payments are late", late)
    if has_schedule:
        return _contracts(who, shop, live)
    if live and who:
        return ngettext(
            "Hello %(name)s, you have one subscription",
            "Hello %(name)s, you have %(num)s subscriptions",
            live,
            name=who,
        )
    if live:
        return ngettext(
            "You have one subscription with %(merchant)s",
            "You have %(num)s subscriptions with %(merchant)s",
            live,
            merchant=shop,
        )
    if who:
        return _("Hello %(name)s, you have no subscription at the moment", name=who)
    return _("You have no subscription with %(merchant)s at the moment", merchant=shop)


def _contracts(who: str, shop: str, live: int) -> str:
    if live and who:
        return ngettext(
            "Hello %(name)s, you have one contract", "Hello %(name)s, you have %(num)s contracts", live, name=who
        )
    if live:
        return ngettext(
            "You have one contract with %(merchant)s",
            "You have %(num)s contracts with %(merchant)s",
            live,
            merchant=shop,
        )
    if who:
        return _("Hello %(name)s, you have no contract at the moment", name=who)
    return _("You have no contract with %(merchant)s at the moment", merchant=shop)


def doubles(held: Iterable[Held]) -> str:
    """Return which products are paid by several subscriptions of which none is about to end; empty where none is."""
    going_on = [
        one
        for one in held
        if one.subscription.status in (Status.ACTIVE, Status.PAST_DUE, Status.PAUSED)
        and not presenting.has_open_request(one)
        and not waits_for_end(one)
    ]
    names = {one.subscription.product_id: presenting.product_name(one) for one in going_on}
    counts = Counter(one.subscription.product_id for one in going_on)
    found = [(names[product_id], count) for product_id, count in counts.items() if count > 1]
    if not found:
        return ""
    if len(found) == 1:
        name, count = found[0]
        return _("You have %(num)s contracts for “%(product)s”.", num=formatter().number(count), product=name)
    listed = ", ".join(name for name, _count in found[:NAMED]) + ("…" if len(found) > NAMED else "")
    return _("You have more than one contract for several products (%(products)s).", products=listed)


def sentence(holding: Held, seen: tuple[Window, ...], planned: PlannedWords | None, *, now: datetime) -> str:
    """Return what is true of one subscription now, and what comes next; its state stands beside it in a word.

    `seen` is what it opens.
    """
    subscription = holding.subscription
    if subscription.is_over:
        return _over(holding, now=now)
    if subscription.withdrawn_at is not None:
        day = formatter().day(subscription.withdrawn_at)
        return _("You withdrew from this contract on %(date)s. PayPal’s confirmation is still to come.", date=day)
    if planned is not None:
        return _planned(planned)
    if presenting.has_open_request(holding):
        return _("The request to cancel is waiting for PayPal’s confirmation.")
    starts = subscription.started_at is not None and subscription.started_at > now
    if starts:
        return _("Starts on %(date)s.", date=formatter().day(subscription.started_at))
    match subscription.status:
        case Status.PENDING:
            return _("Not yet approved at PayPal: nothing is charged.")
        case Status.PAST_DUE:
            return _late(seen, now=now)
        case Status.PAUSED:
            return _paused(holding, now=now)
    return _active(holding, now=now)


def about(holding: Held, *, now: datetime) -> tuple[str, ...]:
    """Return the price, then age and commitment, of what is known: « 29,90 € par mois », « depuis le 14 juin 2026 »."""
    subscription, fmt = holding.subscription, formatter()
    said = [presenting.price(holding)]
    if subscription.started_at is not None and subscription.started_at <= now:
        said.append(_("since %(date)s", date=fmt.short_day(subscription.started_at)))
    cycles = subscription.plan.total_cycles if subscription.plan is not None else 0
    done = instalments(terms_of(subscription), cycles, holding.taken.number, first_at=holding.taken.first_at)
    if done is not None:
        said.append(ngettext("%(num)s of %(all)s payments", "%(num)s of %(all)s payments", done.taken, all=done.of))
    elif subscription.is_schedule:
        said.append(ngettext("payment in %(num)s instalment", "payment in %(num)s instalments", cycles))
    until = subscription.committed_until if tells_commitment(holding) else None
    if until is not None and until > now:
        said.append(_("commitment until %(date)s", date=fmt.short_last_day(until)))
    return tuple(said)


def tells_commitment(holding: Held) -> bool:
    """Say whether there is a commitment to speak of: in instalments only one that binds, else its payments say all."""
    subscription = holding.subscription
    if subscription.withdrawn_at is not None:
        return False
    return subscription.product.commitment_binds or not subscription.is_schedule


def left(access: AccessLeft, *, now: datetime) -> str:
    """Return what stays open after an end, by the sentence of its proof."""
    return access_sentence(
        until=access.until,
        is_unknown=access.is_unknown,
        kept=access.kept,
        opens=access.opens,
        merchant_name=g.merchant.name,
        at=now,
        fmt=formatter(),
        translator=Translator(locale.current()),
    )


def _over(holding: Held, *, now: datetime) -> str:
    subscription, fmt = holding.subscription, formatter()
    at = subscription.stopped_at_provider_at or subscription.ended_at
    if subscription.withdrawn_at is not None:
        return _withdrawn(holding, subscription.withdrawn_at, at, now=now)
    said = _("Completed.") if subscription.status is Status.COMPLETED else _("Cancelled.")
    if at is not None:
        day = fmt.day(at)
        is_completed = subscription.status is Status.COMPLETED
        said = _("Completed on %(date)s.", date=day) if is_completed else _("Cancelled on %(date)s.", date=day)
    return f"{said} {left(access_left(subscription, holding.grants), now=now)}"


def _withdrawn(holding: Held, withdrawn_at: datetime, stopped_at: datetime | None, *, now: datetime) -> str:
    said = [_("You withdrew from this contract on %(date)s.", date=formatter().day(withdrawn_at))]
    if stopped_at is not None:
        said.append(_("PayPal stopped it on %(date)s.", date=formatter().day(stopped_at)))
    return " ".join([*said, left(access_left(holding.subscription, holding.grants), now=now)])


def _planned(planned: PlannedWords) -> str:
    ends = f"{planned.heading}."
    if planned.none_left:
        none = _("No payment is taken before then.")
        return f"{ends} {none}"
    if planned.taken:
        number = len(planned.taken)
        more = ngettext("One more payment until then.", "%(num)s more payments until then.", number)
        return f"{ends} {more}"
    return ends


def _late(seen: tuple[Window, ...], *, now: datetime) -> str:
    own = [window for window in seen if not window.granted and window.is_open(now)]
    if not own:
        return _("Your access opens again once the late payment is settled.")
    last = max((window.until for window in own if window.until is not None), default=None)
    if last is None or any(window.end is not End.DATED for window in own):
        return _("Your access stays open for now: settle the late payment.")
    return _("Your access stays open until %(date)s: settle the late payment by then.", date=formatter().last_day(last))


def _paused(holding: Held, *, now: datetime) -> str:
    if holding.subscription.is_left_suspended(holding.pauses):
        return _("Your payment has arrived. PayPal still suspends your payments: it takes none at the moment.")
    again = next((row.due_at for row in holding.pauses if row.waits(now)), None)
    if again is not None:
        return _("Payments start again on %(date)s.", date=formatter().day(again))
    return _("No payment is taken while it is paused.")


def _active(holding: Held, *, now: datetime) -> str:
    subscription, fmt = holding.subscription, formatter()
    if subscription.takes_no_payment:
        return _("No payment is planned at the moment.")
    if subscription.next_payment_at is None:
        return _("The date of the next payment is unknown.")
    day = fmt.day(subscription.next_payment_at)
    if subscription.next_payment_at <= now:
        return _("The payment of %(date)s is not confirmed by PayPal yet.", date=day)
    amount = _regular(holding, subscription.next_payment_at)
    if amount is None:
        return _("Next payment on %(date)s.", date=day)
    return _("Next payment of %(amount)s on %(date)s.", amount=fmt.money(amount), date=day)


def _regular(holding: Held, at: datetime) -> Money | None:
    """Return the price where the payment of that moment is a regular one; within a trial another may be taken."""
    begins = term_end(terms_of(holding.subscription), 0) if holding.subscription.trials else None
    return None if begins is not None and at < begins - HOURS else presenting.price_of(holding)
