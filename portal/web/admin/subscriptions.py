"""Each subscription's record."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Final

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from portal.clock import utc_now
from portal.domain.subscriptions import Status
from portal.queries import subscriptions, timelines
from portal.queries.access import grants
from portal.queries.ends import comebacks, end_requests, received_requests
from portal.queries.ends import pauses as pause_requests
from portal.queries.law import proofs as stored_proofs
from portal.queries.money import late_payments, payments
from portal.queries.money import refunds as stored_refunds
from portal.queries.money import settlements as stored_settlements
from portal.services.arrivals import refreshing
from portal.services.arrivals.refreshing import Refreshed
from portal.services.dates.end_schedules import standing as planned_end
from portal.services.dates.renewal_terms import renewing_of
from portal.services.rules import grants_of
from portal.web import payments as payment_lines
from portal.web import threads
from portal.web.admin import bp, list_pages, pauses, presenting, settlements, showing, words
from portal.web.admin.customers import customer_access
from portal.web.admin.ends import end_facts
from portal.web.admin.late_payments import words_of
from portal.web.admin.received import received_pages
from portal.web.formatting import formatter
from portal.web.identity import context, person

PAYMENTS: Final = 50  # shown on a record; the rest is counted

SAID: Final[Mapping[Refreshed, tuple[LazyString, str]]] = {
    Refreshed.CHANGED: (_l("Refreshed from PayPal. What has changed there is now shown here."), "success"),
    Refreshed.SAME: (_l("Refreshed from PayPal. Nothing has changed there."), "success"),
    Refreshed.NO_KEY: (
        _l("There is no PayPal key of the kind this subscription needs. Enter one on the PayPal page."),
        "warning",
    ),
    Refreshed.KEY_UNREADABLE: (words.KEY_UNREADABLE, "warning"),
    Refreshed.OTHER_ENVIRONMENT: (
        _l("The stored key opens the other environment: this subscription cannot be read with it."),
        "warning",
    ),
    Refreshed.KEY_REFUSED: (
        _l("PayPal refuses the API key. It is being tested now, and the PayPal page says what to do."),
        "warning",
    ),
    Refreshed.MISSING_RIGHT: (
        _l(
            "PayPal does not let this key read the subscription. It is being tested now, and the PayPal page says "
            "what to do."
        ),
        "warning",
    ),
    Refreshed.NOT_FOUND: (
        _l("PayPal does not know this subscription under this key. Nothing was changed here."),
        "warning",
    ),
    Refreshed.REFUSED: (_l("PayPal refused the call. Nothing was changed here."), "warning"),
    Refreshed.NO_ANSWER: (_l("PayPal did not answer. Nothing is lost: try again in a few minutes."), "warning"),
    Refreshed.TOO_MANY_CALLS: (_l("PayPal asks us to slow down. Try again in a few minutes."), "warning"),
    Refreshed.NOT_WRITTEN: (
        _l("Read at PayPal, but it could not be saved just now. Try again in a minute."),
        "warning",
    ),
}


@bp.get("/subscriptions/<uuid:subscription_id>", endpoint="subscription")
def show(subscription_id: uuid.UUID) -> ResponseReturnValue:
    """Show one: five dates, PayPal's word, requests, timeline, and what may be done."""
    who, now = person(), utc_now()
    with context().db.browse() as session:
        found = subscriptions.of_merchant(session, who.merchant_id, subscription_id)
        requests = end_requests.all_of_subscription(session, found.id)
        entries = timelines.of_subscription(session, found.id)
        paid, paid_in_all = payments.of_subscription(session, found.id, PAYMENTS)
        history = pause_requests.all_of_subscription(session, found.id)
        ending = any(one.is_open for one in requests)
        notified = received_pages.waiting(session, found)
        is_waited_for = notified is not None or (ending and received_requests.is_waited_for(session, found.id))
        in_the_way = any(end_facts.is_in_the_way(one, now) for one in requests)
        unpaid = presenting.money(found.outstanding or None, found.currency)
        by_hand = grants.of_customer(session, who.merchant_id, found.customer_id, product_id=found.product_id)
        given = grants_of(found.product, by_hand)
        standing = next((one for one in requests if one.is_open), None)
        waits = presenting.planned(standing, found, given, now=now) if standing is not None else None
        return showing.page(
            "subscription.html",
            session,
            subscription=found,
            back_url=list_pages.way_back("admin.subscriptions", found.id),
            customer_name=presenting.name_of(found.customer),
            given=customer_access.gift_lines(by_hand, now=now),
            price=presenting.price(found),
            next_payment=presenting.next_payment(found, waits),
            dates=presenting.dates(found, standing, given, waits, entries, now=now),
            requests=requests,
            replaced=end_facts.replaced(requests),
            decided=stored_refunds.with_ends(session, [one.id for one in requests]),
            proven=stored_proofs.proven_of_subscription(session, found.id),
            now=now,
            notified=notified,
            is_waited_for=is_waited_for,
            open_request=standing,
            planned=waits,
            thread=threads.of(
                found,
                planned=planned_end(standing, found, now=now) if standing is not None else None,
                ends_at=found.access_until or found.ended_at,
                what="access" if found.access_until is not None else "end",
                payments=[one.paid_at for one in paid if one.left],
                now=now,
            ),
            timeline=presenting.timeline(entries),
            payments=payment_lines.lines(paid),
            late_money=[words_of(alarm) for alarm in late_payments.of_subscription(session, found.id)],
            more_payments=paid_in_all - len(paid),
            neighbours=subscriptions.neighbours(session, found),
            comebacks=[presenting.comeback_rows(one) for one in comebacks.all_of_subscription(session, found.id)],
            kind=words.PROVIDER[found.provider.value],
            pauses={
                "possible": pauses.possible(found, history, ending=ending, now=now),
                "lines": pauses.lines(history, now=now),
                "notice": pauses.notice(found, history),
            },
            unpaid=formatter().money(unpaid) if unpaid is not None else None,
            settling=settlements.notice(
                stored_settlements.newest_of(session, found.id), is_late=found.status is Status.PAST_DUE
            ),
            renews=renewing_of(found) is not None,
            possible=[] if in_the_way else end_facts.possible(found, notified=is_waited_for, now=now),
        )


@bp.post("/subscriptions/<uuid:subscription_id>/reading", endpoint="subscription_reading")
def read(subscription_id: uuid.UUID) -> ResponseReturnValue:
    """Read it at PayPal now, and say what came of it."""
    outcome = refreshing.refresh(context(), person().merchant_id, subscription_id, now=utc_now())
    flash(*SAID[outcome])
    return redirect(url_for(".subscription", subscription_id=subscription_id), 303)
