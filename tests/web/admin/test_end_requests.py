"""Staff end subscriptions: a preview first, the same engine as customers, and the truth said afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from portal.clock import utc_now
from portal.domain.ends.end_requests import RequestState
from portal.domain.law.plan_kinds import PlanKind, Supply
from portal.domain.subscriptions import Status
from portal.models import Customer, ImportRun, Plan, Proof, ProofFile
from portal.services import proofs
from portal.services.ends import end_requests
from portal.services.imports import imports
from portal.web.local_days import local_day
from tests.services.carrying.carried import wish_of
from tests.web.admin.conftest import BUTTON
from tests.web.admin.waiting import open_request

OUTCOME = {"cancel": Status.CANCELLED, "complete": Status.COMPLETED, "abandon": Status.ABANDONED}
LINK = {"cancel": "Cancel the subscription", "complete": "Mark as completed", "abandon": "Mark as abandoned"}


@pytest.fixture
def subscription(make, merchant):
    product = make.product(merchant, contents=(("Lesson 1", 0), ("Lesson 9", 900)), keep_after_completion=True)
    return make.subscription(merchant=merchant, product=product)


@pytest.mark.parametrize("action", list(OUTCOME))
def test_an_end_is_previewed_then_confirmed_by_paypal(support, make, subscription, paypal, action):
    page = support.get(f"/admin/subscriptions/{subscription.id}").follow(LINK[action])
    assert "Nothing has changed yet" in page.text
    assert "PayPal cannot undo it" in page.text
    assert ("kept for good" in page.text) is (action == "complete")
    assert ("never be invited" in page.text) is (action == "abandon")
    assert paypal.count("cancel") == 0
    assert make.reload(subscription).status is Status.ACTIVE

    page = page.submit(press=BUTTON[action], provider_note="Merci et à bientôt", internal_note="asked by phone")
    word = OUTCOME[action].value
    assert page.notices[0].startswith(f"Subscription {word}. PayPal has confirmed it. Reference: ")
    got = make.reload(subscription)
    assert got.status is OUTCOME[action]
    assert got.relaunch_allowed is (action != "abandon")
    (request,) = make.requests(subscription)
    assert (request.state, request.provider_note) == (RequestState.CONFIRMED, "Merci et à bientôt")
    terms = {line.get_text(strip=True): line.find_next("dd").get_text(strip=True) for line in page.select("dt")}
    assert terms["Internal note"] == "asked by phone"
    assert "Customer’s comment" not in terms
    assert request.actor_name == "Léa Martin"
    assert paypal.calls[-2].note == "Merci et à bientôt"
    assert "asked by phone" not in str(list(paypal.calls))
    assert "asked by phone" in page.text


@pytest.mark.parametrize("why", ["no contact", "instalments", "abandoned"])
def test_the_preview_promises_an_invitation_only_where_one_may_follow(support, make, ctx, subscription, why):
    path = f"/admin/subscriptions/{subscription.id}/end/cancel"
    assert "may be invited to come back" in support.get(path).text
    if why == "abandoned":
        make.subscription(customer=subscription.customer, status=Status.ABANDONED, at_paypal=False)
    with ctx.db.begin() as session:
        if why == "instalments":
            spread = {"kind": PlanKind.INSTALMENTS, "supply": Supply.CONTINUING, "total_cycles": 10}
            session.execute(update(Plan).where(Plan.id == subscription.plan_id).values(**spread))
        elif why == "no contact":
            theirs = Customer.id == subscription.customer_id
            session.execute(update(Customer).where(theirs).values(contact_allowed=False))
    page = support.get(path)
    assert "may be invited" not in page.text
    assert "o invitation to come back" in page.text


def test_the_desk_hands_over_the_customers_file_once_there_is_one(reader, support, make, subscription, ctx, enter):
    """A reader may have it, another merchant learns not even that it exists, and no link leads to nothing."""
    page = support.get(f"/admin/subscriptions/{subscription.id}/end/complete").submit(press=BUTTON["complete"])
    (request,) = make.requests(subscription)
    path = page.link("Download the proof (PDF)")
    answer = reader.client.get(path, base_url=reader.base_url)
    with ctx.db.read() as session:
        proof = session.scalars(select(Proof)).one()
        assert (answer.status_code, answer.data) == (200, proofs.file_of(proof).content)
    stranger = enter(make.merchant(locale="en"))
    stranger.get(path, status=404)
    with ctx.db.begin() as session:
        session.execute(delete(ProofFile))
        session.execute(delete(Proof))  # confirmed by a release that made none
    reader.get(path, status=404)
    record = reader.get(f"/admin/subscriptions/{subscription.id}")
    assert request.reference in record.text
    assert "Download the proof" not in record.text


@pytest.mark.parametrize("action", list(OUTCOME))
@pytest.mark.parametrize(
    ("left", "says"), [(210, "you are ending it early"), (-1, "counts as completed"), (None, "No commitment is known")]
)
def test_the_preview_says_whether_the_commitment_has_run(support, make, merchant, now, action, left, says):
    """Seven months early, at its end, and without one: what the page says of the commitment is true."""
    committed = now + timedelta(days=left) if left is not None else None
    subscription = make.subscription(merchant=merchant, committed_until=committed)
    page = support.get(f"/admin/subscriptions/{subscription.id}/end/{action}")
    assert ("ending it early" in page.text) is (left == 210)
    assert ("No commitment is known" in page.text) is (left is None and action == "complete")
    assert "commitment was completed" not in page.text
    assert ("then counts as completed" in page.text) is (left == -1 and action == "complete")
    if action == "complete":
        assert says in page.text


def test_a_day_after_the_commitment_is_not_too_early(support, make, merchant, now):
    subscription = make.subscription(merchant=merchant, committed_until=now + timedelta(days=35))
    path = f"/admin/subscriptions/{subscription.id}/end/complete"
    assert "ending it early" in support.get(path).text
    later = (now + timedelta(days=120)).date().isoformat()
    assert "ending it early" not in support.get(f"{path}?on={later}").text


def test_the_payments_that_a_plan_leaves_are_listed_one_by_one(support, subscription, now):
    later = (now + timedelta(days=100)).date().isoformat()
    page = support.get(f"/admin/subscriptions/{subscription.id}/end/cancel?on={later}")
    listed = [line.get_text(" ", strip=True) for line in page.select("#at-paypal li")]
    assert len(listed) in (3, 4)
    assert all("€29.90" in line for line in listed)
    assert not [
        line for line in page.select("#at-paypal p") if "29.90" in line.get_text() and "in all" not in line.text
    ]


def test_a_silent_paypal_is_said_and_nothing_says_ended(support, make, subscription, paypal):
    paypal.rule("any", "500")
    page = support.get(f"/admin/subscriptions/{subscription.id}/end/complete").submit(press=BUTTON["complete"])
    assert "PayPal has not confirmed it yet" in page.notices[0]
    assert make.reload(subscription).status is Status.ACTIVE
    assert page.select_one("[data-status]")["data-status"] == "active"
    assert "End confirmed" not in page.text
    assert "Cancellation confirmed" not in page.text
    assert "under way" in page.text
    assert "Handled automatically" in support.get("/admin/").text


def test_a_refused_key_lands_in_the_inbox_and_its_request_is_tried_again_on_the_record(
    support, make, subscription, paypal
):
    paypal.rule("any", "401")
    page = support.get(f"/admin/subscriptions/{subscription.id}/end/abandon").submit(press=BUTTON["abandon"])
    assert "It needs your attention" in page.notices[0]
    (request,) = make.requests(subscription)
    inbox = support.get("/admin/")
    assert "Ask an owner to fix or replace the key" in inbox.text
    assert request.reference in inbox.text
    assert inbox.select_one(".count").get_text() == "1"
    paypal.clear_rules()
    page = support.get(f"/admin/subscriptions/{subscription.id}")
    assert "PayPal refuses the API key" in page.text
    page = page.submit(press=f"Try request {request.reference} again now")
    assert "PayPal has confirmed it" in page.notices[0]
    assert make.reload(subscription).status is Status.ABANDONED
    assert "Nothing to do" in support.get("/admin/").text


def test_paypals_debug_id_is_shown(support, make, subscription, paypal):
    paypal.rule("show", "404")
    support.get(f"/admin/subscriptions/{subscription.id}/end/cancel").submit(press="Cancel the subscription")
    (request,) = make.requests(subscription)
    assert request.answer["debug_id"] in support.get("/admin/").text


def test_a_second_tab_gets_the_first_request(support, make, subscription, paypal):
    paypal.rule("any", "500")
    page = support.get(f"/admin/subscriptions/{subscription.id}/end/cancel")
    open_request(make, subscription)
    page = page.submit(press="Cancel the subscription")
    assert page.path == f"/admin/subscriptions/{subscription.id}"
    assert len(make.requests(subscription)) == 1
    assert (
        support.get(f"/admin/subscriptions/{subscription.id}/end/cancel").path
        == f"/admin/subscriptions/{subscription.id}"
    )


def test_beside_an_end_that_the_customer_planned_only_one_now_is_taken_and_the_page_says_so(
    support, make, subscription, now
):
    """Their request would be forgotten: a plan of the team's can be taken back."""
    wished = local_day(now + timedelta(days=60), "Europe/Paris")
    end_requests.record(make.ctx, wish_of(subscription, wished_on=wished), now=now)
    (request,) = make.requests(subscription)
    path = f"/admin/subscriptions/{subscription.id}/end/cancel"
    page = support.get(path)
    assert f"{wished.day} {wished:%B %Y} already ({request.reference}). This one takes its place." in page.text
    later = (wished + timedelta(days=30)).isoformat()
    page = page.submit(press="Show what this changes", when="day", on=later)
    assert "only an end now takes its place" in page.text
    buttons = [one.get_text(" ", strip=True) for one in page.select("main form button")]
    (press,) = (one for one in buttons if one.startswith(BUTTON["cancel"]))
    page = page.submit(press=press, when="day", on=later, status=422)
    assert "only an end now takes its place" in page.errors[0]
    assert [one.id for one in make.requests(subscription)] == [request.id]


