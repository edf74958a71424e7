"""Each new migration beside a busy release: what it sends is read, and it may be run again where it commits half way.

Those up to 0060 are the past.  `tests/upgrade_drill` runs them beside an old release that works.
"""

from __future__ import annotations

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from portal import gently, releases
from portal.migrating import alembic_config, differences, downgrade, upgrade
from portal.models import Base
from tests.migrations.reading import complaints, watching

PAST = "0060"
NEWEST = 4


def new_ones():
    scripts = ScriptDirectory.from_config(alembic_config("postgresql://nowhere/none"))
    return [script for script in scripts.walk_revisions() if script.revision > PAST][::-1]


def marked(scripts):
    """Those that nobody works on any more are left to `make thorough`."""
    older = {script.revision for script in scripts[:-NEWEST]}
    return [
        pytest.param(script, id=script.revision, marks=pytest.mark.exhaustive if script.revision in older else ())
        for script in scripts
    ]


@pytest.mark.parametrize("script", marked(new_ones()))
def test_a_new_migration_keeps_nobody_waiting_and_may_be_run_again(database_url, script):
    downgrade(database_url, script.down_revision)
    with watching(database_url, least_code=getattr(script.module, "least_code", "")) as run:
        upgrade(database_url, script.revision)
    assert complaints(run) == []
    if len({statement.transaction for statement in run.statements}) > 3:  # it commits before its end
        command.stamp(alembic_config(database_url), script.down_revision)
        upgrade(database_url, script.revision)
    upgrade(database_url)
    assert differences(database_url, Base.metadata) == []


@pytest.mark.parametrize("script", new_ones(), ids=lambda script: script.revision)
def test_what_takes_something_away_leaves_a_release_between(script):
    least = getattr(script.module, "least_code", "")
    assert least < script.revision, "the release before the contraction has stopped to use it, and still runs"
    assert not least or list((releases.FOLDER / "versions").glob(f"{least}_*.py"))


def test_the_code_needs_no_more_tables_than_it_says(database_url):
    downgrade(database_url, releases.NEEDS)
    missing = [one for one in differences(database_url, Base.metadata) if one.startswith(("add_table", "add_column"))]
    upgrade(database_url)
    assert missing == [], "raise portal.releases.NEEDS to the migration that brings these"


def run_of(url, do):
    """Read a migration that is no file: `do` gets alembic's operations, under env.py's limit."""
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.pool.NullPool)
    with engine.connect() as connection, watching(url) as run:
        connection.execute(sa.text(f"SET lock_timeout = {gently.PATIENCE}"))
        connection.commit()
        context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
        with Operations.context(context) as op, context.begin_transaction(_per_migration=True):
            do(op)
    return run


ROUGH = {
    "CREATE INDEX x ON customers (name)": "without CONCURRENTLY",
    "CREATE UNIQUE INDEX x ON public.customers (name)": "without CONCURRENTLY",
    "DROP INDEX ix_customers_merchant_id_created_at": "without CONCURRENTLY",
    "ALTER TABLE customers ADD CONSTRAINT x CHECK (name <> 'x')": "NOT VALID",
    "ALTER TABLE mails ADD CONSTRAINT x FOREIGN KEY (customer_id) REFERENCES customers (id)": "NOT VALID",
    "ALTER TABLE mails ADD CONSTRAINT x UNIQUE (subject)": "USING INDEX",
    "ALTER TABLE mails ADD COLUMN x uuid DEFAULT gen_random_uuid()": "mails is written anew",
    "ALTER TABLE mails ADD COLUMN x timestamptz DEFAULT clock_timestamp() NOT NULL": "mails is written anew",
    "ALTER TABLE mails ADD COLUMN x int NOT NULL": "server_default",
    "ALTER TABLE mails ADD COLUMN x uuid REFERENCES customers (id)": "constraint of its own",
    "ALTER TABLE mails ADD COLUMN x bigserial": "mails is written anew",
    "ALTER TABLE mails ALTER COLUMN attempts TYPE bigint": "mails is written anew",
    "ALTER TABLE mails ALTER COLUMN sent_at SET NOT NULL": "reads the whole table",
    "ALTER TABLE mails DROP COLUMN error": "least_code",
    "ALTER TABLE mails RENAME COLUMN error TO fault": "least_code",
    "ALTER TABLE mails RENAME TO letters": "least_code",
    "DROP TABLE health_marks": "least_code",
    "UPDATE mails SET error = ''": "in_batches",
    "DELETE FROM mails WHERE state = 'sent'": "in_batches",
    "INSERT INTO setup_codes SELECT * FROM setup_codes": "in_batches",
    "WITH x AS (UPDATE mails SET error = '' RETURNING 1) SELECT 1": "in_batches",
    "LOCK TABLE mails": "for long",
    "REINDEX TABLE mails": "for long",
}
GENTLE = (
    "ALTER TABLE mails ADD COLUMN x int",
    "ALTER TABLE mails ADD COLUMN x text DEFAULT '' NOT NULL",
    "ALTER TABLE mails ADD COLUMN x timestamptz DEFAULT now() NOT NULL",
    "ALTER TABLE mails ADD CONSTRAINT x CHECK (subject <> 'x') NOT VALID",
    "ALTER TABLE mails ALTER COLUMN error DROP NOT NULL",
    "CREATE TABLE x (id int PRIMARY KEY, mail_id uuid REFERENCES mails (id))",
)


