"""Acts on many subscriptions: what the preview counts is what happens, and every row ends in exactly one outcome."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import NoResultFound

from portal.clock import utc_now
from portal.domain.desk.subscription_filters import SubscriptionFilter
from portal.domain.ends.bulk_acts import Effect
from portal.domain.ends.end_requests import Channel, RequestState
from portal.domain.errors import NotAllowed
from portal.domain.law.plan_kinds import PlanKind, Supply
from portal.domain.policies import Actor, Role
from portal.domain.subscriptions import Action, Status
from portal.models import (
    BulkAct,
    BulkRow,
    BulkRowState,
    BulkState,
    EndRequest,
    Hold,
    Mail,
    PayPalAccount,
    Plan,
    Staff,
    Subscription,
    TimelineEntry,
    TimelineKind,
)
from portal.queries.ends import bulk_results
from portal.queries.ends.bulk_results import Result
from portal.services.arrivals import refreshing
from portal.services.bulk import bulk_acts, bulk_choices, bulk_previews, bulk_running
from portal.services.bulk.bulk_acts import NotNow, Person
from portal.services.bulk.bulk_choices import BadChoice, Choice, Fault
from portal.services.bulk.bulk_previews import AccessEffect
from portal.services.carrying import end_carrying
from portal.services.ends import end_requests
from portal.services.inbox import notifications
from portal.services.inbox.notifications import Notification
from tests.services.carrying.carried import Killed, wish_of

STATES = list(Status)


@pytest.fixture
def merchant(make):
    return make.merchant()


@pytest.fixture
def anne(ctx, merchant):
    return hired(ctx, merchant)


PAUSED = SubscriptionFilter(states=(Status.PAUSED,))


def hired(ctx, merchant, role=Role.SUPPORT) -> Person:
    row = Staff(
        merchant_id=merchant.id, email=f"{uuid.uuid4()}@desk.test", name="Anne", password_hash="x", totp_secret=b"x"
    )
    with ctx.db.begin() as session:
        session.add(row)
    return Person(merchant_id=merchant.id, id=row.id, name="Anne", role=role)


def start(ctx, who, subscriptions, action=Action.CANCEL) -> uuid.UUID:
    act_id = bulk_choices.draft(ctx, who, action, Choice(ids=[one.id for one in subscriptions]), now=utc_now())
    bulk_acts.confirm(ctx, who, act_id, provider_note="Merci", internal_note="season over", now=utc_now())
    return act_id


def act_of(ctx, act_id) -> BulkAct:
    with ctx.db.read() as session:
        return session.get_one(BulkAct, act_id)


def rows_of(ctx, act_id) -> list[BulkRow]:
    with ctx.db.read() as session:
        rows = select(BulkRow).where(BulkRow.bulk_act_id == act_id).order_by(BulkRow.position)
        return list(session.scalars(rows))


def plan(ctx, act_id, *, now=None) -> None:
    """What the planner's newest job does."""
    bulk_running.plan(ctx, act_id, act_of(ctx, act_id).turn, now=now or utc_now())


def given(ctx, act_id) -> list[uuid.UUID]:
    return [row.id for row in rows_of(ctx, act_id) if row.given_at and row.state is BulkRowState.WAITING]


def run(ctx, act_id, *, most=40) -> None:
    """Let planner and rows work in turn until the act is over or held, as the workers' jobs would."""
    for _ in range(most):
        with ctx.db.begin() as session:
            session.execute(update(BulkAct).values(paced_at=None))
        plan(ctx, act_id)
        for row_id in given(ctx, act_id):
            bulk_running.run_row(ctx, row_id)
        act = act_of(ctx, act_id)
        if act.state is not BulkState.RUNNING or act.held is not Hold.NONE:
            return
    raise AssertionError("the act never ended")


def results(ctx, act_id) -> dict[Result, int]:
    with ctx.db.read() as session:
        return bulk_results.results(session, act_id)


