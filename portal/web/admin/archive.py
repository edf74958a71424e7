"""What the law keeps of a customer who was erased is not for everybody at the desk (law.md R-GD-3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.domain.duties import Duty, may
from portal.domain.errors import Denial, NotAllowed
from portal.web.identity import person

if TYPE_CHECKING:
    from portal.models import Customer


def check(customer: Customer) -> None:
    """Raise NotAllowed where what is kept of the customer is an archive, and this person's role does not include it."""
    if customer.erased_at is not None and not may(person().role, Duty.ARCHIVE):
        raise NotAllowed(Denial.ROLE_TOO_LOW)
