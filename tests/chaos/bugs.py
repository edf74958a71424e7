"""Bugs, planted around the product's functions in a wrapped process: the harness must find each of them.

Those that would hide others keep to the subscriptions that the plan has for them (`OWN`): so all share one run.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from tests.chaos import money_bugs, people_bugs
from tests.chaos.planting import concerns

PLANTED: Final = "CHAOS_BUGS"
SLOW: Final = 5.0  # seconds that a moment may take


def install(names: str) -> None:
    """Plant the bugs of these names, with spaces between them; what imports pages comes last, as in `BUGS`."""
    for name in (name for name in BUGS if name in names.split()):
        BUGS[name]()


def call_before_intent() -> None:
    """PayPal is told first, the request is written afterwards: who dies in between has cancelled for nobody."""
    from portal.providers.ports import GatewayRefused, GatewayUnavailable
    from portal.queries import subscriptions
    from portal.services.ends import end_requests
    from portal.services.paypal.gateways import gateway_for

    real = end_requests.record

    @functools.wraps(real)
    def record(ctx: Any, wish: Any, *, now: Any) -> Any:
        if not concerns("call_before_intent", wish.subscription_id):
            return real(ctx, wish, now=now)
        with ctx.db.read() as session:
            found = subscriptions.of_merchant(session, wish.merchant_id, wish.subscription_id)
        with suppress(GatewayRefused, GatewayUnavailable):
            gateway_for(ctx, wish.merchant_id).cancel_subscription(found.provider_id, reason="Subscription ended")
        return real(ctx, wish, now=now)

    end_requests.record = record


def success_without_a_read() -> None:
    """PayPal's 422 « status invalid » is taken for « it is over already », and nobody looks."""
    from portal.providers.ports import GatewayRefused, Refusal
    from portal.services.carrying import answers

    find = answers.gateway_for

    class Believing:
        def __init__(self, gateway: Any) -> None:
            self._gateway = gateway
            self._believes = False

        def show_subscription(self, provider_id: str) -> Any:
            reading = self._gateway.show_subscription(provider_id)
            return dataclasses.replace(reading, status="CANCELLED") if self._believes else reading

        def cancel_subscription(self, provider_id: str, *, reason: str) -> Any:
            try:
                return self._gateway.cancel_subscription(provider_id, reason=reason)
            except GatewayRefused as refused:
                self._believes = refused.refusal is Refusal.STATUS_INVALID
                raise

    answers.gateway_for = lambda *args, **more: Believing(find(*args, **more))


def mail_before_commit() -> None:
    """The mail of the end leaves while its transaction is open: who dies then has told what is nowhere written."""
    from portal.clock import utc_now
    from portal.models import MailState
    from portal.services.notices import letters, outbox

    real = outbox.put

    @functools.wraps(real)
    def put(ctx: Any, session: Any, composed: Any, **more: Any) -> Any:
        mail = real(ctx, session, composed, **more)
        if mail is not None and mail.kind == "end_confirmed":
            ctx.mailer.send(letters.letter_of(ctx, mail, outbox._opened(ctx, mail), now=utc_now()))
            mail.state, mail.sent_at = MailState.SENT, utc_now()
        return mail

    outbox.put = put


def abandon_decided_before_the_lock() -> None:
    """What the desk saw before the lock decides: an end that arrives in between is asked for a second time."""
    from portal.queries import subscriptions
    from portal.services.ends import end_requests

    real, check = end_requests.record, end_requests.check_not_over

    @functools.wraps(check)
    def check_not_over(subscription: Any, *more: Any) -> None:
        if not concerns("abandon_decided_before_the_lock", subscription.id):
            check(subscription, *more)

    @functools.wraps(real)
    def record(ctx: Any, wish: Any, **more: Any) -> Any:
        if not concerns("abandon_decided_before_the_lock", wish.subscription_id):
            return real(ctx, wish, **more)
        until = time.monotonic() + SLOW
        while time.monotonic() < until:  # a slow moment between the look and the lock
            with ctx.db.read() as session:
                if subscriptions.of_merchant(session, wish.merchant_id, wish.subscription_id).is_over:
                    break
            time.sleep(0.05)
        return real(ctx, wish, **more)

    end_requests.record, end_requests.check_not_over = record, check_not_over


def typed_day_forgotten() -> None:
    """Only the day of the address counts: one that was typed beside the other button is an end at once."""
    from flask import request
    from werkzeug.datastructures import MultiDict

    from portal.web.customer import end_requests
    from portal.web.day_form import DayForm

    real = end_requests.chosen_day

    class Forgetful(DayForm):
        is_confirmed = True  # type: ignore[assignment]

    def chosen_day(now: Any) -> Any:
        form = Forgetful(MultiDict(request.args))
        form.today = real(now).today
        form.validate()
        return form

    end_requests.chosen_day = chosen_day


