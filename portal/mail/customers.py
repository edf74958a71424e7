"""What is told of a customer's record: their address has changed."""

from __future__ import annotations

from portal.mail.composing import Composed, compose
from portal.mail.letterhead import Letterhead


def address_set(head: Letterhead, *, name: str, path: str) -> Composed:
    """Compose the news for the new address."""
    return compose("address_set", head, name=name, path=path)


def address_left(head: Letterhead, *, name: str, address: str) -> Composed:
    """Compose the news for the former address; `address` is masked, since somebody else may read it by now."""
    return compose("address_left", head, name=name, address=address)
