"""The page of PayPal's messages: is PayPal reporting, what waits, what failed, and what a person can do about it."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import event as sql_event
from sqlalchemy import select, text, update

from portal.domain.policies import Role
from portal.models import (
    EventSource,
    EventState,
    KeyState,
    PayPalAccount,
    PayPalEvent,
    Provider,
    WebhookEndpoint,
    WebhookTrouble,
)
from portal.providers.deliveries import SignatureFault
from portal.providers.ports import Refusal
from portal.services.messages import webhook_registration
from portal.services.messages.ipn_messages import IpnMessage
from portal.services.messages.ipn_money import MOVES, WORDS
from portal.services.messages.webhook_endpoints import endpoint_of
from portal.web.admin.messages import event_words
from portal.web.admin.messages.event_forms import FetchForm

PAGE = "/admin/paypal/events"


@pytest.fixture
def ctx(ctx):
    """A portal on this machine, as the simulator can call it."""
    return replace(ctx, base_url="http://127.0.0.1:9")


@pytest.fixture
def add(ctx, make, merchant, now):
    """Store a message of the merchant."""

    def store(*, of=None, minutes: float = 5, **columns) -> PayPalEvent:
        row = PayPalEvent(
            **{
                "id": uuid.uuid4(),
                "merchant_id": (of or merchant).id,
                "environment": "sandbox",
                "source": EventSource.WEBHOOK,
                "event_id": f"WH-{uuid.uuid4().hex[:17].upper()}",
                "event_type": "BILLING.SUBSCRIPTION.CANCELLED",
                "body": b'{"resource": {"subscriber": "<b>Claire & Dupont</b>"}}',
                "received_at": now - timedelta(minutes=minutes),
                "state": EventState.DONE,
                "attempts": 1,
            }
            | columns
        )
        make.add(row)
        return row

    return store


def endpoint(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(WebhookEndpoint)).one()


def change(ctx, **columns):
    with ctx.db.begin() as session:
        session.execute(update(WebhookEndpoint).values(**columns))


def waiting(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(PayPalEvent.id).where(PayPalEvent.state == EventState.WAITING)).all()


def jobs(ctx, task):
    with ctx.db.read() as session:
        return (
            session.execute(text("SELECT args FROM procrastinate_jobs WHERE task_name = :task"), {"task": task})
            .scalars()
            .all()
        )


def test_before_a_key_the_page_shows_the_way_to_it(enter, make):
    page = enter(make.merchant(key=False, locale="en")).get(PAGE)
    assert "PayPal is not connected yet." in page.text
    assert page.link("Enter the PayPal key") == "/admin/paypal"
    assert not page.select("main form[method=post]")


def test_an_owner_registers_and_sees_that_paypal_reports(owner, ctx, paypal):
    page = owner.get(PAGE)
    assert "Not yet." in page.text
    page = page.submit(press="Register now")
    assert page.notices == ["PayPal now sends messages to this portal."]
    assert "Yes. PayPal knows this portal’s address." in page.text
    assert f"http://127.0.0.1:9/webhooks/paypal/{endpoint(ctx).token}" in page.text
    assert list(paypal.state.webhooks) == [endpoint(ctx).webhook_id]


@pytest.mark.parametrize("trouble", WebhookTrouble)
def test_each_trouble_is_said_with_what_to_do(owner, ctx, merchant, now, trouble):
    webhook_registration.ensure(ctx, merchant.id, now=now)
    change(ctx, trouble=trouble, debug_id="d3bug1d")
    page = owner.get(PAGE)
    assert str(event_words.TROUBLE[trouble]) in page.text
    assert str(event_words.TODO[trouble]) in page.text
    assert "d3bug1d" in page.text
    assert "Yes. PayPal knows" not in page.text
    page.form(press="Register again")


def test_where_ten_webhooks_stand_the_page_says_so_and_deletes_none(owner, paypal):
    for number in range(10):
        paypal.add_webhook(f"https://site{number}.fr/")
    page = owner.get(PAGE).submit(press="Register now")
    assert page.notices == ["Your PayPal application already has ten webhooks"]
    assert "delete one that nobody uses any more" in page.text
    assert len(paypal.state.webhooks) == 10


def test_a_test_message_is_asked_for_and_seen_to_arrive(owner, ctx, merchant, add, now):
    webhook_registration.ensure(ctx, merchant.id, now=now)
    page = owner.get(PAGE).submit(press="Send a test message")
    assert "PayPal was asked to send a test message." in page.notices[0]
    assert "not yet: it can take a few minutes." in page.text
    change(ctx, test_seen_at=datetime.now(UTC))
    assert "not yet: it can take a few minutes." not in owner.get(PAGE).text


def test_any_message_after_the_test_shows_that_the_way_is_open(owner, ctx, merchant, add, now):
    webhook_registration.ensure(ctx, merchant.id, now=now)
    change(ctx, test_asked_at=now - timedelta(minutes=10))
    add(minutes=20)
    assert "not yet: it can take a few minutes." in owner.get(PAGE).text
    add(minutes=5)
    assert "not yet: it can take a few minutes." not in owner.get(PAGE).text


def test_when_paypal_refuses_the_test_the_page_says_why(owner, ctx, merchant, paypal, now):
    webhook_registration.ensure(ctx, merchant.id, now=now)
    paypal.rule("simulate_event", "403")
    page = owner.get(PAGE).submit(press="Send a test message")
    assert page.notices == ["The key may not manage webhooks"]


def test_what_waits_what_failed_and_what_was_turned_away(owner, ctx, merchant, add, now):
    webhook_registration.ensure(ctx, merchant.id, now=now)
    fault = SignatureFault.CERTIFICATE_ADDRESS
    change(ctx, last_refused_at=now - timedelta(hours=1), last_refusal=fault.value, refused_count=3)
    add(event_type="PAYMENT.SALE.COMPLETED", minutes=1)
    add(state=EventState.WAITING, minutes=90, next_try_at=now)
    add(state=EventState.WAITING, minutes=30, next_try_at=now)
    failed = add(state=EventState.FAILED, error="unavailable 7f3a9c", minutes=200)
    page = owner.get(PAGE)
    for words in (
        "Last message Payment received",
        "Waiting 2 the oldest since",
        "Last failure Subscription cancelled – PayPal did not answer (7f3a9c)",
        "its certificate was not at PayPal’s address",
        "3 messages so far",
    ):
        assert words in page.text, words
    assert page.link("PayPal did not answer (7f3a9c)") == f"{PAGE}/{failed.id}"


def test_the_list_is_narrowed_and_turned_page_by_page(owner, add):
    for minutes in range(120):
        add(minutes=minutes, subject=f"I-{minutes:012}", state=EventState.FAILED if minutes % 2 else EventState.DONE)
    seen, page = [], owner.get(PAGE)
    for _ in range(3):
        seen += [row.select("td")[0].get_text(strip=True) for row in page.select("tbody tr")]
        page = page.follow("Next page") if "Next page" in page.text else page
    assert seen == [f"I-{minutes:012}" for minutes in range(120)]
    failed = owner.get(PAGE + "?status=failed")
    assert {cell.get_text(strip=True) for cell in failed.select("[data-testid=status]")} == {"Given up"}
    assert "status=failed" in failed.link("Next page")
    assert "No message has this status." in owner.get(PAGE + "?status=waiting").text
    for odd in ("nonsense", "done", "failed&after=x", "&before=00000000-0000-0000-0000-000000000000"):
        owner.get(f"{PAGE}?status={odd}")


def test_a_message_shows_its_facts_and_leads_to_its_subscription(owner, make, merchant, add, now):
    subscription = make.subscription(merchant=merchant)
    row = add(
        subject=subscription.provider_id,
        state=EventState.WAITING,
        error="not_at_paypal",
        attempts=4,
        next_try_at=now + timedelta(hours=3),
        happened_at=now,
    )
    page = owner.get(f"{PAGE}/{row.id}")
    assert page.h1 == "Message from PayPal: Subscription cancelled"
    assert page.select_one("main [data-status]")["data-status"] == event_words.MARK[EventState.WAITING]
    for words in ("BILLING.SUBSCRIPTION.CANCELLED", row.event_id, "Tries 4", "Webhook (REST key)", "kept until"):
        assert words in page.text, words
    assert "PayPal does not know the subscription under this key" in page.text
    assert page.link(subscription.provider_id) == f"/admin/subscriptions/{subscription.id}"


def test_the_text_is_for_owners_and_is_only_ever_text(enter, merchant, add):
    row = add()
    page = enter(merchant).get(f"{PAGE}/{row.id}")
    assert '"<b>Claire & Dupont</b>"' in page.text
    assert not page.select("main b")
    for role in (Role.SUPPORT, Role.READER):
        assert "Dupont" not in enter(merchant, role).get(f"{PAGE}/{row.id}").body


@pytest.mark.parametrize("body", [b"\xff\xfe\x00 not text", b"x" * 1_000_000, b""])
def test_any_text_can_be_shown(owner, add, body):
    page = owner.get(f"{PAGE}/{add(body=body, event_type='').id}")
    assert page.h1 == "Message from PayPal: Message without a type"
    assert len(page.body) < 60_000


def test_a_message_is_handled_again(support, ctx, add):
    row = add(state=EventState.FAILED, error="unavailable", attempts=9)
    page = support.get(f"{PAGE}/{row.id}").submit(press="Process again")
    assert "is being processed again" in page.notices[0]
    with ctx.db.read() as session:
        again = session.scalars(select(PayPalEvent)).one()
    assert again.state is EventState.WAITING
    assert again.replayed_at is not None
    assert again.next_try_at == again.replayed_at, "it is due"


def test_what_was_forgotten_cannot_be_handled_again_unless_its_subscription_is_known(support, ctx, add):
    row = add(body=None, subject="")
    page = support.get(f"{PAGE}/{row.id}")
    assert "it can no longer be processed again" in page.text
    assert "deleted: texts are kept for 30 days" in page.text
    token = support.values_of(page)["csrf_token"]
    support.post(f"{PAGE}/{row.id}/replay", {"csrf_token": token}, status=303)
    assert waiting(ctx) == []
    known = add(body=None, subject="I-BW452GLLEP1G")
    support.get(f"{PAGE}/{known.id}").submit(press="Process again")
    assert waiting(ctx) == [known.id]


def test_what_was_missed_is_fetched_for_the_days_given(support, ctx, merchant, add, now):
    webhook_registration.ensure(ctx, merchant.id, now=now)
    add(minutes=60 * 24 * 4)
    page = support.get(PAGE)
    form = page.form(press="Fetch what was missed")
    assert page.values(form)["end"] >= page.values(form)["start"]
    page = page.submit(press="Fetch what was missed")
    assert "PayPal is being asked to send again what is missing." in page.notices[0]
    [args] = jobs(ctx, "events.fetch_missed")
    assert datetime.fromisoformat(args["start"]) <= now - timedelta(days=4)
    assert now - timedelta(days=5, hours=1) < datetime.fromisoformat(args["start"])
    assert datetime.fromisoformat(args["end"]) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("back", "to", "words"),
    [
        (40, 0, "At most 30 days back"),
        (1, 3, "The last day comes before the first."),
        (-2, -2, "This day is in the future."),
        (1, -2, "This day is in the future."),
        (0, "9999-12-31", "This day is in the future."),
        ("9999-12-31", "9999-12-31", "This day is in the future."),
        ("0001-01-01", 0, "At most 30 days back"),
        (None, 0, "Enter the first day"),
        (0, None, "Enter the last day"),
    ],
)
def test_days_that_cannot_be_are_refused_and_kept(support, ctx, merchant, now, back, to, words):
    webhook_registration.ensure(ctx, merchant.id, now=now)
    start, end = (
        (now - timedelta(days=day)).date().isoformat() if isinstance(day, int) else day or "" for day in (back, to)
    )
    page = support.get(PAGE).submit(press="Fetch what was missed", start=start, end=end, status=422)
    assert any(words in line for line in page.errors), page.errors
    assert jobs(ctx, "events.fetch_missed") == []


def test_an_example_in_a_message_is_a_day_that_would_be_taken_as_past():
    for field in ("start", "end"):
        [required] = getattr(FetchForm, field).kwargs["validators"]
        [example] = re.findall(r"\d\d/\d\d/\d{4}", str(required.message))
        assert datetime.strptime(example, "%d/%m/%Y").date() < date(2026, 11, 22)  # noqa: DTZ007 - a day alone


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("no_key", "No PayPal API key is set Enter the key on the PayPal page. Press"),
        ("not_registered", "PayPal is not sending messages to this portal Press “Register again” first. Press"),
        ("key_unreadable", "The stored PayPal key can no longer be read here Enter the key again"),
        ("key_refused", "PayPal refuses the API key Test the key on the PayPal page"),
        ("missing_right", "The key may not manage webhooks At developer.paypal.com"),
        ("refused", "PayPal refused the call Press"),
        ("no_answer", "PayPal did not answer Press"),
    ],
)
@pytest.mark.parametrize("registered", [True, False])
def test_a_fetch_that_stands_still_says_why_and_what_to_do(owner, ctx, merchant, now, word, said, registered):
    webhook_registration.ensure(ctx, merchant.id, now=now)
    half = {"start": now - timedelta(days=2), "end": now, "until": now - timedelta(days=1)}
    found = {name: at.isoformat() for name, at in half.items()} | dict.fromkeys(
        ("listed", "known", "resent", "refused"), 0
    )
    change(ctx, last_fetch=found | {"stopped": word, "debug_id": "d3bug1d"})
    if not registered:
        change(ctx, webhook_id=None)
    text = owner.get(PAGE).text
    assert f"Stopped {said}" in text
    assert "Press “Fetch what was missed” again." in text
    assert "PayPal debug ID d3bug1d" in text
    assert "fetched up to" in text
    change(ctx, last_fetch=found | {"stopped": "retrying", "debug_id": ""})
    text = owner.get(PAGE).text
    assert "Stopped PayPal did not answer The portal asks again by itself." in text
    assert "Press “Fetch what was missed” again." not in text
    change(ctx, last_fetch=found)
    assert "Stopped" not in owner.get(PAGE).text


def ipn(add, **columns):
    return add(source=EventSource.IPN, **{"event_id": "61E67681CH3238416:Completed:"} | columns)


def test_a_notification_for_another_account_is_set_aside_and_shows_the_way_out(owner, add):
    row = ipn(add, state=EventState.REFUSED, error="other_receiver", event_type="subscr_payment")
    page = owner.get(f"{PAGE}/{row.id}")
    assert page.select_one("main [data-testid=status]").get_text(strip=True) == "Set aside"
    assert "Not from PayPal" not in page.text
    assert "add its address under “Your addresses at PayPal”, then process the message again." in page.text
    assert page.link("PayPal: classic key") == "/admin/paypal/classic"
    assert "What PayPal sent" in page.text
    other = ipn(add, event_id="another", state=EventState.REFUSED, error="not_paypal", body=None)
    page = owner.get(f"{PAGE}/{other.id}")
    assert "PayPal does not recognise the message as its own" in page.text
    assert "If that account is yours" not in page.text


def test_the_text_of_a_notification_is_paypals_only_once_paypal_vouched_for_it(owner, add):
    waiting = ipn(add, state=EventState.WAITING)
    page = owner.get(f"{PAGE}/{waiting.id}")
    assert page.select_one("details summary").get_text(strip=True) == "What arrived"
    assert "PayPal has not confirmed this message" in page.text
    done = ipn(add, event_id="another", state=EventState.DONE)
    for vouched in (done, add(state=EventState.WAITING)):
        page = owner.get(f"{PAGE}/{vouched.id}")
        assert page.select_one("details summary").get_text(strip=True) == "What PayPal sent"
        assert "has not confirmed this message" not in page.text


def test_only_a_webhook_shows_paypals_id_of_the_message(owner, add):
    row, webhook = ipn(add), add()
    assert "PayPal message ID" not in (text := owner.get(f"{PAGE}/{row.id}").text)
    assert row.event_id not in text
    assert f"PayPal message ID {webhook.event_id}" in owner.get(f"{PAGE}/{webhook.id}").text


def test_a_defect_of_ours_is_said_in_words_with_its_name_small(owner, add):
    row = add(state=EventState.FAILED, error="KeyError")
    page = owner.get(f"{PAGE}/{row.id}")
    assert "Something went wrong here. Tell whoever runs this portal." in page.text
    assert "KeyError" in [note.get_text(strip=True) for note in page.select("dl .note")]
    assert "Something went wrong here. Tell whoever runs this portal. (KeyError)" in owner.get(PAGE).text


def test_every_refusal_and_every_kind_of_message_has_words():
    assert {word.value for word in Refusal} <= set(event_words.REASON)
    in_use = {"skipped", "failed", "suspended", "suspended_due_to_max_failed_payment", "profile_cancel"}
    kinds = {f"recurring_payment_{kind}" for kind in in_use | {"profile_created", "expired"}} | {"recurring_payment"}
    kinds |= {f"subscr_{kind}" for kind in ("signup", "payment", "modify", "cancel", "eot", "failed")}
    for status in ("Refunded", "Reversed", "Canceled_Reversal", "Completed", "Pending", "Denied", "Failed", ""):
        kinds.add(IpnMessage({"payment_status": status}).kind)  # a refund has no type
    assert "unknown" in kinds
    assert kinds <= set(event_words.TYPE)
    assert all(event_words.type_of(kind) != kind for kind in kinds | set(WORDS) | set(MOVES))


def test_a_classic_key_shows_the_address_to_enter_at_paypal(enter, ctx, make, now):
    merchant = make.merchant(key=False, locale="en")
    make.add(
        PayPalAccount(
            merchant_id=merchant.id,
            provider=Provider.PAYPAL_CLASSIC,
            environment="live",
            client_id="api1.atelier.test",
            secret=b"box",
            signature=b"box",
            secret_ending="cret",
            set_at=now,
            state=KeyState.WORKING,
            checked_at=now,
            check_result={},
        )
    )
    owner = enter(merchant)
    assert "save the key again" in owner.get(PAGE).text
    with ctx.db.begin() as session:
        token = endpoint_of(session, merchant.id, "live").token
    page = owner.get(PAGE)
    assert f"http://127.0.0.1:9/webhooks/paypal/{token}/ipn" in page.text
    assert "Is PayPal sending us messages?" not in page.text
    assert token not in enter(merchant, Role.SUPPORT).get(PAGE).body


def test_the_secret_address_is_for_owners(enter, ctx, merchant, now):
    webhook_registration.ensure(ctx, merchant.id, now=now)
    token = endpoint(ctx).token
    assert token in enter(merchant).get(PAGE).body
    for role in (Role.SUPPORT, Role.READER):
        assert token not in enter(merchant, role).get(PAGE).body


@pytest.mark.parametrize(
    ("role", "may"),
    [(Role.READER, set()), (Role.SUPPORT, {"fetch", "replay"}), (Role.OWNER, {"fetch", "replay", "register", "test"})],
)
def test_each_role_does_what_it_may_and_no_more(enter, ctx, merchant, add, now, role, may):
    webhook_registration.ensure(ctx, merchant.id, now=now)
    row, browser = add(), enter(merchant, role)
    pages = [browser.get(PAGE), browser.get(f"{PAGE}/{row.id}")]
    offered = {form["action"].rsplit("/", 1)[1] for page in pages for form in page.select("main form[method=post]")}
    assert offered == may
    token = browser.values_of(pages[0])["csrf_token"]
    for action in ("fetch", "register", "test", f"{row.id}/replay"):
        allowed = action.rsplit("/", 1)[-1] in may
        days = {"start": now.date().isoformat(), "end": now.date().isoformat()}
        browser.post(f"{PAGE}/{action}", {"csrf_token": token, **days}, status=303 if allowed else 403)


def test_another_merchants_message_is_not_there(owner, make, add):
    theirs = add(of=make.merchant())
    owner.get(f"{PAGE}/{theirs.id}", status=404)
    owner.get(f"{PAGE}/{uuid.uuid4()}", status=404)
    token = owner.values_of(owner.get(PAGE))["csrf_token"]
    owner.post(f"{PAGE}/{theirs.id}/replay", {"csrf_token": token}, status=404)
    assert theirs.event_id not in owner.get(PAGE).body
    assert "No messages yet." in owner.get(PAGE).text


def test_looking_changes_nothing_and_asks_paypal_nothing(owner, ctx, merchant, paypal, add, now):
    webhook_registration.ensure(ctx, merchant.id, now=now)
    row, commits, calls = add(state=EventState.FAILED), [], len(paypal.calls)
    owner.get(PAGE)  # the session is touched at most once a minute
    listener = commits.append
    sql_event.listen(ctx.db.engine, "commit", listener)
    try:
        owner.get(PAGE)
        owner.get(f"{PAGE}/{row.id}")
        owner.get(PAGE + "?status=failed")
    finally:
        sql_event.remove(ctx.db.engine, "commit", listener)
    assert commits == []
    assert len(paypal.calls) == calls


def test_without_the_form_token_nothing_is_done(owner, ctx, merchant, add, now):
    webhook_registration.ensure(ctx, merchant.id, now=now)
    row = add(state=EventState.FAILED)
    for action in ("register", "test", "fetch", f"{row.id}/replay"):
        owner.post(f"{PAGE}/{action}", status=400)
    assert waiting(ctx) == jobs(ctx, "events.fetch_missed") == []
    assert endpoint(ctx).test_asked_at is None


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        (event_words.STATE, EventState),
        (event_words.MARK, EventState),
        (event_words.SOURCE, EventSource),
        (event_words.TROUBLE, WebhookTrouble),
        (event_words.TODO, WebhookTrouble),
        (event_words.FAULT, SignatureFault),
    ],
)
def test_every_code_has_words(table, codes):
    assert set(table) == set(codes)


def test_every_event_that_is_asked_for_has_words():
    assert set(event_words.TYPE) >= webhook_registration.DOCUMENTED | webhook_registration.UNLISTED
