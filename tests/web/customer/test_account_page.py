"""The account page: what is paid and open, whatever PayPal or the merchant left out."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy.dialects.postgresql import psycopg

from portal.clock import utc_now
from portal.domain.dates.end_dates import WaitReason
from portal.domain.ends.end_requests import Channel, RequestState, Trouble
from portal.domain.ends.pauses import PauseKind
from portal.domain.ends.received_requests import Way
from portal.domain.policies import Actor, Override
from portal.domain.subscriptions import Status
from portal.models import (
    Comeback,
    EndRequest,
    Grant,
    LatePayment,
    PauseRequest,
    Payment,
    PaymentState,
    ReceivedRequest,
    Subscription,
    TimelineEntry,
    TimelineKind,
)
from portal.queries.account import account_page
from portal.web import labels

LONG_NAME = "Maître d’œuvre & « co » <b>" + "é" * 113


def test_a_full_page_costs_no_more_statements_than_five(visit, make, statements):
    product = make.product(visit.merchant, contents=(("A", 0), ("B", 30)))

    def asked() -> int:
        with statements() as seen:
            page = visit.browser.get(visit.home)
        assert len(page.select("article.card")) == min(held, account_page.PAGE)
        return len(seen)

    for _ in range(5):
        subscription = make.subscription(customer=visit.customer, product=product, at_paypal=False)
        make.add(
            Grant(
                merchant_id=visit.merchant.id,
                customer_id=visit.customer.id,
                product_id=product.id,
                since=make.now(),
                until=None,
            )
        )
    held = 5
    few = asked()
    for number in range(45):
        one = make.product(visit.merchant) if number % 9 == 0 else product
        subscription = make.subscription(customer=visit.customer, product=one, at_paypal=False)
        make.add(entry(subscription, TimelineKind.IMPORTED))
    held = 50
    assert asked() == few == 2  # who it is, and the page


def test_what_hangs_on_a_subscription_costs_no_statement_more(visit, make, statements):
    """A planned end, a pause, late money, a notification, a gift and an attempt to come back come with their row."""
    merchant, now = visit.merchant, make.now()
    product = make.product(merchant, self_cancellation=Override.OFF)
    running, over = (
        make.subscription(customer=visit.customer, product=one, status=status, at_paypal=False)
        for one, status in ((product, Status.ACTIVE), (make.product(merchant), Status.CANCELLED))
    )
    own = {"merchant_id": merchant.id, "subscription_id": running.id}
    by = {"actor": Actor.CUSTOMER, "channel": Channel.PORTAL}
    until = now + timedelta(days=40)
    waits = {"due_at": until, "owed_until": until, "wait_reason": WaitReason.WISH, "wished_on": until.date()}
    make.add(EndRequest(**own, **by, **waits, reference="AAAA-2222", outcome=Status.CANCELLED, shown={}))
    make.add(PauseRequest(**own, **by, kind=PauseKind.PAUSE))
    notified = {"way": Way.ACCOUNT_PAGE, "name": "Claire", "received_at": now, "open_since": now}
    make.add(ReceivedRequest(**own, **notified, reference="BBBB-2222"))
    make.add(Grant(merchant_id=merchant.id, customer_id=visit.customer.id, product_id=product.id, since=now))
    paid = {"environment": "sandbox", "state": PaymentState.COMPLETED, "amount": Decimal(20), "currency": "EUR"}
    whose = {"merchant_id": merchant.id, "subscription_id": over.id}
    payment = Payment(**whose, **paid, id=uuid.uuid4(), provider_id="9LATE", paid_at=now)
    make.add(payment)
    make.add(LatePayment(**whose, payment_id=payment.id))
    make.add(
        Comeback(
            **whose, customer_id=visit.customer.id, product_id=over.product_id,
            plan_id="P-1", environment="sandbox", language="en",
        )
    )  # fmt: skip
    with statements() as seen:
        page = visit.browser.get(visit.home)
    assert len(seen) == 2
    for said in (
        "End planned on",
        "Your pause has been requested",
        "Your cancellation notice of",
        "given to you by",
        "arrived on",
        "See where your new subscription stands",
    ):
        assert said in page.text, said


def test_the_pages_statement_is_one_that_psycopg_keeps():
    """What is longer than 4,096 characters psycopg takes apart again at each request."""
    assert len(str(account_page._page().compile(dialect=psycopg.dialect()))) <= 4096


def test_a_customer_with_many_reads_the_live_ones_first_and_pages_on(visit, make, ctx):
    """performance.md: paged beyond 50, and here before.  Three are over, and newer than every one that lives."""
    product = make.product(visit.merchant)
    held = [make.subscription(customer=visit.customer, product=product, at_paypal=False) for _ in range(23)]
    past = make.now() - timedelta(days=3)
    for number, one in enumerate(held):
        change(ctx, one, created_at=make.now() + timedelta(seconds=number))
        if number >= 20:
            change(ctx, one, status=Status.CANCELLED, ended_at=past, paid_until=past, next_payment_at=None)

    def shown(page) -> list[str]:
        links = [link["href"].rpartition("/")[2] for link in page.select("article.card h2 a")]
        return [str(number) for link in links for number, one in enumerate(held) if str(one.id) == link]

    first = visit.browser.get(visit.home)
    assert shown(first) == [str(number) for number in range(19, -1, -1)]
    assert first.h1.endswith("you have 20 subscriptions"), "all of them are counted, and no ended one"
    assert "Contracts 1 to 20 of 23" in first.text
    second = visit.browser.get(first.select_one("nav.pages a[rel=next]")["href"])
    assert shown(second) == ["22", "21", "20"]
    assert "Contracts 21 to 23 of 23" in second.text
    assert "Ended contracts: 3 of 3 here" in second.text
    assert "page 2" in second.select_one("title").text
    assert second.select_one("nav.pages a[rel=next]") is None
    back = visit.browser.get(second.select_one("nav.pages a[rel=prev]")["href"])
    assert shown(back) == shown(first)


@pytest.mark.parametrize("asked", ["0", "-1", "abc", "1.5", "%20", "9" * 30, "9" * 5000, ""])
def test_a_page_that_there_is_not_is_the_first(visit, make, asked):
    make.subscription(customer=visit.customer, at_paypal=False)
    page = visit.browser.get(f"{visit.home}?page={asked}")
    assert len(page.select("article.card")) == 1


def entry(subscription, kind, **columns) -> TimelineEntry:
    return TimelineEntry(
        merchant_id=subscription.merchant_id,
        subscription_id=subscription.id,
        at=subscription.created_at,
        kind=kind,
        key=columns.pop("key", "k"),
        actor=columns.pop("actor", Actor.SYSTEM),
        channel=columns.pop("channel", None),
        details=columns,
    )


def test_an_empty_page_says_what_will_be_here(visit):
    page = visit.browser.get(visit.home)
    assert "No subscription yet" in page.text
    assert visit.merchant.name in page.text


def change(ctx, subscription, **columns) -> None:
    with ctx.db.begin() as session:
        row = session.get_one(Subscription, subscription.id)
        for name, value in columns.items():
            setattr(row, name, value)


def test_what_is_unknown_is_said_to_be_unknown_and_nothing_breaks(visit, make, ctx):
    subscription = make.subscription(customer=visit.customer, next_payment_at=None, paid_until=None, at_paypal=False)
    change(ctx, subscription, plan_id=None, amount=None, currency=None, interval_unit=None, started_at=None)
    home = visit.browser.get(visit.home)
    for said in ("The date of the next payment is unknown.", "amount unknown", "No access at the moment."):
        assert said in home.text
    assert "None" not in home.text
    page = visit.browser.get(visit.page(subscription))
    terms = [term.get_text() for term in page.select("dl.summary dt")]
    values = dict(zip(terms, [value.get_text(strip=True) for value in page.select("dl.summary dd")], strict=True))
    assert values["Price"] == "amount unknown"
    assert values["Next payment"] == "Unknown"
    assert "No access at the moment." in page.text
    assert "None" not in page.text
    recap = visit.recap(subscription)
    assert "The date of the next one is unknown." in recap.text


def test_a_paused_one_has_no_next_payment_which_is_not_an_unknown_one(visit, make):
    subscription = make.subscription(customer=visit.customer, status=Status.PAUSED, next_payment_at=None)
    recap = visit.recap(subscription)
    assert "PayPal takes no payment at the moment; none will follow." in recap.text
    assert "unknown" not in recap.text


def test_an_access_whose_end_nobody_knows_is_not_given_a_date(visit, make, ctx):
    product = make.product(visit.merchant, contents=(("Leçon 1", 0),))
    subscription = make.subscription(
        customer=visit.customer, product=product, paid_until=None, next_payment_at=None, last_payment_at=None
    )
    change(ctx, subscription, interval_unit=None)
    line = f"Leçon 1: until a date that {visit.merchant.name} will tell you"
    assert line in visit.recap(subscription).text
    page = visit.cancel(subscription)
    if make.requests(subscription)[0].facts_before["next_billing_at"] is None:
        assert f"You keep access until a date that {visit.merchant.name} will tell you." in page.text


def test_yen_have_no_decimals_and_euros_have_two(visit, make):
    make.subscription(customer=visit.customer, amount=Decimal("1200"), currency="JPY", at_paypal=False)
    make.subscription(customer=visit.customer, amount=Decimal("1200"), currency="EUR", at_paypal=False)
    text = visit.browser.get(visit.home).text
    assert "¥1,200 per month" in text
    assert "€1,200.00 per month" in text


@pytest.mark.parametrize("name", ["دورة البيانو (٢)", "O’Hara\u202e & d'Été", LONG_NAME, "\n<script>x</script>"])
def test_names_of_all_kinds_are_shown_and_never_obeyed(make, log_in, name):
    merchant = make.merchant(name=name, locale="en")
    visit = log_in(merchant, make.customer(merchant, name=name))
    product = make.product(merchant, name=name, contents=((name, 0),))
    subscription = make.subscription(customer=visit.customer, product=product)
    pages = [visit.browser.get(visit.home), visit.browser.get(visit.page(subscription)), visit.recap(subscription)]
    pages.append(visit.cancel(subscription))
    for page in pages:
        assert " ".join(name.replace("\u202e", "").split()) in page.text
        assert "<b>" not in page.body
        assert "<script>" not in page.body
        assert "\u202e" not in page.soup.find("main").get_text()


def test_a_product_that_nobody_named_goes_by_paypals_number(visit, make):
    subscription = make.subscription(customer=visit.customer, product=make.product(visit.merchant, name="  "))
    assert f"Contract {subscription.provider_id}" in visit.browser.get(visit.home).text


def test_a_word_of_paypal_that_nobody_knows_is_told_without_alarm(visit, make, ctx):
    subscription = make.subscription(customer=visit.customer)
    change(ctx, subscription, provider_status="HIBERNATING")
    make.add(entry(subscription, TimelineKind.UNKNOWN_WORD, word="HIBERNATING"))
    page = visit.browser.get(visit.page(subscription))
    assert "PayPal shows a status that the portal does not know" in page.text
    assert page.select_one("[data-testid=status]").text == "Active"


def test_what_was_given_by_hand_is_listed_with_its_origin(visit, make):
    own, other = make.product(visit.merchant, contents=(("Leçon 1", 0),)), make.product(visit.merchant, name="Harmonie")
    subscription = make.subscription(customer=visit.customer, product=own)
    until = make.now() + timedelta(days=400)
    for product, end in ((own, until), (other, None)):
        make.add(
            Grant(
                merchant_id=visit.merchant.id,
                customer_id=visit.customer.id,
                product_id=product.id,
                since=make.now() - timedelta(days=1),
                until=end,
            )
        )
    page = visit.browser.get(visit.home)
    given = f"(given to you by {visit.merchant.name})"
    assert f"Harmonie kept for good {given}" in page.text
    assert len(re.findall(r"Leçon 1 until .{10,40} \(given to you", page.text)) == 1
    # The grant outlives the subscription: the recap says that it stays.
    recap = visit.recap(subscription)
    assert "You lose no access." in recap.text
    assert given in recap.text


def test_an_abandoned_one_reads_as_cancelled_and_invites_nobody(visit, make):
    subscription = make.subscription(customer=visit.customer, status=Status.ABANDONED)
    make.add(entry(subscription, TimelineKind.MARKED_ABANDONED, actor=Actor.STAFF, note="unbearable"))
    for path in (visit.home, visit.page(subscription)):
        page = visit.browser.get(path)
        assert page.select_one("[data-testid=status]").text == "Cancelled"
        assert page.select_one("[data-status]")["data-status"] == "cancelled"
        assert not re.search(r"abandon|unbearable|again|resume|come back|restart|renew", page.body, re.IGNORECASE)


@pytest.mark.parametrize("status", [Status.PAUSED, Status.PAST_DUE])
def test_suspended_over_the_threshold_offers_no_resume_anywhere(visit, make, ctx, status):
    subscription = make.subscription(customer=visit.customer, status=status)
    change(ctx, subscription, failed_payments=3, failure_threshold=3, provider_status="SUSPENDED")
    pages = [visit.browser.get(visit.home), visit.browser.get(visit.page(subscription)), visit.recap(subscription)]
    pages.append(visit.cancel(subscription))
    for page in pages:
        assert not re.search(r"resume|reactivat|restart|unpause|reprendre", page.body, re.IGNORECASE)


def test_the_timeline_is_the_customers_own(visit, make):
    subscription = make.subscription(customer=visit.customer)
    make.add(
        entry(
            subscription,
            TimelineKind.END_REQUESTED,
            key="1",
            actor=Actor.STAFF,
            channel=Channel.STAFF,
            note="a difficult person",
            reference="AAAA-2222",
        )
    )
    make.add(
        entry(
            subscription,
            TimelineKind.END_REQUESTED,
            key="2",
            actor=Actor.CUSTOMER,
            channel=Channel.PORTAL,
            note="trop cher",
            reference="BBBB-3333",
        )
    )
    make.add(entry(subscription, TimelineKind.STATUS_SEEN, status="past_due", actor=Actor.PROVIDER))
    until = utc_now().isoformat()
    make.add(entry(subscription, TimelineKind.PAUSE_REFUSED, refused_for="too_late", until=until))
    page = visit.browser.get(visit.page(subscription))
    text = page.text
    assert "difficult" not in text
    assert "you (Customer account page) – Your comment: trop cher" in text
    assert f"{visit.merchant.name} (Merchant desk)" in text
    lines = [" ".join(line.get_text(" ").split()) for line in page.select(".timeline li")]
    assert any("PayPal shows: Past due" in line and line.endswith(" PayPal") for line in lines), lines
    refused = next(line for line in lines if "The change could not be made" in line)  # nothing was sent, nor refused
    assert refused.endswith(" PayPal did not confirm it before the day payments were due to start again.")
    assert "Starts again" not in refused


def test_every_kind_of_happening_can_be_told(visit, make):
    subscription = make.subscription(customer=visit.customer)
    for kind in TimelineKind:
        make.add(entry(subscription, kind, outcome="cancelled", status="active", trouble="no_key"))
    page = visit.browser.get(visit.page(subscription))
    assert len(page.select(".timeline li")) == len(TimelineKind) - 3  # all but the merchant's own marks


def test_each_word_of_the_domain_has_a_label():
    for words, table in (
        (Status, labels.STATUS),
        (Status, labels.CUSTOMER_STATUS),
        (RequestState, labels.REQUEST_STATE),
        (Trouble, labels.TROUBLE),
        (TimelineKind, labels.TIMELINE),
        (Channel, labels.CHANNEL),
        (Actor, labels.ACTOR),
    ):
        assert set(table) == set(words)


@pytest.mark.parametrize(("locale", "zone"), [("fr", "heure de Paris"), ("en", "Paris time")])
def test_a_record_says_moments_in_short_and_the_zone_once(log_in, make, locale, zone):
    merchant = make.merchant(locale=locale)
    visit = log_in(merchant, make.customer(merchant), language=locale)
    subscription = make.subscription(customer=visit.customer)
    visit.recap(subscription).submit(press={"fr": "Résilier maintenant", "en": "Cancel now"}[locale])
    page = visit.browser.get(visit.page(subscription))
    moments = [moment.text for moment in page.select("ol.timeline time")]
    assert moments
    short = r"\d{1,2} [^ ]+ 20\d\d, \d\d:\d\d"
    assert re.fullmatch(rf"{short} \({zone}\)", moments[0])
    assert all(re.fullmatch(short, moment) for moment in moments[1:]), moments
    assert page.text.count(zone) == 1


def test_what_is_over_is_folded_below_what_runs_but_never_alone(make, log_in):
    merchant = make.merchant(locale="en")
    customer, past = make.customer(merchant), utc_now() - timedelta(days=3)
    make.subscription(merchant=merchant, customer=customer, status=Status.CANCELLED, paid_until=past)
    visit = log_in(merchant, customer)
    assert not visit.browser.get(visit.home).soup.select("details article.card")
    make.subscription(merchant=merchant, customer=customer)
    make.subscription(merchant=merchant, customer=customer, status=Status.COMPLETED, paid_until=past)
    page = visit.browser.get(visit.home)
    assert len(page.soup.select("main article.card")) == 3
    (fold,) = page.soup.select("main details")
    assert fold.summary.text == "2 ended contracts"
    assert len(fold.select("article.card")) == 2
    assert not fold.has_attr("open")
    paid = make.subscription(merchant=merchant, customer=customer, status=Status.CANCELLED)
    page = visit.browser.get(visit.home)
    assert len(page.soup.select("main details article.card")) == 2, "what is still paid and open is not hidden"
    assert paid.paid_until > utc_now()


def test_access_by_hand_is_seen_beside_a_subscription_that_is_over_and_gone_once_it_is_over_too(visit, make, ctx):
    product = make.product(visit.merchant, name="Piano")
    make.subscription(customer=visit.customer, product=product, status=Status.CANCELLED)
    make.subscription(customer=visit.customer, product=make.product(visit.merchant, name="Photo"))
    given = "Piano kept for good (given to you by"

    def shown() -> bool:
        lists = [
            one for one in visit.browser.get(visit.home).select("main ul.marked") if not one.find_parent("details")
        ]
        return any(given in one.get_text(" ", strip=True) for one in lists)

    assert not shown()
    grant = Grant(
        id=uuid.uuid4(),
        merchant_id=visit.merchant.id,
        customer_id=visit.customer.id,
        product_id=product.id,
        since=make.now() - timedelta(days=9),
        until=None,
    )
    make.add(grant)
    assert shown()
    with ctx.db.begin() as session:
        session.get_one(Grant, grant.id).until = make.now() - timedelta(days=1)
    assert "Given to you by" not in visit.browser.get(visit.home).text


def test_the_days_of_the_line_stand_beneath_it_each_with_its_mark(visit, make, now):
    make.subscription(
        customer=visit.customer,
        started_at=now - timedelta(days=40),
        last_payment_at=now - timedelta(days=10),
        next_payment_at=now + timedelta(days=20),
        paid_until=now + timedelta(days=20),
        committed_until=now + timedelta(days=200),
    )
    page = visit.browser.get(visit.home)
    terms = page.select("article dl.dates dt")
    assert [term.get_text(strip=True) for term in terms] == ["Paid until"], (
        "the day of the payment is said by the sentence"
    )
    assert "Next payment of €29.90 on " in page.select_one("article .lede").get_text()
    assert all(len(term.select("[aria-hidden=true]")) == 1 for term in terms)
    assert page.select("article dl.dates .note") == [], "the price stands in the line below"
    assert (
        page.select_one("article > .note, article .note").get_text(strip=True).startswith("€29.90 per month · since ")
    )
    assert "commitment until" in page.select_one("article").get_text()
    assert page.select("article dl.summary") == [], "said once"


@pytest.mark.parametrize("keeps", [True, False])
def test_a_new_one_does_not_deny_what_the_former_one_keeps_open(visit, make, now, keeps):
    """Who came back and has not begun anew: the kept lesson is open in the fold, and the card above says so."""
    product = make.product(visit.merchant, contents=(("Lesson 1", 0),), keep_after_cancellation=keeps)
    over = {"paid_until": now - timedelta(days=9), "stopped_at_provider_at": now - timedelta(days=9)}
    old = {"status": Status.CANCELLED, "started_at": now - timedelta(days=99), "ended_at": now - timedelta(days=9)}
    make.subscription(customer=visit.customer, product=product, **old, **over)
    new = {"status": Status.PENDING, "started_at": None, "paid_until": None}
    row = make.subscription(customer=visit.customer, product=product, **new)
    home, own = visit.browser.get(visit.home), visit.browser.get(visit.page(row, ""))
    for words in (home.select_one("article.card").get_text(" ", strip=True), own.text):
        assert ("No access at the moment." in words) is not keeps
        assert ("what you kept from your former subscription stays open" in words) is keeps
