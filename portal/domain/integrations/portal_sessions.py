"""What a merchant's server may ask for when it sends somebody who is logged in there to the portal (decision 37)."""

from __future__ import annotations

from enum import StrEnum

from portal.domain.errors import DomainError


class Flaw(StrEnum):
    """Why such a session is not made; whoever asked is told by name."""

    RETURN_URL = "return_url"  # none, or not on the merchant's list of return addresses, nor below one of them
    SUBSCRIPTION_MISSING = "subscription_missing"  # the task is about one
    SUBSCRIPTION_UNWANTED = "subscription_unwanted"  # the task is about all that the customer has
    KEY_REVOKED = "key_revoked"  # or replaced at once, during the call: nothing that is left behind shall open anything
    SECTION_HIDDEN = "section_hidden"  # the merchant has left that page out of the customers' space


class CannotMake(DomainError):
    """The session was not made, for the flaw."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw
