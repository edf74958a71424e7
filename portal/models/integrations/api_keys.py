"""Keys of the API, how much each is used, and what was answered to a call that may be made again."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.integrations import api_keys
from portal.domain.integrations.api_keys import KeyStanding, Mode, Scope
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class ApiKey(HasId, HasCreation, HasMerchant, Base):
    """One key. Its secret was shown once; its digest is here."""

    __tablename__ = "api_keys"
    __table_args__ = (CheckConstraint("per_minute BETWEEN 1 AND 600000", name="per_minute"),)

    name: Mapped[str]
    mode: Mapped[Mode] = mapped_column(words(Mode, "mode"))
    prefix: Mapped[str] = mapped_column(unique=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scopes: Mapped[list[str]] = mapped_column(JSONB)
    networks: Mapped[list[str]] = mapped_column(JSONB, default=list)  # empty: it may be used from everywhere
    per_minute: Mapped[int] = mapped_column(default=api_keys.PER_MINUTE)
    made_by: Mapped[str] = mapped_column(default="")
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]  # of one that another one takes the place of
    successor_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("api_keys.id", ondelete="SET NULL"))
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str] = mapped_column(default="")  # empty: whoever showed the whole key to the portal
    reported_at: Mapped[datetime | None]  # somebody said that it lies in the open
    reported_where: Mapped[str] = mapped_column(default="")  # in their words: shown at the desk as text, never mailed

    @property
    def allowed(self) -> frozenset[Scope]:
        """What it may do; a scope that this version does not know is none."""
        return frozenset(Scope(one) for one in self.scopes if one in set(Scope))

    def standing(self, now: datetime) -> KeyStanding:
        """Return where it stands."""
        return api_keys.standing(expires_at=self.expires_at, revoked_at=self.revoked_at, now=now)


class ApiUse(Base):
    """How many calls a key made in a minute, of all processes together."""

    __tablename__ = "api_uses"

    key_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"), primary_key=True)
    minute: Mapped[datetime] = mapped_column(primary_key=True, index=True)
    count: Mapped[int]


class ApiReply(HasId, HasCreation, Base):
    """What a call with an `Idempotency-Key` was answered; without a status it is still being carried out."""

    __tablename__ = "api_replies"
    __table_args__ = (UniqueConstraint("key_id", "name"), Index("ix_api_replies_created_at", "created_at"))

    key_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"))
    name: Mapped[str]
    call: Mapped[bytes] = mapped_column(LargeBinary)  # a digest of method, address and body
    status: Mapped[int | None]
    headers: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)  # sealed: it may name a customer
