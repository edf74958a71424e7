"""A merchant's own host name for its customers' pages (domain.own_hosts)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.merchants.own_hosts import Fault, Standing
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class OwnHost(HasId, HasCreation, HasMerchant, Base):
    """A host name that a merchant entered. The one that is active stands in `merchants.own_host` too."""

    __tablename__ = "own_hosts"
    __table_args__ = (
        CheckConstraint("host ~ '^[a-z0-9-]+([.][a-z0-9-]+)+$'", name="host_is_a_name"),
        CheckConstraint("(failing_since IS NULL) = (fault IS NULL)", name="fault_has_a_day"),
        Index("uq_own_hosts_merchant_id", "merchant_id", unique=True, postgresql_where=text("given_up_at IS NULL")),
        Index("ix_own_hosts_host", "host"),
    )

    host: Mapped[str]
    token: Mapped[str]  # of the challenge in the name's zone: no secret, it stands there for everybody
    proved_at: Mapped[datetime | None]  # since when the challenge was found; None again once it is gone for a day
    active_since: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    fault: Mapped[Fault | None] = mapped_column(words(Fault, "fault"))  # of the last check
    failing_since: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]

    def standing(self, active: str | None) -> Standing:
        """Return how it stands; `active` is the host of `merchants.own_host`."""
        if self.given_up_at is not None:
            return Standing.GIVEN_UP
        if self.host == active:
            return Standing.ACTIVE
        return Standing.LOST if self.active_since is not None else Standing.WAITING
