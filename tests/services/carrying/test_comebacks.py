"""Coming back, from the wish to the new subscription: each answer of PayPal's, each kill, each order of the news."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import timedelta

import pytest
import requests
from sqlalchemy import select, update
from sqlalchemy.exc import NoResultFound

from portal.clock import utc_now
from portal.demo.simulator.records import stamp
from portal.domain.comebacks import ComebackState, ComebackTrouble
from portal.domain.end_requests import Channel
from portal.domain.errors import Denial, NotAllowed
from portal.domain.policies import Actor, Role
from portal.domain.subscriptions import Action, Status
from portal.models import Comeback, Mail, PayPalAccount, Subscription, TimelineEntry
from portal.queries import comebacks as queries
from portal.services import comebacks
from portal.services.carrying import comeback_calls, comeback_watching
from portal.services.carrying.answers import Patience
from portal.services.carrying.comeback_watching import Looked
from portal.services.ends import end_requests
from portal.services.ends.end_wishes import Wish
from portal.services.imports import imports
from tests.services.messages.webhook_desk import WebhookDesk, changed

QUICK = Patience(answer=0.4, whole=8.0)


class Way:
    """A customer whose subscription was cancelled, on the way back."""

    def __init__(self, ctx, make, paypal, *, paid_days=20.0, **columns):
        self.ctx, self.make, self.paypal = ctx, make, paypal
        now = make.now()
        paid = now + timedelta(days=paid_days) if paid_days is not None else None
        columns = {"stopped_at_provider_at": now - timedelta(days=1), "status": Status.CANCELLED} | columns
        self.old = make.subscription(paid_until=paid, **columns)
        if self.old.last_payment_at is not None:  # no payment that is not known here
            paid = {"amount": "29.90", "time": stamp(self.old.last_payment_at)}
            paypal.subscriptions[self.old.provider_id].last_payment = paid
        paypal.add_plan(plan_id=self.old.plan.provider_id, amount="34.00")

    def wish(self, **more):
        given = {
            "merchant_id": self.old.merchant_id,
            "customer_id": self.old.customer_id,
            "customer_name": "Claire",
            "subscription_id": self.old.id,
            "language": "fr",
        }
        return comebacks.Wish(**given | more)

    def start(self, **more):
        return comebacks.start(self.ctx, self.wish(**more), now=utc_now())

    def create(self, started=None, **more):
        started = started or self.start()
        comeback_calls.create(self.ctx, self.old.merchant_id, started.comeback_id, insist=True, **more)
        return self.row(started.comeback_id)

    def row(self, comeback_id):
        with self.ctx.db.read() as session:
            return queries.of_merchant(session, self.old.merchant_id, comeback_id)

    def look(self, row, **more):
        self.set(row, read_at=None)
        return comeback_watching.look(self.ctx, self.old.merchant_id, row.id, insist=True, **more)

    def choose(self, row, choice="approve"):
        return requests.post(row.approval_url, data={"choice": choice}, allow_redirects=False, timeout=5)

    def set(self, row, **columns):
        with self.ctx.db.begin() as session:
            session.execute(update(Comeback).where(Comeback.id == row.id).values(**columns))

    def pay(self, until):
        """A payment that is known now only: the old one is paid for longer."""
        with self.ctx.db.begin() as session:
            session.execute(update(Subscription).where(Subscription.id == self.old.id).values(paid_until=until))

    def arrived(self):
        with self.ctx.db.read() as session:
            return list(session.scalars(select(Subscription).where(Subscription.predecessor_id == self.old.id)))

    def subscriptions(self):
        with self.ctx.db.read() as session:
            return list(session.scalars(select(Subscription)))

    def timeline(self):
        with self.ctx.db.read() as session:
            rows = session.scalars(select(TimelineEntry).where(TimelineEntry.subscription_id == self.old.id))
            return Counter(row.kind.value for row in rows)

    def mails(self):
        with self.ctx.db.read() as session:
            return Counter(session.scalars(select(Mail.kind)))

    def made(self):
        """What PayPal has made for us."""
        return [row for row in self.paypal.subscriptions.values() if row.approve_url]


@pytest.fixture
def way(ctx, make, paypal):
    return lambda **given: Way(ctx, make, paypal, **given)


def test_the_whole_way(way, paypal):
    one = way()
    row = one.create()
    assert (row.state, row.trouble, row.attempts) == (ComebackState.WAITING, None, 1)
    (made,) = one.made()
    assert (made.id, made.custom_id) == (row.provider_id, str(row.id))
    assert row.start_at == one.old.paid_until
    assert (row.price.amount, row.interval_unit) == (34, "MONTH"), "the price is what PayPal's plan says today"
    assert made.return_url == f"http://portal.test/account/{one.make._last_merchant.slug}/comebacks/{row.id}/return"
    assert one.look(row) is Looked.NOT_YET
    assert len(one.subscriptions()) == 1, "what nobody approved is no subscription here"

    one.choose(row)
    assert one.look(row) is Looked.APPROVED

    (new,) = one.arrived()
    assert new.customer_id == one.old.customer_id
    assert (new.product_id, new.status, new.started_at) == (one.old.product_id, Status.PENDING, row.start_at)
    assert one.make.reload(one.old).status is Status.CANCELLED
    assert one.timeline() == {"comeback_started": 1, "comeback_approved": 1}
    assert one.mails() == {"comeback_approved": 1, "merchant_comeback_approved": 1}
    assert one.row(row.id).next_try_at is None
    assert one.look(row) is Looked.APPROVED
    assert one.mails() == {"comeback_approved": 1, "merchant_comeback_approved": 1}
    assert paypal.subscriptions[new.provider_id].payments == [], "nothing is charged before the paid time is over"


def test_at_once_when_nothing_is_paid_any_more(way, paypal):
    one = way(paid_days=-3)
    row = one.create()
    assert row.start_at is None
    one.choose(row)
    one.look(row)
    (new,) = one.arrived()
    assert new.status is Status.ACTIVE
    assert new.started_at <= utc_now()


def test_the_longest_paid_time_of_the_product_counts(way, make):
    one = way(paid_days=-3)
    later = make.now() + timedelta(days=40)
    make.subscription(
        customer=one.old.customer, product=one.old.product, status=Status.COMPLETED, paid_until=later, at_paypal=False
    )
    assert one.create().start_at == later


def test_paid_time_that_is_unknown_of_another_one_of_the_product_is_asked_for_first(way, make):
    one = way()
    ended = {"customer": one.old.customer, "status": Status.CANCELLED, "paid_until": None, "at_paypal": False}
    make.subscription(product=one.old.product, started_at=None, last_payment_at=None, **ended)
    make.subscription(product=make.product(one.make._last_merchant), **ended)
    one.create()
    two = way()
    make.subscription(product=two.old.product, **ended | {"customer": two.old.customer})
    with pytest.raises(NotAllowed) as caught:
        two.start()
    assert caught.value.denial is Denial.PAID_TIME_UNKNOWN


@pytest.mark.parametrize(
    ("columns", "denial"),
    [
        ({"paid_days": None}, Denial.PAID_TIME_UNKNOWN),
        ({"stopped_at_provider_at": None}, Denial.STILL_STOPPING),
        ({"status": Status.ABANDONED}, Denial.NO_COMEBACK),
        ({"status": Status.COMPLETED}, Denial.NO_COMEBACK),
        ({"relaunch_allowed": False}, Denial.NO_COMEBACK),
    ],
)
def test_refused_with_its_reason_and_nothing_is_written(way, columns, denial):
    one = way(**columns)
    with pytest.raises(NotAllowed) as caught:
        one.start()
    assert caught.value.denial is denial
    assert one.timeline() == {}


def test_no_rest_key_no_way_back(way, make, ctx):
    one = way(merchant=make.merchant(key=False))
    with pytest.raises(NotAllowed) as caught:
        one.start()
    assert caught.value.denial is Denial.NOT_SOLD_HERE


def test_one_that_never_began_has_nothing_paid(way, make, paypal):
    one = way(paid_days=None, started_at=None, last_payment_at=None, stopped_at_provider_at=None)
    paypal.forget(one.old.provider_id)
    assert one.create().state is ComebackState.WAITING


def test_two_clicks_are_one_and_another_of_the_same_product_is_refused(way, make):
    one = way()
    started = one.start()
    assert one.start() == comebacks.Started(comeback_id=started.comeback_id, is_new=False)
    other = make.subscription(
        customer=one.old.customer,
        product=one.old.product,
        status=Status.CANCELLED,
        stopped_at_provider_at=make.now(),
    )
    with pytest.raises(NotAllowed) as caught:
        one.start(subscription_id=other.id)
    assert caught.value.denial is Denial.ALREADY_SUBSCRIBED
    row = one.create(started)
    one.choose(row)
    one.look(row)
    assert one.start() == comebacks.Started(comeback_id=started.comeback_id, is_new=False), "another tab, afterwards"
    with pytest.raises(NotAllowed) as caught:
        one.start(subscription_id=other.id)
    assert caught.value.denial is Denial.ALREADY_SUBSCRIBED


@pytest.mark.parametrize(
    ("operation", "behaviour", "trouble"),
    [
        ("create", "422-plan-status-invalid", ComebackTrouble.PLAN_NOT_SOLD),
        ("create", "404", ComebackTrouble.PLAN_NOT_SOLD),
        ("create", "400", ComebackTrouble.REFUSED),
        ("create", "403", ComebackTrouble.KEY_REFUSED),
        ("show_plan", "404", ComebackTrouble.PLAN_NOT_SOLD),
        ("token", "401", ComebackTrouble.KEY_REFUSED),
        ("show", "404", ComebackTrouble.OLD_STILL_LIVE),
        ("create", "500", None),
        ("create", "429", None),
        ("create", "html-502", None),
        ("create", "cut", None),
        ("show", "500", None),
    ],
)
def test_each_answer_of_paypal(way, paypal, operation, behaviour, trouble):
    one = way()
    paypal.rule(operation, behaviour)
    row = one.create()
    assert one.made() == []
    if trouble is None:
        assert row.state is ComebackState.CREATING
        assert row.next_try_at > utc_now()
        paypal.clear_rules()
        one.set(row, created_at=row.created_at, claimed_at=None)
        with one.ctx.db.begin() as session:
            session.execute(update(Comeback).values(next_try_at=utc_now()))
        calm(one)
        comeback_watching.carry_on(one.ctx, one.old.merchant_id, row.id)
        assert one.row(row.id).state is ComebackState.WAITING
    else:
        assert (row.state, row.trouble, row.next_try_at) == (ComebackState.FAILED, trouble, None)
        assert one.timeline() == {"comeback_started": 1, "comeback_given_up": 1}
        paypal.clear_rules()
        again = one.create()
        assert (again.state, again.id != row.id) == (ComebackState.WAITING, True)


def calm(one):
    """PayPal's « too many » is over."""
    with one.ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(calm_until=None))


