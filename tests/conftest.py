"""Fixtures every test may use: a real PostgreSQL, the PayPal simulator, a mailer that remembers, makers of rows."""

from __future__ import annotations

import gc
import logging
import os
import random
import re
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import time_machine
from hypothesis import Phase, settings
from jinja2 import BytecodeCache, FileSystemBytecodeCache
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import event

from portal import clock, logs
from portal.extensions import Database
from portal.migrating import upgrade
from portal.passwords import Passwords
from portal.postgres import ensure_server
from portal.providers.paypal import PayPalGateways, PayPalIpns, PayPalSignatures
from portal.secrets import Vault
from portal.services.context import Context
from tests.databases import COUNTS_CHANGES, OwnDatabase, address
from tests.fakes.mailer import RememberingMailer
from tests.fakes.makers import Makers
from tests.folders import make_folder
from tests.ports import free_port
from tests.postgresql import BIN, Server

pytest_plugins = ["tests.fakes.paypal"]

# `make test` tries the same examples each time, and says what it found without shrinking it for minutes; `make explore`
# looks further (tests/exploring.py).  Neither has a clock on it: a busy machine must not fail a property.
settings.register_profile(
    "fixed",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=100,
    phases=(Phase.explicit, Phase.generate),
)
settings.register_profile("explore", deadline=None, max_examples=600)
settings.load_profile("fixed")

# What no log may ever hold: addresses, the simulator's secret and tokens, the people's password, a master key, a link.
UNSPEAKABLE = re.compile(
    r"[\w.+-]+@(client|atelier|desk|portal|exemple|example)\.\w+"
    r"|secret-of-the-tests|live-secret|(?-i:A21AA)|un tiroir plein de mots|AAECAwQFBgcICQoL|Bearer |Basic "
    r"|csrf_token=|/login/link/[\w-]{20}",
    re.IGNORECASE,
)


# A file is one process's work, so the longest begin first and the short ones fill up; browsers not beside the chaos.
ORDER = ("chaos", "services", "e2e/test_pages.py", "e2e/test_story.py", "e2e")


def pytest_addoption(parser: pytest.Parser) -> None:
    """No test may rely on another one, nor on the hour: `--shuffle 7` runs the files, and the tests of each, in that
    seed's order; `--hour 23` runs them as if it were half past eleven at night, UTC (tomorrow, if that hour is over).
    """
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run the tests in the order of a seed")
    parser.addoption("--hour", type=int, metavar="HOUR", help="run the tests' own processes at another hour, UTC")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest files first, or shuffle."""
    here = Path(__file__).parent
    seed = config.getoption("--shuffle")
    if seed is not None:
        draw = random.Random(seed)
        items.sort(key=lambda item: item.nodeid)  # each process of the run draws the same
        drawn = {id(item): draw.random() for item in items}
        files = {path: draw.random() for path in dict.fromkeys(item.path for item in items)}
        items.sort(key=lambda item: (files[item.path], drawn[id(item)]))
    else:
        items.sort(key=lambda item: _place(item.path.relative_to(here).as_posix()))


def _place(path: str) -> int:
    return next((number for number, begins in enumerate(ORDER) if path.startswith(begins)), len(ORDER))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among what is being imported: an eighth of the time that it takes."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of every later search for garbage, and search less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session", autouse=True)
def at_the_hour(request: pytest.FixtureRequest) -> Iterator[None]:
    """With `--hour` this process lives at that hour; the database and child processes keep theirs."""
    hour = request.config.getoption("--hour")
    if hour is None:
        yield
        return
    present = datetime.now(UTC)
    then = present.replace(hour=hour, minute=30, second=0)
    with time_machine.travel(then if then >= present else then + timedelta(days=1)):
        yield


@pytest.fixture(scope="session", autouse=True)
def logs_as_in_production() -> None:
    """Logs are set up as a real installation sets them up."""
    logs.set_up("info")


@pytest.fixture(autouse=True)
def no_secret_in_logs() -> Iterator[None]:
    """Read every line that the test made the portal log; a secret or an address in it fails the test."""
    lines: list[str] = []
    logging.getLogger().setLevel(logging.INFO)  # the application of a test before this one may have been quieter
    spy = logging.Handler()
    portal_handler = next(handler for handler in logging.getLogger().handlers if handler.name == "portal")
    spy.addFilter(lambda record: record.name != "mail.log")  # the mail server of the tests, not the portal
    spy.emit = lambda record: lines.append(portal_handler.format(record))  # type: ignore[method-assign]
    logging.getLogger().addHandler(spy)
    yield
    logging.getLogger().removeHandler(spy)
    spoken = [line for line in lines if UNSPEAKABLE.search(line)]
    assert spoken == [], "a secret or an address was logged"


MASTER_KEYS = (("test", bytes(range(32))),)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of one embedded server for the run, with a migrated template database `tpl`.

    Or of one of the programs that the environment names: the suite runs on the oldest PostgreSQL, too.
    """
    folder = make_folder("portal-test-")
    other = Server(folder) if os.environ.get(BIN) else None
    if other is not None:
        other.make()
    url = other.by_socket() if other is not None else ensure_server(folder)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET max_wal_size = '128MB'")  # it may be memory that the log takes
        connection.execute("ALTER SYSTEM SET autovacuum = off")  # a database does not live long enough for it
        connection.execute("ALTER SYSTEM SET plan_cache_mode = force_generic_plan")  # planned once (tests/databases.py)
        for durability in ("fsync", "synchronous_commit", "full_page_writes"):  # nor does it outlive the machine
            connection.execute(f"ALTER SYSTEM SET {durability} = off")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("CREATE DATABASE tpl")
    upgrade(address(url, "tpl"))
    with psycopg.connect(address(url, "tpl"), autocommit=True) as connection:
        connection.execute(COUNTS_CHANGES)
    yield url
    if other is not None:
        other.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def own_database(postgres: str) -> Iterator[OwnDatabase]:
    """The database of this process of the run."""
    database = OwnDatabase(postgres)
    yield database
    database.drop()


