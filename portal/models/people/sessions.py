"""Log-ins: sessions that can be listed and revoked, and the codes that open them."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.integrations.site_logins import Proof
from portal.domain.people.login_mails import LinkPurpose
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class LoginSession(HasId, HasCreation, HasMerchant, Base):
    """A person logged in on one browser. The cookie holds a token; only its hash is here."""

    __tablename__ = "sessions"
    __table_args__ = (
        CheckConstraint("(customer_id IS NULL) <> (staff_id IS NULL)", name="one_person"),
        Index("ix_sessions_expires_at", "expires_at"),
        Index("ix_sessions_task_link_id", "task_link_id", postgresql_where=text("task_link_id IS NOT NULL")),
        Index(
            "ix_sessions_account_member_id", "account_member_id", postgresql_where=text("account_member_id IS NOT NULL")
        ),
    )

    token_hash: Mapped[str] = mapped_column(unique=True)
    customer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    staff_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"), index=True)
    authenticated_at: Mapped[datetime]  # last time a full log-in was made: sensitive pages want it recent
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]  # absolute
    revoked_at: Mapped[datetime | None]
    viewer_id: Mapped[uuid.UUID | None] = mapped_column(  # of the desk, who sees a customer's pages and changes nothing
        ForeignKey("staff.id", ondelete="CASCADE"), index=True
    )
    task_link_id: Mapped[uuid.UUID | None] = mapped_column(  # of a customer, who sees the pages of one task alone
        ForeignKey("task_links.id", ondelete="CASCADE")
    )
    account_member_id: Mapped[uuid.UUID | None] = (
        mapped_column(  # who of a customer's people; None: the address on file
            ForeignKey("account_members.id", ondelete="CASCADE")
        )
    )
    # Of a customer whom the merchant's own site has named, and by which claim; None: a code did.
    site_proof: Mapped[Proof | None] = mapped_column(words(Proof, "site_proof"))
    browser: Mapped[str] = mapped_column(default="")  # shortened user agent, for the person's own list
    network: Mapped[str] = mapped_column(default="")  # shortened address (law.md R-GD-5)


class LoginChallenge(HasId, HasCreation, HasMerchant, Base):
    """A code and a link sent to one address: ten minutes, once, for the browsers that asked."""

    __tablename__ = "login_challenges"
    __table_args__ = (
        Index(None, "merchant_id", "email", "created_at"),
        Index("ix_login_challenges_expires_at", "expires_at"),
    )

    email: Mapped[str]
    customer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    code_hash: Mapped[str]
    link_hash: Mapped[str] = mapped_column(unique=True)
    network: Mapped[str] = mapped_column(default="")  # that caused the mail, shortened
    expires_at: Mapped[datetime]
    consumed_at: Mapped[datetime | None]


class LoginBrowser(Base):
    """A browser that asked while a code and a link were live: they open here too, and its tries are its own."""

    __tablename__ = "login_browsers"

    challenge_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("login_challenges.id", ondelete="CASCADE"), primary_key=True
    )
    browser_hash: Mapped[str] = mapped_column(primary_key=True, index=True)
    asked_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    next_path: Mapped[str] = mapped_column(default="")


class StaffLink(HasId, HasCreation, Base):
    """A link sent to a staff address: it opens, once, the log-in page whose tries are used up, or a new password's."""

    __tablename__ = "staff_links"
    __table_args__ = (Index(None, "email", "created_at"),)

    email: Mapped[str]
    staff_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"))
    link_hash: Mapped[str] = mapped_column(unique=True)
    purpose: Mapped[LinkPurpose] = mapped_column(words(LinkPurpose, "purpose"), default=LinkPurpose.LOG_IN)
    network: Mapped[str] = mapped_column(default="")  # that caused the mail, shortened
    expires_at: Mapped[datetime]
    consumed_at: Mapped[datetime | None]


class Throttle(Base):
    """A counter of one window of time: so many tries per address and per network, shared by all processes."""

    __tablename__ = "throttles"
    __table_args__ = (Index("ix_throttles_window_start", "window_start"),)

    key: Mapped[str] = mapped_column(primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int]