def test_what_a_row_costs_the_database(ctx, make, merchant, anne, statements):
    """performance.md: at most 40 statements, of a merchant who has had an end; the next rows are given out with it."""
    first, second, third = (make.subscription(merchant=merchant) for _ in range(3))
    run(ctx, start(ctx, anne, [first]))
    act_id = start(ctx, anne, [second, third])
    plan(ctx, act_id)
    row_id = given(ctx, act_id)[0]
    with statements() as seen:
        bulk_running.run_row(ctx, row_id)
    assert results(ctx, act_id)[Result.CONFIRMED] == 1
    costs = [
        one for one in seen if not one.startswith("UPDATE bulk_acts")
    ]  # the act's pace moves with time, not by rows
    assert len(costs) <= 40, "\n".join([str(len(seen)), *(one[:90] for one in seen)])


def calls_of(paypal, subscription) -> int:
    return sum(1 for call in paypal.calls if call.operation == "cancel" and subscription.provider_id in str(call))


@pytest.mark.parametrize("action", [Action.CANCEL, Action.COMPLETE, Action.ABANDON])
def test_nor_is_one_who_notified_after_it_was_planned(ctx, make, paypal, merchant, anne, action):
    theirs = make.subscription(merchant=merchant)
    day = (utc_now() + timedelta(days=90)).date()
    by = {"actor": Actor.STAFF, "role": Role.SUPPORT, "channel": Channel.STAFF, "customer_id": None}
    end_requests.record(ctx, replace(wish_of(theirs), **by, wished_on=day), now=utc_now())
    asked = Notification(
        merchant_id=merchant.id, customer_id=theirs.customer_id, subscription_id=theirs.id, wished_on=day
    )
    notifications.notify(ctx, asked, now=utc_now())
    act_id = start(ctx, anne, [theirs], action)
    run(ctx, act_id)
    assert [row.reason for row in rows_of(ctx, act_id)] == ["wished_later" if action is Action.CANCEL else "notified"]
    assert make.reload(theirs).status is Status.ACTIVE
    assert paypal.cancelled == []


