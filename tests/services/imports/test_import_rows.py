"""What an import makes of each row: PayPal's facts come over, what the merchant decided stays."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.domain.audit import PORTAL
from portal.domain.subscriptions import Status
from portal.models import Customer, ImportState, Mail, Plan, Product, Subscription, TimelineEntry, TimelineKind
from portal.services.people import customer_joining
from tests.services.imports.importing import add_many, bring_in, rows


def one(ctx, merchant, provider_id):
    (found,) = rows(ctx, Subscription, merchant, provider_id=provider_id)
    return found


def kinds(ctx, subscription):
    with ctx.db.read() as session:
        found = session.scalars(select(TimelineEntry.kind).where(TimelineEntry.subscription_id == subscription.id))
        return Counter(found)


def test_paypals_facts_come_over(ctx, merchant, paypal, now):
    plan = paypal.add_plan("Cours de piano", amount="12.50", interval_unit="MONTH", interval_count=3)
    seen = paypal.add_subscription(
        plan_id=plan.id, given_name="Zoé", surname="O’Brien", email="Zoe@Client.TEST", quantity="2",
        started_at=now - timedelta(days=10),
    )  # fmt: skip
    bring_in(ctx, merchant)
    got = one(ctx, merchant, seen.id)
    assert (got.status, got.amount, got.currency) == (Status.ACTIVE, Decimal("25.00"), "EUR")
    assert (got.interval_unit, got.interval_count) == ("MONTH", 3)
    assert got.started_at == now - timedelta(days=10)
    assert got.next_payment_at == got.paid_until
    assert got.paid_until > now + timedelta(days=70)
    (customer,) = rows(ctx, Customer, merchant)
    assert (customer.name, customer.email, customer.payer_id) == ("Zoé O’Brien", "zoe@client.test", seen.payer_id)
    assert got.payer_id == seen.payer_id
    (product,) = rows(ctx, Product, merchant)
    assert product.name == "Cours de piano"
    assert kinds(ctx, got) == {TimelineKind.IMPORTED: 1}


def test_two_who_were_joined_are_one_by_whichever_of_their_paypal_accounts_they_buy(ctx, make, merchant, paypal, now):
    """PayPal still names the address that one of the two had before: nobody has it any more."""
    kept = make.customer(merchant, email="lea@client.test", payer_id="PAYER00000001")
    other = make.customer(merchant, email="lea@client.test", email_place=1, payer_id="PAYER00000002")
    assert customer_joining.join(ctx, merchant.id, kept.id, other.id, by=PORTAL, now=now)
    bought = {place: paypal.add_subscription(email="lea.b@client.test") for place in (1, 2, 3)}
    for place, seen in bought.items():
        seen.payer_id = f"PAYER0000000{place}"
    bring_in(ctx, merchant)
    owners = {place: one(ctx, merchant, seen.id).customer_id for place, seen in bought.items()}
    assert (owners[1], owners[2]) == (kept.id, kept.id)
    assert owners[3] != kept.id, "that account is a stranger's"


def test_what_the_merchant_decided_is_never_written_over(ctx, merchant, paypal):
    plan = paypal.add_plan("Club")
    paypal.add_subscription(plan_id=plan.id)
    bring_in(ctx, merchant)
    with ctx.db.begin() as session:
        product = session.scalars(select(Product)).one()
        product.name, product.keep_after_cancellation, product.grace_days = "Le Club", True, 30
    plan.name, plan.amount = "Club (new)", "35.00"
    bring_in(ctx, merchant)
    (product,) = rows(ctx, Product, merchant)
    assert (product.name, product.keep_after_cancellation, product.grace_days) == ("Le Club", True, 30)
    (stored,) = rows(ctx, Plan, merchant)
    assert (stored.name, stored.amount) == ("Club (new)", Decimal("35.00"))


def test_rows_that_cannot_be_read_are_counted_and_stop_nobody(ctx, merchant, paypal):
    add_many(paypal, 5)
    paypal.add_subscription(extra={"id": "../../etc"})
    paypal.add_subscription(extra={"plan_id": None})  # nothing says what it sells
    run = bring_in(ctx, merchant)
    assert (run.state, run.seen, run.created, run.unreadable) == (ImportState.DONE, 7, 5, 2)


def test_a_price_beyond_all_measure_is_no_price_and_no_reason_to_leave_the_row_out(ctx, merchant, paypal):
    huge = paypal.add_subscription(own_amount="9" * 30)
    run = bring_in(ctx, merchant)
    assert (run.created, run.unreadable) == (1, 0)
    assert one(ctx, merchant, huge.id).amount is None


def test_a_row_without_billing_facts_is_read_on_its_own(ctx, merchant, paypal):
    whole, bare = paypal.add_subscription(), paypal.add_subscription()
    bare.extra = {"billing_info": None}
    run = bring_in(ctx, merchant)
    assert run.created == 2
    assert (paypal.count("show", bare.id), paypal.count("show", whole.id)) == (1, 0)


def test_a_row_that_never_answers_alone_is_left_for_the_next_time(ctx, merchant, paypal):
    bare, _, _ = paypal.add_subscription(extra={"billing_info": None}), *add_many(paypal, 2)
    paypal.rule("show", "500", only=bare.id)
    run = bring_in(ctx, merchant)
    assert (run.state, run.created, run.unreadable) == (ImportState.DONE, 2, 1)
    paypal.clear_rules()
    assert bring_in(ctx, merchant).created == 1


def test_a_paypal_gone_silent_stops_the_run_instead_of_skipping_everybody(ctx, merchant, paypal):
    add_many(paypal, 8, extra={"billing_info": None})
    paypal.rule("show", "500")
    run = bring_in(ctx, merchant)
    assert (run.state, run.next_page, run.seen) == (ImportState.STOPPED, 1, 0)
    assert paypal.count("show") == 3


def test_an_overridden_price_is_asked_for(ctx, merchant, paypal):
    plan = paypal.add_plan(amount="29.90")
    own = paypal.add_subscription(plan_id=plan.id, own_amount="9.90")
    bring_in(ctx, merchant)
    assert one(ctx, merchant, own.id).amount == Decimal("9.90")


def test_customers_without_an_address_stay_apart_and_learn_it_later(ctx, merchant, paypal):
    first, second = paypal.add_subscription(email=None), paypal.add_subscription(email=None)
    bring_in(ctx, merchant)
    assert {customer.email for customer in rows(ctx, Customer, merchant)} == {None}
    assert len(rows(ctx, Customer, merchant)) == 2
    first.email = second.email = "Claire@Client.test"
    bring_in(ctx, merchant)
    assert Counter(customer.email for customer in rows(ctx, Customer, merchant)) == {"claire@client.test": 1, None: 1}


def test_a_payer_with_two_subscriptions_is_one_customer(ctx, merchant, paypal):
    first, second = paypal.add_subscription(email="a@client.test"), paypal.add_subscription(email="b@client.test")
    second.payer_id = first.payer_id
    bring_in(ctx, merchant)
    (customer,) = rows(ctx, Customer, merchant)
    assert one(ctx, merchant, first.id).customer_id == one(ctx, merchant, second.id).customer_id == customer.id
    again = paypal.add_subscription(email=customer.email.upper())  # no payer id: the address decides
    again.payer_id = ""
    bring_in(ctx, merchant)
    assert one(ctx, merchant, again.id).customer_id == customer.id


def test_a_plan_that_paypal_does_not_show_gets_a_product_that_says_so(ctx, make, paypal):
    merchant = make.merchant(locale="en")
    lost = [paypal.add_subscription(plan_id="P-LOST000000000000000000000") for _ in range(2)]
    bring_in(ctx, merchant)
    (product,) = rows(ctx, Product, merchant)
    assert "P-LOST000000000000000000000" in product.name
    assert {one(ctx, merchant, row.id).product_id for row in lost} == {product.id}
    assert one(ctx, merchant, lost[0].id).amount is None

    paypal.add_plan("Found again", plan_id="P-LOST000000000000000000000")
    bring_in(ctx, merchant)
    (product,) = rows(ctx, Product, merchant)
    assert product.name == "Found again"
    assert one(ctx, merchant, lost[0].id).amount == Decimal("29.90")


def test_a_word_nobody_has_seen_is_kept_and_opens_nothing(ctx, merchant, paypal):
    odd = paypal.add_subscription(status="ON_THE_MOON")
    bring_in(ctx, merchant)
    got = one(ctx, merchant, odd.id)
    assert (got.provider_status, got.status) == ("ON_THE_MOON", Status.PENDING)
    assert kinds(ctx, got) == {TimelineKind.IMPORTED: 1, TimelineKind.UNKNOWN_WORD: 1}


def test_a_late_payer_is_late_since_the_end_of_what_was_paid(ctx, merchant, paypal, now):
    late = paypal.add_subscription(started_at=now - timedelta(days=35))
    late.failed_payments, late.last_payment = 1, {"amount": "29.90", "time": late.start_time}
    bring_in(ctx, merchant)
    got = one(ctx, merchant, late.id)
    assert got.status is Status.PAST_DUE
    assert got.past_due_since == got.paid_until
    assert now - timedelta(days=8) < got.past_due_since < now


@pytest.mark.parametrize(("word", "status"), [("CANCELLED", Status.CANCELLED), ("EXPIRED", Status.COMPLETED)])
def test_old_ends_come_in_as_ends_and_nobody_is_written_to(ctx, merchant, paypal, word, status, now):
    over = paypal.add_subscription(status="ACTIVE", started_at=now - timedelta(days=100))
    over.status, over.next_billing_time = word, None
    over.status_update_time = (now - timedelta(days=50)).strftime("%Y-%m-%dT%H:%M:%SZ")
    over.last_payment = {"amount": "29.90", "time": (now - timedelta(days=90)).strftime("%Y-%m-%dT%H:%M:%SZ")}
    bring_in(ctx, merchant)
    got = one(ctx, merchant, over.id)
    assert got.status is status
    assert got.ended_at == got.stopped_at_provider_at == now - timedelta(days=50)
    assert got.next_payment_at is None
    assert rows(ctx, Mail, merchant) == []


def test_an_end_with_paid_time_left_is_over_when_that_time_is(ctx, merchant, paypal, now):
    over = paypal.add_subscription(status="CANCELLED", started_at=now - timedelta(days=10))
    bring_in(ctx, merchant)
    got = one(ctx, merchant, over.id)
    assert got.ended_at == got.paid_until > now + timedelta(days=15)
    assert got.access_until == got.paid_until


def test_one_that_never_paid_opens_nothing(ctx, merchant, paypal):
    refused = paypal.add_subscription(status="APPROVAL_PENDING")
    refused.status = "CANCELLED"
    bring_in(ctx, merchant)
    got = one(ctx, merchant, refused.id)
    assert (got.status, got.started_at, got.paid_until) == (Status.CANCELLED, None, None)


def test_an_end_seen_by_a_later_import_goes_through_the_one_door(ctx, merchant, paypal, make):
    seen = paypal.add_subscription()
    bring_in(ctx, merchant)
    paypal.happen(seen.id, "buyer-cancels")
    bring_in(ctx, merchant)
    bring_in(ctx, merchant)
    got = one(ctx, merchant, seen.id)
    assert got.status is Status.CANCELLED
    assert kinds(ctx, got) == {TimelineKind.IMPORTED: 1, TimelineKind.ENDED: 1}
    assert len(make.requests(got)) == 1


def test_two_merchants_with_the_same_paypal_ids_do_not_mix(ctx, make, paypal):
    first, second = make.merchant(), make.merchant()
    seen = paypal.add_subscription(email="same@client.test")
    bring_in(ctx, first)
    bring_in(ctx, second)
    assert one(ctx, first, seen.id).id != one(ctx, second, seen.id).id
    assert one(ctx, first, seen.id).customer_id != one(ctx, second, seen.id).customer_id
    assert one(ctx, first, seen.id).product_id != one(ctx, second, seen.id).product_id


def test_another_plan_brings_its_price_and_rhythm(ctx, merchant, paypal, make):
    seen = paypal.add_subscription(quantity="2")
    bring_in(ctx, merchant)
    yearly = paypal.add_plan("Annuel", amount="290.00", interval_unit="YEAR")
    seen.plan_id = yearly.id
    bring_in(ctx, merchant)
    got = make.reload(one(ctx, merchant, seen.id))
    assert (got.plan.name, got.product.name) == ("Annuel", "Annuel")
    assert (got.amount, got.currency, got.interval_unit, got.interval_count) == (Decimal("580.00"), "EUR", "YEAR", 1)


@pytest.mark.parametrize(("before", "after"), [("YEAR", "MONTH"), ("MONTH", "YEAR")])
def test_another_rhythm_changes_nothing_of_what_is_paid(ctx, merchant, paypal, now, before, after):
    """Whoever paid a year keeps it; and a year that was never paid opens nothing, while its first payment fails."""
    first, second = (paypal.add_plan(unit, amount="29.00", interval_unit=unit) for unit in (before, after))
    seen = paypal.add_subscription(plan_id=first.id, started_at=now - timedelta(days=20))
    bring_in(ctx, merchant)
    paid = one(ctx, merchant, seen.id).paid_until
    assert paid > now
    seen.plan_id = second.id
    if after == "YEAR":
        seen.failed_payments = 1
    bring_in(ctx, merchant)
    got = one(ctx, merchant, seen.id)
    assert (got.interval_unit, got.paid_until) == (after, paid)


def test_another_plan_that_paypal_does_not_show_leaves_no_old_price(ctx, merchant, paypal):
    seen = paypal.add_subscription()
    bring_in(ctx, merchant)
    seen.plan_id = "P-LOST000000000000000000000"
    bring_in(ctx, merchant)
    got = one(ctx, merchant, seen.id)
    assert (got.amount, got.interval_unit) == (None, None)


@pytest.mark.parametrize("older", [True, False])
def test_new_ones_and_known_ones_of_a_plan_share_a_page_in_any_order(ctx, merchant, paypal, now, older):
    known = paypal.add_subscription(email="known@client.test", started_at=now - timedelta(days=10))
    bring_in(ctx, merchant)
    days = 15 if older else 5
    fresh = paypal.add_subscription(email="fresh@client.test", started_at=now - timedelta(days=days))
    run = bring_in(ctx, merchant)
    assert (run.created, run.updated, run.unreadable) == (1, 1, 0)
    assert one(ctx, merchant, fresh.id).product_id == one(ctx, merchant, known.id).product_id


def test_names_of_any_length_and_direction_come_in_whole(ctx, merchant, paypal):
    paypal.add_subscription(given_name="é" * 140, surname="أحمد")
    bring_in(ctx, merchant)
    (customer,) = rows(ctx, Customer, merchant)
    assert customer.name == "é" * 140 + " أحمد"
