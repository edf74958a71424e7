"""Lists of classic profiles: a result per row, however often interrupted; one bad row stops nobody."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from portal import queue
from portal.clock import utc_now
from portal.jobs import run_worker
from portal.models import (
    Customer,
    ImportState,
    KeyState,
    PayPalAccount,
    ProfileImport,
    ProfileImportRow,
    Provider,
    Subscription,
)
from portal.services.imports import profile_import_reading, profile_imports
from portal.services.imports.imports import AlreadyRunning
from portal.services.imports.profile_import_files import BadFile
from portal.services.keys import paypal_keys
from portal.services.paypal.gateways import NoKey


@pytest.fixture
def merchant(make):
    return make.classic_merchant()


@pytest.fixture
def bring(ctx, merchant):
    """Bring a list of ids; returns it as stored."""

    def start(*ids: str, to=None) -> ProfileImport:
        content = "\n".join(ids).encode()
        return profile_imports.start(ctx, (to or merchant).id, file_name="liste.csv", content=content, now=utc_now())

    return start


def read(ctx, made, **more) -> ProfileImport:
    """Run one job's share, and return the list as it then stands."""
    profile_import_reading.run_share(ctx, made.id, gap=0, **more)
    with ctx.db.read() as session:
        return session.get_one(ProfileImport, made.id)


def results(ctx, made) -> list[tuple[int, str, str]]:
    with ctx.db.read() as session:
        statement = select(ProfileImportRow).where(ProfileImportRow.profile_import_id == made.id)
        return [
            (row.line, row.state.value, row.reason)
            for row in session.scalars(statement.order_by(ProfileImportRow.line))
        ]


def counts(found) -> tuple[int, int, int, int]:
    return found.total, found.added, found.known, found.failed


def jobs(ctx) -> list[tuple[str | None, int, bool]]:
    """The lock of each waiting job, its count of waits, and whether it waits for a later time."""
    with ctx.db.read() as session:
        return [
            tuple(row)
            for row in session.execute(
                text(
                    "SELECT lock, (args ->> 'waits')::int, scheduled_at > now() FROM procrastinate_jobs"
                    " WHERE task_name = :task AND status = 'todo' ORDER BY id"
                ),
                {"task": queue.RUN_PROFILE_IMPORT},
            )
        ]


def test_each_row_has_its_own_result(ctx, make, bring, paypal, merchant):
    new = paypal.add_profile(email="new@client.test")
    known = make.profile(merchant=merchant)
    paypal.add_classic_account("other_api1.client.test", "x", "y")
    foreign = paypal.add_profile(user="other_api1.client.test")
    rest = make.subscription(merchant=merchant)
    made = bring(
        new.id, known.provider_id, foreign.id, "I-NOBODY000000", "S-1AB23456CD789012E", new.id, rest.provider_id, "I-x"
    )
    assert (counts(made), made.state) == ((8, 0, 0, 3), ImportState.RUNNING)
    found = read(ctx, made)
    assert results(ctx, made) == [
        (1, "added", ""),
        (2, "known", ""),
        (3, "failed", "unknown_profile"),
        (4, "failed", "unknown_profile"),
        (5, "failed", "old_id"),
        (6, "failed", "duplicate"),
        (7, "failed", "unknown_profile"),
        (8, "failed", "not_an_id"),
    ]
    assert (counts(found), found.state) == ((8, 1, 1, 6), ImportState.DONE)
    assert found.finished_at is not None
    assert paypal.count("nvp_get") == 5


def list_of(rows):
    return "\n".join(f"I-{number:012d}" for number in range(rows)).encode()


def test_a_list_takes_little_memory(ctx, merchant):
    """A tenth of the longest list: to watch every allocation takes several times as long as to make them."""
    content = list_of(20_000)
    tracemalloc.start()
    try:
        profile_imports.start(ctx, merchant.id, file_name="", content=content, now=utc_now())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * 1024 * 1024  # the text in memory, and one id a row to find doubles


def test_a_bad_file_stores_nothing_even_when_it_turns_bad_late(ctx, bring, merchant):
    content = "\n".join([*(f"I-{number:012d}" for number in range(5000)), "I-A;I-B"]).encode()
    with pytest.raises(BadFile):
        profile_imports.start(ctx, merchant.id, file_name="x", content=content, now=utc_now())
    with ctx.db.read() as session:
        assert session.scalar(select(func.count()).select_from(ProfileImportRow)) == 0
        assert session.scalar(select(func.count()).select_from(ProfileImport)) == 0
    assert jobs(ctx) == []


