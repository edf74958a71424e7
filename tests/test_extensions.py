"""The pool of connections: what a database that went away costs, and what an error of its may say."""

from __future__ import annotations

import traceback

import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import func, literal, select, text, update
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from portal.extensions import Busy, Database, Patience, keep_plans
from portal.models import Customer
from portal.postgres import connecting


def used(database) -> int:
    """Use the pool's connection; return the server's process that serves it."""
    with database.begin() as session:
        return session.scalar(select(func.pg_backend_pid()))


def cut(database_url, pid):
    """End the database's side of a connection in the pool, as a restart does to all of them."""
    other = Database(database_url)
    with other.read() as session:
        session.execute(select(func.pg_terminate_backend(pid)))
    other.dispose()


def test_an_idle_connection_that_was_cut_is_replaced_unseen(database_url):
    database = Database(database_url, trust_for=0.0)
    cut(database_url, used(database))
    with database.begin() as session:
        assert session.scalar(select(1)) == 1
    database.dispose()


def test_one_that_was_just_used_is_trusted_and_its_failure_renews_the_pool(database_url):
    database = Database(database_url, trust_for=60.0)
    cut(database_url, used(database))
    with pytest.raises(OperationalError), database.begin() as session:
        session.execute(select(1))
    with database.begin() as session:
        assert session.scalar(select(1)) == 1
    database.dispose()


def test_the_connection_that_was_used_last_is_used_next(database_url):
    """Few connections then know what all ask, and each is asked often enough to prepare it."""
    database = Database(database_url)
    with database.begin() as first, database.begin() as second:
        last_back, _other = (one.scalar(select(func.pg_backend_pid())) for one in (first, second))
    assert {used(database) for _time in range(5)} == {last_back}
    database.dispose()


def test_none_is_kept_for_ever(database_url, monkeypatch):
    monkeypatch.setattr("portal.extensions.RECYCLED", 0)
    database = Database(database_url, pool_size=1)
    assert len({used(database) for _time in range(3)}) == 3
    database.dispose()


def everything_said(error):
    """Every word of a traceback, the causes too, as a log holds it."""
    return "".join(traceback.format_exception(error))


def test_a_long_statement_takes_the_place_of_several_short_ones(database_url):
    """A process then holds as much whichever pages were asked for last."""
    database = Database(database_url, compiled=10_000)
    with database.read() as session:
        for number in range(20):
            session.execute(select(literal(number).label(f"short_{number}")))
        session.execute(select(literal(True).label("long")).where(*(literal(at) == at for at in range(90))))
    kept = [str(one) for one in database.engine.get_execution_options()["compiled_cache"].values()]
    database.dispose()
    assert "AS long" in kept[-1]
    assert 0 < len(kept) - 1 < 20
    assert sum(map(len, kept)) < 10_000


def test_of_statements_that_are_met_once_few_stay_compiled(database_url):
    database = Database(database_url, compiled=10_000)
    asked_often = select(literal(0).label("often"))
    with database.read() as session:
        for number in range(100):
            session.execute(select(literal(number).label(f"once_{number}")))
            session.execute(asked_often)
    kept = [str(one) for one in database.engine.get_execution_options()["compiled_cache"].values()]
    database.dispose()
    assert 10 < len(kept) < 40, "of a hundred and one"
    assert sum("often" in one for one in kept) == 1


def test_an_error_repeats_no_value_of_a_row(db, make):
    customer = make.customer(make.merchant(), email="claire.dupont@client.test")
    with pytest.raises(IntegrityError) as double, db.begin() as session:
        session.add(Customer(merchant_id=customer.merchant_id, email=customer.email, name="Claire", locale="fr"))
    assert "claire.dupont" not in everything_said(double.value)
    assert "23505" in everything_said(double.value)
    assert "uq_customers" in everything_said(double.value)
    with pytest.raises(DataError) as bad, db.begin() as session:
        session.execute(text("SELECT CAST(:value AS integer)"), {"value": customer.email})
    assert "claire.dupont" not in everything_said(bad.value)


def test_a_held_row_is_busy_and_the_rest_of_a_transaction_goes_on_without_it(database_url, make):
    """Work that goes row by row counts such a row and takes the next: it is not the database that is away."""
    subscription = make.subscription()
    hasty = Database(database_url, patience=Patience(lock=0.1, statement=1, pool=0))
    lock = text("SELECT id FROM subscriptions WHERE id = :id FOR UPDATE")
    with make.ctx.db.begin() as other:
        other.execute(lock, {"id": subscription.id})
        with hasty.begin() as session:
            with pytest.raises(Busy), session.begin_nested():
                session.execute(lock, {"id": subscription.id})
            assert session.scalar(select(1)) == 1
            with pytest.raises(Busy), session.begin_nested():
                session.execute(text("SELECT pg_sleep(60)"))
    assert not issubclass(Busy, OperationalError)
    hasty.dispose()


def test_a_database_that_only_reads_is_away_for_whoever_writes(database_url, make):
    merchant = make.merchant()
    reading = Database(f"{database_url}&options=-c%20default_transaction_read_only%3Don")
    with reading.read() as session:
        assert session.scalar(text("SHOW lock_timeout")) == "30s"
    with pytest.raises(OperationalError), reading.begin() as session:
        session.execute(text("UPDATE merchants SET name = 'x' WHERE id = :id"), {"id": merchant.id})
    reading.dispose()


