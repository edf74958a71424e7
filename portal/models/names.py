"""Names in the order in which a reader looks for them: « Émile » beside « Emma », « zoé » after « Yves ».

The server's own order is that of bytes wherever it was built without ICU, as the embedded one is.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Text, func, literal_column

from portal.domain.people.names import LIGATURES


def reading_order(column: Any) -> ColumnElement[str]:
    """Return what to sort a name by: without accents and case. Immutable, so that an index can hold it."""
    letters: ColumnElement[str] = func.normalize(column, literal_column("NFKD"))
    accents: ColumnElement[str] = literal_column("'[\\u0300-\\u036f]'")
    nothing, all_of_them = literal_column("''", Text), literal_column("'g'", Text)
    plain: ColumnElement[str] = func.lower(func.regexp_replace(letters, accents, nothing, all_of_them))
    for joined, apart in LIGATURES:
        plain = func.replace(plain, literal_column(f"'{joined}'"), literal_column(f"'{apart}'"))
    return plain
