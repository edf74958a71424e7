"""The database: engine, sessions, and the one column type for time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, Engine, create_engine, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.types import TypeDecorator

from portal import clock


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


class Database:
    """Two ways in: `begin()` for a unit of work that commits, `read()` for pages (autocommit, never writes)."""

    def __init__(self, url: str, *, pool_size: int = 8, trust_for: float = 5.0) -> None:
        """Connect on demand; a connection used within the last `trust_for` seconds is not asked for a sign of life."""
        self.url = url.replace("postgres://", "postgresql://", 1)
        engine = create_engine(
            self.url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=5,
            connect_args={"connect_timeout": 3, "application_name": "portal"},
        )
        _ping_idle(engine, trust_for)
        self._use(engine)

    def _use(self, engine: Engine) -> None:
        self.engine = engine
        self._write = sessionmaker(engine, expire_on_commit=False)
        reading = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._read = sessionmaker(reading, expire_on_commit=False, autoflush=False)

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
        with self._write.begin() as session:
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that only reads; objects stay usable after it closed."""
        with self._read() as session:
            yield session

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def _set_clock(engine: Engine, connection: Any) -> None:
    """Ask for the time of this very moment; half of the way back is taken for the way there."""
    try:
        before = time.monotonic()
        row = connection.cursor().execute("SELECT clock_timestamp()").fetchone()
        after = time.monotonic()
        connection.rollback()
    except engine.dialect.loaded_dbapi.Error:
        raise InvalidatePoolError from None
    clock.set_to(row[0], monotonic=(before + after) / 2)


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
