"""A key is stored only if PayPal itself says that it works; each other answer leaves everything as it was."""

from __future__ import annotations

import dataclasses
import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from portal.domain.ends.end_requests import RequestState
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import KeyState, PayPalAccount, Provider
from portal.providers.ports import Credentials
from portal.queries.ends import end_requests as end_requests_of
from portal.queries.merchants import paypal_accounts
from portal.services.carrying import end_carrying
from portal.services.ends import end_requests
from portal.services.keys import key_checks, paypal_keys
from portal.services.keys.key_checks import Finding
from portal.services.paypal.gateways import NoKey, gateway_for
from tests.services.carrying.carried import ask, carry, wish_of

SECRET = "a-secret-typed-at-the-desk-9zq7"


@pytest.fixture
def merchant(make):
    return make.merchant(key=False)


@pytest.fixture
def live_account(paypal):
    return paypal.add_account("live-client", SECRET, environment="live")


def save(ctx, merchant_id, key, *, now):
    return paypal_keys.save(
        ctx, merchant_id, environment=key.environment, client_id=key.client_id, secret=key.secret, now=now
    )


def stored(ctx, merchant):
    with ctx.db.read() as session:
        return session.scalars(select(PayPalAccount).where(PayPalAccount.merchant_id == merchant.id)).one_or_none()


def test_a_good_key_is_sealed_and_its_token_serves_the_next_calls(ctx, merchant, paypal, now):
    found = save(ctx, merchant.id, paypal.credentials, now=now)
    assert found.finding is Finding.WORKS
    assert key_checks.SUBSCRIPTIONS_RIGHT in found.scopes
    assert found.app_id.startswith("APP-")
    row = stored(ctx, merchant)
    assert (row.state, row.environment, row.broken_since) == (KeyState.WORKING, "sandbox", None)
    assert row.secret_ending == paypal.credentials.secret[-4:]
    asked = paypal.count("token")
    gateway_for(ctx, merchant.id).list_subscriptions(page=1)
    assert paypal.count("token") == asked


@pytest.mark.law("R-SE-3")
def test_the_secret_is_nowhere_in_the_database_and_in_no_repr(ctx, merchant, paypal, now):
    found = save(ctx, merchant.id, paypal.credentials, now=now)
    with ctx.db.read() as session:
        rows = session.execute(text("SELECT to_jsonb(a)::text || encode(secret, 'escape') FROM paypal_accounts a"))
        kept = "".join(rows.scalars())
    assert paypal.credentials.secret not in kept
    assert found.token.value not in kept
    assert found.token.value not in repr(found)


@pytest.mark.parametrize(
    ("operation", "behaviour", "finding"),
    [
        ("token", "401", Finding.WRONG_KEY),
        ("list", "403", Finding.MISSING_RIGHT),
        ("list", "401", Finding.ACCOUNT_REFUSED),
        ("list", "404", Finding.ACCOUNT_REFUSED),
        ("token", "500", Finding.NO_ANSWER),
        ("list", "503", Finding.NO_ANSWER),
        ("token", "html-502", Finding.NO_ANSWER),
        ("token", "429", Finding.TOO_MANY_CALLS),
        ("list", "429", Finding.TOO_MANY_CALLS),
    ],
)
def test_any_other_answer_stores_nothing(ctx, merchant, paypal, now, operation, behaviour, finding):
    paypal.rule(operation, behaviour)
    assert save(ctx, merchant.id, paypal.credentials, now=now).finding is finding
    assert stored(ctx, merchant) is None


def test_a_paypal_that_does_not_answer_stores_nothing(ctx, merchant, paypal, now, monkeypatch):
    monkeypatch.setattr(key_checks, "PATIENCE", 0.3)
    paypal.rule("token", "timeout", seconds=1.5)
    assert save(ctx, merchant.id, paypal.credentials, now=now).finding is Finding.NO_ANSWER
    assert stored(ctx, merchant) is None


@pytest.mark.law("R-SE-4")
def test_a_key_without_the_right_to_subscriptions(ctx, merchant, paypal, now):
    paypal.add_account("poor", SECRET, scopes=[key_checks.WEBHOOKS_RIGHT])
    poor = Credentials(client_id="poor", secret=SECRET, environment="sandbox")
    assert save(ctx, merchant.id, poor, now=now).finding is Finding.MISSING_RIGHT
    assert stored(ctx, merchant) is None


@pytest.mark.law("R-SE-4")
@pytest.mark.parametrize("typed", ["sandbox", "live"])
def test_a_key_of_the_other_environment_is_recognised(ctx, merchant, paypal, live_account, now, typed):
    own = {
        "sandbox": paypal.credentials,
        "live": Credentials(client_id="live-client", secret=SECRET, environment="live"),
    }
    other = own["live" if typed == "sandbox" else "sandbox"]
    found = save(ctx, merchant.id, dataclasses.replace(other, environment=typed), now=now)
    assert found.finding is Finding.OTHER_ENVIRONMENT
    assert stored(ctx, merchant) is None
    assert save(ctx, merchant.id, other, now=now).finding is Finding.WORKS