def test_an_inactive_plan_is_not_even_asked_for(way, paypal):
    one = way()
    paypal.state.plans[one.old.plan.provider_id].status = "INACTIVE"
    assert one.create().trouble is ComebackTrouble.PLAN_NOT_SOLD
    assert paypal.count("create") == 0


def test_never_a_second_one_while_the_first_is_live_at_paypal(way, paypal):
    one = way()
    live = paypal.add_subscription()
    with one.ctx.db.begin() as session:
        session.execute(update(Subscription).values(provider_id=live.id))
    row = one.create()
    assert (row.state, row.trouble) == (ComebackState.FAILED, ComebackTrouble.OLD_STILL_LIVE)
    assert paypal.count("create") == 0
    assert one.timeline()["end_requested"] == 1, "and it is ended there again"


def test_a_payment_made_since_the_end_moves_the_start(way, paypal):
    one = way(paid_days=-3)
    at_paypal = paypal.subscriptions[one.old.provider_id]
    at_paypal.last_payment = {"amount": "29.90", "time": stamp(utc_now())}
    row = one.create()
    assert row.start_at is not None
    assert row.start_at > utc_now() + timedelta(days=18), "the end of the period, from the start, that it falls into"


def test_an_answer_that_was_lost_leads_to_one_subscription(way, paypal):
    one = way()
    paypal.rule("create", "silent", 1, seconds=1.0)
    row = one.create(patience=QUICK)
    assert row.state is ComebackState.CREATING
    (made,) = one.made()
    again = one.create(comebacks.Started(comeback_id=row.id, is_new=False))
    assert (again.state, again.provider_id, again.attempts) == (ComebackState.WAITING, made.id, 2)
    assert len(one.made()) == 1


