"""Keys are tested daily and after every refusal; a broken one is told once; an answer to an old one says nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from portal import queue
from portal.clock import utc_now
from portal.domain.ends.end_requests import RequestState, Trouble
from portal.domain.subscriptions import Status
from portal.models import EventSource, EventState, KeyState, Mail, PayPalAccount, PayPalEvent, Provider
from portal.providers.ports import ClassicCredentials
from portal.services.carrying import end_carrying, engine
from portal.services.carrying.answers import Answer
from portal.services.carrying.end_carrying import ENDS
from portal.services.keys import key_checks, paypal_keys
from portal.services.keys.key_checks import Finding
from portal.services.keys.paypal_keys import Untested
from tests.fakes.makers import CLASSIC
from tests.services.carrying.carried import ask, carry, row

REST, OLD_API = Provider.PAYPAL_REST, Provider.PAYPAL_CLASSIC
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def merchant(make):
    return make.merchant(support_email="aide@atelier.test", locale="en")


@pytest.fixture
def jobs(ctx):
    """The arguments of every job of that name that waits, in order."""

    def read(task):
        with ctx.db.read() as session:
            rows = session.execute(
                text("SELECT args, scheduled_at FROM procrastinate_jobs WHERE task_name = :task ORDER BY id"),
                {"task": task},
            )
            return [(found.args, found.scheduled_at) for found in rows]

    return read


def account_of(ctx, merchant, provider=REST):
    with ctx.db.read() as session:
        return session.scalars(
            select(PayPalAccount).where(PayPalAccount.merchant_id == merchant.id, PayPalAccount.provider == provider)
        ).one_or_none()


def mail_kinds(ctx):
    with ctx.db.read() as session:
        return sorted(session.scalars(select(Mail.kind).where(Mail.recipient == "aide@atelier.test")))


def suspect(ctx, merchant, provider=REST, *, now):
    """Test as the job does, a moment after something was refused."""
    return paypal_keys.check_suspected(ctx, merchant.id, provider, since=now, now=now + timedelta(seconds=1))


def save(ctx, merchant, paypal, *, now):
    key = paypal.credentials
    return paypal_keys.save(
        ctx, merchant.id, environment=key.environment, client_id=key.client_id, secret=key.secret, now=now
    )


def save_classic(ctx, merchant, *, now, **changes):
    user, password, signature = CLASSIC
    key = {"user": user, "password": password, "signature": signature, "environment": "sandbox"} | changes
    return paypal_keys.save_classic(
        ctx, merchant.id, ClassicCredentials(**key), receivers=("seller@client.test",), now=now
    )


# Classic keys


def test_a_classic_key_is_stored_beside_the_rest_one_and_opens_its_gateway(ctx, make, paypal, now):
    merchant = make.merchant()
    paypal.add_classic_account(*CLASSIC)
    assert save_classic(ctx, merchant, now=now).works
    account = account_of(ctx, merchant, OLD_API)
    assert (account.client_id, account.receivers) == (CLASSIC[0], ["seller@client.test"])
    assert (account.token, account.state) == (None, KeyState.WORKING)
    for secret in CLASSIC[1:]:
        assert secret.encode() not in account.secret + account.signature
    from portal.services.paypal.gateways import classic_gateway

    assert classic_gateway(ctx, merchant.id).check_key()
    assert account_of(ctx, merchant) is not None


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"password": "another-one"}, Finding.WRONG_KEY),
        ({"signature": "another-signature"}, Finding.WRONG_KEY),
        ({"user": "somebody_api1.client.test"}, Finding.WRONG_KEY),
        ({"environment": "live"}, Finding.OTHER_ENVIRONMENT),
    ],
)
def test_a_classic_key_that_does_not_work_stores_nothing(ctx, make, paypal, now, changes, finding):
    merchant = make.merchant()
    paypal.add_classic_account(*CLASSIC)
    assert save_classic(ctx, merchant, now=now, **changes).finding is finding
    assert account_of(ctx, merchant, OLD_API) is None


def test_a_silent_classic_api_stores_nothing(ctx, make, paypal, now):
    merchant = make.merchant()
    paypal.add_classic_account(*CLASSIC)
    paypal.rule("any", "nvp-10001")
    assert save_classic(ctx, merchant, now=now).finding is Finding.NO_ANSWER
    assert account_of(ctx, merchant, OLD_API) is None


# The webhook


def test_a_good_rest_key_has_its_webhook_registered_and_a_classic_one_has_an_address(ctx, make, paypal, now, jobs):
    merchant = make.merchant(key=False)
    paypal.add_classic_account(*CLASSIC)
    save_classic(ctx, merchant, now=now)
    assert jobs(queue.REGISTER_WEBHOOK) == []
    with ctx.db.read() as session:
        addresses = text("SELECT count(*) FROM webhook_endpoints WHERE merchant_id = :id AND environment = 'sandbox'")
        assert session.scalar(addresses, {"id": merchant.id}) == 1
    save(ctx, merchant, paypal, now=now)
    assert [arguments for arguments, _at in jobs(queue.REGISTER_WEBHOOK)] == [{"merchant_id": str(merchant.id)}]


def test_a_right_that_was_ticked_later_has_the_webhook_registered(ctx, make, paypal, now, jobs):
    merchant = make.merchant(key=False)
    paypal.add_account("half", "secret-of-the-tests-half", scopes=[key_checks.SUBSCRIPTIONS_RIGHT])
    paypal_keys.save(
        ctx, merchant.id, environment="sandbox", client_id="half", secret="secret-of-the-tests-half", now=now
    )
    before = len(jobs(queue.REGISTER_WEBHOOK))
    paypal_keys.check_stored(ctx, merchant.id, now=now)
    assert len(jobs(queue.REGISTER_WEBHOOK)) == before
    paypal.add_account("half", "secret-of-the-tests-half")
    assert paypal_keys.check_stored(ctx, merchant.id, now=now).may_have_webhooks
    paypal_keys.check_stored(ctx, merchant.id, now=now)
    assert len(jobs(queue.REGISTER_WEBHOOK)) == before + 1


# Every day


def test_every_key_comes_back_a_day_after_its_last_test_spread_over_the_hour(ctx, make, now, jobs):
    merchants = [make.merchant() for _ in range(4)]
    make.classic_key(merchants[0])
    with ctx.db.begin() as session:
        session.execute(
            update(PayPalAccount)
            .where(PayPalAccount.merchant_id.in_([merchant.id for merchant in merchants[:3]]))
            .values(checked_at=now - DAY - HOUR)
        )
    assert paypal_keys.plan_daily_tests(ctx, now=now) == 4
    planned = jobs(queue.CHECK_KEY)
    assert {(arguments["merchant_id"], arguments["provider"]) for arguments, _at in planned} == {
        *((str(merchant.id), REST) for merchant in merchants[:3]),
        (str(merchants[0].id), OLD_API),
    }
    times = sorted(at for _arguments, at in planned)
    assert len(set(times)) == 4
    assert now <= times[0]
    assert times[-1] < now + HOUR


def test_a_key_tested_or_replaced_since_is_left_alone(ctx, merchant, paypal, now):
    suspect(ctx, merchant, now=now + HOUR)
    asked = len(paypal.calls)
    assert asked > 0
    assert suspect(ctx, merchant, now=now) is None
    save(ctx, merchant, paypal, now=now + DAY)
    asked = len(paypal.calls)
    assert suspect(ctx, merchant, now=now + DAY - HOUR) is None
    assert len(paypal.calls) == asked
    paypal_keys.remove(ctx, merchant.id, REST)
    assert suspect(ctx, merchant, now=now + 2 * DAY) is None


@pytest.mark.parametrize("behaviour", ["500", "429"])
def test_silence_is_no_test(ctx, merchant, paypal, now, behaviour):
    paypal.rule("any", behaviour)
    with pytest.raises(Untested):
        suspect(ctx, merchant, now=now)
    assert account_of(ctx, merchant).broken_since is None
    assert mail_kinds(ctx) == []


def test_while_paypal_wants_calm_nothing_is_asked(ctx, merchant, paypal, now):
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(calm_until=now + HOUR))
    with pytest.raises(Untested):
        suspect(ctx, merchant, now=now)
    assert len(paypal.calls) == 0


def test_a_key_whose_master_key_is_gone_is_logged_and_left(ctx, merchant, now):
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(secret=b"gone|" + bytes(40)))
    assert suspect(ctx, merchant, now=now) is None
    assert account_of(ctx, merchant).broken_since is None


# Told once


@pytest.mark.parametrize("provider", [REST, OLD_API])
def test_a_broken_key_is_told_once_however_often_it_is_tested(ctx, make, merchant, paypal, now, provider):
    make.classic_key(merchant)
    paypal.rule("token", "401")
    paypal.state.classic_accounts.clear()
    for days in range(4):
        suspect(ctx, merchant, provider, now=now + days * DAY)
    assert mail_kinds(ctx) == ["merchant_key_broken"]
    account = account_of(ctx, merchant, provider)
    assert account.state is KeyState.REFUSED
    assert account.broken_since == now + timedelta(seconds=1)


def test_the_mail_names_the_kind_of_key_and_counts_what_waits(ctx, make, merchant, paypal, now):
    import json

    from portal.services.notices.outbox import CONTENT

    make.classic_key(merchant)
    subscription = make.subscription(merchant=merchant)
    ask(ctx, make, subscription)
    paypal.rule("token", "401")
    paypal.state.classic_accounts.clear()
    for provider in (REST, OLD_API):
        suspect(ctx, merchant, provider, now=now + HOUR)
    with ctx.db.read() as session:
        sent = session.scalars(select(Mail).where(Mail.kind == "merchant_key_broken")).all()
    (classic,) = (mail for mail in sent if "classic" in mail.subject)
    (rest,) = (mail for mail in sent if "classic" not in mail.subject)
    texts = [json.loads(ctx.vault.open(mail.content, purpose=CONTENT))["text"] for mail in (classic, rest)]
    assert "/admin/paypal/classic" in texts[0]
    assert "request is waiting now" not in texts[0], "the request waits for the other key"
    assert "1 request is waiting now." in texts[1]
    assert "/admin/paypal/rest" in texts[1]


def test_a_request_that_met_the_refusal_first_is_the_only_mail(ctx, make, merchant, paypal):
    paypal.rule("token", "401")
    carry(ctx, ask(ctx, make, make.subscription(merchant=merchant)))
    suspect(ctx, merchant, now=utc_now())
    suspect(ctx, merchant, now=utc_now() + DAY)
    assert [kind for kind in mail_kinds(ctx) if kind != "merchant_end_requested"] == ["merchant_needs_you"]


def test_a_test_that_met_it_first_is_the_only_mail(ctx, make, merchant, paypal, now):
    paypal.rule("token", "401")
    suspect(ctx, merchant, now=now)
    carry(ctx, ask(ctx, make, make.subscription(merchant=merchant)), times=3)
    assert [kind for kind in mail_kinds(ctx) if kind != "merchant_end_requested"] == ["merchant_key_broken"]


@pytest.mark.parametrize("first", ["test", "request"])
def test_a_missing_right_is_one_mail_too(ctx, make, merchant, paypal, now, first):
    for operation in ("list", "show"):
        paypal.rule(operation, "403")
    subscriptions = [make.subscription(merchant=merchant) for _ in range(2)]
    if first == "test":
        suspect(ctx, merchant, now=now)
    for subscription in subscriptions[: 2 if first == "test" else 1]:
        carry(ctx, ask(ctx, make, subscription))
    suspect(ctx, merchant, now=utc_now())
    suspect(ctx, merchant, now=utc_now() + DAY)
    told = [kind for kind in mail_kinds(ctx) if kind != "merchant_end_requested"]
    assert told == ["merchant_key_broken" if first == "test" else "merchant_needs_you"]


def test_broken_again_after_it_was_mended_is_told_again(ctx, merchant, paypal, now):
    paypal.rule("token", "401")
    suspect(ctx, merchant, now=now)
    paypal.clear_rules()
    assert paypal_keys.check_stored(ctx, merchant.id, now=now + HOUR).works
    paypal.rule("token", "401")
    suspect(ctx, merchant, now=now + 2 * HOUR)
    assert mail_kinds(ctx) == ["merchant_key_broken"] * 2


def test_a_key_that_comes_and_goes_is_told_of_once_a_day(ctx, merchant, paypal, now):
    for hours in range(0, 40, 2):
        paypal.rule("token", "401")
        suspect(ctx, merchant, now=now + hours * HOUR)
        paypal.clear_rules()
        suspect(ctx, merchant, now=now + (hours + 1) * HOUR)
    assert mail_kinds(ctx) == ["merchant_key_broken"] * 2


def test_a_merchant_without_an_address_is_marked_and_not_written_to(ctx, make, paypal, now):
    merchant = make.merchant(support_email=None)
    paypal.rule("token", "401")
    assert suspect(ctx, merchant, now=now + HOUR).finding is Finding.WRONG_KEY  # a key of this very second is trusted
    assert mail_kinds(ctx) == []


# And when it works again


def test_when_it_works_again_what_waited_is_tried_and_no_mail_goes(ctx, make, merchant, paypal, now, jobs):
    paypal.rule("token", "401")
    request = carry(ctx, ask(ctx, make, make.subscription(merchant=merchant)))
    assert request.state is RequestState.NEEDS_MERCHANT
    mails, planned = mail_kinds(ctx), len(jobs(queue.CARRY_OUT_END))
    paypal.clear_rules()
    suspect(ctx, merchant, now=utc_now() + 2 * HOUR)
    assert account_of(ctx, merchant).broken_since is None
    assert len(jobs(queue.CARRY_OUT_END)) == planned + 1
    assert mail_kinds(ctx) == mails


def test_a_call_that_is_refused_with_a_key_that_works_does_not_go_round_for_ever(ctx, make, merchant, paypal, jobs):
    paypal.rule("cancel", "401")
    request = ask(ctx, make, make.subscription(merchant=merchant))
    for minutes in range(5):
        carry(ctx, request)
        assert suspect(ctx, merchant, now=utc_now() + timedelta(minutes=minutes)).works
    assert row(ctx, request.id).next_try_at > utc_now() + timedelta(minutes=30), "its own plan: later and later"
    assert mail_kinds(ctx).count("merchant_needs_you") == 1


# Refusals met by requests


@pytest.mark.parametrize(("operation", "behaviour"), [("token", "401"), ("cancel", "401"), ("cancel", "403")])
def test_a_refusal_met_by_a_request_has_the_key_tested(ctx, make, merchant, paypal, jobs, operation, behaviour):
    paypal.rule(operation, behaviour)
    request = carry(ctx, ask(ctx, make, make.subscription(merchant=merchant)))
    ((arguments, _at),) = jobs(queue.CHECK_KEY)
    assert (arguments["merchant_id"], arguments["provider"]) == (str(merchant.id), REST)
    assert arguments["since"] == request.claimed_at.isoformat()


@pytest.mark.parametrize("behaviour", ["500", "429", "404", "422-status-invalid"])
def test_any_other_trouble_says_nothing_of_the_key(ctx, make, merchant, paypal, jobs, behaviour):
    paypal.rule("cancel", behaviour)
    carry(ctx, ask(ctx, make, make.subscription(merchant=merchant)))
    assert jobs(queue.CHECK_KEY) == []


@pytest.mark.parametrize("trouble", [Trouble.BAD_CREDENTIALS, Trouble.FORBIDDEN, Trouble.NO_KEY])
def test_a_late_answer_to_an_old_key_does_not_mark_the_new_one(ctx, make, merchant, paypal, now, trouble):
    request = ask(ctx, make, make.subscription(merchant=merchant))
    claim = engine.claim(ENDS, ctx, merchant.id, request.id, now=utc_now(), insist=True)
    save(ctx, merchant, paypal, now=now - HOUR)  # whatever the clocks of two machines say
    engine.settle(ENDS, ctx, claim, Answer(trouble=trouble), now=utc_now())
    account = account_of(ctx, merchant)
    assert (account.state, account.broken_since) == (KeyState.WORKING, None)
    waiting = row(ctx, request.id)
    assert waiting.state is RequestState.RETRYING
    assert "merchant_needs_you" not in mail_kinds(ctx)
    end_carrying.carry_out(ctx, merchant.id, request.id)
    assert row(ctx, request.id).state is RequestState.CONFIRMED


def test_an_answer_to_the_key_in_use_does_mark_it(ctx, make, merchant):
    request = ask(ctx, make, make.subscription(merchant=merchant))
    claim = engine.claim(ENDS, ctx, merchant.id, request.id, now=utc_now(), insist=True)
    engine.settle(ENDS, ctx, claim, Answer(trouble=Trouble.BAD_CREDENTIALS), now=utc_now())
    assert account_of(ctx, merchant).state is KeyState.REFUSED
    assert row(ctx, request.id).state is RequestState.NEEDS_MERCHANT


# Removal


def test_removing_a_key_loses_no_request(ctx, make, merchant, paypal, now):
    subscription = make.subscription(merchant=merchant)
    paypal.rule("any", "500")
    request = carry(ctx, ask(ctx, make, subscription))
    assert request.state is RequestState.RETRYING
    assert paypal_keys.remove(ctx, merchant.id, REST)
    assert not paypal_keys.remove(ctx, merchant.id, REST)
    paypal.clear_rules()
    waiting = carry(ctx, request)
    assert (waiting.state, waiting.trouble) == (RequestState.NEEDS_MERCHANT, Trouble.NO_KEY)
    other = make.subscription(merchant=merchant)
    recorded = carry(ctx, ask(ctx, make, other))
    assert recorded.state is RequestState.NEEDS_MERCHANT, "customers can still ask: it is recorded"
    save(ctx, merchant, paypal, now=utc_now())
    for one in (waiting, recorded):
        end_carrying.carry_out(ctx, merchant.id, one.id)  # what the jobs deferred by the save do
        assert row(ctx, one.id).state is RequestState.CONFIRMED
    assert make.reload(subscription).status is Status.CANCELLED


def test_the_job_tests_the_key_it_names(ctx, merchant, paypal, now):
    from portal.jobs import paypal_keys as jobs_of_keys
    from portal.jobs import run_worker

    paypal.rule("token", "401")
    with ctx.db.begin() as session:
        queue.defer(
            session,
            queue.CHECK_KEY,
            merchant_id=str(merchant.id),
            provider=REST.value,
            since=(now + HOUR).isoformat(),
        )
    run_worker(ctx, wait=False, concurrency=1)
    assert account_of(ctx, merchant).state is KeyState.REFUSED
    assert jobs_of_keys.daily_key_tests.name.startswith("housekeeping.")


def test_messages_that_waited_for_the_key_are_tried_as_soon_as_it_works(ctx, merchant, make, paypal, now):
    """An event that came while the key was refused is handled with the new one, not hours later."""
    waiting = PayPalEvent(
        merchant_id=merchant.id,
        environment="sandbox",
        source=EventSource.WEBHOOK,
        event_id="WH-WAITED",
        event_type="BILLING.SUBSCRIPTION.UPDATED",
        received_at=now,
        state=EventState.WAITING,
        attempts=3,
        next_try_at=now + timedelta(hours=3),
    )
    make.add(waiting)
    save(ctx, merchant, paypal, now=now)
    with ctx.db.read() as session:
        assert session.get_one(PayPalEvent, waiting.id).next_try_at == now