def through_a_pooler(database_url):
    return Database(database_url, patience=Patience(lock=7, statement=11, pool=0), is_pooled=True)


def test_through_a_pooler_every_statement_has_its_patience_and_leaves_nothing_to_whoever_comes_next(database_url):
    """A pooler lends the same connection of the server to somebody else after each transaction."""
    database = through_a_pooler(database_url)
    asked = text("SELECT current_setting('lock_timeout'), current_setting('statement_timeout')")
    for way in (database.begin, database.read, database.browse, database.once):
        with way() as session:
            assert session.execute(asked).one()[0] == "7s"
    connection = database.engine.raw_connection()
    left = "SELECT current_setting('lock_timeout'), (SELECT count(*) FROM pg_prepared_statements)"
    for _ in range(9):  # the driver would have prepared the statement by then
        assert connection.driver_connection.execute(left).fetchone() == ("0", 0)
    connection.close()
    database.dispose()


def test_through_a_pooler_one_statement_that_commits_by_itself_still_does(database_url, db, make):
    customer = make.customer(make.merchant(), email="claire@client.test")
    database = through_a_pooler(database_url)
    with database.once() as connection:
        connection.execute(update(Customer).where(Customer.id == customer.id).values(name="Claire Petit"))
    with db.read() as session:
        assert session.get_one(Customer, customer.id).name == "Claire Petit"
    with database.begin() as session:  # an export's own transaction begins with it, whatever was set before
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        assert session.scalar(text("SHOW transaction_isolation")) == "repeatable read"
    database.dispose()


def test_of_several_hosts_the_one_that_can_be_written_is_taken(database_url):
    """The first is a host that does not answer; nothing is written to one that only reads."""
    given = conninfo_to_dict(database_url)
    hosts = {"host": f"/nowhere,{given['host']}", "port": f"1,{given.get('port', 5432)}"}
    address = f"postgresql:///{given['dbname']}?user={given['user']}&" + "&".join(f"{k}={v}" for k, v in hosts.items())
    database = Database(f"{address}&target_session_attrs=read-write")
    assert used(database)
    database.dispose()
    reading = Database(f"{address}&target_session_attrs=read-write&options=-c%20default_transaction_read_only%3Don")
    with pytest.raises(OperationalError, match="read-only"):
        used(reading)
    reading.dispose()


def test_a_machine_that_vanished_is_given_up_on_within_seconds(database_url):
    assert connecting(database_url)["tcp_user_timeout"] <= 30_000
    silence = {name: connecting(database_url)[f"keepalives_{name}"] for name in ("idle", "interval", "count")}
    assert silence["idle"] + silence["interval"] * silence["count"] <= 30
    assert connecting("postgresql://db.example/portal?keepalives_idle=60")["keepalives_idle"] == "60"


def test_a_pooler_that_nobody_named_and_that_drops_the_settings_is_logged_once(database_url, caplog):
    class Dropped(Patience):
        options = ""  # what a pooler leaves of it that is told to ignore them

    database = Database(database_url, patience=Dropped(lock=3, statement=5, pool=0))
    for _ in range(2):
        assert used(database)
        database.dispose()
    assert caplog.text.count("database_pooler_unsaid") == 1
    caplog.clear()
    other = Database(database_url)
    used(other)
    other.dispose()
    assert "database_pooler_unsaid" not in caplog.text


def prepared(database):
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(text("pg_prepared_statements")))


def test_what_is_prepared_outlives_a_list(database_url):
    """Lists are read in a transaction; psycopg forgets what it has prepared where one is rolled back."""
    database = Database(database_url, pool_size=1)
    with database.read() as session:
        for number in range(10):
            session.execute(select(literal(number).label("asked_often")))
    before = prepared(database)
    with database.browse() as session:
        session.execute(select(literal(1).label("asked_often")))
    assert prepared(database) == before > 0
    database.dispose()


def test_a_list_is_planned_for_its_own_values_each_time_and_what_all_pages_ask_once(database_url):
    database = Database(database_url, pool_size=1)

    def asked(label, *, kept):
        before = prepared(database)
        for number in range(10):
            with database.browse() as session:
                if kept:
                    keep_plans(session)
                session.execute(select(literal(number).label(label)))
        return prepared(database) - before

    prepared(database)
    assert asked("one_list", kept=False) <= 1  # what sets the patience
    assert asked("on_every_page", kept=True) == 1
    assert asked("another_list", kept=False) == 0
    with database.read() as session:
        for number in range(10):
            session.execute(select(literal(number).label("afterwards")))
    assert prepared(database) >= 3, "a connection that comes back from a list prepares again"
    database.dispose()


def test_through_a_pooler_nothing_is_prepared_behind_a_list_either(database_url):
    database = Database(database_url, pool_size=1, is_pooled=True)
    for number in range(10):
        with database.browse() as session:
            keep_plans(session)
            session.execute(select(literal(number).label("asked_often")))
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(text("pg_prepared_statements"))) == 0
    database.dispose()
