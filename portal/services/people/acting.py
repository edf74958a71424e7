"""Who acts in the customers' space, for the audit chain and for what is shown."""

from __future__ import annotations

import uuid

from portal.domain.audit import By
from portal.domain.ends.end_requests import Channel
from portal.domain.policies import Actor
from portal.queries.people.people import Person


def by_customer(customer_id: uuid.UUID | None = None) -> By:
    """Return a customer at the portal; without an id for whoever holds a link, logged in as nobody."""
    return By(actor=Actor.CUSTOMER, actor_id=customer_id, channel=Channel.PORTAL)


def by_person(person: Person) -> By:
    """Return who is logged in to a customer's account: the customer, or one of their people by id and name."""
    who = person.member.id if person.member is not None else person.id
    return By(actor=Actor.CUSTOMER, actor_id=who, channel=channel_of(person), name=person.signature)


def channel_of(person: Person) -> Channel:
    """Return the way by which a customer acts: in their space, or there by the word of the merchant's server."""
    return Channel.PORTAL if person.vouched is None else Channel.PORTAL_SESSION