def forgotten_notification() -> None:
    """What a customer notified is written down, and that is all: nobody is told, and the end is the staff's own."""
    from portal.services.inbox import received_answers, received_reminders

    received_reminders.tell = lambda *_args, **_more: None
    received_answers._make_theirs = lambda *_args: None


def part_counts_as_all() -> None:
    """A reversal counts as all of the payment, whatever sum it names."""
    from portal.domain.money import payments

    real = payments.moved

    @functools.wraps(real)
    def moved(amount: Any, move: Any) -> Any:
        if move.kind is payments.MoveKind.REVERSAL:
            return payments.Standing("refunded")
        return real(amount, move)

    payments.moved = moved


def trust_the_next_date() -> None:
    """PayPal's next date is taken for the end of what is paid, whether or not anybody paid."""
    from portal.domain.dates import paid_time

    real = paid_time.paid_until

    @functools.wraps(real)
    def paid_until(terms: Any, money: Any, *, next_billing_at: Any, **more: Any) -> Any:
        if next_billing_at is not None and not money.failures:
            return paid_time.PaidUntil(next_billing_at, paid_time.PaidSource.NEXT_BILLING)
        return real(terms, money, next_billing_at=next_billing_at, **more)

    paid_time.paid_until = paid_until


def closed_merchant_forgets() -> None:
    """What is asked for at a suspended or leaving merchant's is answered like any other, and quietly taken back."""
    from portal.domain.ends.end_requests import RequestState
    from portal.domain.merchants.merchants import MerchantState
    from portal.models import EndRequest
    from portal.queries.people import merchants
    from portal.services.ends import end_requests

    real = end_requests.record

    @functools.wraps(real)
    def record(ctx: Any, wish: Any, *, now: Any, **more: Any) -> Any:
        recorded = real(ctx, wish, now=now, **more)
        if recorded.is_new and concerns("closed_merchant_forgets", wish.subscription_id):
            with ctx.db.begin() as session:
                if merchants.of(session, wish.merchant_id).state is not MerchantState.OPEN:
                    request = session.get_one(EndRequest, recorded.request_id)
                    request.move(RequestState.WITHDRAWN)
                    request.withdrawn_at, request.next_try_at = now, None
        return recorded

    end_requests.record = record


def begins_while_closed() -> None:
    """A suspended merchant's staff begin what they like."""
    from portal.web import standings

    standings.check = lambda _work: None


def returned_unsaid() -> None:
    """A mail that came back counts as seen already: the desk hears nothing of it."""
    from portal.services.notices import bounces

    real = bounces._come_back

    @functools.wraps(real)
    def come_back(session: Any, mail: Any, *, now: Any) -> None:
        real(session, mail, now=now)
        mail.seen_at = now

    bounces._come_back = come_back


BUGS: Final[dict[str, Callable[[], None]]] = {
    "call_before_intent": call_before_intent,
    "success_without_a_read": success_without_a_read,
    "mail_before_commit": mail_before_commit,
    "abandon_decided_before_the_lock": abandon_decided_before_the_lock,
    "forgotten_notification": forgotten_notification,
    "part_counts_as_all": part_counts_as_all,
    "trust_the_next_date": trust_the_next_date,
    "closed_merchant_forgets": closed_merchant_forgets,
    "returned_unsaid": returned_unsaid,
    "part_gives_all_back": money_bugs.part_gives_all_back,
    "refund_believed": money_bugs.refund_believed,
    "refund_before_the_end": money_bugs.refund_before_the_end,
    "refund_told_early": money_bugs.refund_told_early,
    "refund_dropped": money_bugs.refund_dropped,
    "stuck_refund_unsaid": money_bugs.stuck_refund_unsaid,
    "settled_twice": people_bugs.settled_twice,
    "settlement_believed": people_bugs.settlement_believed,
    "silence_is_a_no": people_bugs.silence_is_a_no,
    "erasure_forgotten": people_bugs.erasure_forgotten,
    "payer_stays": people_bugs.payer_stays,
    "learned_again": people_bugs.learned_again,
    "link_lets_two_in": people_bugs.link_lets_two_in,
    "look_uses_link_up": people_bugs.look_uses_link_up,
    "typed_day_forgotten": typed_day_forgotten,
    "task_sees_all": people_bugs.task_sees_all,
    "task_needs_no_code": people_bugs.task_needs_no_code,
    "begins_while_closed": begins_while_closed,
}