@pytest.fixture
def read(database_url):
    """What is said of one statement; the database is as it was afterwards."""

    def one(*statements):
        def do(op):
            for statement in statements:
                op.execute(statement)

        return complaints(run_of(database_url, do))

    return one


@pytest.mark.parametrize(("statement", "why"), ROUGH.items())
def test_what_a_busy_release_would_wait_for_is_refused(read, statement, why):
    said = read(statement)
    assert any(why in one for one in said), said


@pytest.mark.parametrize("statement", GENTLE)
def test_what_takes_a_moment_is_allowed(read, statement):
    assert read(statement) == []


def test_new_tables_may_have_whatever_they_like(read):
    made = (
        "CREATE TABLE x (id int)",
        "CREATE INDEX y ON x (id)",
        "ALTER TABLE x ADD CHECK (id > 1)",
        "UPDATE x SET id = 2",
    )
    assert read(*made) == []


def test_a_lock_without_a_limit_and_two_at_once_and_a_look_under_one_are_refused(read):
    assert "waits 0 ms" in read("SET lock_timeout = 0", "ALTER TABLE mails ADD COLUMN x int")[0]
    assert "while it holds" in read("ALTER TABLE mails ADD COLUMN y int", "ALTER TABLE edits ADD COLUMN x int")[0]
    add = "ALTER TABLE mails ADD CONSTRAINT x CHECK (subject <> 'x') NOT VALID"
    assert "under the lock" in read(add, "ALTER TABLE mails VALIDATE CONSTRAINT x")[0]


def everything(op):
    """Do one of each helper's."""
    gently.column("customers", sa.Column("shoe", sa.Integer()))
    gently.in_batches("customers", "shoe = 42", "shoe IS NULL", size=2)
    gently.index("ix_customers_shoe", "customers", ["shoe"])
    gently.index("ix_customers_shoe_big", "customers", ["shoe"], unique=False, where="shoe > 50")
    gently.check("shoe_fits", "customers", "shoe < 60")
    gently.foreign_key("shoe_of", "mails", ["customer_id"], "customers", ["id"], ondelete="SET NULL")
    gently.not_null("customers", "shoe")
    gently.drop_index("ix_customers_shoe_big", "customers")


def test_every_helper_is_gentle_and_may_be_run_again(make, ctx, database_url):
    merchant = make.merchant()
    for _ in range(5):
        make.customer(merchant)
    ctx.db.dispose()
    for _again in range(2):
        assert complaints(run_of(database_url, everything)) == []
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT DISTINCT shoe FROM customers").fetchall() == [(42,)]
        with pytest.raises(psycopg.errors.NotNullViolation):
            connection.execute("UPDATE customers SET shoe = NULL")
        connection.rollback()
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("UPDATE customers SET shoe = 61")
        connection.rollback()
        names = connection.execute("SELECT conname FROM pg_constraint WHERE conname LIKE '%_is_there'").fetchall()
        assert names == [], "the proof is not needed any more"


def test_what_a_killed_try_left_of_an_index_is_dropped_and_made_anew(make, ctx, database_url):
    merchant = make.merchant()
    for name in ("Zoé", "Zoé"):
        make.customer(merchant, name=name)
    ctx.db.dispose()
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('ix_shoes')"
    with psycopg.connect(database_url, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.UniqueViolation):  # it stops as a kill stops it: what is left is not valid
            connection.execute("CREATE UNIQUE INDEX CONCURRENTLY ix_shoes ON customers (name)")
        assert connection.execute(valid).fetchone() == (False,)
        run_of(database_url, lambda op: gently.index("ix_shoes", "customers", ["name"]))
        assert connection.execute(valid).fetchone() == (True,)
