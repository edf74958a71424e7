"""Lines that name customers: who is meant, and what a line of customers writes.

An address that is known is never replaced by a file: what the customer has confirmed is theirs, and any other waits for
the new mailbox, one customer at a time (`address_changes`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from portal.domain.desk.file_import_lines import Said
from portal.domain.desk.file_imports import Field, Wrong
from portal.domain.people.profiles import left_alone
from portal.models import Customer
from portal.queries.people import file_imports
from portal.services.imports.file_import_plans import Effect, Look, Outcome, Refused, Work
from portal.services.people import address_changes, customer_identity, customer_making


class People:
    """The customers whom the lines of a part name."""

    def __init__(self, work: Work, lines: Sequence[Said]) -> None:
        said = [one.values for one in lines]
        ids = {uuid.UUID(one[Field.CUSTOMER]) for one in said if Field.CUSTOMER in one}
        found = file_imports.customers(
            work.session,
            work.merchant_id,
            ids=ids,
            external_ids={one[Field.EXTERNAL_ID] for one in said if Field.EXTERNAL_ID in one},
            emails={one[Field.EMAIL] for one in said if Field.EMAIL in one},
            locked=work.is_run,
        )
        self.found = found
        self.by_id = {one.id: one for one in found}
        self.by_external_id = {one.external_id: one for one in found if one.external_id is not None}
        self.by_email: dict[str, list[Customer]] = {}
        for one in found:
            if one.email is not None:
                self.by_email.setdefault(one.email, []).append(one)

    def named(self, said: Said) -> Customer | None:
        """Return the customer whom a line names, None for nobody known.

        Raises Refused for an id that nobody has, for what is of two, and for who is erased.
        """
        values = said.values
        found: dict[Field, Customer] = {}
        if Field.CUSTOMER in values:
            known = self.by_id.get(uuid.UUID(values[Field.CUSTOMER]))
            if known is None:
                raise Refused(Wrong.UNKNOWN_CUSTOMER, Field.CUSTOMER)
            found[Field.CUSTOMER] = known
        known = self.by_external_id.get(values.get(Field.EXTERNAL_ID, ""))
        if known is not None:
            found[Field.EXTERNAL_ID] = known
        if not found and Field.EMAIL in values:
            sharing = self.by_email.get(values[Field.EMAIL], [])
            if len(sharing) > 1:
                raise Refused(Wrong.SEVERAL_CUSTOMERS, Field.EMAIL)
            if sharing:
                found[Field.EMAIL] = sharing[0]
        if len({one.id for one in found.values()}) > 1:
            raise Refused(Wrong.TWO_CUSTOMERS, Field.EXTERNAL_ID)
        customer = next(iter(found.values()), None)
        if customer is not None and customer.erased_at is not None:
            raise Refused(Wrong.ERASED, next(iter(found)))
        return customer


class CustomerLook(Look):
    """Customers: new ones with an address, and what is said of those who are known."""

    def prepare(self, lines: Sequence[Said]) -> None:
        self.people = People(self.work, lines)
        with_address = [one.id for one in self.people.found if one.email is not None]
        without = [one.id for one in self.people.found if one.email is None]
        self.confirmed = file_imports.confirmed(self.work.session, with_address)
        self.waiting = file_imports.waiting_addresses(self.work.session, without, now=self.work.now)

    def keys(self, said: Said) -> Iterable[str]:
        values = said.values
        yield from (f"{name}:{values[name]}" for name in (Field.EXTERNAL_ID, Field.EMAIL) if name in values)
        customer = self.people.named(said)
        if customer is not None:
            yield f"{Field.CUSTOMER}:{customer.id.hex}"

    def effect(self, said: Said) -> Effect:
        values = said.values
        customer = self.people.named(said)
        if customer is None:
            return self._made(values)
        self._check_external_id(customer, values)
        asked = self._address_asked(customer, values.get(Field.EMAIL))
        columns = {"name": Field.NAME, "locale": Field.LANGUAGE, "external_id": Field.EXTERNAL_ID}
        wanted = {column: values[field] for column, field in columns.items() if field in values}
        wanted = left_alone(wanted, customer.own_answers)
        changes = {name: value for name, value in wanted.items() if getattr(customer, name) != value}
        if not changes and asked is None:
            return Effect(outcome=Outcome.SAME)
        return Effect(outcome=Outcome.CHANGED, write=partial(self._write, customer, changes, asked))

    def _made(self, values: Mapping[Field, str]) -> Effect:
        if Field.EMAIL not in values:
            raise Refused(Wrong.NEEDS_EMAIL, Field.EXTERNAL_ID)
        make = partial(
            customer_making.make,
            self.work.session,
            self.work.merchant_id,
            email=values[Field.EMAIL],
            name=values.get(Field.NAME, ""),
            external_id=values.get(Field.EXTERNAL_ID),
            locale=values.get(Field.LANGUAGE),
            by=self.work.by,
            now=self.work.now,
        )
        return Effect(outcome=Outcome.MADE, write=make)

    def _check_external_id(self, customer: Customer, values: Mapping[Field, str]) -> None:
        wanted = values.get(Field.EXTERNAL_ID)
        if wanted is not None and customer.external_id not in (None, wanted):
            raise Refused(Wrong.OTHER_ID, Field.EXTERNAL_ID)

    def _address_asked(self, customer: Customer, email: str | None) -> str | None:
        """Return the address that is to be asked, None where there is none. Raises Refused."""
        if email is None or email == customer.email:
            return None
        if customer.id in self.confirmed:
            raise Refused(Wrong.ADDRESS_CONFIRMED, Field.EMAIL)
        if self.people.by_email.get(email):
            raise Refused(Wrong.ADDRESS_TAKEN, Field.EMAIL)
        if customer.email is not None:
            raise Refused(Wrong.ADDRESS_STANDS, Field.EMAIL)
        return None if (customer.id, email) in self.waiting else email

    def _write(self, customer: Customer, changes: dict[str, str], asked: str | None) -> None:
        work = self.work
        customer_identity.write(work.ctx, work.session, customer, changes, by=work.by, now=work.now)
        if asked is not None:
            address_changes.ask(work.ctx, work.session, customer, asked, by=work.by, now=work.now)
