"""The people of a customer's account: who sees it, who acts in it, and how far an invitation to it has come.

The address on file is the first owner and stands in no list: it cannot be removed, the law's mails go to it, and
only its person changes the address, or has the record erased (docs/decisions/0034-people-of-an-account.md).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from portal.domain.errors import Denial

MOST: Final = 20  # people of one account, those who are invited among them
LONGEST_NAME: Final = 140


class MemberRole(StrEnum):
    """What somebody may do in the account of a customer."""

    OWNER = "owner"  # all that the customer may, but for what is the address on file's alone
    READER = "reader"  # sees what an owner sees, and changes nothing


class MemberState(StrEnum):
    """How far somebody is."""

    INVITED = "invited"
    EXPIRED = "expired"  # the link of the invitation opens nothing any more; it can be sent again
    ACTIVE = "active"
    REMOVED = "removed"


class Part(StrEnum):
    """To whom of an account's people a page of it is open, and who acts there."""

    SEEN = "seen"  # all look, owners act
    OWNERS = "owners"  # owners alone, looking too: a form
    ON_FILE = "on_file"  # the person of the address on file alone
    OWN = "own"  # everybody acts: their own sessions, which account they see


def state_of(
    *, accepted_at: datetime | None, removed_at: datetime | None, expires_at: datetime, now: datetime
) -> MemberState:
    """Return how far somebody is."""
    if removed_at is not None:
        return MemberState.REMOVED
    if accepted_at is not None:
        return MemberState.ACTIVE
    return MemberState.INVITED if now < expires_at else MemberState.EXPIRED


def refusal(role: MemberRole | None, part: Part, *, is_safe: bool) -> Denial | None:
    """Return why somebody may not come to a part of an account; None when they may. No role: the address on file."""
    if role is None or part is Part.OWN:
        return None
    if part is Part.ON_FILE:
        return Denial.ON_FILE_ONLY
    looks = is_safe and part is Part.SEEN
    return None if role is MemberRole.OWNER or looks else Denial.OWNERS_ONLY


def stricter(one: MemberRole, other: MemberRole) -> MemberRole:
    """Return the role that allows less."""
    return MemberRole.READER if MemberRole.READER in (one, other) else MemberRole.OWNER
