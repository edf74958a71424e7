"""The desk's pages about comparisons: what ran, what it corrected, whether it is late, and for whom."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from portal.domain.subscriptions import Status
from portal.models import (
    ComparisonDifference,
    ComparisonRun,
    ComparisonState,
    ComparisonTrigger,
    PayPalAccount,
)
from portal.queries.comparisons import comparisons as reads
from portal.services.comparisons import comparisons
from portal.services.comparisons.comparison_facts import Fact
from portal.web.admin import comparison_words

PAGE = "/admin/paypal/comparisons"


@pytest.fixture
def add_run(ctx, now):
    """A run of a merchant as the database may hold it."""

    def add(merchant, *, hours=1, **columns):
        at = now - timedelta(hours=hours)
        values = {
            "environment": "sandbox", "trigger": ComparisonTrigger.NIGHTLY, "state": ComparisonState.DONE,
            "finished_at": at, "created_at": at, "touched_at": at, "id": uuid.uuid4(),
        } | columns  # fmt: skip
        with ctx.db.begin() as session:
            session.add(run := ComparisonRun(merchant_id=merchant.id, **values))
        return run

    return add


@pytest.fixture
def add_difference(ctx, now):
    def add(run, subscription=None, *, seconds=0, **columns):
        values = {
            "provider_id": subscription.provider_id if subscription else "I-NEW123456789",
            "before": {}, "after": {}, "corrected": True, "at": now + timedelta(seconds=seconds),
        } | columns  # fmt: skip
        with ctx.db.begin() as session:
            session.add(
                ComparisonDifference(
                    merchant_id=run.merchant_id, run_id=run.id,
                    subscription_id=subscription.id if subscription else None, **values,
                )
            )  # fmt: skip

    return add


def age_key(ctx, now):
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(set_at=now - timedelta(days=9)))


def test_the_list_says_what_ran_and_what_it_corrected(owner, merchant, add_run):
    run = add_run(merchant, compared=1234, corrected=7, added=2, failed=1)
    add_run(merchant, hours=30, trigger=ComparisonTrigger.MANUAL, dry_run=True, differed=3)
    add_run(merchant, hours=40, finished_at=None)
    page = owner.get(PAGE)
    assert page.select_one(f'a[href="{PAGE}/{run.id}"]')
    for words in ("1,234", "Every night", "Started manually", "Dry run", "Closed early", "Done"):
        assert words in page.text
    assert "The comparison is late" not in page.text


def test_lateness_is_said_on_the_page_and_in_the_inbox(owner, merchant, ctx, add_run, now):
    late, seen_in_the_inbox = "The comparison is late", "The comparison with PayPal is late"
    assert late not in owner.get(PAGE).text  # a key entered today
    age_key(ctx, now)
    assert late in owner.get(PAGE).text
    assert seen_in_the_inbox in owner.get("/admin/").text
    add_run(merchant, hours=35)
    assert late not in owner.get(PAGE).text
    assert seen_in_the_inbox not in owner.get("/admin/").text
    with ctx.db.begin() as session:
        session.execute(update(ComparisonRun).values(finished_at=now - timedelta(hours=37)))
    assert late in owner.get(PAGE).text
    assert owner.get("/admin/").select_one(f'a[href="{PAGE}"]')


def test_compare_now_gives_a_run_to_a_worker_and_shows_it(support, merchant, ctx, make, paypal):
    make.subscription(merchant=merchant)
    page = support.get(PAGE).submit(press="Compare now")
    assert "Comparing with PayPal" in page.text
    with ctx.db.read() as session:
        (run,) = session.scalars(select(ComparisonRun)).all()
        jobs = session.execute(text("SELECT args FROM procrastinate_jobs WHERE task_name = 'comparisons.run'")).all()
    assert page.path == f"{PAGE}/{run.id}"
    assert [job.args["run_id"] for job in jobs] == [str(run.id)]
    assert run.trigger is ComparisonTrigger.MANUAL
    assert paypal.calls.count("show") == 0  # the page itself calls nobody
    assert not [one for one in support.get(PAGE).select("button") if one.text == "Compare now"]
    comparisons.run_share(ctx, run.id)
    assert "What differed at PayPal" in support.get(f"{PAGE}/{run.id}").text


def test_a_reader_looks_and_starts_nothing(reader, merchant, ctx, add_run):
    run = add_run(merchant)
    assert "Compare now" not in reader.get(PAGE).text
    assert reader.get(f"{PAGE}/{run.id}").h1
    reader.post(PAGE, status=403)
    with ctx.db.read() as session:
        assert len(session.scalars(select(ComparisonRun)).all()) == 1


def test_without_a_key_the_page_leads_to_it(enter, make):
    page = enter(make.merchant(key=False)).get(PAGE)
    assert "PayPal is not connected yet" in page.text
    assert "Compare now" not in page.text


def test_the_report_says_each_difference_in_words(owner, merchant, make, add_run, add_difference, now):
    anna = make.customer(merchant, name="Anna Été")
    subscription = make.subscription(merchant=merchant, customer=anna)
    run = add_run(merchant)
    before = {
        "status": "active", "provider_status": "ACTIVE", "next_payment_at": "2027-04-03T10:00:00+00:00",
        "paid_until": "2027-04-03T10:00:00+00:00", "price": {"amount": "29.9", "currency": "EUR"},
        "failed_payments": 0, "last_payment_at": None, "plan": "P-OLD",
    }  # fmt: skip
    after = {
        "status": "past_due", "provider_status": "SUSPENDED", "next_payment_at": None,
        "paid_until": "2027-04-03T12:30:00+00:00", "price": {"amount": "1200", "currency": "JPY"},
        "failed_payments": 2, "last_payment_at": "2027-03-03T10:00:00+00:00", "plan": "P-NEW",
    }  # fmt: skip
    assert set(after) == {fact.value for fact in Fact}
    add_difference(run, subscription, before=before, after=after)
    add_difference(run, seconds=1, after={"provider_status": "ACTIVE"}, corrected=False)
    add_difference(run, subscription, seconds=2, error="not_found", corrected=False)
    page = owner.get(f"{PAGE}/{run.id}")
    (link,) = {one["href"] for one in page.select(f'a[href="/admin/subscriptions/{subscription.id}"]')}
    assert link
    for words in (
        "Anna Été", "Status: Active → Past due", "PayPal status: active (ACTIVE) → suspended (SUSPENDED)",
        "Next payment: 3 Apr 2027 → none", "Paid until: 3 Apr 2027, 12:00 → 3 Apr 2027, 14:30",
        "Price: €29.90 → ¥1,200",
        "Failed payments: 0 → 2", "Last payment: none → 3 Mar 2027", "PayPal’s plan: P-OLD → P-NEW",
        "corrected", "listed only", "I-NEW123456789", "PayPal does not know this subscription",
    ):  # fmt: skip
        assert words in page.text, words


def test_in_french_amounts_and_dates_are_french(make, enter, add_run, add_difference):
    merchant = make.merchant(locale="fr")
    browser = enter(merchant)
    browser.get("/admin/settings").submit(press="Français")
    run = add_run(merchant)
    price = {"before": {"price": {"amount": "29.9", "currency": "EUR"}}, "after": {"price": None}}
    add_difference(run, make.subscription(merchant=merchant), **price)
    assert "29,90" in browser.get(f"{PAGE}/{run.id}").text


def test_what_waits_says_why_and_until_when(owner, merchant, add_run, now):
    run = add_run(
        merchant, state=ComparisonState.STOPPED, finished_at=None, error="rate_limited abc123",
        wait_until=now + timedelta(minutes=5),
    )  # fmt: skip
    page = owner.get(f"{PAGE}/{run.id}")
    for words in ("The comparison waits", "PayPal asked us to slow down", "abc123", "Next try"):
        assert words in page.text
    assert owner.get(PAGE).select('[data-status="warn"]')


def test_long_reports_turn_pages(owner, merchant, make, add_run, add_difference):
    subscription = make.subscription(merchant=merchant)
    run = add_run(merchant)
    for number in range(53):
        add_difference(
            run, subscription, seconds=number, provider_id=f"I-{number:03}", after={"plan": f"P-{number:03}"}
        )
    first = owner.get(f"{PAGE}/{run.id}")
    assert "P-049" in first.text
    assert "P-050" not in first.text
    second = owner.get(first.select_one('a[rel="next"]')["href"])
    assert "P-052" in second.text
    assert "P-049" not in second.text
    assert "P-000" in owner.get(second.select_one('a[rel="prev"]')["href"]).text


def test_another_merchants_run_does_not_exist(owner, make, add_run):
    theirs = add_run(make.merchant())
    owner.get(f"{PAGE}/{theirs.id}", status=404)
    owner.get(f"{PAGE}/{uuid.uuid4()}", status=404)
    assert str(theirs.id) not in owner.get(PAGE).text


def test_a_longer_list_costs_no_more_statements(owner, merchant, make, add_run, add_difference, statements):
    run = add_run(merchant)
    subscription = make.subscription(merchant=merchant, status=Status.ACTIVE)
    costs = []
    for number in (1, 20):
        for place in range(number):
            add_difference(run, subscription, seconds=place, after={"plan": "P-1"})
            add_run(merchant, hours=place + 2)
        for path in (PAGE, f"{PAGE}/{run.id}"):
            owner.get(path)
            with statements() as seen:
                owner.get(path)
            costs.append(len(seen))
    assert costs[:2] == costs[2:]
    assert max(costs) <= 8


def test_every_code_has_its_word():
    assert set(comparison_words.TRIGGER) == set(reads.ComparisonTrigger)
    assert set(comparison_words.STATE) == set(comparison_words.MARK) == set(reads.ComparisonState)
    assert set(comparison_words.NOTE) == set(reads.Note)
    assert set(comparison_words.FACT) == set(Fact)
    assert set(comparison_words.STOPPED) == set(comparison_words.StopReason)


def test_a_kind_that_was_left_out_is_named(owner, merchant, add_run):
    run = add_run(merchant, error="classic_key_refused list_not_read")
    waits = add_run(
        merchant, hours=2, state=ComparisonState.STOPPED, finished_at=None, error="unavailable abc123 rest_key_refused"
    )
    closed = add_run(merchant, hours=3, finished_at=None, error="no_key")
    page = owner.get(f"{PAGE}/{run.id}")
    for words in ("classic subscriptions were not compared", "PayPal did not give its list"):
        assert words in page.text
        assert words in owner.get(PAGE).text
    assert "The comparison waits" not in page.text
    page = owner.get(f"{PAGE}/{waits.id}")
    assert "REST subscriptions were not compared" in page.text
    assert "debug ID: abc123" in page.text
    assert "rest_key_refused" not in page.text
    assert "there is no longer a PayPal key" in owner.get(f"{PAGE}/{closed.id}").text
