"""A subscription's life at PayPal, told in every order, doubled and with losses: the end is always PayPal's own.

Each telling goes to a merchant of its own, through the real intake and the real handler.  A telling is *late* when
all of the life has passed before the first message arrives, and *early* when a message arrives as soon as it can:
then PayPal is read in the middle of the life too.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from math import factorial

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import func, select

from portal.domain.subscriptions import Status
from portal.models import EventState, Payment, Subscription, TimelineEntry
from portal.providers.deliveries import Delivery
from portal.services.arrivals.import_rows import Origin
from portal.services.arrivals.rereading import reread
from portal.services.messages.webhook_intake import Intake
from portal.services.paypal.gateways import rest_gateway
from tests.services.messages.webhook_desk import WebhookDesk

# Steps of a life; a number is days that pass.
LIVES = {
    "paid and cancelled": ("buyer-approves", "buyer-cancels"),
    "partly refunded": ("buyer-approves", "refund-part", "buyer-cancels"),
    "refunded in two parts": ("buyer-approves", "refund-part", "refund", "buyer-cancels"),
    "reversed": ("buyer-approves", "reverse", "buyer-cancels"),
    "suspended for failures and mended": ("buyer-approves", "suspend-for-failures", "fix-payments"),
    "paid late": ("buyer-approves", "pending-payment", "clear-payment", "buyer-cancels"),
    "denied": ("buyer-approves", "deny-payment", "suspend-for-failures"),
    "paid twice and refunded": ("buyer-approves", 31, "refund", "buyer-cancels"),
    "carried through": ("buyer-approves", 31),
    "run out with a payment owed": ("buyer-approves", "suspend-for-failures", "expire"),  # a new seed found it
}
LENGTHS = {
    "paid and cancelled": 3,
    "partly refunded": 4,
    "refunded in two parts": 5,
    "reversed": 4,
    "suspended for failures and mended": 5,
    "paid late": 5,
    "denied": 5,
    "paid twice and refunded": 5,
    "carried through": 4,
    "run out with a payment owed": 5,
}
TRIED = 5  # orders of a long life, evenly among all; every one with PORTAL_EVERY_ORDER=1
LOSSES = 12  # at the least, of those of a life, evenly among all; every one likewise
EVERY = os.environ.get("PORTAL_EVERY_ORDER") == "1"


def orders(name):
    """The orders of a life's messages that are tried, and how many there must be."""
    every = list(itertools.permutations(range(LENGTHS[name])))
    assert len(every) == factorial(LENGTHS[name])
    return every if EVERY else every[:: max(1, len(every) // TRIED)]


def losses(messages):
    """What is left of a life's messages, told forwards or backwards in turn, or both ways."""
    sizes = range(len(messages))
    every = list(itertools.chain.from_iterable(itertools.combinations(messages, size) for size in sizes))
    assert len(every) == 2 ** len(messages) - 1
    if EVERY:
        return [order for kept in every for order in (kept, kept[::-1])]
    return [kept[:: (-1) ** turn] for turn, kept in enumerate(every[:: max(1, len(every) // LOSSES)])]


# What PayPal's word means here (domain.md), stated once more.
MEANT = {
    ("ACTIVE", False): Status.ACTIVE,
    ("ACTIVE", True): Status.PAST_DUE,
    ("SUSPENDED", False): Status.PAUSED,
    ("SUSPENDED", True): Status.PAST_DUE,
    ("CANCELLED", False): Status.CANCELLED,
    ("CANCELLED", True): Status.CANCELLED,
    ("EXPIRED", False): Status.COMPLETED,
    ("EXPIRED", True): Status.COMPLETED,  # what is owed stays outstanding
    ("APPROVAL_PENDING", False): Status.PENDING,
}
PAID = {
    "COMPLETED": "completed",
    "DECLINED": "denied",
    "PENDING": "pending",
    "REFUNDED": "refunded",
    "PARTIALLY_REFUNDED": "partially_refunded",
}


class Told:
    """One merchant who hears of one subscription."""

    def __init__(self, ctx, paypal, make):
        self.ctx, self.paypal = ctx, paypal
        self.desk = WebhookDesk(ctx, paypal, make.merchant(), webhook_id=paypal.webhook.id)

    def hear(self, message):
        given = message.headers
        return self.desk.take_in(
            Delivery(
                transmission_id=given["PAYPAL-TRANSMISSION-ID"],
                transmission_time=given["PAYPAL-TRANSMISSION-TIME"],
                cert_url=given["PAYPAL-CERT-URL"],
                auth_algo=given["PAYPAL-AUTH-ALGO"],
                signature=given["PAYPAL-TRANSMISSION-SIG"],
                body=message.body,
            )
        )

    def work(self, *, later=timedelta()):
        """Handle what waits; with `later`, also what was put off."""
        self.desk.work(later=later)

    def settle(self):
        """Let the tries come until nothing waits; a sale's refund may have come before the sale."""
        for hours in (0, 1, 2, 3):
            self.work(later=timedelta(hours=hours))
        assert self.waiting() == []

    def waiting(self):
        return [row for row in self.desk.rows() if row.state is EventState.WAITING]

    def subscription(self):
        with self.ctx.db.read() as session:
            return session.scalars(select(Subscription).where(Subscription.merchant_id == self.desk.merchant.id)).one()

    def reread(self, row):
        """What the nightly comparison does with it: read it, and write it through the one door."""
        origin = Origin(self.desk.merchant.id, "sandbox")
        reread(self.ctx, origin, rest_gateway(self.ctx, self.desk.merchant.id), row.id)

    def agrees_with(self, row, *, heard_all=True):
        """Assert that the state here is PayPal's own."""
        here = self.subscription()
        assert here.status is MEANT[row.status, is_late(row)]
        assert here.provider_status == row.status
        assert here.failed_payments == row.failed_payments
        assert here.outstanding == Decimal(row.outstanding)
        assert _text(here.next_payment_at) == row.next_billing_time
        assert _text(here.last_payment_at) == (row.last_payment or {}).get("time")
        assert (here.stopped_at_provider_at is not None) == (row.status in ("CANCELLED", "EXPIRED"))
        at_paypal = {
            paid.id: (
                "reversed" if paid.status == "REFUNDED" and Decimal(paid.reversed) else PAID[paid.status],
                Decimal(paid.refunded),
                Decimal(paid.amount),
            )
            for paid in row.payments
        }
        with self.ctx.db.read() as session:
            stored = session.scalars(select(Payment).where(Payment.merchant_id == self.desk.merchant.id)).all()
            entries = session.execute(
                select(TimelineEntry.kind, func.count())
                .where(
                    TimelineEntry.merchant_id == self.desk.merchant.id, TimelineEntry.kind.in_(("ended", "imported"))
                )
                .group_by(TimelineEntry.kind)
            ).all()
        rows = {paid.provider_id: (paid.state.value, paid.went_back, paid.amount) for paid in stored}
        if heard_all:
            assert rows == at_paypal
        else:
            assert rows.keys() <= at_paypal.keys()
        assert all(count == 1 for _kind, count in entries), entries
        return rows


def is_late(row):
    """Whether PayPal counts a failure, or a payment was declined since the last one that came (within its tries)."""
    came = [paid.time for paid in row.payments if paid.status not in ("PENDING", "DECLINED")]
    declined = [paid.time for paid in row.payments if paid.status == "DECLINED"]
    is_trying = row.status == "ACTIVE" and max(declined, default="") > max(came, default="")
    return row.failed_payments > 0 or is_trying


def _text(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


@dataclass
class Life:
    """One subscription at PayPal, lived step by step."""

    paypal: object
    steps: tuple
    row: object = None
    passed: int = 0
    heard_from: list = field(default_factory=list)  # of each message, after which step it came

    def __post_init__(self):
        plan = self.paypal.add_plan(failure_threshold=1, total_cycles=2 if self.steps[-1] == 31 else 0)
        self.row = self.paypal.add_subscription(
            plan_id=plan.id, status="APPROVAL_PENDING", started_at=self.paypal.now(), email=None
        )

    def live(self, until):
        """Let the first `until` steps pass."""
        while self.passed < until:
            step = self.steps[self.passed]
            if isinstance(step, int):
                self.paypal.advance(step)
            else:
                self.paypal.happen(self.row.id, step)
                self.paypal.settle()
            self.passed += 1
            self.heard_from += [self.passed] * (len(self.messages()) - len(self.heard_from))

    def messages(self):
        names = [self.row.id.encode(), *(paid.id.encode() for paid in self.row.payments)]
        return [
            message
            for message in self.paypal.messages(self.paypal.webhook.id)
            if any(name in message.body for name in names)
        ]


def forget(paypal, *, lived):
    """Make room: every message would be signed again each time they are looked at."""
    paypal.forget(lived.row.id)
    paypal.state.deliveries.clear()
    paypal.state.events.clear()


@pytest.fixture
def life(paypal):
    """Begin a life; PayPal keeps its messages for us to deliver."""
    paypal.automatic = False
    paypal.webhook = paypal.add_webhook("http://portal.test/webhooks/paypal/x")
    return lambda name: Life(paypal, LIVES[name])


@pytest.fixture
def tell(ctx, paypal, make):
    return lambda: Told(ctx, paypal, make)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", LIVES)
def test_every_order_told_late_ends_as_paypal_does(life, tell, name, record_property):
    lived = life(name)
    lived.live(len(lived.steps))
    messages = lived.messages()
    assert len(messages) == LENGTHS[name]
    for order in orders(name):
        told = tell()
        for message in (messages[number] for number in order):
            assert told.hear(message) is Intake.STORED
            assert told.hear(message) is Intake.DOUBLED
            told.work()
        told.settle()
        told.agrees_with(lived.row)
    record_property("orders", len(orders(name)))


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", LIVES)
def test_every_order_told_early_ends_as_paypal_does(life, tell, paypal, name, record_property):
    """PayPal is read in the middle of the life: a message is heard as soon as the order and the life allow."""
    for order in orders(name):
        lived, told = life(name), tell()
        shape = after_which_step(life, paypal, name)
        for number in order:
            lived.live(shape[number])
            told.hear(lived.messages()[number])
            told.work()
            told.hear(lived.messages()[number])
        lived.live(len(lived.steps))
        told.settle()
        told.agrees_with(lived.row)
        forget(paypal, lived=lived)
    record_property("orders", len(orders(name)))


SHAPES: dict[str, list[int]] = {}


def after_which_step(life, paypal, name):
    """After which step of the life each of its messages comes."""
    if name not in SHAPES:
        lived = life(name)
        lived.live(len(lived.steps))
        SHAPES[name] = lived.heard_from
        forget(paypal, lived=lived)
    return SHAPES[name]


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", LIVES)
def test_whatever_is_lost_a_plain_read_brings_the_end(life, tell, name, record_property):
    """Some of the messages are lost, and of the longest lives half of all the ways to lose some are tried."""
    lived = life(name)
    lived.live(len(lived.steps))
    orders = losses(lived.messages())
    assert len(orders) > LENGTHS[name]
    for order in orders:
        told = tell()
        for message in order:
            told.hear(message)
        told.work()
        told.reread(lived.row)
        told.agrees_with(lived.row, heard_all=False)
    record_property("losses", len(orders))


# Beyond five events: lives that nobody thought of.

ACTS = (
    "buyer-approves",
    "buyer-cancels",
    "expire",
    "fail-payments",
    "fix-payments",
    "suspend-for-failures",
    "raise-price",
    "charge",
    "refund",
    "refund-part",
    "reverse",
    "reverse-part",
    "pending-payment",
    "clear-payment",
    "deny-payment",
)


@pytest.mark.hypothesis
def test_any_life_told_in_any_order_ends_as_paypal_does(life, tell, paypal):
    tried = {"lives": 0, "messages": 0, "lost": 0}
    life("paid and cancelled")  # registers the webhook

    class AnyLife(RuleBasedStateMachine):
        """PayPal lives, messages come late, twice or never, and the worker works in between."""

        def __init__(self):
            super().__init__()
            self.lived = Life(paypal, ("buyer-approves",))
            self.told = tell()
            self.heard: set[str] = set()
            self.lost: set[str] = set()
            self.lived.live(1)

        def fresh(self):
            gone = self.heard | self.lost
            return [one for one in self.lived.messages() if one.transmission_id not in gone]

        @rule(act=st.sampled_from(ACTS))
        def something_happens_at_paypal(self, act):
            paypal.happen(self.lived.row.id, act)
            paypal.settle()

        @rule(days=st.sampled_from([5, 31, 62]))
        def time_passes(self, days):
            paypal.advance(days)

        @precondition(lambda self: self.fresh())
        @rule(data=st.data())
        def a_message_arrives(self, data):
            message = data.draw(st.sampled_from(self.fresh()))
            assert self.told.hear(message) is Intake.STORED
            self.heard.add(message.transmission_id)

        @precondition(lambda self: self.heard)
        @rule(data=st.data())
        def a_message_arrives_again(self, data):
            again = [one for one in self.lived.messages() if one.transmission_id in self.heard]
            assert self.told.hear(data.draw(st.sampled_from(again))) is Intake.DOUBLED

        @precondition(lambda self: self.fresh())
        @rule(data=st.data())
        def a_message_is_lost(self, data):
            self.lost.add(data.draw(st.sampled_from(self.fresh())).transmission_id)

        @rule()
        def the_worker_works(self):
            self.told.work()

        @invariant()
        def an_ended_one_never_comes_back(self):
            with self.told.ctx.db.read() as session:
                rows = session.execute(
                    select(Subscription.status, Subscription.ended_at).where(
                        Subscription.merchant_id == self.told.desk.merchant.id
                    )
                ).all()
            ended = getattr(self, "ended", None)
            assert ended is None or [row.status for row in rows] == [ended]
            if rows and rows[0].ended_at is not None:
                self.ended = rows[0].status

        def teardown(self):
            for message in reversed(self.fresh()):
                self.told.hear(message)
            if not self.lost:
                self.told.settle()
            else:
                self.told.work()
                self.told.reread(self.lived.row)
            self.told.agrees_with(self.lived.row, heard_all=not self.lost)
            tried["lives"] += 1
            tried["messages"] += len(self.lived.messages())
            tried["lost"] += len(self.lost)
            paypal.forget(self.lived.row.id)

    run_state_machine_as_test(
        AnyLife,
        settings=settings(
            max_examples=settings.default.max_examples // 10,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
    print(tried)
    assert tried["lives"] >= settings.default.max_examples // 10


def test_the_number_of_orders():
    """What the notes say: whole lives told early and late, each time and with PORTAL_EVERY_ORDER=1."""
    assert 2 * sum(factorial(length) for length in LENGTHS.values()) == 1596
    if not EVERY:
        assert 2 * sum(len(orders(name)) for name in LIVES) == 108
    assert set(LENGTHS) == set(LIVES)
