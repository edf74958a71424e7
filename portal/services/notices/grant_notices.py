"""What a customer is told of access given by hand: the same words for the page that shows them and for the mail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

from portal.mail import customers as messages
from portal.mail.composing import Composed
from portal.mail.customers import GivenFacts
from portal.mail.letterhead import Letterhead
from portal.models import Customer
from portal.services.notices import notice_facts
from portal.services.notices.recipients import Post


class GrantNews(StrEnum):
    """What happened to it."""

    GIVEN = "given"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"


COMPOSE: Final[Mapping[GrantNews, Callable[[Letterhead, GivenFacts], Composed]]] = {
    GrantNews.GIVEN: messages.access_given,
    GrantNews.CHANGED: messages.access_changed,
    GrantNews.WITHDRAWN: messages.access_withdrawn,
}


def words(
    post: Post,
    customer: Customer,
    news: GrantNews,
    product: str,
    *,
    since: datetime,
    until: datetime | None,
    has_more: bool = False,
) -> Composed:
    """Compose the message in the customer's language; it is not sent by that."""
    given = GivenFacts(
        customer_name=customer.name,
        product=product,
        opens_at=since if since > post.now else None,
        until=until,
        has_more=has_more,
        path=notice_facts.account_path(post.merchant),
    )
    return COMPOSE[news](post.head_for(customer), given)
