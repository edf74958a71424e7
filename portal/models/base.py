"""What every table has in common: named constraints, UUID keys, aware time, a merchant."""

from __future__ import annotations

import uuid
from collections.abc import Sequence, Set
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Final

from sqlalchemy import Enum as SqlEnum
from sqlalchemy import ForeignKey, MetaData, Numeric, Text, Uuid, literal_column
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from portal.clock import utc_now
from portal.domain.ends.end_requests import Trouble
from portal.extensions import UtcDateTime

# What a merchant's own id may be (domain/integrations/external_ids.py): nothing that nobody sees.
EXTERNAL_ID: Final = (
    "char_length(external_id) BETWEEN 1 AND 128 AND external_id = btrim(external_id) AND external_id !~ "
    "'  |[\\u0001-\\u001f\\u007f-\\u00a0\\u00ad\\u1680\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u3000\\ufeff]'"
)


class Base(DeclarativeBase):
    """The declarative base; every constraint gets a name that a service can recognise."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        str: Text,
        Decimal: Numeric(18, 4),
        uuid.UUID: Uuid,
        dict[str, Any]: JSONB,
    }


class Provider(StrEnum):
    """Which of PayPal's two worlds a key or a subscription lives in; the id does not tell (FACTS.md 0)."""

    PAYPAL_REST = "paypal_rest"
    PAYPAL_CLASSIC = "paypal_classic"


class Words(SqlEnum):
    """An enum's words as text.  Statements that compare with one have it written out: a plan that PostgreSQL keeps for
    any word has no use for the index of this one, and does not know that it is rare.
    """

    class Comparator(SqlEnum.Comparator):
        """Compares with members of the enum, which are the code's own words and nobody's input."""

        def operate(self, op: Any, *other: Any, **kwargs: Any) -> Any:
            """Write the members out."""
            return super().operate(op, *(_written_out(one) for one in other), **kwargs)

    comparator_factory = Comparator


def _written_out(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return literal_column(f"'{value.value}'")
    if isinstance(value, Sequence | Set) and value and all(isinstance(one, StrEnum) for one in value):
        return [_written_out(one) for one in sorted(set(value))]  # sorted: one statement, whatever the order of a set
    return value


def words(enum: type[StrEnum], name: str) -> Words:
    """Return a column type that stores an enum's lower-case words as text, held by a CHECK named `name`."""
    return Words(
        enum,
        native_enum=False,
        create_constraint=True,
        length=40,
        name=name,
        values_callable=lambda members: [member.value for member in members],
    )


class HasId:
    """A random UUID key: safe to show in a URL."""

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)


class HasCreation:
    """When the row was made."""

    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class HasMerchant:
    """Every row of a merchant says whose it is (product.md, decision 1)."""

    merchant_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("merchants.id", ondelete="RESTRICT"), index=True)


class IsCarried(HasId, HasCreation, HasMerchant):
    """A row that is carried to PayPal (services/carrying): who holds it, what stops it, when it is tried next."""

    if TYPE_CHECKING:
        subscription_id: Mapped[uuid.UUID]
        subscription: Mapped[Any]
        state: Mapped[Any]

    open_states: ClassVar[frozenset[StrEnum]]  # in which somebody still has to act on it
    times: ClassVar[tuple[str, ...]] = ("next_try_at", "due_at", "created_at")  # the first that is written: its turn

    claimed_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None]  # the first time a call left for PayPal
    trouble: Mapped[Trouble | None] = mapped_column(words(Trouble, "trouble"))
    answer: Mapped[dict[str, Any] | None]  # PayPal's last answer: status, issue, debug id
    next_try_at: Mapped[datetime | None]

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to act on it."""
        return self.state in self.open_states
