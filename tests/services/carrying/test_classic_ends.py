"""Ends of classic profiles, through the whole engine: the classic API behind the same port (FACTS.md 0 and 3.1)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from portal.clock import utc_now
from portal.domain.ends.end_requests import Basis, RequestState, Trouble
from portal.domain.subscriptions import Status
from portal.models import PayPalAccount, Provider, TimelineKind
from portal.queries import subscriptions
from portal.services import tries
from portal.services.ends import endings
from portal.services.paypal.gateways import classic_gateway
from tests.fakes.makers import CLASSIC
from tests.services.carrying.carried import ask, carry, entries, mails, row


@pytest.fixture
def merchant(make):
    merchant = make.merchant()
    make.classic_key(merchant)
    return merchant


@pytest.fixture
def profile(make, merchant):
    return make.profile()


def key_of(ctx, merchant, provider) -> PayPalAccount:
    with ctx.db.read() as session:
        return session.scalars(
            select(PayPalAccount).where(PayPalAccount.merchant_id == merchant.id, PayPalAccount.provider == provider)
        ).one()


@pytest.mark.parametrize("kind", ["express", "button"])
def test_a_cancel_is_confirmed_by_a_read_and_keeps_the_paid_time(ctx, make, paypal, merchant, kind):
    profile = make.profile(kind=kind)
    request = carry(ctx, ask(ctx, make, profile))

    after = make.reload(profile)
    assert (request.state, request.basis) == (RequestState.CONFIRMED, Basis.READ_AFTER_CALL)
    assert paypal.cancelled == [profile.provider_id]
    assert (after.status, after.provider_status, after.provider) == (
        Status.CANCELLED,
        "CANCELLED",
        Provider.PAYPAL_CLASSIC,
    )
    assert after.paid_until == profile.paid_until == after.access_until == after.ended_at
    assert after.next_payment_at is None
    assert after.stopped_at_provider_at is not None
    assert mails(ctx).count("end_confirmed") == 1
    assert (paypal.count("token"), paypal.count("show")) == (0, 0), "REST was never asked"


def test_a_timeout_after_paypal_cancelled_is_confirmed_without_a_second_call(ctx, make, paypal, profile):
    paypal.rule("nvp_manage", "silent", times=1, seconds=2)
    waiting = carry(ctx, ask(ctx, make, profile))
    assert (waiting.state, make.reload(profile).status) == (RequestState.RETRYING, Status.ACTIVE)
    assert carry(ctx, waiting).state is RequestState.CONFIRMED
    assert paypal.count("nvp_manage") == 1
    assert mails(ctx).count("end_confirmed") == 1


def test_a_read_that_lags_is_waited_for(ctx, make, paypal, profile):
    paypal.rule("nvp_manage", "stale", reads=2)
    request = carry(ctx, ask(ctx, make, profile), times=3)
    assert request.state is RequestState.CONFIRMED
    assert paypal.count("nvp_manage") == 1


def test_11556_is_decided_by_a_read(ctx, make, paypal, profile):
    paypal.rule("nvp_manage", "422-status-invalid", times=1)
    live = carry(ctx, ask(ctx, make, profile))
    assert (live.state, live.trouble) == (RequestState.RETRYING, Trouble.STILL_LIVE)
    assert live.answer["issue"] == "11556"
    assert make.reload(profile).status is Status.ACTIVE

    paypal.happen(profile.provider_id, "buyer-cancels")
    assert carry(ctx, live).state is RequestState.CONFIRMED


def test_one_just_signed_up_is_not_called_over_while_paypal_will_still_charge_it(ctx, make, paypal, merchant):
    """A classic profile that is pending begins by itself and cannot be cancelled yet: the request stands till then."""
    profile = make.profile(status=Status.PENDING)
    waiting = carry(ctx, ask(ctx, make, profile))
    assert (waiting.state, waiting.trouble) == (RequestState.RETRYING, Trouble.STILL_LIVE)
    assert make.reload(profile).status is Status.PENDING
    assert mails(ctx).count("end_confirmed") == 0

    paypal.happen(profile.provider_id, "buyer-approves")
    assert carry(ctx, waiting).state is RequestState.CONFIRMED
    assert paypal.cancelled == [profile.provider_id]


def test_already_over_is_success_without_a_call(ctx, make, paypal, profile):
    paypal.happen(profile.provider_id, "buyer-cancels")
    request = carry(ctx, ask(ctx, make, profile))
    assert (request.state, request.basis) == (RequestState.CONFIRMED, Basis.ALREADY_OVER)
    assert paypal.count("nvp_manage") == 0


@pytest.mark.parametrize(
    ("operation", "behaviour", "state", "trouble"),
    [
        ("nvp_get", "500", RequestState.RETRYING, Trouble.UNAVAILABLE),
        ("nvp_get", "html-502", RequestState.RETRYING, Trouble.UNAVAILABLE),
        ("nvp_get", "empty-200", RequestState.RETRYING, Trouble.UNAVAILABLE),
        ("nvp_get", "array-200", RequestState.RETRYING, Trouble.UNAVAILABLE),
        ("nvp_get", "nvp-no-ack", RequestState.RETRYING, Trouble.UNAVAILABLE),
        ("nvp_get", "nvp-10001", RequestState.RETRYING, Trouble.UNAVAILABLE),
        ("nvp_get", "other-id", RequestState.RETRYING, Trouble.UNAVAILABLE),
        ("nvp_manage", "nvp-10101", RequestState.RETRYING, Trouble.UNAVAILABLE),
        ("nvp_manage", "nvp-no-ack", RequestState.RETRYING, Trouble.UNAVAILABLE),
        ("nvp_manage", "cut", RequestState.RETRYING, Trouble.UNAVAILABLE),
        ("nvp_manage", "429", RequestState.RETRYING, Trouble.RATE_LIMITED),
        ("nvp_get", "401", RequestState.NEEDS_MERCHANT, Trouble.BAD_CREDENTIALS),
        ("nvp_manage", "403", RequestState.NEEDS_MERCHANT, Trouble.FORBIDDEN),
        ("nvp_get", "404", RequestState.NEEDS_MERCHANT, Trouble.NOT_FOUND),
        ("nvp_manage", "400", RequestState.NEEDS_MERCHANT, Trouble.REFUSED),
    ],
)
def test_each_answer_has_its_way_and_none_is_a_cancellation(
    ctx, make, paypal, profile, operation, behaviour, state, trouble
):
    paypal.rule(operation, behaviour)
    request = carry(ctx, ask(ctx, make, profile))
    assert (request.state, request.trouble) == (state, trouble)
    assert make.reload(profile).status is Status.ACTIVE
    assert request.next_try_at > make.now()
    assert "end_confirmed" not in mails(ctx)

    paypal.clear_rules()
    assert carry(ctx, request).state is RequestState.CONFIRMED


def test_a_wait_stops_the_classic_key_alone(ctx, make, paypal, merchant, profile):
    paypal.rule("nvp_manage", "429", retry_after=1800)
    request = carry(ctx, ask(ctx, make, profile))
    assert request.next_try_at >= make.now() + timedelta(seconds=1790)
    assert key_of(ctx, merchant, Provider.PAYPAL_CLASSIC).calm_until >= make.now() + timedelta(seconds=1790)
    assert key_of(ctx, merchant, Provider.PAYPAL_REST).calm_until is None


def test_a_classic_key_that_is_refused_stops_classic_requests_only(ctx, make, paypal, merchant, profile):
    other, rest = make.profile(), make.subscription()
    paypal.rule("any", "500", times=2)
    waiting = [carry(ctx, ask(ctx, make, each)) for each in (other, rest)]
    assert [request.state for request in waiting] == [RequestState.RETRYING] * 2
    paypal.clear_rules()
    paypal.rule("nvp_get", "401")

    stopped = carry(ctx, ask(ctx, make, profile))

    assert (stopped.state, stopped.trouble) == (RequestState.NEEDS_MERCHANT, Trouble.BAD_CREDENTIALS)
    assert [row(ctx, request.id).state for request in waiting] == [RequestState.NEEDS_MERCHANT, RequestState.RETRYING]
    assert key_of(ctx, merchant, Provider.PAYPAL_CLASSIC).broken_since is not None
    assert key_of(ctx, merchant, Provider.PAYPAL_REST).broken_since is None
    assert mails(ctx).count("merchant_needs_you") == 1
    assert carry(ctx, waiting[1]).state is RequestState.CONFIRMED, "REST goes on"

    paypal.clear_rules()
    with ctx.db.begin() as session:
        tries.retry_all(session, merchant.id, now=make.now())
    assert {carry(ctx, request).state for request in (stopped, waiting[0])} == {RequestState.CONFIRMED}
    assert key_of(ctx, merchant, Provider.PAYPAL_CLASSIC).broken_since is None


def test_a_rest_key_that_is_refused_leaves_profiles_alone(ctx, make, paypal, profile):
    rest = make.subscription()
    paypal.rule("token", "401")
    assert carry(ctx, ask(ctx, make, rest)).state is RequestState.NEEDS_MERCHANT
    assert carry(ctx, ask(ctx, make, profile)).state is RequestState.CONFIRMED


def test_without_a_classic_key_the_merchant_is_asked_for_one(ctx, make, paypal, merchant, profile):
    with ctx.db.begin() as session:
        session.execute(delete(PayPalAccount).where(PayPalAccount.provider == Provider.PAYPAL_CLASSIC))
    request = carry(ctx, ask(ctx, make, profile))
    assert (request.state, request.trouble) == (RequestState.NEEDS_MERCHANT, Trouble.NO_KEY)
    assert len(paypal.calls) == 0, "REST is not asked about what is known to be classic"
    make.classic_key(merchant)
    assert carry(ctx, request).state is RequestState.CONFIRMED


# « 404 »: not of this world, or of the other one


def as_rest(ctx, make, profile):
    """The profile as somebody wrote it who took it for one of REST's: the id does not tell."""
    with ctx.db.begin() as session:
        session.execute(
            update(type(profile)).where(type(profile).id == profile.id).values(provider=Provider.PAYPAL_REST)
        )
    return make.reload(profile)


