"""Migrations: one line of numbers, the models' schema, down and up again with rows in the tables."""

from __future__ import annotations

import re

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from portal.clock import utc_now
from portal.domain.audit import OPERATOR, Act
from portal.domain.ends.pauses import PauseKind
from portal.domain.ends.received_requests import Way
from portal.domain.policies import Actor, Role
from portal.domain.subscriptions import Action, Status
from portal.migrating import FOLDER, alembic_config, downgrade, upgrade
from portal.models import Base, BulkAct, BulkState, EndRequest, Staff
from portal.services import aging, comebacks
from portal.services.audit import audit
from portal.services.bulk import bulk_choices
from portal.services.bulk.bulk_acts import Person
from portal.services.bulk.bulk_choices import Choice
from portal.services.ends import end_requests
from portal.services.ends.end_wishes import Wish
from portal.services.inbox import received_requests
from portal.services.inbox.received_requests import Declaration
from portal.services.pauses import pauses
from portal.services.pauses.pauses import PauseWish
from tests.services.money.late_money import alarms, charged, click, show, stopped


@pytest.fixture
def empty(postgres):
    """A database without any table."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS empty WITH (FORCE)")
        connection.execute("CREATE DATABASE empty")
    yield postgres.replace("/postgres?", "/empty?")
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE empty WITH (FORCE)")


def tables(url):
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return {row[0] for row in rows} - {"alembic_version"}


def test_the_numbers_form_one_line_without_gaps():
    scripts = ScriptDirectory.from_config(alembic_config("postgresql://nowhere/none"))
    assert len(scripts.get_heads()) == 1
    numbers = sorted(path.name[:4] for path in (FOLDER / "versions").glob("*.py"))
    assert numbers == [f"{number:04d}" for number in range(1, len(numbers) + 1)]
    assert all(re.fullmatch(r"\d{4}_[a-z_]+\.py", path.name) for path in (FOLDER / "versions").glob("*.py"))


def test_the_models_and_the_migrated_schema_are_the_same(database_url):
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_object": lambda thing, name, kind, *rest: not str(name).startswith("procrastinate_")},
        )
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


@pytest.mark.exhaustive
def test_each_step_goes_up_down_and_up_again(empty):
    scripts = ScriptDirectory.from_config(alembic_config(empty))
    steps = [script.revision for script in scripts.walk_revisions()][::-1]
    for revision in steps:
        upgrade(empty, revision)
        before = tables(empty)
        command.downgrade(alembic_config(empty), "-1")
        upgrade(empty, revision)
        assert tables(empty) == before
    downgrade(empty, "base")
    assert tables(empty) == set()
    with psycopg.connect(empty) as connection:
        left = connection.execute("SELECT count(*) FROM pg_proc WHERE proname LIKE 'procrastinate%'").fetchone()
    assert left == (0,)


def test_down_and_up_with_rows_in_every_table_of_the_story(make, ctx, database_url):
    make.merchant()
    subscription = make.subscription()
    wish = Wish(
        merchant_id=subscription.merchant_id,
        subscription_id=subscription.id,
        customer_id=subscription.customer_id,
        action=Action.CANCEL,
        actor=Actor.CUSTOMER,
        channel="portal",
    )
    end_requests.record(ctx, wish, now=make.now())
    ctx.db.dispose()
    downgrade(database_url, "0001", drop_audit_chain=True)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM end_requests").fetchone() == (1,)
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM end_requests").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM procrastinate_jobs").fetchone() == (0,)
    downgrade(database_url, "base", drop_audit_chain=True)
    upgrade(database_url)


def test_0007_drops_the_proofs_and_what_ended_stays_to_be_proven_anew(make, ctx, database_url, now):
    subscription = make.subscription(at_paypal=False, status=Status.CANCELLED)
    request = EndRequest(
        merchant_id=subscription.merchant_id,
        subscription_id=subscription.id,
        reference="WXYZ-6789",
        state="confirmed",
        outcome=Status.CANCELLED,
        actor=Actor.STAFF,
        channel="staff",
        shown={},
        confirmed_at=now,
        basis="read_after_call",
    )
    make.add(request)
    aging.make_proofs(ctx, now=now)
    ctx.db.dispose()
    kept = "SELECT count(*) FROM proofs WHERE facts->>'reference' = 'WXYZ-6789'"
    with psycopg.connect(database_url) as connection:
        assert connection.execute(kept).fetchone() == (1,)
    downgrade(database_url, "0006")
    assert "proofs" not in tables(database_url)
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute(kept).fetchone() == (0,)
        assert connection.execute("SELECT state FROM end_requests").fetchall() == [("confirmed",)]
    aging.make_proofs(ctx, now=now)
    with psycopg.connect(database_url, autocommit=True) as connection:
        assert connection.execute(kept).fetchone() == (1,)
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("UPDATE proofs SET code = 'IIII0000'")


def test_0006_forgets_late_payments_and_refunds_on_the_way_down_and_keeps_the_payments(make, ctx, database_url, paypal):
    make.merchant()
    ended = stopped(ctx, make, paypal)
    show(ctx, ended, charged(paypal, ended))
    (late,) = alarms(ctx)
    click(ctx, late)
    ctx.db.dispose()
    downgrade(database_url, "0005")
    assert not tables(database_url) & {"late_payments", "refunds"}
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM payments").fetchone() == (1,)
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM late_payments").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM refunds").fetchone() == (0,)
        watched = connection.execute("SELECT next_watch_at <= now(), owed, unbilled_at IS NULL FROM subscriptions")
        assert watched.fetchall() == [(True, None, False)], "it is looked at again, so that the alarm comes back"


def test_0008_drops_the_attempts_and_keeps_the_subscriptions(make, ctx, database_url):
    now = make.now()
    old = make.subscription(status=Status.CANCELLED, stopped_at_provider_at=now)
    make.subscription(predecessor_id=make.subscription(status=Status.CANCELLED).id)
    wish = comebacks.Wish(
        merchant_id=old.merchant_id,
        customer_id=old.customer_id,
        customer_name="",
        subscription_id=old.id,
        language="fr",
    )
    comebacks.start(ctx, wish, now=now)
    ctx.db.dispose()
    downgrade(database_url, "0007")
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM subscriptions").fetchone() == (3,)
        assert connection.execute("SELECT count(*) FROM comebacks").fetchone() == (0,)


def test_0003_keeps_rest_keys_both_ways_and_cannot_keep_classic_ones(make, ctx, database_url):
    merchant = make.merchant()
    make.subscription(merchant=merchant)
    ctx.db.dispose()
    keys = "SELECT provider, environment FROM paypal_accounts ORDER BY provider"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO paypal_accounts (id, created_at, merchant_id, provider, environment, client_id, secret,"
            " signature, receivers, secret_ending, set_at, state, checked_at, check_result, token_scopes)"
            " SELECT gen_random_uuid(), now(), merchant_id, 'paypal_classic', 'live', 'u', 'x', 'y', '{a@b.test}',"
            " 'ab', now(), 'working', now(), '{}', '' FROM paypal_accounts"
        )
        assert connection.execute(keys).fetchall() == [("paypal_classic", "live"), ("paypal_rest", "sandbox")]
    downgrade(database_url, "0002")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT environment FROM paypal_accounts").fetchall() == [("sandbox",)]
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute(keys).fetchall() == [("paypal_rest", "sandbox")]
        assert connection.execute("SELECT receivers FROM paypal_accounts").fetchall() == [([],)]


def test_0004_takes_the_chain_and_its_guards_away_and_brings_them_back(make, ctx, database_url, now):
    merchant = make.merchant()
    with ctx.db.begin() as session:
        audit.append(session, merchant.id, Act.MERCHANT_CREATED, by=OPERATOR, at=now)
    ctx.db.dispose()
    guards = "SELECT count(*) FROM pg_proc WHERE proname IN ('audit_refuse', 'audit_advance')"
    downgrade(database_url, "0003", drop_audit_chain=True)
    assert not {"audit_entries", "audit_heads"} & tables(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute(guards).fetchone() == (0,)
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute(guards).fetchone() == (2,)
        with pytest.raises(psycopg.errors.IntegrityError):
            connection.execute("DELETE FROM audit_entries")


def test_0009_forgets_pauses_on_the_way_down_and_keeps_the_products(make, ctx, database_url):
    merchant = make.merchant()
    subscription = make.subscription(merchant=merchant, product=make.product(merchant, pause_offered=True))
    wish = PauseWish(
        merchant_id=merchant.id,
        subscription_id=subscription.id,
        kind=PauseKind.PAUSE,
        actor=Actor.STAFF,
        role=Role.OWNER,
        channel="staff",
    )
    pauses.record(ctx, wish, now=make.now())
    ctx.db.dispose()
    downgrade(database_url, "0008")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM products").fetchone() == (1,)
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        offers = connection.execute("SELECT pause_offered, pause_longest_days FROM products").fetchall()
        assert offers == [(False, 90)], "nobody is offered a pause that the merchant did not choose"
        assert connection.execute("SELECT count(*) FROM pause_requests").fetchone() == (0,)


def test_0010_goes_down_and_up_with_bulk_acts_in_it(make, ctx, database_url):
    merchant = make.merchant()
    make.subscription(merchant=merchant)
    ctx.db.dispose()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO staff (id, created_at, merchant_id, email, name, locale, password_hash, totp_secret,"
            " totp_last_step) SELECT gen_random_uuid(), now(), id, 'a@b.test', 'A', 'fr', 'x', 'x', 0"
            " FROM merchants"
        )
        connection.execute(
            "INSERT INTO bulk_acts (id, created_at, merchant_id, action, state, staff_id, staff_name, role, filters,"
            " provider_note, internal_note, total, turn, held, touched_at)"
            " SELECT gen_random_uuid(), now(), merchant_id, 'cancel', 'draft', id, 'A', 'owner', '{}', '', '', 1, 0,"
            " '', now() FROM staff"
        )
        connection.execute(
            "INSERT INTO bulk_rows (id, bulk_act_id, position, subscription_id, state, reason)"
            " SELECT gen_random_uuid(), a.id, 1, s.id, 'waiting', '' FROM bulk_acts a, subscriptions s"
        )
    downgrade(database_url, "0009")
    assert not tables(database_url) & {"bulk_acts", "bulk_rows"}
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM subscriptions").fetchone() == (1,)
    upgrade(database_url)
    assert tables(database_url) >= {"bulk_acts", "bulk_rows"}


def test_0031_forgets_choices_that_are_being_gathered_on_the_way_down_and_keeps_drafts(ctx, make, database_url):
    anne = Staff(merchant_id=make.merchant().id, email="a@b.test", name="A", password_hash="x", totp_secret=b"x")
    with ctx.db.begin() as session:
        session.add(anne)
    who = Person(merchant_id=anne.merchant_id, id=anne.id, name="A", role=Role.OWNER)
    bought = make.subscription()
    draft = bulk_choices.draft(ctx, who, Action.CANCEL, Choice(ids=[bought.id]), now=utc_now())
    with ctx.db.begin() as session:
        session.get_one(
            BulkAct, bulk_choices.draft(ctx, who, Action.CANCEL, Choice(), now=utc_now())
        ).state = BulkState.PREPARING
    ctx.db.dispose()
    downgrade(database_url, "0030")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT id FROM bulk_acts").fetchall() == [(draft,)]
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT id, counts FROM bulk_acts").fetchall() == [(draft, None)]


def test_0011_forgets_letters_and_what_was_told_on_the_way_down_and_keeps_the_mails(make, ctx, database_url, now):
    merchant = make.merchant()
    received_requests.record(
        ctx,
        Declaration(merchant_id=merchant.id, received_at=now, way=Way.LETTER, name="Zoé", email="zoe@client.test"),
        now=now,
    )
    ctx.db.dispose()
    downgrade(database_url, "0010")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM mails").fetchone() == (2,)
        assert "received_requests" not in tables(database_url)
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT seen_at, seen_by FROM mails").fetchall() == [(None, "")] * 2
        assert connection.execute("SELECT count(*) FROM received_requests").fetchone() == (0,)


def test_0026_calls_what_has_contents_read_and_nothing_else(make, ctx, database_url):
    merchant = make.merchant()
    named, whole = make.product(merchant, contents=(("Lesson 1", 0),)), make.product(merchant)
    ctx.db.dispose()
    downgrade(database_url, "0025")
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        rows = dict(connection.execute("SELECT id, reviewed_at IS NOT NULL FROM products").fetchall())
    assert (rows[named.id], rows[whole.id]) == (True, False)
