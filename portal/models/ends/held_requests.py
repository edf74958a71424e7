"""What the words about a request read of it, as `held` has it of the subscription: to end, to pause, to come back."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Protocol

from portal.domain.dates.end_dates import Planned, WaitReason
from portal.domain.ends.comebacks import OPEN, ComebackState
from portal.domain.ends.end_requests import Channel, RequestState, is_planned
from portal.domain.ends.pauses import PauseKind, PauseRefusal, PauseState
from portal.domain.ends.received_requests import answers
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status


class AnyEndRequest(Protocol):
    """A request to end a subscription, as far as it is told."""

    @property
    def state(self) -> RequestState: ...
    @property
    def outcome(self) -> Status: ...
    @property
    def actor(self) -> Actor: ...
    @property
    def channel(self) -> Channel: ...
    @property
    def reference(self) -> str: ...
    @property
    def wished_on(self) -> date | None: ...
    @property
    def due_at(self) -> datetime | None: ...
    @property
    def awaited_at(self) -> datetime | None: ...
    @property
    def owed_until(self) -> datetime | None: ...
    @property
    def wait_reason(self) -> WaitReason | None: ...
    @property
    def sent_at(self) -> datetime | None: ...
    @property
    def notified_at(self) -> datetime | None: ...
    @property
    def notified_reference(self) -> str: ...
    @property
    def is_open(self) -> bool: ...
    @property
    def answers(self) -> bool: ...
    @property
    def asked_under(self) -> str: ...
    def is_planned(self, now: datetime) -> bool: ...
    def planned(self, now: datetime) -> Planned | None: ...


class HasEndRequestFacts:
    """What follows from the columns of a request to end."""

    @property
    def answers(self: AnyEndRequest) -> bool:
        """Whether it carries out what its customer had asked before: the end is then of that time and reference."""
        return answers(self.actor, self.channel, self.notified_at)

    @property
    def asked_under(self: AnyEndRequest) -> str:
        """The reference that whoever asked was given."""
        return self.notified_reference if self.answers else self.reference

    def is_planned(self: AnyEndRequest, now: datetime) -> bool:
        """Whether it only waits for a later day: nothing of it was sent, and it can be taken back."""
        return is_planned(self.state, self.due_at, now=now)

    def planned(self: AnyEndRequest, now: datetime) -> Planned | None:
        """What it was given while it waits; None of one that waits no more, or whose reason was never written."""
        due_at, owed_until, reason = self.due_at, self.owed_until, self.wait_reason
        if not self.is_planned(now) or due_at is None or owed_until is None or reason is None:
            return None
        return Planned(reason=reason, owed_until=owed_until, due_at=due_at, awaited_at=self.awaited_at)


class AnyPause(Protocol):
    """A request to pause or to resume."""

    @property
    def id(self) -> uuid.UUID: ...
    @property
    def kind(self) -> PauseKind: ...
    @property
    def state(self) -> PauseState: ...
    @property
    def actor(self) -> Actor: ...
    @property
    def due_at(self) -> datetime | None: ...
    @property
    def sent_at(self) -> datetime | None: ...
    @property
    def refused_at(self) -> datetime | None: ...
    @property
    def refused_for(self) -> PauseRefusal | None: ...
    @property
    def is_open(self) -> bool: ...
    def waits(self, now: datetime) -> bool: ...


class HasPauseFacts:
    """What follows from the columns of a request to pause or to resume."""

    def waits(self: AnyPause, now: datetime) -> bool:
        """Say whether it only waits for its day."""
        return self.state is PauseState.RECORDED and self.due_at is not None and self.due_at > now


class AnyAttempt(Protocol):
    """An attempt to come back."""

    @property
    def id(self) -> uuid.UUID: ...
    @property
    def subscription_id(self) -> uuid.UUID: ...
    @property
    def product_id(self) -> uuid.UUID: ...
    @property
    def state(self) -> ComebackState: ...
    @property
    def next_try_at(self) -> datetime | None: ...
    @property
    def approval_url(self) -> str | None: ...
    @property
    def is_open(self) -> bool: ...
    @property
    def is_good_though_dropped(self) -> bool: ...


class HasAttemptFacts:
    """What follows from the columns of an attempt to come back."""

    @property
    def is_open(self: AnyAttempt) -> bool:
        """Whether it still may lead to a new subscription by itself."""
        return self.state in OPEN

    @property
    def is_good_though_dropped(self: AnyAttempt) -> bool:
        """Whether it was dropped while PayPal's link is still good: whoever holds it may approve it."""
        return self.state is ComebackState.GIVEN_UP and self.next_try_at is not None and self.approval_url is not None