def test_of_what_never_began_nobody_is_asked_when_it_ends(support, make, merchant, now):
    pending = make.subscription(merchant=merchant, status=Status.PENDING, next_payment_at=None)
    path = f"/admin/subscriptions/{pending.id}/end/cancel"
    page = support.get(path)
    assert not page.select("input[name=when], input[name=on]")
    assert "Payments due before that day" not in page.text
    data = page.values(page.form(press=BUTTON["cancel"])) | {"when": "day", "on": (now + timedelta(days=9)).date()}
    support.post(path, data, status=303)
    (request,) = make.requests(pending)
    assert (request.wished_on, request.due_at) == (None, None), "also from a page of before"


@pytest.mark.parametrize(("has_paid", "offered"), [(False, ["now", "day"]), (True, ["now", "period", "day"])])
def test_one_that_is_late_with_its_first_payment_has_no_paid_period_to_wait_for(
    support, make, merchant, has_paid, offered
):
    began = utc_now() - timedelta(days=3)
    late = make.subscription(
        merchant=merchant,
        status=Status.PAST_DUE,
        outstanding=34,
        currency="CHF",
        started_at=began,
        paid_until=began + timedelta(days=20 * has_paid),
    )
    page = support.get(f"/admin/subscriptions/{late.id}/end/cancel")
    assert [one["value"] for one in page.select("input[name=when]")] == offered
    assert "Unpaid at PayPal: CHF 34.00. Until PayPal has stopped, it may still try to take it." in page.text
    later = (utc_now() + timedelta(days=60)).date()
    page = page.submit(press="Show what this changes", when="day", on=later)
    assert "CHF 34.00. Until the end, PayPal may try again, or take it together with the next payment." in page.text