def test_a_list_without_anything_to_ask_is_done_at_once(ctx, bring):
    made = bring("S-1AB23456CD789012E")
    assert (made.state, counts(made)) == (ImportState.DONE, (1, 0, 0, 1))
    assert jobs(ctx) == []


def test_one_unfinished_list_a_merchant(ctx, make, bring, merchant):
    first = bring("I-AAAAAAAA1111")
    with pytest.raises(AlreadyRunning) as refused:
        bring("I-BBBBBBBB2222")
    assert refused.value.run_id == first.id
    other = make.classic_merchant()
    bring("I-BBBBBBBB2222", to=other)
    with pytest.raises(NoKey):
        bring("I-AAAAAAAA1111", to=make.merchant(key=False))


def test_a_long_list_goes_from_job_to_job(ctx, bring, paypal, monkeypatch):
    monkeypatch.setattr(profile_import_reading, "ROWS_PER_JOB", 4)
    profiles = [paypal.add_profile(email=f"c{number}@client.test") for number in range(10)]
    made = bring(*(profile.id for profile in profiles))
    for done in (4, 8, 10):
        run_worker(ctx, wait=False, concurrency=1)
        with ctx.db.read() as session:
            assert session.get_one(ProfileImport, made.id).added >= done
    with ctx.db.read() as session:
        found = session.get_one(ProfileImport, made.id)
        assert session.scalar(select(func.count()).select_from(Subscription)) == 10
        assert session.scalar(select(func.count()).select_from(Customer)) == 10
    assert (counts(found), found.state) == ((10, 10, 0, 0), ImportState.DONE)
    assert paypal.count("nvp_get") == 10
    assert jobs(ctx) == []


def test_a_job_that_runs_again_asks_only_for_what_is_left(ctx, bring, paypal):
    profile = paypal.add_profile()
    made = bring(profile.id)
    read(ctx, made)
    found = read(ctx, made)
    assert counts(found) == (1, 1, 0, 0)
    assert paypal.count("nvp_get") == 1


def test_one_silence_is_tried_again_and_a_second_one_fails_the_row_alone(ctx, bring, paypal):
    profiles = [paypal.add_profile(email=f"c{number}@client.test") for number in range(3)]
    paypal.rule("nvp_get", "500", 1, only=profiles[0].id)
    paypal.rule("nvp_get", "nvp-no-ack", 2, only=profiles[1].id)
    made = bring(*(profile.id for profile in profiles))
    found = read(ctx, made)
    assert results(ctx, made) == [(1, "added", ""), (2, "failed", "no_answer"), (3, "added", "")]
    assert found.state is ImportState.DONE


def test_when_paypal_is_away_the_rest_waits_and_goes_on(ctx, bring, paypal):
    profiles = [paypal.add_profile(email=f"c{number}@client.test") for number in range(5)]
    paypal.rule("nvp_get", "nvp-10101", 3, skip=1)
    made = bring(*(profile.id for profile in profiles))
    found = read(ctx, made)
    assert (counts(found), found.state) == ((5, 1, 0, 0), ImportState.RUNNING)
    assert found.error.startswith("unavailable")
    # It holds no lock while it waits: another merchant's list would stand behind it.
    assert jobs(ctx)[-1] == (None, 0, True)
    found = read(ctx, made)
    assert (counts(found), found.state, found.error) == ((5, 5, 0, 0), ImportState.DONE, "")


def test_after_two_hours_of_silence_it_stops_and_somebody_may_go_on(ctx, bring, paypal, merchant):
    profiles = [paypal.add_profile(email=f"c{number}@client.test") for number in range(3)]
    paypal.rule("nvp_get", "500", 6)
    made = bring(*(profile.id for profile in profiles))
    found = read(ctx, made, waits=23)
    assert (found.state, jobs(ctx)[-1][1]) == (ImportState.RUNNING, 24)
    found = read(ctx, made, waits=24)
    assert (found.state, found.error.split()[0]) == (ImportState.STOPPED, "unavailable")
    profile_imports.resume(ctx, merchant.id, made.id, now=utc_now())
    assert read(ctx, made).state is ImportState.DONE