def test_a_bad_new_key_leaves_the_good_old_one(ctx, make, paypal, now):
    merchant = make.merchant()
    before = stored(ctx, merchant)
    wrong = dataclasses.replace(paypal.credentials, secret="something-else-entirely")
    save(ctx, merchant.id, wrong, now=now)
    after = stored(ctx, merchant)
    assert (after.id, after.secret, after.state) == (before.id, before.secret, KeyState.WORKING)


def test_a_new_key_replaces_the_old_one_and_heals(ctx, make, paypal, now):
    merchant = make.merchant()
    old = stored(ctx, merchant)
    with ctx.db.begin() as session:
        row = session.get_one(PayPalAccount, old.id)
        row.broken_since = row.merchant_told_at = now
        row.state = KeyState.REFUSED
    paypal.add_account("second", SECRET)
    new = Credentials(client_id="second", secret=SECRET, environment="sandbox")
    assert save(ctx, merchant.id, new, now=now).works
    row = stored(ctx, merchant)
    assert (row.id, row.client_id, row.state) == (old.id, "second", KeyState.WORKING)
    assert row.broken_since is None
    assert row.merchant_told_at is None
    assert gateway_for(ctx, merchant.id).list_subscriptions(page=1).readings == ()


def test_testing_again_marks_the_key_broken_once_and_healed_when_it_works(ctx, make, paypal, now):
    merchant = make.merchant()
    paypal.rule("any", "401")
    assert paypal_keys.check_stored(ctx, merchant.id, now=now).finding is Finding.WRONG_KEY
    broken = stored(ctx, merchant)
    assert (broken.state, broken.broken_since) == (KeyState.REFUSED, now)
    paypal.clear_rules()
    assert paypal_keys.check_stored(ctx, merchant.id, now=now).works
    assert stored(ctx, merchant).broken_since is None


def test_silence_says_nothing_about_a_stored_key(ctx, make, paypal, now):
    merchant = make.merchant()
    before = stored(ctx, merchant)
    paypal.rule("any", "500")
    assert paypal_keys.check_stored(ctx, merchant.id, now=now).finding is Finding.NO_ANSWER
    after = stored(ctx, merchant)
    assert (after.state, after.checked_at, after.broken_since) == (before.state, before.checked_at, None)


def test_there_is_nothing_to_test_without_a_key(ctx, merchant, now):
    with pytest.raises(NoKey):
        paypal_keys.check_stored(ctx, merchant.id, now=now)


def test_a_new_key_does_not_wait_for_whoever_tells_of_the_old_one(ctx, make, paypal, now):
    """Telling of a broken key takes the request first and the account then; saving takes nothing the other way."""
    subscription = make.subscription()
    ask(ctx, make, subscription)
    paypal.rule("any", "401")
    (request,) = make.requests(subscription)
    carry(ctx, request)
    paypal.clear_rules()
    later, errors = now + timedelta(hours=1), []

    def run():
        try:
            save(ctx, subscription.merchant_id, paypal.credentials, now=later)
        except Exception as error:
            errors.append(error)

    saving = threading.Thread(target=run)
    merchant = subscription.merchant_id
    with ctx.db.begin() as telling:
        end_requests_of.lock(telling, request.id)
        saving.start()
        deadline = time.monotonic() + 20
        while key_set_at(ctx, merchant) != later and time.monotonic() < deadline:
            time.sleep(0.05)
        assert key_set_at(ctx, merchant) == later, "the key is stored while the request is still held"
        paypal_accounts.lock(telling, merchant, Provider.PAYPAL_REST)
    saving.join(20)
    assert errors == []


def key_set_at(ctx, merchant_id):
    with ctx.db.read() as session:
        return session.scalars(select(PayPalAccount.set_at).where(PayPalAccount.merchant_id == merchant_id)).one()


def test_requests_that_waited_for_the_key_are_tried_again(ctx, make, paypal, now):
    subscription = make.subscription()
    wish = wish_of(subscription, actor=Actor.STAFF)
    request_id = end_requests.record(ctx, wish, now=now).request_id
    paypal.rule("any", "401")
    end_carrying.carry_out(ctx, subscription.merchant_id, request_id)
    assert make.requests(subscription)[0].state is RequestState.NEEDS_MERCHANT
    paypal.clear_rules()
    save(ctx, subscription.merchant_id, paypal.credentials, now=now)
    end_carrying.carry_out(ctx, subscription.merchant_id, request_id)  # what the job deferred by the save does
    assert make.reload(subscription).status is Status.CANCELLED
