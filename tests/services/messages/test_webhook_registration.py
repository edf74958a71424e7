"""PayPal reports to us: one webhook of ours at the application, whatever else is there and whatever PayPal says."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select, text, update

from portal.jobs import run_worker
from portal.models import PayPalAccount, WebhookEndpoint, WebhookTrouble
from portal.services.messages import webhook_registration
from portal.services.paypal.gateways import NoKey

HOME = "https://portail.boutique.fr"
SHOP = "https://boutique.fr/?wc-api=paypal"


@pytest.fixture
def ctx(ctx):
    """A portal that PayPal can call."""
    return replace(ctx, base_url=HOME)


@pytest.fixture
def merchant(make):
    return make.merchant()


def eventually(said):
    """Wait until something is so; a machine may be slow, so that no time is asserted."""
    until = time.monotonic() + 20
    while not said() and time.monotonic() < until:
        time.sleep(0.02)
    assert said()


def endpoint(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(WebhookEndpoint)).one()


def addresses(paypal):
    return sorted(webhook.url for webhook in paypal.state.webhooks.values())


def ensure(ctx, merchant, now):
    return webhook_registration.ensure(ctx, merchant.id, now=now)


def test_the_portal_registers_itself_and_leaves_others_alone(ctx, paypal, merchant, now):
    shop = paypal.add_webhook(SHOP, ["PAYMENT.SALE.COMPLETED"])
    assert ensure(ctx, merchant, now) is None
    row = endpoint(ctx)
    ours = paypal.state.webhooks[row.webhook_id]
    assert ours.url == row.url == f"{HOME}/webhooks/paypal/{row.token}"
    assert (row.registered_at, row.checked_at, row.trouble) == (now, now, None)
    assert {
        "BILLING.SUBSCRIPTION.CREATED",
        "BILLING.SUBSCRIPTION.ACTIVATED",
        "BILLING.SUBSCRIPTION.UPDATED",
        "BILLING.SUBSCRIPTION.EXPIRED",
        "BILLING.SUBSCRIPTION.CANCELLED",
        "BILLING.SUBSCRIPTION.SUSPENDED",
        "BILLING.SUBSCRIPTION.PAYMENT.FAILED",
        "BILLING.SUBSCRIPTION.RE-ACTIVATED",  # PayPal's list has it not, its own stand-in takes it
        "PAYMENT.SALE.COMPLETED",
        "PAYMENT.SALE.REFUNDED",
        "PAYMENT.SALE.REVERSED",
        "PAYMENT.SALE.PENDING",
        "PAYMENT.SALE.DENIED",
    } == set(ours.event_types)
    assert (paypal.state.webhooks[shop.id].url, shop.event_types) == (SHOP, ["PAYMENT.SALE.COMPLETED"])


def test_a_second_look_changes_nothing(ctx, paypal, merchant, now):
    ensure(ctx, merchant, now)
    first, made = endpoint(ctx), paypal.count("create_webhook")
    assert ensure(ctx, merchant, now + timedelta(days=1)) is None
    again = endpoint(ctx)
    assert (again.webhook_id, again.registered_at) == (first.webhook_id, now)
    assert again.checked_at == now + timedelta(days=1)
    assert (paypal.count("create_webhook"), paypal.count("change_webhook")) == (made, 0)


def test_a_webhook_that_somebody_made_for_our_address_is_taken_with_all_it_has(ctx, paypal, merchant, now):
    ensure(ctx, merchant, now)
    address = endpoint(ctx).url
    paypal.state.webhooks.clear()
    theirs = paypal.add_webhook(address, ["CATALOG.PRODUCT.CREATED"])
    assert ensure(ctx, merchant, now) is None
    assert endpoint(ctx).webhook_id == theirs.id
    assert {"CATALOG.PRODUCT.CREATED", "PAYMENT.SALE.REFUNDED"} <= set(theirs.event_types)
    assert addresses(paypal) == [address]


def test_one_for_every_event_stays_one_for_every_event(ctx, paypal, merchant, now):
    ensure(ctx, merchant, now)
    row = endpoint(ctx)
    paypal.state.webhooks[row.webhook_id].event_types = ["*"]
    moved = replace(ctx, base_url="https://abonnements.boutique.fr")
    assert ensure(moved, merchant, now) is None
    assert paypal.state.webhooks[row.webhook_id].event_types == ["*"]


def test_when_the_portal_moves_its_webhook_moves_with_it(ctx, paypal, merchant, now):
    paypal.add_webhook(SHOP)
    ensure(ctx, merchant, now)
    before = endpoint(ctx)
    moved = replace(ctx, base_url="https://abonnements.boutique.fr")
    assert ensure(moved, merchant, now + timedelta(hours=1)) is None
    after = endpoint(ctx)
    assert after.webhook_id == before.webhook_id
    assert after.registered_at == now + timedelta(hours=1)
    assert addresses(paypal) == sorted([SHOP, f"https://abonnements.boutique.fr/webhooks/paypal/{after.token}"])


def test_one_that_was_deleted_at_paypal_is_made_again(ctx, paypal, merchant, now):
    ensure(ctx, merchant, now)
    before = endpoint(ctx)
    paypal.state.webhooks.clear()
    assert ensure(ctx, merchant, now) is None
    assert endpoint(ctx).webhook_id != before.webhook_id
    assert addresses(paypal) == [before.url]


def test_where_ten_stand_none_is_deleted_and_the_page_knows(ctx, paypal, merchant, now):
    ensure(ctx, merchant, now)
    paypal.state.webhooks.clear()
    for number in range(10):
        paypal.add_webhook(f"https://site{number}.fr/")
    assert ensure(ctx, merchant, now) is WebhookTrouble.LIMIT_REACHED
    row = endpoint(ctx)
    assert (row.trouble, row.webhook_id, row.registered_at) == (WebhookTrouble.LIMIT_REACHED, None, None)
    assert row.debug_id
    assert len(paypal.state.webhooks) == 10
    paypal.state.webhooks.popitem()  # the merchant deletes one that nobody uses
    assert ensure(ctx, merchant, now) is None
    assert (endpoint(ctx).trouble, endpoint(ctx).debug_id) == (None, "")


def test_two_workers_at_once_register_once(ctx, paypal, merchant, now, monkeypatch):
    together, listed = Barrier(2), paypal.count("list_webhooks")
    found_or_made = webhook_registration._found_or_made

    class Slow:
        """Both have seen the list before either creates."""

        def __init__(self, gateway):
            self._gateway = gateway

        def __getattr__(self, name):
            return getattr(self._gateway, name)

        def list_webhooks(self):
            seen = self._gateway.list_webhooks()
            if paypal.count("list_webhooks") - listed <= 2:
                together.wait(timeout=10)
            return seen

    monkeypatch.setattr(
        webhook_registration, "_found_or_made", lambda gateway, *rest: found_or_made(Slow(gateway), *rest)
    )
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(lambda _n: ensure(ctx, merchant, now), range(2)))
    assert said == [None, None]
    assert list(paypal.state.webhooks) == [endpoint(ctx).webhook_id]


@pytest.mark.parametrize(
    "address",
    [
        "http://portail.boutique.fr",
        "https://portail.boutique.fr:8443",
        "https://portail",
        "https://portail.local",
        "https://192.168.1.7",
        "https://[fd00::7]",
    ],
)
def test_an_address_that_paypal_would_not_call_is_said_before_any_call(ctx, paypal, merchant, now, address):
    assert ensure(replace(ctx, base_url=address), merchant, now) is WebhookTrouble.ADDRESS_NOT_PUBLIC
    assert endpoint(ctx).trouble is WebhookTrouble.ADDRESS_NOT_PUBLIC
    assert paypal.count("any") == paypal.count("token") == paypal.count("list_webhooks") == 0


@pytest.mark.parametrize(
    ("operation", "behaviour", "trouble", "tested"),
    [
        ("list_webhooks", "403", WebhookTrouble.MISSING_RIGHT, True),
        ("create_webhook", "403", WebhookTrouble.MISSING_RIGHT, True),
        ("any", "401", WebhookTrouble.KEY_REFUSED, True),
        ("list_webhooks", "500", WebhookTrouble.NO_ANSWER, False),
        ("list_webhooks", "html-502", WebhookTrouble.NO_ANSWER, False),
        ("list_webhooks", "empty-200", WebhookTrouble.NO_ANSWER, False),
        ("create_webhook", "503", WebhookTrouble.NO_ANSWER, False),
        ("create_webhook", "404", WebhookTrouble.REFUSED, False),
    ],
)
def test_each_refusal_is_kept_for_the_page(ctx, paypal, merchant, now, operation, behaviour, trouble, tested):
    paypal.rule(operation, behaviour)
    assert ensure(ctx, merchant, now) is trouble
    assert endpoint(ctx).trouble is trouble
    assert paypal.state.webhooks == {}
    with ctx.db.read() as session:
        jobs = session.scalars(text("SELECT task_name FROM procrastinate_jobs")).all()
    assert ("paypal_keys.check" in jobs) is tested


def test_a_silence_takes_nothing_from_what_is_registered(ctx, paypal, merchant, now):
    ensure(ctx, merchant, now)
    before = endpoint(ctx)
    paypal.rule("any", "500")
    assert ensure(ctx, merchant, now + timedelta(days=1)) is WebhookTrouble.NO_ANSWER
    after = endpoint(ctx)
    assert (after.webhook_id, after.url, after.registered_at) == (before.webhook_id, before.url, now)


def test_a_creation_whose_answer_was_lost_is_found_the_next_time(ctx, paypal, merchant, now, monkeypatch):
    monkeypatch.setattr(webhook_registration, "PATIENCE", 0.3)
    # The first try asks for a name that PayPal refuses; the second is carried out and answered too late.
    paypal.rule("create_webhook", "normal", skip=1, times=1, latency=1000)
    assert ensure(ctx, merchant, now) is WebhookTrouble.NO_ANSWER
    eventually(lambda: len(paypal.state.webhooks) == 1)
    monkeypatch.undo()
    assert ensure(ctx, merchant, now) is None
    assert list(paypal.state.webhooks) == [endpoint(ctx).webhook_id]


def test_too_many_calls_binds_every_call_with_the_key(ctx, paypal, merchant, now):
    paypal.rule("list_webhooks", "429", retry_after="120")
    assert ensure(ctx, merchant, now) is WebhookTrouble.NO_ANSWER
    with ctx.db.read() as session:
        assert session.scalars(select(PayPalAccount.calm_until)).one() == now + timedelta(seconds=120)


def test_a_key_of_the_other_environment_has_an_address_of_its_own(ctx, paypal, merchant, now):
    ensure(ctx, merchant, now)
    paypal.add_account("live-client", "live-secret-7b1d", environment="live")
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(environment="live", client_id="live-client"))
        row = session.scalars(select(PayPalAccount)).one()
        row.secret = ctx.vault.seal("live-secret-7b1d", purpose="paypal_accounts.secret")
        row.set_at = now + timedelta(seconds=1)
    assert ensure(ctx, merchant, now) is None
    with ctx.db.read() as session:
        rows = session.scalars(select(WebhookEndpoint).order_by(WebhookEndpoint.environment.desc())).all()
    assert [row.environment for row in rows] == ["sandbox", "live"]
    assert len({row.token for row in rows}) == len({row.webhook_id for row in rows}) == 2
    assert paypal.state.webhooks[rows[1].webhook_id].client_id == "live-client"


def test_without_a_key_there_is_nothing_to_register(ctx, make, now):
    with pytest.raises(NoKey):
        ensure(ctx, make.merchant(key=False), now)


def test_workers_look_at_every_webhook_each_day_and_one_merchant_stops_nobody(ctx, paypal, make, now):
    broken, well, new = make.merchant(), make.merchant(), make.merchant()
    make.merchant(key=False)
    ensure(ctx, well, now)
    with ctx.db.begin() as session:
        secret = ctx.vault.seal("another-secret-1c3", purpose="paypal_accounts.secret")
        session.execute(update(PayPalAccount).where(PayPalAccount.merchant_id == broken.id).values(secret=secret))
    assert webhook_registration.defer_due(ctx, now=now) == 2  # `well` was looked at a moment ago
    run_worker(ctx, wait=False)
    with ctx.db.read() as session:
        found = {row.merchant_id: row.trouble for row in session.scalars(select(WebhookEndpoint))}
    assert found == {broken.id: WebhookTrouble.KEY_REFUSED, well.id: None, new.id: None}
    assert webhook_registration.defer_due(ctx, now=now + timedelta(hours=22)) == 0
    assert webhook_registration.defer_due(ctx, now=now + timedelta(hours=24)) >= 2


def test_one_without_an_answer_is_looked_at_again_within_the_hour(ctx, paypal, merchant, now):
    paypal.rule("list_webhooks", "500", times=1)
    ensure(ctx, merchant, now)
    assert webhook_registration.defer_due(ctx, now=now + timedelta(minutes=5)) == 0
    assert webhook_registration.defer_due(ctx, now=now + timedelta(hours=1)) == 1


def test_a_test_message_is_asked_for_and_remembered(ctx, paypal, merchant, now):
    with pytest.raises(webhook_registration.NotRegistered):
        webhook_registration.ask_for_test(ctx, merchant.id, now=now)
    ensure(ctx, merchant, now)
    assert webhook_registration.ask_for_test(ctx, merchant.id, now=now) is None
    assert (endpoint(ctx).test_asked_at, endpoint(ctx).test_seen_at) == (now, None)
    [message] = paypal.messages(endpoint(ctx).webhook_id)
    assert message.event_type in webhook_registration.DOCUMENTED
    paypal.rule("simulate_event", "500")
    assert webhook_registration.ask_for_test(ctx, merchant.id, now=now) is WebhookTrouble.NO_ANSWER