def test_while_paypal_takes_nothing_the_preview_promises_no_payment_and_asks_for_no_date_of_one(
    support, make, merchant
):
    paused = make.subscription(merchant=merchant, status=Status.PAUSED, next_payment_at=None)
    path = f"/admin/subscriptions/{paused.id}/end/cancel"
    later = (utc_now() + timedelta(days=60)).date()
    for page in (support.get(path), support.get(f"{path}?on={later}")):
        assert "The subscription is paused: no payment is planned." in page.text
        assert "had not given the date" not in page.text
        assert "Payments due before that day will still be taken" not in page.text
        assert "Unpaid" not in page.text
    suspended = make.subscription(
        merchant=merchant, status=Status.PAST_DUE, next_payment_at=None, provider_status="SUSPENDED", outstanding=29.9
    )
    page = support.get(f"/admin/subscriptions/{suspended.id}/end/cancel")
    assert "€29.90. PayPal does not try to take it while the payments are suspended." in page.text


def test_a_request_that_waits_for_its_date_gives_way_to_staff(support, make, merchant, now):
    product = make.product(merchant, commitment_months=6, commitment_binds=True)
    subscription = make.subscription(merchant=merchant, product=product, committed_until=now + timedelta(days=120))
    wish = wish_of(subscription)
    assert end_requests.record(make.ctx, wish, now=now).is_due_now is False
    page = support.get(f"/admin/subscriptions/{subscription.id}")
    assert "is already planned" in page.text
    page = page.follow(LINK["complete"]).submit(press=BUTTON["complete"])
    assert "PayPal has confirmed it" in page.notices[0]
    assert make.reload(subscription).status is Status.COMPLETED
    former, own = make.requests(subscription)
    assert [former.state, own.state] == [RequestState.WITHDRAWN, RequestState.CONFIRMED]
    for record in (page, support.get(f"/admin/customers/{subscription.customer_id}")):
        labels = [one.get_text(strip=True) for one in record.select(".status[data-status=withdrawn]")]
        assert labels == ["Replaced by another request"]