def test_a_lost_answer_and_an_approval_meanwhile(way, paypal):
    """PayPal gives the same answer again, now past the approval: it is taken in, with no link to show."""
    one = way()
    paypal.rule("create", "silent", 1, seconds=1.0)
    row = one.create(patience=QUICK)
    (made,) = one.made()
    paypal.happen(made.id, "buyer-approves")
    with one.ctx.db.begin() as session:
        session.execute(update(Comeback).values(next_try_at=utc_now()))
    comeback_watching.carry_on(one.ctx, one.old.merchant_id, row.id)
    assert one.row(row.id).state is ComebackState.APPROVED
    assert len(one.arrived()) == 1


def test_paypal_is_asked_for_an_hour_and_then_the_customer_may_start_anew(way, paypal):
    one = way()
    paypal.rule("create", "500")
    row = one.create()
    one.set(row, created_at=utc_now() - timedelta(minutes=61))
    row = one.create(comebacks.Started(comeback_id=row.id, is_new=False))
    assert (row.state, row.trouble) == (ComebackState.FAILED, ComebackTrouble.NO_ANSWER)


@pytest.mark.parametrize("point", ["before the claim", "after the claim", "before the call", "after the call"])
def test_16_killed_at_each_point_there_is_one_subscription_and_one_outcome(way, paypal, monkeypatch, point):
    one = way()
    started = one.start()

    class Killed(BaseException):
        pass

    def die(*_args, **_more):
        raise Killed

    with monkeypatch.context() as patch:
        if point == "after the claim":
            patch.setattr(comeback_calls, "_ask", die)
        elif point == "before the call":
            patch.setattr("portal.providers.paypal.client.PayPalGateway.create_subscription", die)
        elif point == "after the call":
            patch.setattr(comeback_calls, "_settle", die)
        if point != "before the claim":
            with pytest.raises(Killed):
                one.create(started)
    assert len(one.made()) == (1 if point == "after the call" else 0)
    with one.ctx.db.begin() as session:  # the time of the claim passes
        past = utc_now() - timedelta(minutes=5)
        session.execute(update(Comeback).values(claimed_at=past, next_try_at=past))
    assert comebacks.sweep(one.ctx, now=utc_now()) == 1
    comeback_watching.carry_on(one.ctx, one.old.merchant_id, started.comeback_id)
    row = one.row(started.comeback_id)
    assert row.state is ComebackState.WAITING
    assert len(one.made()) == 1
    one.choose(row)
    assert one.look(row) is Looked.APPROVED
    assert one.mails() == {"comeback_approved": 1, "merchant_comeback_approved": 1}


