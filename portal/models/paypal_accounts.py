"""A merchant's PayPal key: sealed, tested, its token shared by every process."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class KeyState(StrEnum):
    """What the last live test of a key said."""

    WORKING = "working"
    REFUSED = "refused"
    MISSING_RIGHTS = "missing_rights"


class PayPalAccount(HasId, HasCreation, HasMerchant, Base):
    """REST credentials of a merchant; one per merchant. The secret is never shown again."""

    __tablename__ = "paypal_accounts"
    __table_args__ = (UniqueConstraint("merchant_id", name="uq_paypal_accounts_merchant_id"),)

    environment: Mapped[str]  # sandbox or live
    client_id: Mapped[str]
    secret: Mapped[bytes]  # sealed
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
