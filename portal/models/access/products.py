"""Products, the plans that sell them, and what they open."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.domain.law.plan_kinds import KindAnswer, PlanKind, Supply
from portal.domain.law.renewals import Renewing
from portal.domain.policies import Override
from portal.models.base import EXTERNAL_ID, Base, HasCreation, HasId, HasMerchant, words


class Product(HasId, HasCreation, HasMerchant, Base):
    """Something sold, with its access rule (domain.md, Access)."""

    __tablename__ = "products"
    __table_args__ = (
        Index(
            "uq_products_merchant_id_external_id",
            "merchant_id",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        CheckConstraint(EXTERNAL_ID, name="external_id"),
        CheckConstraint("grace_days BETWEEN 0 AND 365", name="grace_days"),
        CheckConstraint("notice_days BETWEEN 0 AND 365", name="notice_days"),
        CheckConstraint("pause_longest_days BETWEEN 1 AND 365", name="pause_longest_days"),
    )

    name: Mapped[str]
    external_id: Mapped[str | None]  # the merchant's own (domain/integrations/external_ids.py)
    keep_after_completion: Mapped[bool] = mapped_column(default=False)
    keep_after_cancellation: Mapped[bool] = mapped_column(default=False)
    stops_at_once: Mapped[bool] = mapped_column(default=False)
    kept_while_paused: Mapped[bool] = mapped_column(default=False)
    grace_days: Mapped[int] = mapped_column(default=7)
    commitment_months: Mapped[int | None]
    commitment_binds: Mapped[bool] = mapped_column(default=False)  # a customer's cancel waits for the commitment's end
    notice_days: Mapped[int] = mapped_column(default=0)  # between a customer's cancel and the end of what is owed
    pause_offered: Mapped[bool] = mapped_column(default=False)  # customers pause and resume by themselves
    pause_longest_days: Mapped[int] = mapped_column(default=90)  # of a customer's own pause
    self_cancellation: Mapped[Override] = mapped_column(words(Override, "self_cancellation"), default=Override.INHERIT)
    reviewed_at: Mapped[datetime | None]  # when its rules were last saved at the desk; None: nobody has read them

    contents: Mapped[list[ProductContent]] = relationship(
        order_by="ProductContent.position", cascade="all, delete-orphan", lazy="raise"
    )
    plans: Mapped[list[Plan]] = relationship(back_populates="product", lazy="raise")


class ProductContent(HasId, Base):
    """One thing a product opens, some days after the start."""

    __tablename__ = "product_contents"
    __table_args__ = (
        CheckConstraint("unlock_after_days >= 0", name="unlock_after_days"),
        CheckConstraint("link = '' OR link LIKE 'https://%'", name="link_is_https"),
    )

    product_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("products.id", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(default=0)
    title: Mapped[str]
    link: Mapped[str] = mapped_column(default="")  # where it is read, https; empty: the merchant tells it elsewhere
    unlock_after_days: Mapped[int] = mapped_column(default=0)


class Plan(HasId, HasCreation, HasMerchant, Base):
    """A PayPal plan: a price and a rhythm at which a product is sold."""

    __tablename__ = "plans"
    __table_args__ = (
        UniqueConstraint("merchant_id", "environment", "provider_id", name="uq_plans_provider_id"),
        CheckConstraint("kind = 'tacit_renewal' OR (term_months IS NULL AND term_notice_days IS NULL)", name="term"),
        CheckConstraint(
            "kind <> 'tacit_renewal' OR (term_months IS NOT NULL AND term_notice_days IS NOT NULL AND "
            "term_months BETWEEN 1 AND 60 AND term_notice_days BETWEEN 1 AND 365)",
            name="a_renewal_has_a_term",
        ),
        CheckConstraint("(kind = 'instalments') = (supply IS NOT NULL)", name="instalments_pay_for_something"),
    )

    product_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("products.id", ondelete="RESTRICT"), index=True)
    environment: Mapped[str]
    provider_id: Mapped[str]
    name: Mapped[str]
    amount: Mapped[Decimal | None]
    currency: Mapped[str | None]
    interval_unit: Mapped[str | None]
    interval_count: Mapped[int] = mapped_column(default=1)
    total_cycles: Mapped[int] = mapped_column(default=0)  # 0: without end
    failure_threshold: Mapped[int] = mapped_column(default=0)
    read_at: Mapped[datetime]
    changed_at: Mapped[datetime | None]  # when its price or rhythm was last seen to be another one
    # The kind of contract, as answered; without an answer it counts as open-ended (domain/law/plan_kinds.py).
    kind: Mapped[PlanKind] = mapped_column(words(PlanKind, "kind"), default=PlanKind.OPEN_ENDED)
    kind_answered_at: Mapped[datetime | None]
    term_months: Mapped[int | None]
    term_notice_days: Mapped[int | None]
    supply: Mapped[Supply | None] = mapped_column(words(Supply, "supply"))

    product: Mapped[Product] = relationship(back_populates="plans", lazy="raise")

    @property
    def answer(self) -> KindAnswer:
        """The kind with all that belongs to it."""
        return KindAnswer(
            kind=self.kind, term_months=self.term_months, notice_days=self.term_notice_days, supply=self.supply
        )

    @property
    def renewing(self) -> Renewing | None:
        """Its term and notice; None of a contract that does not renew itself."""
        return self.answer.renewing


class Grant(HasId, HasCreation, HasMerchant, Base):
    """A product given to a customer by hand, from a date until a date (None: for good)."""

    __tablename__ = "grants"

    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    product_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("products.id", ondelete="RESTRICT"), index=True)
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(default="")  # why: for the team
    actor_name: Mapped[str] = mapped_column(default="")  # who gave it; empty: nobody wrote it down
    withdrawn_at: Mapped[datetime | None]  # `until` then says so too: nothing is open from here on
    withdrawn_by: Mapped[str] = mapped_column(default="")
