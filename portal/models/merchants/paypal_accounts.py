"""A merchant's PayPal keys: sealed, tested, the REST token shared by every process."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from portal.models.base import Base, HasCreation, HasId, HasMerchant, Provider, words


class KeyState(StrEnum):
    """What the last live test of a key said."""

    WORKING = "working"
    REFUSED = "refused"
    MISSING_RIGHTS = "missing_rights"


class PayPalAccount(HasId, HasCreation, HasMerchant, Base):
    """One key of a merchant: REST, classic, or one of each. No secret is ever shown again."""

    __tablename__ = "paypal_accounts"
    __table_args__ = (
        UniqueConstraint("merchant_id", "provider", name="uq_paypal_accounts_provider"),
        CheckConstraint("(provider = 'paypal_classic') = (signature IS NOT NULL)", name="classic_has_a_signature"),
    )

    provider: Mapped[Provider] = mapped_column(words(Provider, "provider"), default=Provider.PAYPAL_REST)
    environment: Mapped[str]  # sandbox or live
    client_id: Mapped[str]  # of a classic key: the API user name
    secret: Mapped[bytes]  # sealed; of a classic key: the API password
    signature: Mapped[bytes | None]  # sealed; classic keys only
    receivers: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)  # who IPNs may be addressed to, lower case
    secret_ending: Mapped[str]  # its last four characters, to recognise it
    set_at: Mapped[datetime]
    state: Mapped[KeyState] = mapped_column(words(KeyState, "state"))
    checked_at: Mapped[datetime]
    check_result: Mapped[dict[str, Any]]  # what the test saw: rights, application id, debug id
    broken_since: Mapped[datetime | None]
    merchant_told_at: Mapped[datetime | None]  # one mail when it breaks, not one a request
    calm_until: Mapped[datetime | None]  # PayPal said « too many » (429): no call before
    token: Mapped[bytes | None]  # sealed
    token_expires_at: Mapped[datetime | None]
    token_scopes: Mapped[str] = mapped_column(default="")