@pytest.fixture
def database_url(own_database: OwnDatabase) -> Iterator[str]:
    """The address of a migrated database without a row. It is always the same address."""
    own_database.ready()
    yield own_database.url
    own_database.clean()


@pytest.fixture
def db(database_url: str, own_database: OwnDatabase) -> Database:
    """A way to it of the test's own."""
    return own_database.engine.view()


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> BytecodeCache:
    """Each template compiled once a run, not once a test nor once a process of the run."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own) / "compiled-templates"
    folder.mkdir(exist_ok=True)
    return FileSystemBytecodeCache(str(folder))


@pytest.fixture
def vault() -> Vault:
    """A vault with a made-up key."""
    return Vault(MASTER_KEYS)


@pytest.fixture
def mailer() -> RememberingMailer:
    """A mailer that remembers letters; set `.refusing` or `.away` to make it fail."""
    return RememberingMailer()


@pytest.fixture(scope="session")
def cheap_passwords() -> Passwords:
    """Argon2id with the least costs it allows: what a hash costs is not what the tests are about."""
    return Passwords(Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def ctx(db: Database, vault: Vault, mailer: RememberingMailer, cheap_passwords: Passwords, paypal) -> Context:
    """What the use cases need, wired to the simulator."""
    return Context(
        db=db,
        vault=vault,
        gateways=PayPalGateways(paypal.base_urls),
        webhooks=PayPalSignatures(paypal.base_urls, trust=paypal.trust),
        ipns=PayPalIpns(paypal.base_urls),
        mailer=mailer,
        base_url="http://portal.test",
        mail_from="Portal <portal@portal.test>",
        passwords=cheap_passwords,
    )


@pytest.fixture
def statements(ctx):
    """Count the SQL statements of a block."""

    @contextmanager
    def counting() -> Iterator[list[str]]:
        seen: list[str] = []

        def note(_connection, _cursor, statement, *_more):
            seen.append(statement)

        event.listen(ctx.db.engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(ctx.db.engine, "before_cursor_execute", note)

    return counting


@pytest.fixture
def databases_clock(database_url: str, request: pytest.FixtureRequest) -> Iterator[None]:
    """This process goes by the database's clock, as every process of an installation does."""
    if request.config.getoption("--hour") is not None:
        pytest.skip("the database's clock keeps its own hour")
    database = Database(database_url)
    database.follow_clock()
    yield
    clock.follow(None)
    database.dispose()


@pytest.fixture
def make(ctx: Context, paypal) -> Makers:
    """Makers of merchants, products, customers and subscriptions, here and in the simulator."""
    return Makers(ctx, paypal)


@pytest.fixture
def now() -> datetime:
    """The present, as the makers use it (to the second, so that it survives a round trip)."""
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def unused_tcp_port() -> int:
    """A port that nobody listens on."""
    return free_port()
