"""What is told of a customer's record: their address is to change, or has changed; access was given to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.mail.composing import Composed, compose
from portal.mail.letterhead import Clean, Letterhead
from portal.mail.logins import ADDRESS_CONFIRM


def address_confirm(head: Letterhead, *, path: str, until: datetime) -> Composed:
    """Compose the question to a new address; it names nobody, since the address may be a stranger's."""
    return compose(ADDRESS_CONFIRM, head, path=path, until=until)


def address_asked(
    head: Letterhead, *, name: str, address: str, until: datetime, path: str, by_customer: bool = False
) -> Composed:
    """Compose the news for the known address that another one was asked for; `address` is masked."""
    facts = {"name": name, "address": address, "by_customer": by_customer, "until": until, "path": path}
    return compose("address_asked", head, **facts)


def address_set(head: Letterhead, *, name: str, path: str) -> Composed:
    """Compose the news for the new address."""
    return compose("address_set", head, name=name, path=path)


def address_left(head: Letterhead, *, name: str, address: str) -> Composed:
    """Compose the news for the former address; `address` is masked, since somebody else may read it by now."""
    return compose("address_left", head, name=name, address=address)


def address_moved(head: Letterhead, *, name: str, address: str, path: str, until: datetime) -> Composed:
    """Compose the news for the former address of who changed it by themselves; `path` leads to where it is held."""
    return compose("address_moved", head, name=name, address=address, path=path, until=until)


def address_kept(head: Letterhead, *, name: str, address: str) -> Composed:
    """Compose the news that a contested change stands; `address` is masked, since both mailboxes read it."""
    return compose("address_kept", head, name=name, address=address)


def customers_joined(head: Letterhead, *, name: str, path: str) -> Composed:
    """Compose the news that two records of one person are one account from now on."""
    return compose("customers_joined", head, name=name, path=path)


def customers_split(head: Letterhead, *, name: str, path: str, is_shared: bool) -> Composed:
    """Compose the news that they are two again. `is_shared`: both have the address, and the log-in asks which."""
    return compose("customers_split", head, name=name, path=path, is_shared=is_shared)


@dataclass(frozen=True, kw_only=True)
class GivenFacts(Clean):
    """Access given by hand, as it is told. `opens_at`: None where it is open; `until`: None for good.

    `has_more`: something of the product is open besides, by a subscription or another gift.
    """

    customer_name: str
    product: str
    opens_at: datetime | None
    until: datetime | None
    has_more: bool
    path: str


def access_given(head: Letterhead, given: GivenFacts) -> Composed:
    """Compose the news of an access that was given."""
    return compose("access_given", head, given=given)


def access_changed(head: Letterhead, given: GivenFacts) -> Composed:
    """Compose the news that its days have changed."""
    return compose("access_changed", head, given=given)


def access_withdrawn(head: Letterhead, given: GivenFacts) -> Composed:
    """Compose the news that it was withdrawn."""
    return compose("access_withdrawn", head, given=given)
