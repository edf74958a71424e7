"""Coming back, from the wish to the link that PayPal gives: who may, from when, and one link at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.clock import utc_now
from portal.domain.ends.comebacks import ComebackState, ComebackTrouble
from portal.domain.errors import Denial, NotAllowed
from portal.domain.subscriptions import Status
from portal.services import comebacks
from portal.services.carrying.comeback_watching import Looked


def test_the_whole_way(way, paypal):
    one = way()
    row = one.create()
    assert (row.state, row.trouble, row.attempts) == (ComebackState.WAITING, None, 1)
    (made,) = one.made()
    assert (made.id, made.custom_id) == (row.provider_id, str(row.id))
    assert row.start_at == one.old.paid_until
    assert (row.price.amount, row.interval_unit) == (34, "MONTH"), "the price is what PayPal's plan says today"
    assert made.return_url == f"http://portal.test/account/{one.make._last_merchant.slug}/comebacks/{row.id}/return"
    assert one.look(row) is Looked.NOT_YET
    assert len(one.subscriptions()) == 1, "what nobody approved is no subscription here"

    one.choose(row)
    assert one.look(row) is Looked.APPROVED

    (new,) = one.arrived()
    assert new.customer_id == one.old.customer_id
    assert (new.product_id, new.status, new.started_at) == (one.old.product_id, Status.PENDING, row.start_at)
    assert one.make.reload(one.old).status is Status.CANCELLED
    assert one.timeline() == {"comeback_started": 1, "comeback_approved": 1}
    assert one.mails() == {"comeback_approved": 1, "merchant_comeback_approved": 1}
    assert one.row(row.id).next_try_at is None
    assert one.look(row) is Looked.APPROVED
    assert one.mails() == {"comeback_approved": 1, "merchant_comeback_approved": 1}
    assert paypal.subscriptions[new.provider_id].payments == [], "nothing is charged before the paid time is over"


def test_at_once_when_nothing_is_paid_any_more(way, paypal):
    one = way(paid_days=-3)
    row = one.create()
    assert row.start_at is None
    one.choose(row)
    one.look(row)
    (new,) = one.arrived()
    assert new.status is Status.ACTIVE
    assert new.started_at <= utc_now()


def test_the_longest_paid_time_of_the_product_counts(way, make):
    one = way(paid_days=-3)
    later = make.now() + timedelta(days=40)
    make.subscription(
        customer=one.old.customer, product=one.old.product, status=Status.COMPLETED, paid_until=later, at_paypal=False
    )
    assert one.create().start_at == later


def test_paid_time_that_is_unknown_of_another_one_of_the_product_is_asked_for_first(way, make):
    one = way()
    ended = {"customer": one.old.customer, "status": Status.CANCELLED, "paid_until": None, "at_paypal": False}
    make.subscription(product=one.old.product, started_at=None, last_payment_at=None, **ended)
    make.subscription(product=make.product(one.make._last_merchant), **ended)
    one.create()
    two = way()
    make.subscription(product=two.old.product, **ended | {"customer": two.old.customer})
    with pytest.raises(NotAllowed) as caught:
        two.start()
    assert caught.value.denial is Denial.PAID_TIME_UNKNOWN


@pytest.mark.parametrize(
    ("columns", "denial"),
    [
        ({"paid_days": None}, Denial.PAID_TIME_UNKNOWN),
        ({"stopped_at_provider_at": None}, Denial.STILL_STOPPING),
        ({"status": Status.ABANDONED}, Denial.NO_COMEBACK),
        ({"status": Status.COMPLETED}, Denial.NO_COMEBACK),
        ({"relaunch_allowed": False}, Denial.NO_COMEBACK),
    ],
)
def test_refused_with_its_reason_and_nothing_is_written(way, columns, denial):
    one = way(**columns)
    with pytest.raises(NotAllowed) as caught:
        one.start()
    assert caught.value.denial is denial
    assert one.timeline() == {}


def test_refused_too_where_anything_else_of_the_customers_is_abandoned(way, make):
    one = way()
    make.subscription(customer=one.old.customer, status=Status.ABANDONED, at_paypal=False)
    with pytest.raises(NotAllowed) as caught:
        one.start()
    assert caught.value.denial is Denial.NO_COMEBACK
    assert one.timeline() == {}


def test_no_rest_key_no_way_back(way, make, ctx):
    one = way(merchant=make.merchant(key=False))
    with pytest.raises(NotAllowed) as caught:
        one.start()
    assert caught.value.denial is Denial.NOT_SOLD_HERE


def test_one_that_never_began_has_nothing_paid(way, make, paypal):
    one = way(paid_days=None, started_at=None, last_payment_at=None, stopped_at_provider_at=None)
    paypal.forget(one.old.provider_id)
    assert one.create().state is ComebackState.WAITING


def test_two_clicks_are_one_and_another_of_the_same_product_is_refused(way, make):
    one = way()
    started = one.start()
    assert one.start() == comebacks.Started(comeback_id=started.comeback_id, is_new=False)
    other = make.subscription(
        customer=one.old.customer,
        product=one.old.product,
        status=Status.CANCELLED,
        stopped_at_provider_at=make.now(),
    )
    with pytest.raises(NotAllowed) as caught:
        one.start(subscription_id=other.id)
    assert caught.value.denial is Denial.ALREADY_SUBSCRIBED
    row = one.create(started)
    one.choose(row)
    one.look(row)
    assert one.start() == comebacks.Started(comeback_id=started.comeback_id, is_new=False), "another tab, afterwards"
    with pytest.raises(NotAllowed) as caught:
        one.start(subscription_id=other.id)
    assert caught.value.denial is Denial.ALREADY_SUBSCRIBED


def test_dropped_and_wished_for_again_it_is_the_same_link(way):
    one = way()
    row = one.create()
    for _ in range(2):
        comebacks.give_up(one.ctx, one.old.merchant_id, one.old.customer_id, row.id, now=utc_now())
    assert one.row(row.id).state is ComebackState.GIVEN_UP
    assert one.timeline() == {"comeback_started": 1, "comeback_given_up": 1}
    again = one.start()
    assert again == comebacks.Started(comeback_id=row.id, is_new=False)
    assert one.row(row.id).state is ComebackState.WAITING
    assert len(one.made()) == 1


def test_dropped_and_wished_for_through_another_old_one_it_is_the_same_link(way, make):
    one = way()
    other = make.subscription(
        customer=one.old.customer,
        product=one.old.product,
        status=Status.CANCELLED,
        stopped_at_provider_at=make.now(),
    )
    row = one.create()
    comebacks.give_up(one.ctx, one.old.merchant_id, one.old.customer_id, row.id, now=utc_now())
    assert one.start(subscription_id=other.id) == comebacks.Started(comeback_id=row.id, is_new=False)
    assert one.row(row.id).state is ComebackState.WAITING
    assert len(one.made()) == 1
    one.set(row, state="given_up", next_try_at=None)  # PayPal has forgotten it
    assert one.start(subscription_id=other.id).is_new


@pytest.mark.parametrize("dropped", [True, False])
def test_a_link_that_starts_within_the_paid_time_by_now_is_not_used_again(way, make, dropped):
    one = way()
    row, later = one.create(), make.now() + timedelta(days=50)
    one.pay(later)
    if dropped:
        comebacks.give_up(one.ctx, one.old.merchant_id, one.old.customer_id, row.id, now=utc_now())
    again = one.start()
    assert again.is_new
    assert one.create(again).start_at == later
    kept = one.row(row.id)
    assert (kept.state, kept.next_try_at is None) == (ComebackState.GIVEN_UP, False), "it may be approved: we watch"
    assert one.start() == comebacks.Started(comeback_id=again.comeback_id, is_new=False)


def test_what_was_asked_for_and_starts_too_early_by_now_is_not_asked_for_again(way, make, paypal):
    one = way()
    paypal.rule("create", "500", 1)
    row, later = one.create(), make.now() + timedelta(days=50)
    one.pay(later)
    calls = paypal.count("create")
    row = one.create(comebacks.Started(comeback_id=row.id, is_new=False))
    assert (row.state, row.trouble) == (ComebackState.FAILED, ComebackTrouble.NO_ANSWER)
    assert paypal.count("create") == calls
    assert one.create().start_at == later


def test_dropped_and_approved_all_the_same_it_is_a_real_subscription_and_everybody_is_told(way, make):
    one = way()
    row = one.create()
    comebacks.give_up(one.ctx, one.old.merchant_id, one.old.customer_id, row.id, now=utc_now())
    make.subscription(customer=one.old.customer, product=one.old.product)
    one.choose(row)
    assert one.look(row) is Looked.APPROVED
    assert len(one.arrived()) == 1
    assert one.mails() == {"comeback_approved": 1, "merchant_comeback_approved": 1}