def test_cancelled_becomes_abandoned_without_paypal(support, make, merchant, paypal):
    over = make.subscription(merchant=merchant, status=Status.CANCELLED)
    record = support.get(f"/admin/subscriptions/{over.id}")
    assert "End the subscription" not in [head.get_text(strip=True) for head in record.select("h2")]
    page = record.follow("Mark as abandoned")
    assert "Nothing is sent to PayPal" in page.text
    assert "never be invited" in page.text
    assert not page.select("#provider_note")
    page = page.submit(press="Mark as abandoned", internal_note="moved abroad")
    got = make.reload(over)
    assert (got.status, got.relaunch_allowed, got.ended_at) == (Status.ABANDONED, False, over.ended_at)
    assert paypal.count("show") == paypal.count("cancel") == 0
    assert "moved abroad" in page.text


@pytest.mark.parametrize(
    ("status", "action"),
    [
        (Status.PENDING, "complete"),
        (Status.COMPLETED, "cancel"),
        (Status.COMPLETED, "abandon"),
        (Status.CANCELLED, "complete"),
        (Status.ABANDONED, "cancel"),
        (Status.ABANDONED, "abandon"),
    ],
)
def test_what_the_state_forbids_is_refused_and_not_offered(support, make, merchant, status, action):
    subscription = make.subscription(merchant=merchant, status=status)
    page = support.get(f"/admin/subscriptions/{subscription.id}")
    assert f"/end/{action}" not in page.body
    support.get(f"/admin/subscriptions/{subscription.id}/end/{action}", status=409)
    assert make.reload(subscription).status is status


def test_an_end_confirmed_after_another_one_shows_the_subscription_and_the_whole_note_again(
    support, make, subscription
):
    """However long: more than a cookie would hold."""
    page, note = support.get(f"/admin/subscriptions/{subscription.id}/end/cancel"), "𝔸 called about it. " * 50
    support.get(f"/admin/subscriptions/{subscription.id}/end/cancel").submit(press=BUTTON["cancel"])
    there = page.submit(press=BUTTON["cancel"], internal_note=note, status=409)
    assert there.h1 == support.get(f"/admin/subscriptions/{subscription.id}").h1
    assert there.notices[0] == "Nothing was changed. The subscription is already cancelled."
    assert note.strip() in there.notices[1]
    assert support.get(f"/admin/subscriptions/{subscription.id}").notices == []
    assert len(make.requests(subscription)) == 1