def test_too_many_calls_wait_as_long_as_paypal_asks(ctx, bring, paypal):
    profile = paypal.add_profile()
    paypal.rule("nvp_get", "429", 1, retry_after=600)
    made = bring(profile.id)
    before = utc_now()
    found = read(ctx, made)
    assert (found.state, found.error.split()[0]) == (ImportState.RUNNING, "rate_limited")
    with ctx.db.read() as session:
        calm = session.scalars(select(PayPalAccount.calm_until)).one()
        due = session.scalar(text("SELECT max(scheduled_at) FROM procrastinate_jobs"))
    assert calm >= before + timedelta(seconds=600)
    assert due >= before + timedelta(seconds=600)
    read(ctx, made)  # a job that comes too early asks nothing
    assert paypal.count("nvp_get") == 1


@pytest.mark.parametrize(("behaviour", "reason"), [("401", "bad_credentials"), ("403", "forbidden")])
def test_a_refused_key_stops_it_and_a_working_one_goes_on(ctx, bring, paypal, merchant, behaviour, reason):
    profiles = [paypal.add_profile(email=f"c{number}@client.test") for number in range(2)]
    paypal.rule("nvp_get", behaviour, 1, skip=1)
    made = bring(*(profile.id for profile in profiles))
    found = read(ctx, made)
    assert (counts(found), found.state) == ((2, 1, 0, 0), ImportState.STOPPED)
    assert found.error.split()[0] == reason
    with ctx.db.read() as session:
        tests = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'paypal_keys.check'")
        assert session.scalar(tests) == 1
    with ctx.db.begin() as session:
        profile_imports.wake(session, merchant.id, now=utc_now())
    assert read(ctx, made).state is ImportState.DONE


def test_without_its_key_or_in_the_other_environment_it_stops(ctx, bring, paypal, merchant):
    made = bring(paypal.add_profile().id)
    with ctx.db.begin() as session:
        session.scalars(select(PayPalAccount)).one().environment = "live"
    found = read(ctx, made)
    assert (found.state, found.error) == (ImportState.STOPPED, "no_key")
    assert paypal.count("nvp_get") == 0


def test_the_rest_can_be_left_unread(ctx, bring, paypal, merchant):
    made = bring(paypal.add_profile().id, "I-BBBBBBBB2222", "S-1AB23456CD789012E")
    found = profile_imports.give_up(ctx, merchant.id, made.id, now=utc_now())
    assert (counts(found), found.state) == ((3, 0, 0, 3), ImportState.DONE)
    assert results(ctx, made)[0] == (1, "failed", "given_up")
    assert read(ctx, made).state is ImportState.DONE
    assert paypal.count("nvp_get") == 0
    bring("I-CCCCCCCC3333")


def test_a_list_left_while_paypal_is_asked_stays_as_it_was_left(ctx, bring, paypal, merchant, monkeypatch):
    profile = paypal.add_profile()
    made = bring(profile.id)
    share = profile_import_reading._Share
    pace = share._pace

    def meanwhile(self) -> None:
        pace(self)
        profile_imports.give_up(ctx, merchant.id, made.id, now=utc_now())

    monkeypatch.setattr(share, "_pace", meanwhile)
    found = read(ctx, made)
    assert (counts(found), found.state) == ((1, 0, 0, 1), ImportState.DONE)
    with ctx.db.read() as session:
        assert session.scalars(select(Subscription)).all() == []


def test_a_row_that_cannot_be_written_is_undone_alone(ctx, bring, paypal, merchant):
    profiles = [paypal.add_profile(email=f"c{number}@client.test") for number in range(2)]
    with ctx.db.begin() as session:
        session.execute(
            text(f"ALTER TABLE subscriptions ADD CONSTRAINT not_this CHECK (provider_id <> '{profiles[0].id}')")
        )
    made = bring(*(profile.id for profile in profiles))
    read(ctx, made)
    assert results(ctx, made) == [(1, "failed", "not_written"), (2, "added", "")]
    with ctx.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Customer)) == 1


def test_a_quiet_list_may_be_taken_over_and_a_busy_one_not(ctx, bring, merchant):
    made = bring("I-AAAAAAAA1111")
    with pytest.raises(AlreadyRunning):
        profile_imports.resume(ctx, merchant.id, made.id, now=utc_now())
    profile_imports.resume(ctx, merchant.id, made.id, now=utc_now() + timedelta(minutes=11))
    assert len(jobs(ctx)) == 2


def test_calls_keep_their_distance(ctx, bring, paypal):
    profiles = [paypal.add_profile(email=f"c{number}@client.test") for number in range(3)]
    made = bring(*(profile.id for profile in profiles))
    slept = []

    class Clock:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

        def sleep(self, seconds: float) -> None:
            slept.append(seconds)
            self.now += seconds

    clock = Clock()
    real, profile_import_reading.time = profile_import_reading.time, clock
    try:
        profile_import_reading.run_share(ctx, made.id, gap=0.5)
    finally:
        profile_import_reading.time = real
    assert slept == [0.0, 0.5, 0.5]


