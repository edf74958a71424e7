"""A withdrawal: access ends with the declaration, PayPal is told by the engine, the refund is a task with a day."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from portal.clock import utc_now
from portal.domain.access.access import access
from portal.domain.ends.comebacks import ComebackTrouble
from portal.domain.ends.end_requests import Cause, RequestState
from portal.domain.ends.received_requests import ReceivedState, Way
from portal.domain.errors import NotAllowed
from portal.domain.law.withdrawals import ConsentKind, RefundDuty, Verdict
from portal.domain.policies import Role
from portal.domain.subscriptions import Action, Status
from portal.models import Comeback, Mail, Payment, PaymentState, ReceivedRequest, TimelineKind, Withdrawal
from portal.queries import inbox, subscriptions
from portal.queries.inbox import Kind
from portal.queries.law import retention
from portal.services import comebacks
from portal.services.ends import end_withdrawals
from portal.services.inbox import received_requests
from portal.services.money import withdrawal_refunds
from portal.services.money.withdrawal_refunds import ClosedAlready
from portal.services.notices import withdrawal_notices
from portal.services.rules import rule_of
from tests.services.carrying.carried import ask, carry, entries, mails
from tests.services.ends.withdrawing import STAFF, by_staff, declare, request_of, say, stored
from tests.services.money.late_money import show
from tests.services.money.test_given_back import ask as give_back
from tests.services.money.test_given_back import carry as carry_refund
from tests.waiting_mails import said

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", support_email="aide@atelier.test", locale="en", self_cancellation=False)


@pytest.fixture
def paying(make, merchant):
    """Begun nine days ago, of a product that keeps its contents, by somebody who may not cancel by themselves."""
    product = make.product(merchant, contents=(("Cours", 0),), keep_after_cancellation=True)
    begun = utc_now() - 9 * DAY
    return make.subscription(merchant=merchant, product=product, started_at=begun, next_payment_at=utc_now() + 21 * DAY)


@pytest.fixture
def paid(ctx, paypal, paying):
    at_paypal = paypal.subscriptions[paying.provider_id].payments[-1]
    show(ctx, paying, at_paypal)
    with ctx.db.read() as session:
        return session.scalars(select(Payment)).one()


def is_open(make, subscription, at) -> bool:
    row = make.reload(subscription)
    return bool(access(row.facts, rule_of(row), at))


@pytest.mark.law("R-FR-30", "R-FR-33", "R-FR-49")
def test_access_ends_at_once_and_nothing_else_is_asked(ctx, make, paying, paid):
    say(ctx, paying, ConsentKind.INFORMED, at=paying.started_at)
    now = utc_now()
    assert is_open(make, paying, now)
    found = declare(ctx, paying, now=now)
    assert not is_open(make, paying, now + timedelta(seconds=1)), "whatever was paid, whatever the product keeps"
    assert (found.verdict, found.refund, found.due) == (Verdict.IN_TIME, RefundDuty.OPEN, Decimal("29.90"))
    assert found.refund_due_at == now + 14 * DAY
    assert make.reload(paying).status is Status.ACTIVE, "PayPal has not said so yet"


@pytest.mark.law("R-FR-33")
def test_paypal_is_told_by_the_engine_and_the_end_is_a_cancellation(ctx, make, paypal, paying, paid):
    now = utc_now()
    found = declare(ctx, paying, now=now)
    request = carry(ctx, request_of(ctx, found))
    ended = make.reload(paying)
    assert (request.state, request.outcome, request.cause) == (
        RequestState.CONFIRMED,
        Status.CANCELLED,
        Cause.WITHDRAWN,
    )
    assert ended.ended_at == ended.access_until == ended.withdrawn_at == found.declared_at
    assert not ended.relaunch_allowed
    assert entries(ctx, paying, TimelineKind.WITHDRAWN) == entries(ctx, paying, TimelineKind.ENDED) == 1
    assert mails(ctx).count("withdrawal_accepted") == 1
    assert "end_recorded" not in mails(ctx)


def test_paypal_is_down_and_nothing_says_that_it_has_ended(ctx, make, paypal, paying, paid, left):
    paypal.rule("cancel", "500")
    found = declare(ctx, paying, now=utc_now())
    assert carry(ctx, request_of(ctx, found)).state is RequestState.RETRYING
    (told,) = [letter for letter in left(utc_now()) if "withdrawn from the contract" in letter.subject]
    assert "PayPal is being told" in told.text
    paypal.clear_rules()
    assert carry(ctx, request_of(ctx, found)).state is RequestState.CONFIRMED
    assert make.reload(paying).access_until == found.declared_at


@pytest.mark.law("R-FR-30")
def test_twice_is_once(ctx, make, paying, paid):
    first = declare(ctx, paying, now=utc_now())
    again = declare(ctx, paying, now=utc_now() + timedelta(hours=1))
    assert again.id == first.id
    assert stored(ctx).declared_at == first.declared_at
    assert len(make.requests(paying)) == 1
    assert mails(ctx).count("merchant_withdrawal") == 1


def test_a_strangers_contract_is_not_found(ctx, make, paying):
    with pytest.raises(NoResultFound):
        declare(ctx, paying, now=utc_now(), customer_id=uuid.uuid4())
    assert make.reload(paying).withdrawn_at is None


def test_it_cannot_be_taken_back(ctx, make, paying):
    declare(ctx, paying, now=utc_now())
    (request,) = make.requests(paying)
    with pytest.raises(NotAllowed):
        end_withdrawals.withdraw(ctx, paying.merchant_id, paying.customer_id, request.reference, now=utc_now())


@pytest.mark.law("R-FR-34")
def test_what_was_used_is_owed_only_where_it_was_agreed_to_begin_at_once(ctx, paying, paid):
    say(ctx, paying, ConsentKind.INFORMED, ConsentKind.EXPRESS_REQUEST, at=paying.started_at)
    found = declare(ctx, paying, now=utc_now())
    assert 0 < found.owed < Decimal("29.90")
    assert found.owed + found.due == Decimal("29.90")
    assert abs(found.owed - Decimal("29.90") * 9 / 30) < Decimal("0.60"), "nine of the thirty days, give or take one"


def took(ctx, subscription, *, at, amount="30.00", **more):
    """PayPal took a payment."""
    with ctx.db.begin() as session:
        session.add(
            Payment(
                merchant_id=subscription.merchant_id,
                subscription_id=subscription.id,
                environment=subscription.environment,
                provider_id=f"P-{uuid.uuid4()}",
                created_at=at,
                paid_at=at,
                amount=Decimal(amount),
                currency="EUR",
                **{"state": PaymentState.COMPLETED, **more},
            )
        )


@pytest.mark.law("R-FR-34")
@pytest.mark.parametrize(("used", "owed"), [(3, "3.00"), (0, "0.00")])
def test_the_days_of_a_free_trial_are_not_owed(ctx, make, merchant, used, owed):
    """A week for nothing, then thirty days for thirty euros, of which so many were used."""
    charged = datetime.combine(utc_now().date(), datetime.min.time(), tzinfo=UTC) + 12 * HOUR - used * DAY
    trial = {"unit": "DAY", "count": 7, "cycles": 1, "is_free": True}
    begun, until = charged - 7 * DAY, charged + 30 * DAY
    row = make.subscription(merchant=merchant, started_at=begun, paid_until=until, trials=[trial])
    took(ctx, row, at=charged)
    say(ctx, row, ConsentKind.INFORMED, ConsentKind.EXPRESS_REQUEST, at=begun)
    found = declare(ctx, row, now=charged + used * DAY)
    assert (found.owed, found.due) == (Decimal(owed), 30 - Decimal(owed))


@pytest.mark.law("R-FR-34")
def test_a_payment_that_went_back_whole_makes_no_used_day_dearer(ctx, make, merchant):
    """It was taken twice, and one of the two was given back before anybody withdrew."""
    begun = datetime.combine(utc_now().date(), datetime.min.time(), tzinfo=UTC) + 12 * HOUR - 3 * DAY
    row = make.subscription(merchant=merchant, started_at=begun, paid_until=begun + 30 * DAY)
    took(ctx, row, at=begun)
    took(ctx, row, at=begun + HOUR, state=PaymentState.REFUNDED, refunded=Decimal("30.00"))
    say(ctx, row, ConsentKind.INFORMED, ConsentKind.EXPRESS_REQUEST, at=begun)
    found = declare(ctx, row, now=begun + 3 * DAY)
    assert (found.owed, found.due) == (Decimal("3.00"), Decimal("27.00"))


@pytest.mark.law("R-FR-34", "R-FR-35")
def test_without_proof_of_it_nothing_is_owed(ctx, paying, paid):
    say(ctx, paying, ConsentKind.EXPRESS_REQUEST, at=paying.started_at, is_given=False)
    found = declare(ctx, paying, now=utc_now())
    assert (found.owed, found.due) == (0, Decimal("29.90"))


@pytest.mark.law("R-FR-31", "R-FR-35")
@pytest.mark.parametrize(
    ("told", "at", "said"),
    [
        ([ConsentKind.INFORMED], 30 * DAY, Verdict.LATE),
        ([], 30 * DAY, Verdict.DOUBTFUL),
        ([ConsentKind.INFORMED, ConsentKind.WAIVER, ConsentKind.WAIVER_CONFIRMED], DAY, Verdict.DOUBTFUL),
    ],
)
def test_what_is_late_or_doubtful_is_accepted_and_the_money_waits(ctx, make, paying, paid, told, at, said):
    say(ctx, paying, *told, at=paying.started_at)
    when = paying.started_at + at
    found = declare(ctx, paying, now=when)
    assert (found.verdict, found.refund) == (said, RefundDuty.OPEN)
    assert not is_open(make, paying, when + timedelta(seconds=1))


def test_in_a_trial_nothing_was_taken_and_nothing_is_left_to_do(ctx, make, merchant):
    begun = utc_now() - DAY
    trial = make.subscription(
        merchant=merchant, started_at=begun, paid_until=begun, next_payment_at=utc_now() + 6 * DAY
    )
    say(ctx, trial, ConsentKind.INFORMED, at=trial.started_at)
    found = declare(ctx, trial, now=utc_now())
    assert (found.verdict, found.refund, found.sum_due) == (Verdict.IN_TIME, RefundDuty.NOTHING, None)


def test_where_no_payment_was_ever_seen_nobody_is_told_that_nothing_was_paid(ctx, paypal, paying):
    say(ctx, paying, ConsentKind.INFORMED, at=paying.started_at)
    found = declare(ctx, paying, now=utc_now())
    assert (found.verdict, found.refund, found.sum_due) == (Verdict.IN_TIME, RefundDuty.OPEN, None)
    with ctx.db.read() as session:
        sent = session.scalars(select(Mail)).all()
    told = " ".join(said(ctx, mail).text for mail in sent)
    assert "paid nothing" not in told
    assert "Nothing is left" not in told
    assert "refresh it from PayPal first" in told
    show(ctx, paying, paypal.subscriptions[paying.provider_id].payments[-1])
    found = stored(ctx)
    assert (found.refund, found.due) == (RefundDuty.OPEN, Decimal("29.90")), "then the sum is known"


def test_after_a_cancellation_what_it_had_left_open_is_closed(ctx, make, paypal, paying, paid):
    by = ask(ctx, make, paying, actor=STAFF.actor)
    carry(ctx, by)
    before = make.reload(paying)
    now = utc_now()
    assert before.status is Status.CANCELLED
    assert is_open(make, paying, now)
    found = declare(ctx, paying, now=now)
    after = make.reload(paying)
    assert not is_open(make, paying, now + timedelta(seconds=1))
    assert (after.access_until, after.ended_at) == (found.declared_at, min(before.ended_at, found.declared_at))
    assert len(make.requests(paying)) == 1, "PayPal is not asked again"
    assert found.due == Decimal("29.90")


def test_it_takes_the_place_of_an_end_that_is_planned(ctx, make, paying, paid):
    ask(ctx, make, paying, actor=STAFF.actor, wished_on=(utc_now() + 12 * DAY).date())
    found = declare(ctx, paying, now=utc_now())
    states = {row.cause: row.state for row in make.requests(paying)}
    assert states == {None: RequestState.WITHDRAWN, Cause.WITHDRAWN: RequestState.RECORDED}
    assert request_of(ctx, found).due_at is None


@pytest.mark.law("R-FR-33")
def test_the_refund_page_settles_it(ctx, paying, paid):
    found = declare(ctx, paying, now=utc_now())
    refund_id = give_back(ctx, paid)
    carry_refund(ctx, paid, refund_id)
    assert (stored(ctx).refund, stored(ctx).id) == (RefundDuty.REFUNDED, found.id)


def test_after_a_full_refund_nothing_is_left(ctx, paying, paid):
    carry_refund(ctx, paid, give_back(ctx, paid))
    say(ctx, paying, ConsentKind.INFORMED, at=paying.started_at)
    found = declare(ctx, paying, now=utc_now())
    assert (found.due, found.refund) == (0, RefundDuty.NOTHING)


def test_a_part_does_not_settle_it_and_the_rest_is_offered(ctx, paying, paid):
    declare(ctx, paying, now=utc_now())
    carry_refund(ctx, paid, give_back(ctx, paid, "10.00"))
    assert stored(ctx).is_open
    with ctx.db.read() as session:
        found = session.scalars(select(Withdrawal)).one()
        session.refresh(found, ["subscription"])
        (share,) = withdrawal_refunds.shares(session, found)
    assert share.amount.amount == Decimal("19.90")


def test_staff_say_that_it_was_paid_another_way_once(ctx, paying, paid):
    found = declare(ctx, paying, now=utc_now())
    close = {"by": STAFF, "note": "Virement du 3", "now": utc_now()}
    withdrawal_refunds.close(ctx, paying.merchant_id, found.id, RefundDuty.OTHERWISE, **close)
    assert (stored(ctx).refund, stored(ctx).closed_by) == (RefundDuty.OTHERWISE, "Anne")
    with pytest.raises(ClosedAlready):
        withdrawal_refunds.close(ctx, paying.merchant_id, found.id, RefundDuty.NOTHING, **close)
    assert entries(ctx, paying, TimelineKind.WITHDRAWAL_CLOSED) == 1


@pytest.mark.law("R-FR-33")
@pytest.mark.parametrize("word", [RefundDuty.OTHERWISE, RefundDuty.NOTHING])
def test_what_paypal_takes_after_the_word_of_staff_is_a_task_again_with_its_sum_alone(ctx, make, paying, paid, word):
    found = declare(ctx, paying, now=utc_now())
    withdrawal_refunds.close(ctx, paying.merchant_id, found.id, word, by=STAFF, note="Virement du 3", now=utc_now())
    follow(ctx, paying)
    assert stored(ctx).refund is word, "nothing came"
    make.payment(paying, 0)
    follow(ctx, paying)
    again = stored(ctx)
    assert (again.is_open, again.due, again.closed_by) == (True, Decimal("29.90"), "")
    with ctx.db.read() as session:
        row = session.scalars(select(Withdrawal)).one()
        session.refresh(row, ["subscription"])
        (share,) = withdrawal_refunds.shares(session, row)
    assert share.amount.amount == Decimal("29.90")
    withdrawal_refunds.close(ctx, paying.merchant_id, found.id, word, by=STAFF, note="aussi", now=utc_now())
    follow(ctx, paying)
    assert stored(ctx).refund is word
    assert entries(ctx, paying, TimelineKind.WITHDRAWAL_CLOSED) == 2


@pytest.mark.law("R-FR-33")
def test_a_payment_that_was_still_coming_when_staff_spoke_is_a_task_once_it_is_there(ctx, make, paying, paid):
    """A bank takes days for it: it began before the withdrawal, and was not there when the other one was settled."""
    coming = make.payment(paying, 1, state=PaymentState.PENDING)
    found = declare(ctx, paying, now=utc_now())
    for settled, word in ((False, "le premier"), (True, "les deux")):
        close = {"by": STAFF, "note": word, "now": utc_now()}
        withdrawal_refunds.close(ctx, paying.merchant_id, found.id, RefundDuty.OTHERWISE, **close)
        follow(ctx, paying)
        assert not stored(ctx).is_open
        if not settled:
            with ctx.db.begin() as session:
                session.get_one(Payment, coming.id).state = PaymentState.COMPLETED
            follow(ctx, paying)
            assert (stored(ctx).is_open, stored(ctx).due, rest(ctx)) == (True, coming.amount, coming.amount)


def follow(ctx, subscription):
    with ctx.db.begin() as session:
        held = subscriptions.lock(session, subscription.merchant_id, subscription.id)
        withdrawal_refunds.follow(session, held, now=utc_now())


@pytest.mark.law("R-FR-34", "R-EU-6")
@pytest.mark.parametrize(
    ("days", "used", "gone", "closed", "still"),
    [
        (30, 12, "18.00", RefundDuty.REFUNDED, "9.00"),
        (10, 10, "0.00", RefundDuty.NOTHING, "21.00"),  # everything was used, as far as was known
    ],
)
def test_of_a_letter_sent_before_the_rest_is_a_task_again(ctx, make, merchant, days, used, gone, closed, still):
    """Thirty euros for so many days; all that was due had gone back when staff open a letter of the third day."""
    begun = datetime.combine(utc_now().date(), datetime.min.time(), tzinfo=UTC) + 12 * HOUR - used * DAY
    row = make.subscription(merchant=merchant, started_at=begun, paid_until=begun + days * DAY)
    took(ctx, row, at=begun)
    say(ctx, row, ConsentKind.INFORMED, ConsentKind.EXPRESS_REQUEST, at=begun)
    declare(ctx, row, now=begun + used * DAY)
    went_back(ctx, row, gone)
    assert stored(ctx).refund is closed
    by_staff(ctx, row, now=begun + (used + 1) * DAY, at=begun + 3 * DAY)
    again = stored(ctx)
    assert (again.is_open, again.due, again.closed_at) == (True, Decimal(still), None)
    assert rest(ctx) == Decimal(still)
    went_back(ctx, row, Decimal(gone) + Decimal(still))
    assert stored(ctx).refund is RefundDuty.REFUNDED


@pytest.mark.law("R-EU-6")
def test_what_staff_have_said_stands_whatever_was_sent_before(ctx, make, paying, paid):
    found = declare(ctx, paying, now=utc_now())
    close = {"by": STAFF, "note": "Virement du 3", "now": utc_now()}
    withdrawal_refunds.close(ctx, paying.merchant_id, found.id, RefundDuty.OTHERWISE, **close)
    by_staff(ctx, paying, now=utc_now(), at=found.declared_at - DAY)
    assert (stored(ctx).refund, stored(ctx).declared_at) == (RefundDuty.OTHERWISE, found.declared_at - DAY)
    make.payment(paying, 0)
    follow(ctx, paying)
    by_staff(ctx, paying, now=utc_now(), at=found.declared_at - 2 * DAY)
    assert (stored(ctx).is_open, stored(ctx).due) == (True, Decimal("29.90")), "the new payment alone"


def went_back(ctx, subscription, amount):
    """PayPal shows that so much of its payment went back in all."""
    with ctx.db.begin() as session:
        payment = session.scalars(select(Payment).where(Payment.subscription_id == subscription.id)).one()
        payment.refunded = Decimal(amount)
        payment.state = PaymentState.PARTIALLY_REFUNDED if payment.refunded else PaymentState.COMPLETED
    follow(ctx, subscription)


def rest(ctx) -> Decimal:
    with ctx.db.read() as session:
        row = session.scalars(select(Withdrawal)).one()
        session.refresh(row, ["subscription"])
        return withdrawal_refunds.rest(session, row).amount


@pytest.mark.law("R-FR-33")
def test_the_merchant_is_warned_until_it_is_settled(ctx, paying, paid):
    now = utc_now()
    found = declare(ctx, paying, now=now)
    for days, told in ((6, 0), (8, 1), (9, 1), (12, 2), (13.5, 3), (15, 4), (20, 4)):
        withdrawal_notices.warn(ctx, now=now + timedelta(days=days))
        assert mails(ctx).count("merchant_withdrawal_due") == told, f"after {days} days"
    close = {"by": STAFF, "note": "", "now": now}
    withdrawal_refunds.close(ctx, paying.merchant_id, found.id, RefundDuty.OTHERWISE, **close)
    withdrawal_notices.warn(ctx, now=now + 40 * DAY)
    assert mails(ctx).count("merchant_withdrawal_due") == 4


def test_a_warning_that_comes_late_says_the_days_that_are_left(ctx, paying, paid):
    """As of one that staff carry out on the ninth day: the first warning's time has passed."""
    now = utc_now()
    declare(ctx, paying, now=now)
    withdrawal_notices.warn(ctx, now=now + 9 * DAY)
    with ctx.db.read() as session:
        mail = session.scalars(select(Mail).where(Mail.kind == "merchant_withdrawal_due")).one()
    assert "Refund due in 5 days" in said(ctx, mail).subject