@pytest.mark.parametrize("is_planned", [False, True], ids=["waits", "planned by staff"])
def test_whoever_asked_for_a_later_day_is_not_ended_at_once(ctx, make, paypal, merchant, anne, is_planned):
    theirs, other = make.subscription(merchant=merchant), make.subscription(merchant=merchant)
    day = (utc_now() + timedelta(days=90)).date()
    asked = Notification(
        merchant_id=merchant.id, customer_id=theirs.customer_id, subscription_id=theirs.id, wished_on=day
    )
    received = notifications.notify(ctx, asked, now=utc_now())
    if is_planned:
        by = {"actor": Actor.STAFF, "role": Role.SUPPORT, "channel": Channel.STAFF, "customer_id": None}
        wish = replace(wish_of(theirs), **by, wished_on=day, received_request_id=received.id)
        end_requests.record(ctx, wish, now=utc_now())
    act_id = start(ctx, anne, [theirs, other])
    with ctx.db.read() as session:
        seen = bulk_previews.count(session, session.get_one(BulkAct, act_id), now=utc_now())
    assert (seen.effects[Effect.WISHED_LATER], seen.effects[Effect.AT_PAYPAL]) == (1, 1)
    run(ctx, act_id)
    assert [make.reload(one).status for one in (theirs, other)] == [Status.ACTIVE, Status.CANCELLED]
    assert sorted(row.reason for row in rows_of(ctx, act_id)) == ["", "wished_later"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("action", [Action.CANCEL, Action.COMPLETE, Action.ABANDON])
def test_the_preview_counts_exactly_what_then_happens(ctx, make, paypal, merchant, anne, action):
    """It takes long because every kind of row there is, is ended for real."""
    kinds = [
        make.product(merchant, contents=(("Now", 0), ("Later", 300)), keep_after_cancellation=True),
        make.product(merchant, stops_at_once=True),
        make.product(merchant, keep_after_completion=True),
    ]
    bag = [make.subscription(product=kind, status=status) for kind in kinds for status in STATES]
    bag.append(make.subscription(product=kinds[1], paid_until=None, relaunch_allowed=False))
    nowhere = make.subscription(product=kinds[1], customer=make.customer(merchant, email=None))
    bag.append(nowhere)
    asked = make.subscription(product=kinds[2])
    end_requests.record(ctx, wish_of(asked), now=utc_now())
    bag.append(asked)
    for one in bag:  # what is known here is what PayPal shows: a preview can count nothing else
        refreshing.refresh(ctx, merchant.id, one.id, now=utc_now())

    act_id = bulk_choices.draft(ctx, anne, action, Choice(ids=[one.id for one in bag]), now=utc_now())
    with ctx.db.read() as session:
        seen = bulk_previews.count(session, session.get_one(BulkAct, act_id), now=utc_now())
    assert seen.effects.total() == len(bag)
    assert paypal.count("cancel") == 0
    before = {one.id: make.reload(one).status for one in bag}

    bulk_acts.confirm(ctx, anne, act_id, provider_note="Merci", internal_note="", now=utc_now())
    run(ctx, act_id)
    now = utc_now()
    after = {one.id: make.reload(one) for one in bag}
    states = Counter((row.state, row.reason) for row in rows_of(ctx, act_id))
    assert states[BulkRowState.ASKED, ""] == seen.asked
    assert states[BulkRowState.LOCAL, ""] == seen.effects[Effect.LOCAL]
    for effect in (Effect.IS_OVER, Effect.NOT_POSSIBLE, Effect.HAS_REQUEST):
        assert states[BulkRowState.SKIPPED, effect.value] == seen.effects[effect]
    found = results(ctx, act_id)
    assert found.get(Result.NEVER_STARTED, 0) == seen.effects[Effect.NOT_BEGUN]
    assert found.get(Result.CONFIRMED, 0) == seen.asked - seen.effects[Effect.NOT_BEGUN]
    # PayPal was called for as many as were said, and what it was told of is over there.
    assert paypal.count("cancel") == seen.effects[Effect.AT_PAYPAL]
    changed = [one for one in after.values() if one.status is not before[one.id]]
    assert len(changed) == seen.acts
    ended = [one for one in changed if before[one.id] not in ("completed", "cancelled", "abandoned")]
    latest = max((one.access_until for one in ended if one.access_until and one.access_until > now), default=None)
    assert (
        sum(one.access_until is not None and one.access_until > now for one in ended) == seen.access[AccessEffect.LATER]
    )
    assert latest == seen.latest
    assert (
        sum(one.access_until is not None and one.access_until <= now for one in ended)
        == seen.access[AccessEffect.AT_ONCE]
    )
    assert seen.access.total() == seen.asked
    invitable = sum(one.status is Status.CANCELLED and one.relaunch_allowed and one.id != nowhere.id for one in ended)
    assert invitable == seen.invitable


def test_the_preview_counts_those_alone_whom_a_message_may_lead_back(ctx, make, merchant, anne):
    plain, spread = make.subscription(merchant=merchant), make.subscription(merchant=merchant)
    silent = make.subscription(merchant=merchant, customer=make.customer(merchant, contact_allowed=False))
    left = make.subscription(merchant=merchant)
    make.subscription(merchant=merchant, customer=left.customer, status=Status.ABANDONED, at_paypal=False)
    with ctx.db.begin() as session:
        values = {"kind": PlanKind.INSTALMENTS, "supply": Supply.CONTINUING, "total_cycles": 10}
        session.execute(update(Plan).where(Plan.id == spread.plan_id).values(**values))
    chosen = Choice(ids=[plain.id, spread.id, silent.id, left.id])
    act_id = bulk_choices.draft(ctx, anne, Action.CANCEL, chosen, now=utc_now())
    with ctx.db.read() as session:
        seen = bulk_previews.count(session, session.get_one(BulkAct, act_id), now=utc_now())
    assert (seen.asked, seen.invitable) == (4, 1)


def test_each_end_is_the_engines_own(ctx, make, paypal, merchant, anne):
    subscription = make.subscription()
    act_id = start(ctx, anne, [subscription])
    run(ctx, act_id)
    (request,) = make.requests(subscription)
    assert (request.actor, request.channel, request.actor_name) == (Actor.STAFF, Channel.BULK, "Anne")
    assert (request.provider_note, request.reason_text) == ("Merci", "season over")
    assert act_of(ctx, act_id).state is BulkState.DONE
    with ctx.db.read() as session:
        kinds = session.scalars(select(TimelineEntry.kind).where(TimelineEntry.channel == Channel.BULK)).all()
        mails = session.scalars(select(Mail.kind)).all()
        ranks = session.execute(text("SELECT DISTINCT task_name, priority FROM procrastinate_jobs")).all()
    assert sorted(kinds) == [TimelineKind.END_REQUESTED, TimelineKind.ENDED]
    assert mails == ["end_confirmed"]  # to the customer; none to the merchant
    assert ("end_requests.carry_out", 0) in [tuple(row) for row in ranks]  # behind every customer's own


def test_a_choice_takes_only_ones_own_and_acts_of_others_are_unknown(ctx, make, merchant, anne):
    mine, foreign = make.subscription(merchant=merchant), make.subscription(merchant=make.merchant())
    act_id = start(ctx, anne, [mine, foreign])
    assert [row.subscription_id for row in rows_of(ctx, act_id)] == [mine.id]
    stranger = hired(ctx, make.merchant())
    for act in (bulk_acts.stop, bulk_acts.resume, bulk_acts.drop):
        with pytest.raises(NoResultFound):
            act(ctx, stranger, act_id, now=utc_now())
    with pytest.raises(BadChoice) as nothing:
        bulk_choices.draft(ctx, anne, Action.CANCEL, Choice(ids=[foreign.id]), now=utc_now())
    assert nothing.value.fault is Fault.NOTHING
    with pytest.raises(NotAllowed):
        bulk_choices.draft(ctx, hired(ctx, merchant, Role.READER), Action.CANCEL, Choice(), now=utc_now())


def test_filters_freeze_what_they_find_now_up_to_the_cap(ctx, make, merchant, anne, monkeypatch):
    wanted = [make.subscription(status=Status.PAUSED) for _ in range(3)]
    make.subscription()
    act_id = bulk_choices.draft(ctx, anne, Action.CANCEL, Choice(filter=PAUSED), now=utc_now())
    make.subscription(status=Status.PAUSED)  # comes too late
    assert {row.subscription_id for row in rows_of(ctx, act_id)} == {one.id for one in wanted}
    monkeypatch.setattr(bulk_choices, "MOST_ROWS", 3)
    with pytest.raises(BadChoice) as many:
        bulk_choices.draft(ctx, anne, Action.CANCEL, Choice(filter=PAUSED), now=utc_now())
    assert many.value.fault is Fault.TOO_MANY
    with ctx.db.read() as session:
        assert session.scalar(select(func.count()).select_from(BulkAct)) == 1


def test_many_are_gathered_by_a_worker_once_and_say_the_same_as_a_few(ctx, make, merchant, anne, monkeypatch):
    wanted = [make.subscription(status=Status.PAUSED) for _ in range(3)]
    few = bulk_choices.draft(ctx, anne, Action.CANCEL, Choice(filter=PAUSED), now=utc_now())
    monkeypatch.setattr(bulk_choices, "AT_ONCE", 2)
    many = bulk_choices.draft(ctx, anne, Action.CANCEL, Choice(filter=PAUSED), now=utc_now())
    assert (act_of(ctx, many).state, rows_of(ctx, many)) == (BulkState.PREPARING, [])
    with pytest.raises(NotNow):
        bulk_acts.confirm(ctx, anne, many, provider_note="", internal_note="", now=utc_now())
    bulk_choices.prepare(ctx, many, now=utc_now())
    make.subscription(status=Status.PAUSED)
    bulk_choices.prepare(ctx, many, now=utc_now())  # the job runs twice
    assert {row.subscription_id for row in rows_of(ctx, many)} == {one.id for one in wanted}
    with ctx.db.read() as session:
        counted = [bulk_previews.of_act(session, act_of(ctx, one), now=utc_now()) for one in (few, many)]
    assert counted[0] == counted[1]
    assert counted[1].asked == 3


@pytest.mark.parametrize(("most", "fault"), [(2, Fault.TOO_MANY), (10, Fault.NOTHING)])
def test_what_a_worker_cannot_make_an_act_of_says_why_and_can_never_run(
    ctx, make, merchant, anne, monkeypatch, most, fault
):
    wanted = [make.subscription(status=Status.PAUSED) for _ in range(3)]
    monkeypatch.setattr(bulk_choices, "AT_ONCE", 2)
    monkeypatch.setattr(bulk_choices, "MOST_ROWS", most)
    act_id = bulk_choices.draft(ctx, anne, Action.CANCEL, Choice(filter=PAUSED), now=utc_now())
    if fault is Fault.NOTHING:
        with ctx.db.begin() as session:
            found = Subscription.id.in_([one.id for one in wanted])
            session.execute(update(Subscription).where(found).values(status=Status.ACTIVE))
    bulk_choices.prepare(ctx, act_id, now=utc_now())
    assert act_of(ctx, act_id).state is BulkState.UNFIT
    assert bulk_choices.fault_of(act_of(ctx, act_id)) is fault
    assert rows_of(ctx, act_id) == []
    with pytest.raises(NotNow):
        bulk_acts.confirm(ctx, anne, act_id, provider_note="", internal_note="", now=utc_now())


def test_a_choice_whose_job_was_lost_is_gathered_all_the_same(ctx, make, merchant, anne, monkeypatch):
    make.subscription(), make.subscription()
    monkeypatch.setattr(bulk_choices, "AT_ONCE", 1)
    act_id = bulk_choices.draft(ctx, anne, Action.CANCEL, Choice(), now=utc_now())
    assert bulk_choices.sweep(ctx, now=utc_now()) == 0
    with ctx.db.begin() as session:
        session.execute(text("DELETE FROM procrastinate_jobs"))
    assert bulk_choices.sweep(ctx, now=utc_now() + timedelta(minutes=3)) == 1
    with ctx.db.read() as session:
        jobs = session.execute(text("SELECT task_name, args FROM procrastinate_jobs")).all()
    assert [tuple(job) for job in jobs] == [("bulk_acts.prepare", {"act_id": str(act_id)})]


def test_the_pace_and_the_number_at_once_bound_what_is_given_out(ctx, make, merchant, anne):
    act_id = start(ctx, anne, [make.subscription() for _ in range(6)])
    now = utc_now()
    plan(ctx, act_id, now=now)
    plan(ctx, act_id, now=now)  # no room: those given have no outcome yet
    assert len(given(ctx, act_id)) == bulk_running.ROWS_PER_WORKER
    with ctx.db.begin() as session:  # as if the pace were used up a moment ago
        session.execute(update(BulkRow).where(BulkRow.given_at.is_not(None)).values(given_at=None))
        session.execute(update(BulkAct).values(paced_at=now))
    plan(ctx, act_id, now=now + timedelta(milliseconds=100))
    assert given(ctx, act_id) == []
    plan(ctx, act_id, now=now + timedelta(milliseconds=210))  # five a second: one every 200 ms
    assert len(given(ctx, act_id)) == 1


def test_a_doubled_planner_and_doubled_rows_change_nothing(ctx, make, paypal, merchant, anne):
    subscriptions = [make.subscription() for _ in range(2)]
    act_id = start(ctx, anne, subscriptions)
    turn = act_of(ctx, act_id).turn
    bulk_running.plan(ctx, act_id, turn, now=utc_now())
    bulk_running.plan(ctx, act_id, turn, now=utc_now())
    assert act_of(ctx, act_id).turn == turn + 1
    for row_id in given(ctx, act_id) * 2:
        bulk_running.run_row(ctx, row_id)
    assert paypal.count("cancel") == 2
    assert [len(make.requests(one)) for one in subscriptions] == [1, 1]


def test_stop_leaves_the_rest_resume_goes_on_and_dropping_says_so(ctx, make, paypal, merchant, anne):
    subscriptions = [make.subscription() for _ in range(4)]
    act_id = start(ctx, anne, subscriptions)
    plan(ctx, act_id)
    first, second = given(ctx, act_id)
    bulk_running.run_row(ctx, first)
    bulk_acts.stop(ctx, anne, act_id, now=utc_now())
    bulk_running.run_row(ctx, second)  # its job comes after the stop
    plan(ctx, act_id)
    assert paypal.count("cancel") == 1
    assert results(ctx, act_id) == {Result.CONFIRMED: 1, Result.WAITING: 3}
    with pytest.raises(NotNow):
        bulk_acts.stop(ctx, anne, act_id, now=utc_now())
    bulk_acts.resume(ctx, anne, act_id, now=utc_now())
    plan(ctx, act_id)
    bulk_running.run_row(ctx, given(ctx, act_id)[0])
    bulk_acts.stop(ctx, anne, act_id, now=utc_now())
    bulk_acts.drop(ctx, anne, act_id, now=utc_now())
    assert act_of(ctx, act_id).state is BulkState.DROPPED
    assert results(ctx, act_id) == {Result.CONFIRMED: 2, Result.SKIPPED: 2}
    assert paypal.count("cancel") == 2


@pytest.mark.parametrize("point", ["before", "recorded", "carried"])
def test_16_a_worker_that_dies_at_any_point_leaves_one_outcome(ctx, make, paypal, merchant, anne, monkeypatch, point):
    def die(*_positional, **_named):
        raise Killed

    subscription = make.subscription()
    act_id = start(ctx, anne, [subscription])
    plan(ctx, act_id)
    (row_id,) = given(ctx, act_id)
    module, name = {
        "before": (end_requests, "record"),
        "recorded": (end_carrying, "carry_out"),
        "carried": (bulk_running, "_next_rows"),
    }[point]
    with monkeypatch.context() as dying:
        dying.setattr(module, name, die)
        with pytest.raises(Killed):
            bulk_running.run_row(ctx, row_id)
    later = utc_now() + timedelta(minutes=5)
    with ctx.db.begin() as session:  # the jobs are lost as well
        session.execute(text("DELETE FROM procrastinate_jobs"))
    assert bulk_running.sweep(ctx, now=later) >= 1
    run(ctx, act_id)
    if point == "recorded":  # the request's own job goes on
        end_carrying.carry_out(ctx, merchant.id, make.requests(subscription)[0].id)
    assert results(ctx, act_id) == {Result.CONFIRMED: 1}
    assert len(make.requests(subscription)) == 1
    assert paypal.count("cancel") == 1
    with ctx.db.read() as session:
        assert session.scalars(select(Mail.kind)).all() == ["end_confirmed"]


def test_a_silent_paypal_makes_rows_wait_holds_the_rest_and_all_finish_later(
    ctx, make, paypal, merchant, anne, monkeypatch
):
    monkeypatch.setattr(bulk_running, "MOST_UNANSWERED", 2)
    act_id = start(ctx, anne, [make.subscription() for _ in range(5)])
    paypal.rule("any", "500")
    run(ctx, act_id)
    assert act_of(ctx, act_id).held is Hold.SILENCE
    found = results(ctx, act_id)
    assert found[Result.UNDER_WAY] < 5
    assert Result.CONFIRMED not in found
    paypal.clear_rules()
    with ctx.db.begin() as session:
        session.execute(update(EndRequest).values(next_try_at=None))
    with ctx.db.read() as session:
        asked = session.scalars(select(EndRequest.id)).all()
    for request_id in asked:
        end_carrying.carry_out(ctx, merchant.id, request_id)
    run(ctx, act_id)
    assert results(ctx, act_id) == {Result.CONFIRMED: 5}
    assert act_of(ctx, act_id).state is BulkState.DONE


def test_a_refused_key_gives_one_mail_and_holds_the_rest(ctx, make, paypal, merchant, anne):
    act_id = start(ctx, anne, [make.subscription() for _ in range(5)])
    paypal.rule("any", "401")
    run(ctx, act_id)
    assert act_of(ctx, act_id).held is Hold.KEY
    found = results(ctx, act_id)
    assert found[Result.NEEDS_MERCHANT] >= 1
    assert found[Result.WAITING] >= 1
    with ctx.db.read() as session:
        assert session.scalars(select(Mail.kind)).all() == ["merchant_needs_you"]


def test_rows_paypal_does_not_know_give_one_mail_not_one_each(ctx, make, paypal, merchant, anne):
    subscriptions = [make.subscription(at_paypal=False) for _ in range(3)]
    act_id = start(ctx, anne, subscriptions)
    run(ctx, act_id)
    assert results(ctx, act_id) == {Result.NEEDS_MERCHANT: 3}
    with ctx.db.read() as session:
        assert session.scalars(select(Mail.kind)).all() == ["merchant_needs_you"]


def test_paypals_calm_is_kept_until_its_end(ctx, make, paypal, merchant, anne):
    act_id = start(ctx, anne, [make.subscription()])
    until = utc_now() + timedelta(minutes=3)
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(calm_until=until))
    plan(ctx, act_id)
    assert act_of(ctx, act_id).held is Hold.CALM
    assert given(ctx, act_id) == []
    plan(ctx, act_id, now=until + timedelta(seconds=1))
    assert len(given(ctx, act_id)) == 1