def test_a_second_process_leaves_a_fresh_claim_alone(way):
    one = way()
    started = one.start()
    with one.ctx.db.begin() as session:
        session.execute(update(Comeback).values(state="creating", claimed_at=utc_now()))
    assert one.create(started).state is ComebackState.CREATING
    assert one.made() == []


def test_messages_of_paypals_doubled_and_in_any_order_are_one_arrival(way, ctx, paypal):
    one = way()
    desk = WebhookDesk(ctx, paypal, one.make._last_merchant)
    row = one.create()
    created = changed(row.provider_id, status="APPROVAL_PENDING")
    desk.tell("BILLING.SUBSCRIPTION.CREATED", created)
    assert len(one.subscriptions()) == 1
    one.choose(row)
    for _ in range(2):
        desk.tell("BILLING.SUBSCRIPTION.ACTIVATED", changed(row.provider_id))
    desk.tell("BILLING.SUBSCRIPTION.CREATED", created)
    assert len(one.arrived()) == 1
    assert one.row(row.id).state is ComebackState.APPROVED
    assert one.mails() == {"comeback_approved": 1, "merchant_comeback_approved": 1}


def test_a_message_that_overtakes_the_answer_is_known_by_our_own_number(way, ctx, paypal):
    one = way()
    desk = WebhookDesk(ctx, paypal, one.make._last_merchant)
    paypal.rule("create", "silent", 1, seconds=1.0)
    row = one.create(patience=QUICK)
    (made,) = one.made()
    desk.tell("BILLING.SUBSCRIPTION.CREATED", changed(made.id))
    assert len(one.subscriptions()) == 1
    paypal.happen(made.id, "buyer-approves")
    desk.tell("BILLING.SUBSCRIPTION.ACTIVATED", changed(made.id))
    assert [new.customer_id for new in one.arrived()] == [one.old.customer_id]
    assert one.row(row.id).provider_id == made.id