@pytest.mark.law("R-FR-46")
def test_one_that_came_by_letter_is_carried_out_as_it_was_sent(ctx, make, paying, paid):
    now = utc_now()
    letter = received_requests.Declaration(
        merchant_id=paying.merchant_id,
        received_at=now - 2 * DAY,
        way=Way.LETTER,
        name="Zoé",
        email=None,
        recorded_by="Anne",
    )
    received = received_requests.record(ctx, letter, now=now)
    found = by_staff(ctx, paying, now=now, at=now - 3 * DAY, received_request_id=received.id, informed_at=now - 2 * DAY)
    assert found.declared_at == now - 3 * DAY
    assert found.refund_due_at == now + 12 * DAY, "fourteen days after the merchant was told"
    with ctx.db.read() as session:
        assert session.get_one(ReceivedRequest, received.id).end_request_id == found.end_request_id


@pytest.mark.law("R-FR-46")
def test_from_what_had_ended_elsewhere_it_closes_by_itself_and_the_refund_is_the_task(ctx, make, merchant):
    now = utc_now()
    gone = make.subscription(
        merchant=merchant, status=Status.CANCELLED, started_at=now - 9 * DAY, ended_at=now - 2 * DAY, at_paypal=False
    )
    make.payment(gone, 9)
    letter = received_requests.Declaration(
        merchant_id=gone.merchant_id, received_at=now, way=Way.PUBLIC_FORM, name="Zoé", email="zoe@client.test"
    )
    received = received_requests.record(ctx, letter, now=now)
    found = by_staff(ctx, gone, now=now, received_request_id=received.id)
    assert (found.end_request_id, found.refund) == (None, RefundDuty.OPEN)
    with ctx.db.read() as session:
        closed = session.get_one(ReceivedRequest, received.id)
        assert (closed.state, closed.settled_by) == (ReceivedState.DISMISSED, "Anne")
        assert "over already" in closed.dismissal
        later = {"before": now + DAY, "limit": 9}
        assert not session.scalars(retention.old_words(gone.merchant_id, **later)).all(), "it proves a withdrawal"
        assert [item.kind for item in inbox.page(session, gone.merchant_id, now=now).items] == [Kind.WITHDRAWAL]
    assert "request_dismissed" not in mails(ctx), "nothing was refused"