def set_key(ctx, **columns) -> None:
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(**columns))


@pytest.mark.parametrize("behaviour", ["401", "403"])
def test_a_list_that_one_refusal_stopped_goes_on_when_the_key_was_tested_well(ctx, bring, paypal, merchant, behaviour):
    made = bring(paypal.add_profile().id)
    paypal.rule("nvp_get", behaviour, 1)
    assert read(ctx, made).state is ImportState.STOPPED
    later = utc_now() + timedelta(minutes=10)
    assert profile_imports.resume_stopped(ctx, now=later) == 0, "nobody tested the key since"
    finding = paypal_keys.check_suspected(ctx, merchant.id, Provider.PAYPAL_CLASSIC, since=utc_now(), now=utc_now())
    assert finding is not None
    assert (profile_imports.resume_stopped(ctx, now=later), profile_imports.resume_stopped(ctx, now=later)) == (1, 0)
    assert read(ctx, made).state is ImportState.DONE


@pytest.mark.parametrize(
    "columns",
    [{"state": KeyState.REFUSED}, {"environment": "live"}, {"checked_at": utc_now() - timedelta(hours=1)}],
)
def test_a_list_whose_key_does_not_work_stays_stopped(ctx, bring, paypal, columns):
    made = bring(paypal.add_profile().id)
    paypal.rule("nvp_get", "401", 1)
    read(ctx, made)
    later = utc_now() + timedelta(minutes=10)
    set_key(ctx, **({"checked_at": later} | columns))
    assert profile_imports.resume_stopped(ctx, now=later) == 0


def test_a_list_that_stopped_for_something_else_or_long_ago_waits_for_a_person(ctx, bring, paypal):
    made = bring(paypal.add_profile().id)
    later = utc_now() + timedelta(days=8)
    set_key(ctx, checked_at=later)
    for error, now in (("unavailable", utc_now() + timedelta(hours=3)), ("forbidden abc", later)):
        with ctx.db.begin() as session:
            held = session.get_one(ProfileImport, made.id)
            held.state, held.error = ImportState.STOPPED, error
        assert profile_imports.resume_stopped(ctx, now=now) == 0


@pytest.mark.parametrize(("status", "left"), [("todo", 0), ("doing", 0), ("failed", 1)])
def test_a_list_whose_job_died_gets_another(ctx, bring, paypal, status, left):
    made = bring(paypal.add_profile().id)
    with ctx.db.begin() as session:
        session.execute(
            text("UPDATE procrastinate_jobs SET status = CAST(:s AS procrastinate_job_status)"), {"s": status}
        )
    assert profile_imports.resume_stopped(ctx, now=utc_now() + timedelta(minutes=14)) == 0, "it may be between two jobs"
    assert profile_imports.resume_stopped(ctx, now=utc_now() + timedelta(minutes=16)) == left
    if left:
        assert len(jobs(ctx)) == 1
        assert read(ctx, made).state is ImportState.DONE


def test_a_column_gives_customers_ids_of_the_merchants_own_and_takes_none_away(ctx, make, bring, paypal, merchant):
    new, second = (paypal.add_profile(email=f"{name}@client.test") for name in ("new", "second"))
    named = make.customer(merchant, email="named@client.test", external_id="OLD")
    held = make.profile(merchant=merchant, customer=named)
    bad = paypal.add_profile(email="bad@client.test")
    made = bring(
        "external_id;Profile ID",
        f"A;{new.id}",
        f"A;{second.id}",
        f"N;{held.provider_id}",
        f"a\u200bb;{bad.id}",
        "F;I-x",
    )
    found = read(ctx, made)
    assert counts(found) == (5, 3, 1, 1)
    assert results(ctx, made) == [
        (2, "added", ""),
        (3, "added", "external_id_taken"),
        (4, "known", "external_id_other"),
        (5, "added", "external_id_bad"),
        (6, "failed", "not_an_id"),
    ]
    with ctx.db.read() as session:
        ids = select(Customer.email, Customer.external_id).where(Customer.external_id.is_not(None))
        assert {tuple(row) for row in session.execute(ids)} == {("new@client.test", "A"), ("named@client.test", "OLD")}
        kept = select(ProfileImportRow.external_id).order_by(ProfileImportRow.line)
        assert session.scalars(kept).all() == [None] * 4 + ["F"], "only what may be brought again"
