"""A statement that is kept as the text that it becomes, for what is asked most."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, CursorResult, Select
from sqlalchemy.dialects.postgresql.psycopg import dialect


class Written:
    """A statement in writing: to look up what a large one becomes takes longer than all that follows.

    Its values are given as the driver takes them, and its columns come as the driver reads them.
    """

    def __init__(self, statement: Select[Any]) -> None:
        spoken = dialect()  # type: ignore[no-untyped-call]
        compiled = statement.compile(dialect=spoken)
        self._text = str(compiled)
        self._own: dict[str, Any] = {}  # values that stand in it
        for name, value in compiled.params.items():
            if value is not None:  # the others are given at each call
                processor = compiled.binds[name].type.dialect_impl(spoken).bind_processor(spoken)
                self._own[name] = processor(value) if processor is not None else value

    def execute(self, connection: Connection, values: dict[str, Any]) -> CursorResult[Any]:
        """Run it with these values."""
        return connection.exec_driver_sql(self._text, self._own | values)