@pytest.mark.parametrize("action", ["pause", "resume", "delete", "CANCEL"])
def test_there_is_no_other_end(support, subscription, action):
    support.get(f"/admin/subscriptions/{subscription.id}/end/{action}", status=404)


def test_a_reader_looks_and_cannot_end(reader, make, subscription, paypal):
    page = reader.get(f"/admin/subscriptions/{subscription.id}")
    assert "/end/" not in page.body
    reader.get(f"/admin/subscriptions/{subscription.id}/end/cancel", status=403)
    token = page.select_one('input[name="csrf_token"]')["value"]
    data = {"csrf_token": token, "provider_note": "x"}
    reader.post(f"/admin/subscriptions/{subscription.id}/end/cancel", data, status=403)
    request_id = open_request(make, subscription)
    assert "Try again now" not in reader.get("/admin/").text
    reader.post(f"/admin/requests/{request_id}/retry", {"csrf_token": token}, status=403)
    reader.post("/admin/import", {"csrf_token": token}, status=403)
    assert paypal.count("cancel") == 0


@pytest.mark.parametrize("note", ["", "   ", "x" * 129])
def test_paypals_note_has_1_to_128_characters(support, make, subscription, note):
    page = support.get(f"/admin/subscriptions/{subscription.id}/end/cancel")
    page = page.submit(press="Cancel the subscription", provider_note=note, status=422)
    assert page.errors
    assert make.requests(subscription) == []


def test_the_note_is_proposed_in_the_merchants_language(enter, make):
    merchant = make.merchant(locale="fr")
    subscription = make.subscription(merchant=merchant)
    page = enter(merchant).get(f"/admin/subscriptions/{subscription.id}/end/cancel")
    assert page.select_one("#provider_note")["value"]


def test_an_end_costs_a_bounded_number_of_statements(support, subscription, statements):
    page = support.get(f"/admin/subscriptions/{subscription.id}/end/cancel")
    with statements() as seen:
        support.get(f"/admin/subscriptions/{subscription.id}/end/cancel")
    assert len(seen) <= 15, seen
    page.submit(press="Cancel the subscription", follow=False, status=303)


def test_an_import_is_started_followed_and_resumed(owner, make, merchant, paypal, ctx, now):
    for place in range(25):
        paypal.add_subscription(email=f"c{place}@client.test")
    page = owner.submit("/admin/import", press="Import now")
    assert page.select("progress")
    again = owner.get("/admin/import")
    assert "Import" not in [button.get_text() for button in again.select("main button")]
    run_id = run_of(ctx).id
    paypal.rule("list", "500", 1, skip=1)
    imports.run_import(ctx, run_id)
    page = owner.get("/admin/import")
    assert "PayPal stopped answering" in page.text
    page = page.submit(press="Continue the import")
    assert run_of(ctx).id == run_id
    imports.run_import(ctx, run_id)
    page = owner.get("/admin/import")
    assert "The import is complete" in page.text
    assert "25" in page.text


def test_a_second_start_shows_the_first(owner, merchant, ctx):
    first = owner.get("/admin/import")
    owner.submit("/admin/import", press="Import now")
    page = first.submit(press="Import now")
    assert "already running" in page.notices[0]


def test_nothing_is_imported_without_a_key(enter, make):
    browser = enter(make.merchant(key=False, locale="en"))
    page = browser.get("/admin/import")
    assert page.link("Enter the PayPal key") == "/admin/paypal"
    token = page.select_one('input[name="csrf_token"]')["value"]
    browser.post("/admin/import", {"csrf_token": token}, status=303)


def run_of(ctx):
    from sqlalchemy import select

    with ctx.db.read() as session:
        return session.scalars(select(ImportRun)).one()


def test_access_follows_the_rule_after_staff_abandoned(support, make, merchant, paypal, now):
    product = make.product(merchant, contents=(("Lesson 1", 0),), stops_at_once=True)
    subscription = make.subscription(merchant=merchant, product=product)
    support.get(f"/admin/subscriptions/{subscription.id}/end/abandon").submit(press=BUTTON["abandon"])
    got = make.reload(subscription)
    assert abs(got.ended_at - make.now()) < timedelta(minutes=5)
    assert got.relaunch_allowed is False
