"""To whom a notice goes: the customer of a subscription, or the merchant, each in their language.

A merchant is told at the support address; where none is set, every owner of the desk is told: nobody is not told.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Self

import structlog
from sqlalchemy.orm import Session

from portal.domain.merchants.notices import is_sent
from portal.domain.people.profiles import REMINDERS
from portal.domain.policies import Actor
from portal.i18n import DECLARED, pick_locale
from portal.mail.composing import Composed, WrittenLater
from portal.mail.letterhead import Letterhead
from portal.models import Customer, EndRequest, Mail, Merchant, PauseRequest, Subscription
from portal.queries import subscriptions
from portal.queries.merchants import notice_texts
from portal.queries.people import account_members, merchants, staff
from portal.services import languages
from portal.services.context import Context
from portal.services.notices import outbox

log = structlog.get_logger(__name__)

# What somebody of a customer's account who asked for an end is told beside the address on file, in its language.
TOLD_WHO_ASKED: Final = frozenset({"end_recorded", "end_confirmed", "end_already_over", "end_withdrawn"})


@dataclass(frozen=True)
class Address:
    """One of the addresses that a merchant is told at; `mark` makes a message's key its own, "" for the usual one."""

    email: str
    mark: str = ""


@dataclass(frozen=True)
class Post:
    """What leaves in a merchant's name at one moment: messages that join the transaction of what they tell of."""

    ctx: Context
    session: Session
    merchant: Merchant
    now: datetime

    @classmethod
    def of(cls, ctx: Context, session: Session, merchant_id: uuid.UUID, *, now: datetime) -> Self:
        """Return the merchant's."""
        return cls(ctx, session, merchants.of(session, merchant_id), now)

    def letterhead(self, language: str) -> Letterhead:
        """Return the merchant's letterhead in a language, with what it writes itself in it."""
        texts = notice_texts.of_language(self.session, self.merchant.id, pick_locale(language, among=DECLARED))
        return Letterhead.of(self.merchant, locale=language, base_url=self.ctx.base_url, texts=texts)

    def head_for(self, customer: Customer, language: str | None = None) -> Letterhead:
        """Return the letterhead for a customer: their language (or another) and time zone, else the merchant's."""
        head = self.letterhead(language or pick_locale(customer.locale, self.merchant.locale))
        return replace(head, time_zone=customer.time_zone or head.time_zone)

    def head_about(self, request: EndRequest, customer: Customer) -> Letterhead:
        """Return the letterhead for what a customer is told of an end, in the language in which it was declared."""
        return self.head_for(customer, languages.of_end(self.session, request, customer, self.merchant))

    @property
    def desk_head(self) -> Letterhead:
        """The letterhead of what the merchant is told."""
        return Letterhead.of(self.merchant, locale=self.merchant.locale, base_url=self.ctx.base_url)

    def put(
        self,
        composed: Composed | WrittenLater,
        *,
        key: str,
        recipient: str,
        language: str,
        request: EndRequest | None = None,
        customer: Customer | None = None,
        send_at: datetime | None = None,
        is_work: bool = False,
    ) -> Mail | None:
        """Write a message to an address (`outbox.put`), unless the merchant leaves it out; None where nothing is new.

        `customer`: whose record shows it; `is_work`: somebody has something to do by it, so that it leaves either way.
        """
        if not (is_work or self.sends(composed.kind)):
            return None
        return outbox.put(
            self.ctx,
            self.session,
            composed,
            merchant_id=self.merchant.id,
            key=key,
            recipient=recipient,
            language=language,
            now=self.now,
            end_request_id=request.id if request is not None else None,
            customer_id=customer.id if customer is not None else None,
            send_at=send_at,
        )

    def sends(self, kind: str) -> bool:
        """Say whether the merchant sends mails of that kind."""
        return is_sent(kind, self.merchant.notices_left_out)

    def to_holder(
        self,
        subscription: Subscription,
        composed: Composed | WrittenLater,
        *,
        key: str,
        request: EndRequest | None = None,
        send_at: datetime | None = None,
    ) -> None:
        """Write a message to the subscription's customer, in its words' language; one without an address gets none.

        Who of the account's people asked for the end gets what confirms it too.
        """
        if request is not None and composed.kind in TOLD_WHO_ASKED:
            self._to_member(request, subscription.customer, composed, key=key, send_at=send_at)
        customer = subscription.customer
        if not customer.email:
            # The merchant's mail says it too: somebody has to tell this customer.
            log.warning("customer_without_address", subscription_id=str(subscription.id), kind=composed.kind)
            return
        self.to_customer(customer, composed, key=key, request=request, send_at=send_at)

    def _to_member(
        self,
        request: EndRequest,
        customer: Customer,
        composed: Composed | WrittenLater,
        *,
        key: str,
        send_at: datetime | None,
    ) -> None:
        member = account_members.active(self.session, request.actor_id) if request.actor is Actor.CUSTOMER else None
        if member is None or member.customer_id != customer.id:
            return
        self.put(
            composed,
            key=f"{key}:{member.id}",
            recipient=member.email,
            language=composed.language or pick_locale(customer.locale, self.merchant.locale),
            request=request,
            customer=customer,
            send_at=send_at,
        )

    def to_customer(
        self,
        customer: Customer,
        composed: Composed | WrittenLater,
        *,
        key: str,
        request: EndRequest | None = None,
        send_at: datetime | None = None,
    ) -> None:
        """Write a message to a customer who has an address, in its words' language; no reminder to who wants none."""
        if composed.kind in REMINDERS and not customer.reminders_allowed:
            return
        self.put(
            composed,
            key=key,
            recipient=customer.email or "",
            language=composed.language or pick_locale(customer.locale, self.merchant.locale),
            request=request,
            customer=customer,
            send_at=send_at,
        )

    def to_merchant(
        self, composed: Composed, *, key: str, request: EndRequest | None = None, is_work: bool = False
    ) -> None:
        """Write a message to the merchant. `is_work`: they have something to do, and it leaves either way."""
        language = pick_locale(self.merchant.locale)
        for address in self.desk_addresses(kind=composed.kind):
            marked = f"{key}{address.mark}"
            self.put(composed, key=marked, recipient=address.email, language=language, request=request, is_work=is_work)

    def desk_addresses(self, *, kind: str) -> tuple[Address, ...]:
        """Return where the merchant is told: the support address, else every owner's own."""
        if self.merchant.support_email:
            return (Address(self.merchant.support_email),)
        owners = staff.owners(self.session, self.merchant.id)
        if not owners:
            log.warning("merchant_without_address", merchant_id=str(self.merchant.id), kind=kind)
        return tuple(Address(owner.email, f":{owner.id}") for owner in owners)


def about(
    ctx: Context, session: Session, request: EndRequest | PauseRequest, *, now: datetime
) -> tuple[Post, Subscription]:
    """Return what a message about a request needs: the merchant's post, and the subscription with all that is shown."""
    return Post.of(ctx, session, request.merchant_id, now=now), subscriptions.of_request(session, request)
