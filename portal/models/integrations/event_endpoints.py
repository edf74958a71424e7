"""Where a merchant's other systems are told of events."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, String, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, column_property, mapped_column

from portal.domain.integrations.outgoing_events import EndpointState, EventType
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words
from portal.models.merchants.merchants import Merchant


class EventEndpoint(HasId, HasCreation, HasMerchant, Base):
    """One address that events are sent to. (`webhook_endpoints` is where PayPal reports to us.)"""

    __tablename__ = "event_endpoints"
    __table_args__ = (
        CheckConstraint("environment IN ('sandbox', 'live')", name="environment"),
        CheckConstraint("(former_secret IS NULL) = (former_secret_until IS NULL)", name="former_secret_has_an_end"),
    )

    address: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    types: Mapped[list[str]] = mapped_column(JSONB, default=list)  # what it is told; empty: everything
    is_full: Mapped[bool] = mapped_column(default=False)  # with the object, not its id alone
    environment: Mapped[str | None] = mapped_column(String(40))  # of PayPal, that it is told of; empty: of both
    secret: Mapped[bytes]  # sealed; shown once
    secret_set_at: Mapped[datetime]
    former_secret: Mapped[bytes | None]  # sealed; signs beside the new one until then
    former_secret_until: Mapped[datetime | None]
    made_by: Mapped[str] = mapped_column(default="")
    state: Mapped[EndpointState] = mapped_column(words(EndpointState, "state"), default=EndpointState.ENABLED)
    state_at: Mapped[datetime | None]  # since when it is not enabled
    is_by_hand: Mapped[bool] = mapped_column(default=False)  # somebody stopped it
    # How it fares: since when nothing succeeded, how often in a row it did not answer, until when it is left alone.
    failing_since: Mapped[datetime | None]
    unanswered: Mapped[int] = mapped_column(default=0)
    quiet_until: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    access_since: Mapped[datetime | None]  # from when what may be opened is watched for it; empty: not yet

    def wants(self, event_type: EventType) -> bool:
        """Say whether it is told of such an event."""
        return not self.types or event_type.value in self.types or event_type is EventType.ENDPOINT_TEST

    def stop(self, state: EndpointState, *, at: datetime, by_hand: bool) -> None:
        """Call it no more, for now (paused) or at all (disabled)."""
        self.state, self.state_at, self.is_by_hand = state, at, by_hand
        if state is EndpointState.DISABLED:
            self.access_since = None  # nothing is kept for it: once it is called again, from then on

    def start(self) -> None:
        """Call it again: what it failed before is forgotten."""
        self.state, self.state_at, self.is_by_hand = EndpointState.ENABLED, None, False
        self.failing_since, self.unanswered, self.quiet_until = None, 0, None


# Read with the merchant's own row, which nearly every act reads: that nobody wants to be told then costs no question.
Merchant.types_wanted = column_property(  # type: ignore[assignment]
    select(func.jsonb_agg(EventEndpoint.types))
    .where(EventEndpoint.merchant_id == Merchant.id, EventEndpoint.state != EndpointState.DISABLED)
    .correlate_except(EventEndpoint)
    .scalar_subquery()
)