def test_two_acts_over_the_same_rows_go_one_after_the_other(ctx, make, paypal, merchant, anne):
    subscriptions = [make.subscription() for _ in range(3)]
    one = start(ctx, anne, subscriptions)
    other = start(ctx, anne, subscriptions, Action.ABANDON)
    plan(ctx, other)
    assert act_of(ctx, other).held is Hold.TURN
    run(ctx, one)
    run(ctx, other)
    assert results(ctx, one) == {Result.CONFIRMED: 3}
    assert results(ctx, other) == {Result.LOCAL: 3}
    assert {make.reload(row).status for row in subscriptions} == {Status.ABANDONED}
    assert paypal.count("cancel") == 3


def test_one_that_ended_after_the_preview_says_so(ctx, make, paypal, merchant, anne):
    subscription, other = make.subscription(), make.subscription()
    act_id = start(ctx, anne, [subscription, other])
    recorded = end_requests.record(ctx, wish_of(subscription), now=utc_now())
    end_carrying.carry_out(ctx, merchant.id, recorded.request_id)
    end_requests.record(ctx, wish_of(other), now=utc_now())
    run(ctx, act_id)
    reasons = {row.subscription_id: (row.state, row.reason) for row in rows_of(ctx, act_id)}
    assert reasons[subscription.id] == (BulkRowState.SKIPPED, "is_over")
    assert reasons[other.id] == (BulkRowState.SKIPPED, "has_request")
    assert paypal.count("cancel") == 1


