"""The database: engine, sessions, and the one column type for time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, Engine, create_engine
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.types import TypeDecorator


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

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.url = url.replace("postgres://", "postgresql://", 1)
        self.engine: Engine = create_engine(
            self.url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=5,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 3, "application_name": "portal"},
        )
        self._write = sessionmaker(self.engine, expire_on_commit=False)
        reading = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._read = sessionmaker(reading, expire_on_commit=False, autoflush=False)

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
