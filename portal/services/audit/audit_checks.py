"""Walk a merchant's audit chain and find the first row that was changed, is missing or was moved."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

from portal.domain.audit import BEFORE_THE_FIRST, Flaw, Found, Walk
from portal.extensions import Database
from portal.queries import audit

BATCH: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a walk found. `last` and `last_hash` are the chain's end, to be written down and expected later."""

    last: int
    last_hash: str
    checked: int  # rows that are whole and follow each other, from the first
    found: Found | None

    @property
    def is_whole(self) -> bool:
        """Whether every row up to the end was looked at, and nothing is wrong."""
        return self.found is None and self.checked == self.last


def check(
    database: Database, merchant_id: uuid.UUID, *, expect: tuple[int, str] | None = None, most: int | None = None
) -> Verdict:
    """Walk the chain from its first row to where it ends now, or `most` rows of it.

    `expect`: a number and a hash written down earlier, which the chain must still contain: only that tells when
    somebody wrote a whole new chain.
    """
    with database.read() as session:
        last, last_hash = audit.end(session, merchant_id) or (0, BEFORE_THE_FIRST)
    walk = Walk()
    found = _walk(database, merchant_id, walk, min(last, most) if most is not None else last, expect)
    if found is None and walk.number == last:
        found = _end(database, merchant_id, walk, last_hash, expect)
    return Verdict(last=last, last_hash=last_hash, checked=walk.number, found=found)


def _walk(
    database: Database, merchant_id: uuid.UUID, walk: Walk, until: int, expect: tuple[int, str] | None
) -> Found | None:
    for rows in audit.batches(database, merchant_id, first=1, last=until, size=BATCH):
        for row in rows:
            found = walk.take(row.entry, row.hash)
            if found is not None:
                return found
            if expect is not None and expect[0] == walk.number and expect[1] != walk.hash:
                return Found(Flaw.NOT_EXPECTED, walk.number)
    return Found(Flaw.CUT_OFF, walk.number + 1) if walk.number < until else None


def _end(
    database: Database, merchant_id: uuid.UUID, walk: Walk, last_hash: str, expect: tuple[int, str] | None
) -> Found | None:
    if walk.hash != last_hash:
        return Found(Flaw.OTHER_END, walk.number)
    with database.read() as session:
        outside = audit.first_outside(session, merchant_id)
    if outside is not None:
        return Found(Flaw.BEYOND_END, outside)
    if expect is not None and expect[0] > walk.number:
        return Found(Flaw.CUT_OFF, walk.number + 1)
    return None
