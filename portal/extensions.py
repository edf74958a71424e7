"""The database: engine, sessions, how long each kind of work waits for it, and the one column type for time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import psycopg
import structlog
from psycopg import errors
from sqlalchemy import (
    Connection,
    DateTime,
    Dialect,
    Engine,
    ExceptionContext,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.types import TypeDecorator

from portal import clock, metrics
from portal.postgres import connecting
from portal.statements import Statements

log = structlog.get_logger(__name__)

if TYPE_CHECKING:
    from portal.journal.gathering import Journal


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment: refuses naive ones, returns UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long one kind of work waits, in seconds: for what another transaction holds, a statement, a connection."""

    lock: float
    statement: float
    pool: float

    @property
    def options(self) -> str:
        """Return it as the server takes it when a connection is made: that costs no question more."""
        return f"-c lock_timeout={self.lock * 1000:.0f} -c statement_timeout={self.statement * 1000:.0f}"

    @property
    def of_transaction(self) -> str:
        """Return it for one transaction: what a pooler lends to somebody else afterwards keeps nothing of it."""
        lock, statement = f"{self.lock * 1000:.0f}", f"{self.statement * 1000:.0f}"
        return f"SET LOCAL lock_timeout = {lock}; SET LOCAL statement_timeout = {statement}"


WEB: Final = Patience(lock=3, statement=5, pool=0)  # a person waits for the page
WORK: Final = Patience(lock=30, statement=300, pool=30)  # the worker and the operator's commands
PREPARES: Final = "prepare_threshold"
BROWSING: Final = 2.0  # seconds for a statement of a list or a search: one that takes longer asks for too much


class Busy(DBAPIError):
    """The wait for a row, or a statement, was longer than this work has patience for: nothing of its transaction stays.

    Not the database that is away (OperationalError): the next row may well be free.
    """


class Slow(Busy):
    """A statement took longer than it may: in a list or a search, what was asked for was too broad."""


QUICK: Final = 0.02  # seconds of a round trip
MOST_QUESTIONS: Final = 5
KINDS: Final[Mapping[type[DBAPIError], tuple[type[psycopg.Error], ...]]] = {
    Slow: (errors.QueryCanceled,),
    Busy: (errors.LockNotAvailable, errors.DeadlockDetected),
    OperationalError: (errors.ReadOnlySqlTransaction,),
}


# A compiled statement holds 5 to 700 kB, by the length of its text.  With SQLAlchemy’s own 500 to 750 of them a process
# under mixed traffic grew for tens of thousands of requests, as it met one page after the other; what most people do
# needs a hundred.  So much (`statements.OWN`) is what some 150 of them weigh: 8 MB.
COMPILED: Final = 240_000

# The connection that was used last is used next: few then prepare what all ask.  Each keeps what it has prepared and a
# buffer for the largest answer that it ever had, here and at the server, so that none grows for ever.
RECYCLED: Final = 600  # seconds

# A connection's option: what it commits is the process's own, and not what somebody asked for.
OF_THE_PROCESS: Final = {"of_the_process": True}