def test_never_approved_it_is_given_up_when_paypal_has_forgotten_it(way, paypal):
    one = way()
    row = one.create()
    paypal.advance(hours=25)
    assert one.look(row) is Looked.NOT_YET, "a new one may be missing for a moment"
    one.set(row, waiting_since=utc_now() - timedelta(hours=2))
    assert one.look(row) is Looked.GONE
    row = one.row(row.id)
    assert (row.state, row.trouble, row.next_try_at) == (ComebackState.GIVEN_UP, ComebackTrouble.EXPIRED, None)
    assert one.mails() == {}
    again = one.start()
    assert again.comeback_id != row.id


def test_never_approved_it_is_given_up_after_three_days(way, paypal):
    one = way()
    row = one.create()
    one.set(row, waiting_since=utc_now() - timedelta(days=3), next_try_at=utc_now())
    comeback_watching.carry_on(one.ctx, one.old.merchant_id, row.id)
    assert one.row(row.id).state is ComebackState.GIVEN_UP


def test_dropped_and_wished_for_again_it_is_the_same_link(way):
    one = way()
    row = one.create()
    for _ in range(2):
        comebacks.give_up(one.ctx, one.old.merchant_id, one.old.customer_id, row.id, now=utc_now())
    assert one.row(row.id).state is ComebackState.GIVEN_UP
    assert one.timeline() == {"comeback_started": 1, "comeback_given_up": 1}
    again = one.start()
    assert again == comebacks.Started(comeback_id=row.id, is_new=False)
    assert one.row(row.id).state is ComebackState.WAITING
    assert len(one.made()) == 1


def test_dropped_and_wished_for_through_another_old_one_it_is_the_same_link(way, make):
    one = way()
    other = make.subscription(
        customer=one.old.customer,
        product=one.old.product,
        status=Status.CANCELLED,
        stopped_at_provider_at=make.now(),
    )
    row = one.create()
    comebacks.give_up(one.ctx, one.old.merchant_id, one.old.customer_id, row.id, now=utc_now())
    assert one.start(subscription_id=other.id) == comebacks.Started(comeback_id=row.id, is_new=False)
    assert one.row(row.id).state is ComebackState.WAITING
    assert len(one.made()) == 1
    one.set(row, state="given_up", next_try_at=None)  # PayPal has forgotten it
    assert one.start(subscription_id=other.id).is_new


