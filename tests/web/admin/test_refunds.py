"""Refunds at the desk: of any payment, whole or in part, and together with an end."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.domain.policies import Role
from portal.models import Refund, Subscription
from portal.services.ends import end_requests
from tests.chaos.claims import page_says_over
from tests.services.carrying.carried import wish_of
from tests.services.money.test_given_back import ask, carry, now_of, taken


@pytest.fixture
def paying(make, merchant):
    return make.subscription(merchant=merchant, next_payment_at=utc_now() + timedelta(days=20))


@pytest.fixture
def paid(ctx, paypal, paying):
    return taken(ctx, paypal, paying)


def all_refunds(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(Refund)).all()


def test_a_payment_is_refunded_whole_from_the_record(ctx, manager, paypal, paying, paid):
    page = manager.get(f"/admin/subscriptions/{paying.id}")
    page = manager.get(page.select_one("#payments tbody a")["href"]).follow("Refund all or part…")
    assert "Nothing has changed yet" in page.text
    page = page.submit(press="Refund €29.90")
    assert "Refunded: PayPal shows it" in page.notices[0]
    assert now_of(ctx, paid).left == 0
    assert "Nothing of this payment is left to refund" in page.text
    assert not page.select("#refund a")


@pytest.mark.parametrize("typed", ["9,95", "9.95", " 9,95 "])
def test_a_part_is_shown_on_the_button_before_it_is_confirmed(ctx, manager, paypal, paid, typed):
    page = manager.get(f"/admin/payments/{paid.id}/refund").submit(press="Refund €29.90", amount=typed)
    assert "You chose another amount" in page.text
    assert paypal.count("refund") == 0
    page = page.submit(press="Refund €9.95")
    assert "Refunded: PayPal shows it" in page.notices[0]
    assert now_of(ctx, paid).left == Decimal("19.95")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("30", "up to €29.90"),
        ("0", "up to €29.90"),
        ("1,001", "up to €29.90"),
        ("-5", "in figures"),
        ("dix", "in figures"),
        ("1e3", "in figures"),
        ("", "Enter the amount"),
    ],
)
def test_a_sum_that_cannot_be_is_asked_for_again_with_what_was_typed(manager, paypal, paid, typed, said):
    page = manager.get(f"/admin/payments/{paid.id}/refund").submit(press="Refund €29.90", amount=typed, status=422)
    assert said in page.select_one("#errors").get_text()
    assert page.select_one("input[name=amount]")["value"] == typed
    assert paypal.count("refund") == 0


def test_a_page_of_another_time_gives_nothing_back_twice(ctx, manager, paypal, paid):
    old = manager.get(f"/admin/payments/{paid.id}/refund")
    first = old.submit(press="Refund €29.90", amount="10").submit(press="Refund €10.00")
    assert "Refunded" in first.notices[0]
    values = {"csrf_token": old.select_one("input[name=csrf_token]")["value"], "amount": "10", "shown": "10"}
    page = manager.post(f"/admin/payments/{paid.id}/refund", {**values, "left": "29.90"}, status=303)
    assert len(all_refunds(ctx)) == 1
    assert page.response.headers["Location"].endswith(f"/admin/payments/{paid.id}")


def test_support_sees_the_payment_and_may_not_refund_it(support, enter, make, paid):
    stranger = enter(make.merchant(), role=Role.OWNER)
    page = support.get(f"/admin/payments/{paid.id}")
    assert "Only a manager or an owner can refund a payment." in page.text
    support.get(f"/admin/payments/{paid.id}/refund", status=403)
    for path in (f"/admin/payments/{paid.id}", f"/admin/payments/{paid.id}/refund"):
        stranger.get(path, status=404)
    support.get(f"/admin/payments/{uuid.uuid4()}", status=404)


def test_a_refused_refund_waits_in_the_inbox(manager, paypal, paid):
    paypal.rule("refund", "403")
    manager.get(f"/admin/payments/{paid.id}/refund").submit(press="Refund €29.90")
    paypal.clear_rules()
    page = manager.get("/admin/")
    assert "The refund of €29.90" in page.text
    page = page.submit(press="Try the refund again now")
    assert "Refunded: PayPal shows it" in page.notices[0]
    assert "The refund of" not in manager.get("/admin/").text


def test_one_that_failed_is_tried_again_by_its_own_sum(ctx, manager, paypal, paying, paid):
    paypal.happen(paying.provider_id, "refunds-wait")
    refund_id = ask(ctx, paid, "9.95")
    carry(ctx, paid, refund_id)
    paypal.happen(paying.provider_id, "fail-refunds")
    carry(ctx, paid, refund_id)
    assert "Refund €9.95" in buttons(manager.get("/admin/").follow("Try the refund again…"))


def buttons(page):
    return [one.get_text(strip=True) for one in page.select("button")]


def choose(page, name, starts):
    (found,) = [one for one in page.select(f"input[name={name}]") if one["value"].startswith(starts)]
    return found["value"]


def test_an_end_offers_three_moments_and_shows_each_before_it_is_confirmed(support, make, paypal, paying, paid):
    page = support.get(f"/admin/subscriptions/{paying.id}/end/cancel")
    assert [one["value"] for one in page.select("input[name=when]")] == ["now", "period", "day"]
    assert page.select_one("input[name=when][checked]")["value"] == "now"
    page = page.submit(press="Cancel the subscription", when="period")
    assert "You chose another day" in page.text
    assert page.select_one("input[name=when][checked]")["value"] == "period"
    assert paypal.count("cancel") == 0
    page = page.submit(press=page.select(".buttons-equal button")[0].get_text())
    assert "Planned" in page.notices[0]
    (request,) = make.requests(paying)
    assert request.due_at < make.reload(paying).next_payment_at


def test_a_date_that_was_not_entered_is_asked_for(support, paypal, paying):
    page = support.get(f"/admin/subscriptions/{paying.id}/end/cancel")
    page = page.submit(press="Show what this changes", when="day", status=422)
    assert "Enter the day" in page.text
    assert page.select_one("input[name=when][checked]")["value"] == "day"


def test_the_customers_mail_is_shown_before_it_is_sent(support, ctx, make, paypal, paying, paid):
    page = support.get(f"/admin/subscriptions/{paying.id}/end/cancel")
    shown = page.select_one("#email").get_text(" ", strip=True)
    assert paying.customer.email in shown
    assert "Your subscription is cancelled" in shown or "Votre abonnement est" in shown
    assert make.reload(paying).status == "active"
    assert make.requests(paying) == []


@pytest.mark.parametrize("action", ["cancel", "complete", "abandon"])
def test_the_page_itself_claims_nothing_that_the_mail_will_say(support, paying, paid, action):
    page = support.get(f"/admin/subscriptions/{paying.id}/end/{action}")
    assert not page_says_over(page.body)
    assert page_says_over(page.body.replace(" data-unsent", "")), "the message itself does, once it is sent"


def test_the_last_payment_goes_back_with_the_end_in_one_act(manager, ctx, make, paypal, paying, paid):
    page = manager.get(f"/admin/subscriptions/{paying.id}/end/cancel")
    page = page.submit(press="Cancel the subscription", refund=choose(page, "refund", "last_payment"))
    assert paypal.count("cancel") == 1
    (asked,) = all_refunds(ctx)
    assert asked.amount == Decimal("29.90")
    assert "€29.90" in page.select_one("#requests").get_text()


def test_support_is_offered_no_refund_and_an_invented_one_is_none(support, ctx, paypal, paying, paid):
    page = support.get(f"/admin/subscriptions/{paying.id}/end/cancel")
    assert not page.select("input[name=refund]")
    path = f"/admin/subscriptions/{paying.id}/end/cancel"
    support.post(path, {**support.values_of(page), "refund": "last_payment:29.90"}, status=200)
    assert paypal.count("cancel") == 0, "nothing ends without what was chosen with it"
    assert all_refunds(ctx) == []


@pytest.mark.parametrize("sent", ["last_payment:1.00", "unused:29.90", "everything:29.90", "last_payment"])
def test_a_sum_that_the_page_did_not_show_ends_nothing(manager, ctx, make, paypal, paying, paid, sent):
    path = f"/admin/subscriptions/{paying.id}/end/cancel"
    page = manager.post(path, {**manager.values_of(manager.get(path)), "refund": sent}, status=200)
    assert "no longer possible, or not of that amount" in page.text
    assert paypal.count("cancel") == 0
    assert make.requests(paying) == []


def test_a_period_that_can_no_longer_be_waited_for_is_never_an_end_now(support, make, paypal, merchant):
    """The page offered it; meanwhile the payment is a day away, and PayPal would have to be told at once."""
    paying = make.subscription(merchant=merchant, next_payment_at=utc_now() + timedelta(days=20))
    page = support.get(f"/admin/subscriptions/{paying.id}/end/cancel")
    with make.ctx.db.begin() as session:
        soon = utc_now() + timedelta(hours=40)
        session.execute(update(Subscription).where(Subscription.id == paying.id).values(next_payment_at=soon))
    page = page.submit(press="Cancel the subscription", when="period", status=422)
    assert "can no longer be waited for" in page.text
    assert paypal.count("cancel") == 0
    assert [one["value"] for one in page.select("input[name=when]")] == ["now", "day"]


def test_another_sum_than_the_one_under_way_is_not_taken_for_it(ctx, manager, paypal, paying, paid):
    page = manager.get(f"/admin/payments/{paid.id}/refund")
    paypal.happen(paying.provider_id, "refunds-wait")
    page.submit(press="Refund €29.90", amount="10").submit(press="Refund €10.00")
    late = page.submit(press="Refund €29.90")
    assert "Another refund of this payment is already under way" in late.notices[0]
    assert len(all_refunds(ctx)) == 1


def test_a_refund_that_paypal_does_not_make_is_stopped_from_its_page(ctx, manager, support, paypal, paid):
    paypal.rule("refund", "403")
    manager.get(f"/admin/payments/{paid.id}/refund").submit(press="Refund €29.90")
    page = manager.get(f"/admin/payments/{paid.id}").submit(press="Stop this refund")
    assert "not asked for this refund any more" in page.notices[0]
    assert "Refund all or part…" in page.text
    (stopped,) = all_refunds(ctx)
    support.post(f"/admin/refunds/{stopped.id}/stop", support.values_of(support.get("/admin/sessions")), status=403)


GONE = "Nothing was changed: the last payment can no longer be refunded as shown."


def test_an_end_with_a_refund_that_meets_the_customer_s_own_is_told_so(manager, ctx, make, paying, paid):
    """Found by the chaos: staff were led to the record without a word, as if the refund had been taken."""
    page = manager.get(f"/admin/subscriptions/{paying.id}/end/cancel")
    theirs = end_requests.record(ctx, wish_of(make.reload(paying)), now=utc_now())
    page = page.submit(press="Cancel the subscription", refund=choose(page, "refund", "last_payment"))
    assert [said for said in page.notices if f"A request was already recorded: {theirs.reference}." in said]
    assert [said for said in page.notices if GONE in said]


def test_a_second_click_on_an_end_with_a_refund_hears_of_the_first_alone(manager, make, paypal, paying, paid):
    paypal.rule("cancel", "500")
    page = manager.get(f"/admin/subscriptions/{paying.id}/end/cancel")
    sent = {"press": "Cancel the subscription", "refund": choose(page, "refund", "last_payment")}
    page.submit(**sent)
    again = page.submit(**sent)
    assert [said for said in again.notices if "A request was already recorded" in said]
    assert GONE not in again.text
