"""Lines that give access by hand, as the desk does for one customer: nobody is written to."""

from __future__ import annotations

import struct
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from portal.domain.access import grants as rules
from portal.domain.access.grants import CannotGive, Given, GrantProblem, is_over
from portal.domain.desk.file_import_lines import Said
from portal.domain.desk.file_imports import Field, Wrong
from portal.domain.integrations.public_ids import Kind, is_public, private
from portal.queries.people import file_imports
from portal.services import grants
from portal.services.dates.end_schedules import beginning_of
from portal.services.grants import Gift
from portal.services.imports.file_import_customers import People
from portal.services.imports.file_import_plans import HASH, Effect, Look, Outcome, Refused

PROBLEM: Final = {
    GrantProblem.ENDS_BEFORE_START: (Wrong.ENDS_BEFORE_START, Field.UNTIL),
    GrantProblem.OVER_ALREADY: (Wrong.OVER_ALREADY, Field.UNTIL),
    GrantProblem.OVERLAPS: (Wrong.OVERLAPS, Field.SINCE),
}


DAYS: Final = struct.Struct(">II")  # the numbers of the first day and of the last one, 0 for good
LEAST: Final = bytes(DAYS.size)
MOST: Final = b"\xff" * DAYS.size
Pair = tuple[uuid.UUID, uuid.UUID]  # of whom, and of which product


@dataclass(frozen=True)
class _Days:
    """Whole days of the merchant's: from the first one's beginning until the last one's end, None for good."""

    first: date
    last: date | None
    zone: str

    @property
    def since(self) -> datetime:
        return beginning_of(self.first, self.zone)

    @property
    def until(self) -> datetime | None:
        return beginning_of(self.last + timedelta(days=1), self.zone) if self.last is not None else None


class GrantLook(Look):
    """Access by hand: to a customer and a product that are known."""

    def prepare(self, lines: Sequence[Said]) -> None:
        self.people = People(self.work, lines)
        self.zone = self.work.reading.zone.key
        self.products: dict[str, set[uuid.UUID]] = defaultdict(set)
        for row in file_imports.products(self.work.session, self.work.merchant_id):
            self.products[f"id:{row.id}"].add(row.id)
            if row.external_id is not None:
                self.products[f"own:{row.external_id}"].add(row.id)
            self.products[f"name:{row.name.casefold()}"].add(row.id)
        self.given: dict[Pair, list[Given]] = defaultdict(list)
        pairs = self._pairs(lines)
        for one in file_imports.grants(self.work.session, pairs):
            self.given[one.customer_id, one.product_id].append(one)
        self.new: dict[uuid.UUID, tuple[uuid.UUID, int]] = {}
        if not self.work.is_run:
            self._foresee(pairs)

    def keys(self, said: Said) -> Iterable[str]:
        yield said.content

    def effect(self, said: Said) -> Effect:
        customer = self.people.named(said)
        if customer is None:
            named = next(one for one in (Field.EXTERNAL_ID, Field.EMAIL) if one in said.values)
            raise Refused(Wrong.UNKNOWN_CUSTOMER, named)
        product_id = self._product(said)
        wanted, others = self._days(said), self.given[customer.id, product_id]
        if any(self._is_it(one, wanted, has_start=Field.SINCE in said.days) for one in others):
            return Effect(outcome=Outcome.SAME)
        try:
            rules.check(wanted.since, wanted.until, others, now=self.work.now)
        except CannotGive as error:
            why, field = PROBLEM[error.why]
            raise Refused(why, field) from None
        others.append(wanted)
        self.new[self._key((customer.id, product_id), wanted)] = (uuid.UUID(int=0), said.line)
        gift = Gift(
            product_id=product_id,
            since=wanted.since,
            until=wanted.until,
            note=said.get(Field.NOTE) or "",
            is_told=False,
        )
        work = self.work
        give = partial(grants.give_to, work.ctx, work.session, customer, gift, by=work.by, now=work.now)
        return Effect(outcome=Outcome.MADE, write=give)

    def keep(self) -> None:
        """Let the parts behind this one of a check know what it would give; a run has given it."""
        if not self.work.is_run:
            self.work.keep(self.new)

    def _foresee(self, pairs: Iterable[Pair]) -> None:
        """Add what earlier parts of a check would give."""
        spans = {self._pair(pair): pair for pair in pairs}
        wanted = [(_with_days(of, LEAST), _with_days(of, MOST)) for of in spans]
        for key in file_imports.keys_between(self.work.session, self.work.found, wanted):
            first, last = DAYS.unpack(key.bytes[-DAYS.size :])
            days = _Days(date.fromordinal(first), date.fromordinal(last) if last else None, self.zone)
            self.given[spans[key.bytes[: -DAYS.size]]].append(days)

    def _key(self, pair: Pair, days: _Days) -> uuid.UUID:
        """Return a key that keeps a gift's days in clear behind a hash of whose and what."""
        last = days.last.toordinal() if days.last is not None else 0
        return _with_days(self._pair(pair), DAYS.pack(days.first.toordinal(), last))

    def _pair(self, pair: Pair) -> bytes:
        return self.work.hash("gift:{}:{}".format(*pair), size=HASH - DAYS.size)

    def _pairs(self, lines: Sequence[Said]) -> set[Pair]:
        pairs = set()
        for said in lines:
            try:
                customer = self.people.named(said)
                if customer is not None:
                    pairs.add((customer.id, self._product(said)))
            except Refused:
                continue  # said when the line is looked at
        return pairs

    def _product(self, said: Said) -> uuid.UUID:
        """Return the product by our id, the merchant's own, or its name. Raises Refused."""
        text = said.values[Field.PRODUCT]
        known = private(Kind.PRODUCT, text) if is_public(Kind.PRODUCT, text) else text.lower()
        for way in (f"id:{known}", f"own:{text}", f"name:{text.casefold()}"):
            found = self.products.get(way, set())
            if len(found) > 1:
                raise Refused(Wrong.SEVERAL_PRODUCTS, Field.PRODUCT)
            if found:
                return next(iter(found))
        raise Refused(Wrong.UNKNOWN_PRODUCT, Field.PRODUCT)

    def _days(self, said: Said) -> _Days:
        """Return from when until when: whole days of the merchant's, from the day the file came where none is said."""
        came = self.work.found.created_at.astimezone(self.work.reading.zone).date()
        return _Days(said.days.get(Field.SINCE) or came, said.days.get(Field.UNTIL), self.zone)

    def _is_it(self, one: Given, wanted: _Days, *, has_start: bool) -> bool:
        """Say whether it is given already; a line that names no start is any that runs now."""
        if one.until != wanted.until:
            return False
        runs = one.since <= self.work.now and not is_over(one, self.work.now)
        return one.since == wanted.since or (not has_start and runs)


def _with_days(of: bytes, days: bytes) -> uuid.UUID:
    return uuid.UUID(bytes=of + days)