@pytest.mark.parametrize("dropped", [True, False])
def test_a_link_that_starts_within_the_paid_time_by_now_is_not_used_again(way, make, dropped):
    one = way()
    row, later = one.create(), make.now() + timedelta(days=50)
    one.pay(later)
    if dropped:
        comebacks.give_up(one.ctx, one.old.merchant_id, one.old.customer_id, row.id, now=utc_now())
    again = one.start()
    assert again.is_new
    assert one.create(again).start_at == later
    kept = one.row(row.id)
    assert (kept.state, kept.next_try_at is None) == (ComebackState.GIVEN_UP, False), "it may be approved: we watch"
    assert one.start() == comebacks.Started(comeback_id=again.comeback_id, is_new=False)


def test_what_was_asked_for_and_starts_too_early_by_now_is_not_asked_for_again(way, make, paypal):
    one = way()
    paypal.rule("create", "500", 1)
    row, later = one.create(), make.now() + timedelta(days=50)
    one.pay(later)
    calls = paypal.count("create")
    row = one.create(comebacks.Started(comeback_id=row.id, is_new=False))
    assert (row.state, row.trouble) == (ComebackState.FAILED, ComebackTrouble.NO_ANSWER)
    assert paypal.count("create") == calls
    assert one.create().start_at == later


def test_dropped_and_approved_all_the_same_it_is_a_real_subscription_and_everybody_is_told(way, make):
    one = way()
    row = one.create()
    comebacks.give_up(one.ctx, one.old.merchant_id, one.old.customer_id, row.id, now=utc_now())
    make.subscription(customer=one.old.customer, product=one.old.product)
    one.choose(row)
    assert one.look(row) is Looked.APPROVED
    assert len(one.arrived()) == 1
    assert one.mails() == {"comeback_approved": 1, "merchant_comeback_approved": 1}


def test_14_marked_as_abandoned_meanwhile_the_way_back_is_closed(way, paypal):
    one = way()
    row = one.create()
    end_requests.mark_abandoned(
        one.ctx,
        Wish(
            merchant_id=one.old.merchant_id,
            subscription_id=one.old.id,
            action=Action.ABANDON,
            actor=Actor.STAFF,
            role=Role.OWNER,
            channel=Channel.STAFF,
        ),
        now=utc_now(),
    )
    row = one.row(row.id)
    assert (row.state, row.trouble) == (ComebackState.GIVEN_UP, ComebackTrouble.NOT_OFFERED)
    with pytest.raises(NotAllowed):
        one.start()


def test_somebody_elses_are_not_found(way, make):
    one = way()
    row = one.create()
    stranger = make.customer(one.make._last_merchant)
    with pytest.raises(NoResultFound):
        one.start(customer_id=stranger.id)
    with pytest.raises(NoResultFound):
        comebacks.give_up(one.ctx, one.old.merchant_id, stranger.id, row.id, now=utc_now())
    with pytest.raises(NoResultFound):
        comeback_watching.look(one.ctx, uuid.uuid4(), row.id)


def test_the_list_of_paypal_brings_it_in_as_well(way, paypal, ctx):
    one = way()
    row = one.create()
    imports.run_import(ctx, imports.start_or_resume(ctx, one.old.merchant_id).id)
    assert len(one.subscriptions()) == 1
    one.choose(row)
    imports.run_import(ctx, imports.start_or_resume(ctx, one.old.merchant_id).id)
    assert [new.customer_id for new in one.arrived()] == [one.old.customer_id]
    assert one.row(row.id).state is ComebackState.APPROVED