def test_an_end_between_the_look_and_the_lock_is_seen(ctx, make, paypal, merchant, anne, monkeypatch):
    """An abandon whose subscription is cancelled meanwhile becomes the local change, with one request in all."""
    subscription = make.subscription()
    act_id = start(ctx, anne, [subscription], Action.ABANDON)
    real = end_requests.record

    def overtaken(*positional, **named):
        monkeypatch.setattr(end_requests, "record", real)
        recorded = real(ctx, wish_of(subscription), now=utc_now())
        end_carrying.carry_out(ctx, merchant.id, recorded.request_id)
        return real(*positional, **named)

    monkeypatch.setattr(end_requests, "record", overtaken)
    run(ctx, act_id)
    assert results(ctx, act_id) == {Result.LOCAL: 1}
    assert [row.state for row in make.requests(subscription)] == [RequestState.CONFIRMED]
    assert make.reload(subscription).status is Status.ABANDONED


def test_drafts_are_forgotten_after_a_day_and_nothing_else(ctx, make, merchant, anne):
    subscription = make.subscription()
    choice = Choice(ids=[subscription.id])
    bulk_choices.draft(ctx, anne, Action.CANCEL, choice, now=utc_now() - timedelta(hours=25))
    kept = bulk_choices.draft(ctx, anne, Action.CANCEL, choice, now=utc_now())
    running = start(ctx, anne, [subscription])
    with ctx.db.begin() as session:
        session.execute(update(BulkAct).where(BulkAct.id == running).values(created_at=utc_now() - timedelta(days=9)))
    bulk_choices.purge(ctx, now=utc_now())
    with ctx.db.read() as session:
        assert set(session.scalars(select(BulkAct.id))) == {kept, running}
        assert session.scalar(select(func.count()).select_from(Subscription)) == 1


def test_a_job_goes_on_with_the_next_rows_for_some_seconds(ctx, make, merchant, anne, paypal):
    monthly = [make.subscription(merchant=merchant) for _ in range(5)]
    act_id = start(ctx, anne, monthly)
    bulk_running.plan(ctx, act_id, act_of(ctx, act_id).turn, now=utc_now())
    first = given(ctx, act_id)[0]
    bulk_running.run_row(ctx, first, seconds=20)
    ended = [one for one in monthly if make.reload(one).status is Status.CANCELLED]
    # One row of those given at first has a job of its own; whoever runs it, nothing is done twice.
    assert len(ended) >= 3
    for row_id in given(ctx, act_id):
        bulk_running.run_row(ctx, row_id)
    assert all(make.reload(one).status is Status.CANCELLED for one in monthly)
    assert [len(make.requests(one)) for one in monthly] == [1] * 5
