"""Statements that are built once, at their first use, by one thread alone.

An alias makes its columns as they are asked for.  Two threads that do so at the same moment get two of one name, and a
statement of both reads another thing than it says; kept, it would do so for the life of the process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from sqlalchemy import Connection, CursorResult, Dialect, Select

P = ParamSpec("P")
T = TypeVar("T")

_LOCK: Final = threading.RLock()  # one for all: they share their aliases


def built_once(build: Callable[P, T]) -> Callable[P, T]:
    """Keep what the function builds, for each of its arguments."""
    kept: dict[Hashable, Any] = {}

    @wraps(build)
    def built(*args: P.args, **named: P.kwargs) -> T:
        key = args, tuple(named.items())
        if key not in kept:
            with _LOCK:
                if key not in kept:
                    kept[key] = build(*args, **named)
        return kept[key]  # type: ignore[no-any-return]

    return built


class Written:
    """A statement whose text is kept as well, for what is asked most: to look it up costs twice what it then takes.

    Its values are given as the driver takes them, and its columns come as the driver reads them: JSON, numbers, texts.
    """

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        self._text: str | None = None
        self._values: dict[str, Any] = {}  # its own

    def execute(self, connection: Connection, values: dict[str, Any]) -> CursorResult[Any]:
        """Run it with these values."""
        if self._text is None:
            with _LOCK:
                self._write(connection.dialect)
        return connection.exec_driver_sql(self._text, self._values | values)  # type: ignore[arg-type]

    def _write(self, dialect: Dialect) -> None:
        compiled = self._statement.compile(dialect=dialect)
        for name, value in compiled.params.items():
            if value is not None:  # the others are given at each call
                processor = compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)
                self._values[name] = processor(value) if processor is not None else value
        self._text = str(compiled)
