"""Names as a reader takes them: with or without an accent or a capital they are one."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LIGATURES: Final = (("œ", "oe"), ("æ", "ae"), ("ß", "ss"))  # what Unicode does not take apart by itself


def reads_alike(one: str, other: str) -> bool:
    """Say whether two names are one to the reader, as the database has it (`models.names.reading_order`)."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    plain = re.sub(r"[\u0300-\u036f]", "", unicodedata.normalize("NFKD", name)).lower()
    for joined, apart in LIGATURES:
        plain = plain.replace(joined, apart)
    return plain