def test_what_rest_does_not_know_is_found_and_ended_in_the_classic_api(ctx, make, paypal, profile):
    mistaken = as_rest(ctx, make, profile)
    request = carry(ctx, ask(ctx, make, mistaken))

    after = make.reload(profile)
    assert (request.state, request.basis) == (RequestState.CONFIRMED, Basis.READ_AFTER_CALL)
    assert (after.status, after.provider) == (Status.CANCELLED, Provider.PAYPAL_CLASSIC)
    assert paypal.cancelled == [profile.provider_id]
    assert (paypal.count("show"), paypal.count("cancel"), paypal.count("nvp_manage")) == (1, 0, 1)
    assert mails(ctx).count("end_confirmed") == 1


def test_the_world_once_found_is_remembered(ctx, make, paypal, profile):
    paypal.rule("nvp_manage", "500", times=1)
    request = carry(ctx, ask(ctx, make, as_rest(ctx, make, profile)))
    assert (request.state, make.reload(profile).provider) == (RequestState.RETRYING, Provider.PAYPAL_CLASSIC)
    assert carry(ctx, request).state is RequestState.CONFIRMED
    assert paypal.count("show") == 1


def test_without_a_classic_key_a_404_is_the_merchants(ctx, make, paypal):
    merchant = make.merchant()
    paypal.add_classic_account(*CLASSIC)
    mistaken = as_rest(ctx, make, make.profile())
    request = carry(ctx, ask(ctx, make, mistaken))
    assert (request.state, request.trouble) == (RequestState.NEEDS_MERCHANT, Trouble.NOT_FOUND)
    assert make.reload(mistaken).provider is Provider.PAYPAL_REST
    assert paypal.count("nvp_get") == 0

    make.classic_key(merchant)
    assert carry(ctx, request).state is RequestState.CONFIRMED, "once there is a key, it is found"


