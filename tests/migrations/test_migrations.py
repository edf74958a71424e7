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

from portal.domain.policies import Actor
from portal.domain.received_requests import Way
from portal.domain.subscriptions import Action
from portal.migrating import FOLDER, alembic_config, downgrade, upgrade
from portal.models import Base
from portal.services import end_requests, received_requests
from portal.services.end_requests import Wish
from portal.services.received_requests import Declaration


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
    downgrade(database_url, "0001")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM end_requests").fetchone() == (1,)
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM end_requests").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM procrastinate_jobs").fetchone() == (0,)
    downgrade(database_url, "base")
    upgrade(database_url)


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
        assert connection.execute("SELECT count(*) FROM mails").fetchone() == (1,)
        assert "received_requests" not in tables(database_url)
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT seen_at, seen_by FROM mails").fetchall() == [(None, "")]
        assert connection.execute("SELECT count(*) FROM received_requests").fetchone() == (0,)