def test_staff_without_the_right_to_end_carry_nothing_out(ctx, make, paying):
    with pytest.raises(NotAllowed):
        declare(ctx, paying, now=utc_now(), by=STAFF, role=Role.READER)
    assert make.reload(paying).withdrawn_at is None


@pytest.mark.parametrize("action", [Action.COMPLETE, Action.ABANDON])
def test_any_end_can_be_withdrawn_from_and_keeps_its_word(ctx, make, paying, paid, action):
    carry(ctx, ask(ctx, make, paying, action, actor=STAFF.actor))
    before = make.reload(paying).status
    declare(ctx, paying, now=utc_now())
    assert make.reload(paying).status is before
    assert not is_open(make, paying, utc_now() + timedelta(seconds=1))


@pytest.mark.law("R-FR-31", "R-EU-6")
@pytest.mark.parametrize(("minutes", "said"), [(-1, Verdict.IN_TIME), (0, Verdict.LATE)])
def test_the_last_minute_where_the_customer_lives(ctx, make, merchant, minutes, said):
    """Concluded on Sunday 18 October 2026: the 14th day after is All Saints', a Sunday, so Monday 2 November."""
    martinique = make.customer(merchant, time_zone="America/Martinique")
    begun = datetime(2026, 10, 18, 12, tzinfo=ZoneInfo("Europe/Paris"))
    held = make.subscription(merchant=merchant, customer=martinique, started_at=begun)
    say(ctx, held, ConsentKind.INFORMED, at=begun)
    midnight = datetime(2026, 11, 3, tzinfo=ZoneInfo("America/Martinique"))
    found = declare(ctx, held, now=utc_now(), at=midnight + timedelta(minutes=minutes))
    assert found.verdict is said


@pytest.mark.law("R-FR-49")
def test_who_was_coming_back_does_not_start_anew_what_they_undo(ctx, make):
    held = make.subscription(merchant=make.merchant(), started_at=utc_now() - 5 * DAY)
    carry(ctx, ask(ctx, make, held))
    own = {"merchant_id": held.merchant_id, "customer_id": held.customer_id, "customer_name": "Zoé"}
    back = comebacks.Wish(**own, subscription_id=held.id, language="fr")
    comebacks.start(ctx, back, now=utc_now())
    declare(ctx, held, now=utc_now())
    with ctx.db.read() as session:
        (attempt,) = session.scalars(select(Comeback))
    assert (attempt.trouble, attempt.closed_at is None) == (ComebackTrouble.NOT_OFFERED, False)
    with pytest.raises(NotAllowed):
        comebacks.start(ctx, back, now=utc_now())