@pytest.mark.parametrize("behaviour", ["401", "403", "404"])
def test_a_404_in_rest_and_a_refusal_in_classic_is_a_404(ctx, make, paypal, profile, behaviour):
    paypal.rule("nvp_get", behaviour)
    mistaken = as_rest(ctx, make, profile)
    request = carry(ctx, ask(ctx, make, mistaken))
    assert (request.state, request.trouble) == (RequestState.NEEDS_MERCHANT, Trouble.NOT_FOUND)
    assert make.reload(mistaken).provider is Provider.PAYPAL_REST


def test_a_404_in_rest_and_silence_in_classic_is_tried_again(ctx, make, paypal, profile):
    paypal.rule("nvp_get", "nvp-10101", times=1)
    request = carry(ctx, ask(ctx, make, as_rest(ctx, make, profile)))
    assert (request.state, request.trouble) == (RequestState.RETRYING, Trouble.UNAVAILABLE)
    assert carry(ctx, request).state is RequestState.CONFIRMED


def test_what_neither_knows_is_the_merchants(ctx, make, paypal, merchant):
    lost = make.subscription(at_paypal=False)
    request = carry(ctx, ask(ctx, make, lost))
    assert (request.state, request.trouble) == (RequestState.NEEDS_MERCHANT, Trouble.NOT_FOUND)
    assert (paypal.count("show"), paypal.count("nvp_get")) == (1, 1)


def test_a_profile_that_is_classic_is_never_looked_for_in_rest(ctx, make, paypal, profile):
    paypal.rule("nvp_get", "404")
    carry(ctx, ask(ctx, make, profile))
    assert (paypal.count("token"), paypal.count("show")) == (0, 0)


# Reading without a time of the status


def test_an_end_seen_without_a_time_of_its_own_is_dated_when_it_was_seen(ctx, make, paypal, profile):
    paypal.happen(profile.provider_id, "buyer-cancels")
    reading = classic_gateway(ctx, profile.merchant_id).show_subscription(profile.provider_id)
    assert reading.status_at is None
    now = utc_now()
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, profile.merchant_id, profile.id)
        endings.record_reading(ctx, session, locked, reading, now=now)
    after = make.reload(profile)
    assert (after.status, after.stopped_at_provider_at) == (Status.CANCELLED, now)
    assert now < after.access_until == after.paid_until
    assert after.end_requested_at is None, "nobody asked here"
    assert entries(ctx, profile, TimelineKind.ENDED) == 1
