"""Lines that give access by hand, as the desk does for one customer: nobody is written to."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from typing import Final

from portal.domain.access import grants as rules
from portal.domain.access.grants import CannotGive, Given, GrantProblem, is_over
from portal.domain.desk.file_import_lines import Said
from portal.domain.desk.file_imports import Field, Wrong
from portal.domain.integrations.public_ids import Kind, is_public, private
from portal.queries.people import file_imports
from portal.services import grants
from portal.services.grants import Gift
from portal.services.imports.file_import_customers import People
from portal.services.imports.file_import_plans import Effect, Look, Outcome, Refused

PROBLEM: Final = {
    GrantProblem.ENDS_BEFORE_START: (Wrong.ENDS_BEFORE_START, Field.UNTIL),
    GrantProblem.OVER_ALREADY: (Wrong.OVER_ALREADY, Field.UNTIL),
    GrantProblem.OVERLAPS: (Wrong.OVERLAPS, Field.SINCE),
}


@dataclass(frozen=True)
class _Days:
    since: datetime
    until: datetime | None


class GrantLook(Look):
    """Access by hand: to a customer and a product that are known."""

    def prepare(self, lines: Sequence[Said]) -> None:
        self.people = People(self.work, lines)
        self.products: dict[str, set[uuid.UUID]] = defaultdict(set)
        for row in file_imports.products(self.work.session, self.work.merchant_id):
            self.products[f"id:{row.id}"].add(row.id)
            self.products[f"own:{row.external_id}"].add(row.id)
            self.products[f"name:{row.name.casefold()}"].add(row.id)
        self.given: dict[tuple[uuid.UUID, uuid.UUID], list[Given]] = defaultdict(list)
        for one in file_imports.grants(self.work.session, self._pairs(lines)):
            self.given[one.customer_id, one.product_id].append(one)

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

    def _pairs(self, lines: Sequence[Said]) -> set[tuple[uuid.UUID, uuid.UUID]]:
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
        zone = self.work.reading.zone
        first = said.days.get(Field.SINCE) or self.work.found.created_at.astimezone(zone).date()
        last = said.days.get(Field.UNTIL)
        until = datetime.combine(last + timedelta(days=1), time(), zone) if last is not None else None
        return _Days(datetime.combine(first, time(), zone), until)

    def _is_it(self, one: Given, wanted: _Days, *, has_start: bool) -> bool:
        """Say whether it is given already; a line that names no start is any that runs now."""
        if one.until != wanted.until:
            return False
        runs = one.since <= self.work.now and not is_over(one, self.work.now)
        return one.since == wanted.since or (not has_start and runs)
