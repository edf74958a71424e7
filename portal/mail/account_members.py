"""What is written about the people of a customer's account: the invitation, and the news that somebody came in."""

from __future__ import annotations

from datetime import datetime

from portal.domain.people.email_addresses import shown
from portal.mail.composing import Composed, compose
from portal.mail.letterhead import Letterhead
from portal.mail.logins import ACCOUNT_INVITATION


def account_invitation(head: Letterhead, *, path: str, role: str, by: str, valid_until: datetime) -> Composed:
    """Compose the invitation; `by` is the address of who invites: nobody's name, which could say anything."""
    return compose(ACCOUNT_INVITATION, head, path=path, role=role, by=shown(by), valid_until=valid_until)


def account_member_joined(head: Letterhead, *, name: str, address: str, role: str, path: str) -> Composed:
    """Compose the news for the address on file; `address` of who came in is masked."""
    return compose("account_member_joined", head, name=name, address=address, role=role, path=path)