class Database:
    """Two ways in: `begin()` for a unit of work that commits, `read()` for pages (autocommit, never writes)."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 8,
        trust_for: float = 5.0,
        patience: Patience = WORK,
        is_pooled: bool = False,
        compiled: int = COMPILED,
    ) -> None:
        """Connect on demand; a connection used within the last `trust_for` seconds is not asked for a sign of life.

        `is_pooled`: a pooler stands between, which lends a connection of the server for one transaction alone.
        Nothing then outlives a transaction: no prepared statement, no setting, and no statement is outside of one.
        `compiled`: up to which weight statements stay compiled, those used last.
        """
        self.url = url.replace("postgres://", "postgresql://", 1)
        self.patience, self.is_pooled = patience, is_pooled
        self.journal: Journal | None = None
        address = connecting(self.url)
        options = f"{address.pop('options', '')} {patience.options}".strip()
        engine = create_engine(
            "postgresql+psycopg://",
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=patience.pool,
            pool_use_lifo=True,
            pool_recycle=RECYCLED,
            execution_options={"compiled_cache": Statements(compiled)},
            connect_args={
                **address,
                "application_name": "portal",
                **({"prepare_threshold": None} if is_pooled else {"options": options}),
            },
            hide_parameters=True,
        )
        if is_pooled:
            event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(patience.of_transaction))
        else:
            _see_that_settings_arrive(engine, patience)
        event.listen(engine, "checkin", lambda connection, record: _prepare_again(connection, record.info))
        _ping_idle(engine, trust_for)
        event.listen(engine, "handle_error", _sorted)
        metrics.watch_pool(engine, most=2 * pool_size)
        self._use(engine)

    def with_patience(self, patience: Patience) -> Database:
        """Return a way to the same database for another kind of work: itself, where the patience is the same."""
        if patience == self.patience:
            return self
        other = Database(self.url, patience=patience, is_pooled=self.is_pooled)
        if self.journal is not None:
            other.keep_journal(self.journal)
        return other

    def keep_journal(self, journal: Journal) -> None:
        """Have what people are told of written to a journal, before `begin` returns."""
        self.journal = journal
        journal.attach(self.engine)

    def _use(self, engine: Engine) -> None:
        self.engine = engine
        self._write = sessionmaker(engine, expire_on_commit=False)
        self._reading = engine if self.is_pooled else engine.execution_options(isolation_level="AUTOCOMMIT")
        self._read = sessionmaker(self._reading, expire_on_commit=False, autoflush=False)

    def follow_clock(self) -> None:
        """Let this process go by the database's clock: asked at the first need, then as connections are taken."""

        @event.listens_for(self.engine, "checkout")
        def measure(connection: Any, _record: Any, _proxy: Any) -> None:
            if clock.is_old():
                _set_clock(self.engine, connection)

        def ask() -> None:
            with self.engine.connect():
                pass

        clock.follow(ask)

    def view(self) -> Database:
        """Return another one over the same connections and compiled statements, with listeners of its own."""
        other = copy(self)
        other._use(self.engine.execution_options())
        return other

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Open a transaction: commits at the end of the block, rolls back on any error."""
        if self.journal is not None:
            self.journal.start(self.engine)
        with self._write.begin() as session:
            yield session
        if self.journal is not None:
            self.journal.write_own()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that only reads; objects stay usable after it closed."""
        with self._read() as session:
            yield session

    @contextmanager
    def browse(self) -> Iterator[Session]:
        """Open a session for lists and searches: it only reads, as the database itself sees to, and `hurry`.

        Its end is not left to a rollback: at each, psycopg forgets all that the connection has prepared.
        """
        with self._write() as session:
            hurry(session, transaction_read_only="on")
            yield session
            with suppress(psycopg.Error, SQLAlchemyError):  # what was read is read
                _driver(session).commit()

    @contextmanager
    def once(self) -> Iterator[Connection]:
        """Open a connection whose every statement commits by itself: a write of one statement is one round trip."""
        with self._reading.begin() if self.is_pooled else self._reading.connect() as connection:
            yield connection

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def hurry(session: Session, **more: str) -> None:
    """Let no statement of this transaction take longer than BROWSING, and have each planned for its own values.

    A plan made once for all values may be one that reads a million rows where fifty would do: nothing is prepared.
    Nor does one take the processors of others: its helpers take longer to start than most pages.
    """
    alone = {"max_parallel_workers_per_gather": "0"}
    local = {"statement_timeout": f"{BROWSING * 1000:.0f}", **alone, **more}
    session.execute(select(*(func.set_config(name, value, True) for name, value in local.items())))
    held = session.connection().connection
    held.info.setdefault(PREPARES, _driver(session).prepare_threshold)
    _driver(session).prepare_threshold = None


