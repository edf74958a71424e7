"""What is released stays as it was, what is there is what the code expects, and no audit chain is dropped unasked."""

from __future__ import annotations

import hashlib
import re

import psycopg
import pytest
from sqlalchemy import NullPool, create_engine, text

from portal import create_app
from portal.domain.audit import OPERATOR, Act
from portal.migrating import FOLDER, ChainWouldBeLost, differences, downgrade, upgrade
from portal.models import Base
from portal.services.audit import audit
from tests.web.conftest import config  # noqa: F401 - an application's

# A database somewhere has run these bytes: what they should have done otherwise, a new migration does.
RELEASED = {
    "0001_first_tables.py": "e8b0ced3e58eae7bd230a97e09e94ac449c124df0ea46aac4ca4db842902c7c6",
    "0002_job_queue.py": "9938fd94bf5707aab90e48fb2f87f2e14f6257d89ec8eabfddf54d68b63a21f1",
    "0003_paypal_link.py": "d1253ce9863c368f0a9e99b9d0fca2c047bdaa226304a2594bc485654ea5f16b",
    "0004_audit_chain.py": "ead774ff3ea22adf5e4a292996adc5014b65495c1678b5691352e9b7172bd52b",
    "0005_waiting_ends.py": "3bb1caf8fa8b2d0380c6e71ce9a92114a46ce1e888244e1a281fa1ae0f4ebc65",
    "0006_money_after_an_end.py": "633054bba0778ef01d300d9db66207546c343549ce8ce73f07367c0a0c6f5391",
    "0007_proofs.py": "2cd1122217981355d78f034fb5da0dc20014c9a277809a72fc7b175977c2d5e1",
    "0008_comebacks.py": "85f7b1df77932bf329c409a86e7edde82d1601cfce7b639d90115583fa9a558e",
    "0009_pauses.py": "5099baa156bcc205b94c3a8963d413b3305e0abcfd2a5bd63958155cbf8e3647",
    "0010_bulk_acts.py": "b3cb1acbd4036a9c0c140feb1f0e289348161055177f9c02be76443eaf175d53",
    "0011_inbox.py": "f72129d7e1576d869abeecacb267f0b04a897ee4a249b4328e3756ba7bc05874",
}


def test_a_released_migration_is_never_edited():
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (FOLDER / "versions").glob("*.py")}
    assert {name: there.get(name) for name in RELEASED} == RELEASED


HARM = {
    "ALTER TABLE mails DROP COLUMN error": "error",
    "ALTER TABLE mails ALTER COLUMN subject DROP NOT NULL": "subject",
    "ALTER TABLE mails ADD COLUMN extra text": "extra",
    "DROP INDEX ix_mails_waiting": "ix_mails_waiting",
    "ALTER TABLE mails DROP CONSTRAINT uq_mails_key": "uq_mails_key",
    "ALTER TABLE mails DROP CONSTRAINT ck_mails_state": "check missing: mails.ck_mails_state",
    "ALTER TABLE mails ADD CONSTRAINT ck_mails_more CHECK (attempts >= 0)": "check unknown: mails.ck_mails_more",
}


def test_a_schema_that_the_code_does_not_expect_is_named(database_url):
    assert differences(database_url, Base.metadata) == []
    with psycopg.connect(database_url) as connection:
        for harm in HARM:
            connection.execute(harm)
    found = differences(database_url, Base.metadata)
    assert len(found) == len(HARM), found
    assert all(sum(named in one for one in found) == 1 for named in HARM.values()), found


def test_each_check_says_in_a_migration_what_it_says_in_its_model(database_url):
    """The comparison above knows them by name alone: a limit of 400 here and of 500 there would pass it."""
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool)
    with engine.connect() as connection:  # nothing is committed
        connection.execute(text("CREATE SCHEMA by_models"))
        connection.execute(text("SET LOCAL search_path TO by_models"))
        Base.metadata.create_all(connection)
        migrated, modelled = checks_of(connection, "public"), checks_of(connection, "by_models")
    assert len(modelled) > 50
    assert {name: migrated.get(name) for name in modelled} == modelled


def checks_of(connection, schema: str) -> dict[str, list[str]]:
    """What each check is made of, in any order: the words of a list come as migrations added them."""
    rows = connection.execute(CHECKS, {"schema": schema})
    return {f"{table}.{name}": sorted(re.findall(r"'[^']*'|\w+|[<>=]+", said)) for table, name, said in rows}


CHECKS = text(
    "SELECT relname, conname, pg_get_constraintdef(pg_constraint.oid) FROM pg_constraint "
    "JOIN pg_class ON pg_class.oid = conrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace "
    "WHERE contype = 'c' AND nspname = :schema"
)


@pytest.fixture
def runner(config, ctx):  # noqa: F811
    return create_app(config, ctx).test_cli_runner()


def test_flask_migrate_says_so(runner, database_url):
    assert runner.invoke(args=["migrate"]).exit_code == 0
    with psycopg.connect(database_url) as connection:
        connection.execute("DROP INDEX ix_mails_waiting")
    failed = runner.invoke(args=["migrate"])
    assert failed.exit_code == 1
    assert "ix_mails_waiting" in failed.output


def rows(url):
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT count(*) FROM audit_entries").fetchone()[0]


def test_an_audit_chain_with_rows_is_not_dropped_unless_told_to(runner, make, ctx, database_url):
    merchant = make.merchant()
    with ctx.db.begin() as session:
        audit.append(session, merchant.id, Act.LOGGED_IN, by=OPERATOR, at=make.now())
    ctx.db.dispose()
    for revision in ("0003", "0001", "base"):
        with pytest.raises(ChainWouldBeLost):
            downgrade(database_url, revision)
        refused = runner.invoke(args=["migrate", "--back-to", revision])
        assert refused.exit_code == 1
        assert "--drop-audit-chain" in refused.output
    assert rows(database_url) == 1
    assert differences(database_url, Base.metadata) == [], "nothing was undone on the way to the refusal"

    assert runner.invoke(args=["migrate", "--back-to", "0004"]).exit_code == 0
    assert rows(database_url) == 1
    ctx.db.dispose()
    assert runner.invoke(args=["migrate", "--back-to", "0003", "--drop-audit-chain"]).exit_code == 0
    upgrade(database_url)
    assert rows(database_url) == 0


def test_an_empty_chain_holds_nobody_up(database_url):
    downgrade(database_url, "0003")
    upgrade(database_url)