def keep_plans(session: Session) -> None:
    """Let what follows in this session be planned once for all values: what every page of the desk asks alike."""
    _prepare_again(_driver(session), session.connection().connection.info)


def _driver(session: Session) -> psycopg.Connection[Any]:
    driver: psycopg.Connection[Any] = session.connection().connection.driver_connection  # type: ignore[assignment]
    return driver


def _prepare_again(connection: Any, info: dict[Any, Any]) -> None:
    if connection is not None and PREPARES in info:  # None: it was lost
        connection.prepare_threshold = info.pop(PREPARES)


def _set_clock(engine: Engine, connection: Any) -> None:
    """Ask for the time of this very moment; half of the way back is taken for the way there.

    So it is right to half of a round trip: one that took long is asked again, and the quickest counts.
    """
    try:
        asked = [_ask_time(connection)]
        while min(asked)[0] > QUICK and len(asked) < MOST_QUESTIONS:
            asked.append(_ask_time(connection))
        connection.commit()  # not rolled back: see `browse`
    except engine.dialect.loaded_dbapi.Error:
        raise InvalidatePoolError from None
    _took, at, monotonic = min(asked)
    clock.set_to(at, monotonic=monotonic)


def _ask_time(connection: Any) -> tuple[float, datetime, float]:
    """Return how long the answer took, the time that it tells, and what the monotonic clock showed half-way."""
    before = time.monotonic()
    row = connection.cursor().execute("SELECT clock_timestamp()").fetchone()
    after = time.monotonic()
    return after - before, row[0], (before + after) / 2


def _see_that_settings_arrive(engine: Engine, patience: Patience) -> None:
    """Look at the first connection: a pooler that nobody told us of may drop what it is asked for, without a word."""

    @event.listens_for(engine, "first_connect", once=True)
    def look(connection: Any, _record: Any) -> None:
        asked = "SELECT setting::int FROM pg_settings WHERE name = 'lock_timeout'"
        (found,) = connection.cursor().execute(asked).fetchone()
        connection.commit()  # not rolled back: see `browse`
        if found != round(patience.lock * 1000):
            log.error("database_pooler_unsaid", remedy="DATABASE_DIRECT_URL", lock_timeout=found)


def _ping_idle(engine: Engine, trust_for: float) -> None:
    """Ask a pooled connection for a sign of life, but only one that has been idle: a ping costs a round trip.

    A server that went away is thus noticed before anything is lost, all but within those seconds.
    """

    @event.listens_for(engine, "checkin")
    def note(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ping(connection: Any, record: Any, _proxy: Any) -> None:
        since = record.info.pop("idle_since", None)
        if since is None or time.monotonic() - since < trust_for:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error:
            raise InvalidatePoolError from None


def _sorted(context: ExceptionContext) -> BaseException | None:
    """Take what a row holds out of an error's words, and give two failures the class that says what to do.

    A row that is not free is `Busy`, a statement that takes too long `Slow`.
    A database that only reads is away like one that does not answer.
    """
    error, wrapped = context.original_exception, context.sqlalchemy_exception
    if not isinstance(error, psycopg.Error):
        return None
    error.args = (_without_values(error),)
    if wrapped is not None:
        wrapped.args = (f"({type(error).__name__}) {error.args[0]}",)
    kind = next((kind for kind, errors_of_it in KINDS.items() if isinstance(error, errors_of_it)), None)
    return kind(context.statement, None, error, hide_parameters=True) if kind is not None else None


def _without_values(error: psycopg.Error) -> str:
    """Return the first line of what the server says: its detail repeats the row, and class 22 quotes a bad value."""
    if error.sqlstate is None:  # not the server's: a connection that failed
        return str(error)
    said = "a value that cannot be" if error.sqlstate.startswith("22") else error.diag.message_primary or ""
    return f"{error.sqlstate} {said}"
