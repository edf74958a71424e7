"""The message to the address on file: was it you?  The delay counts from the moment at which it could be read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from portal.domain.law import declarations as rules
from portal.domain.law.countries import Function
from portal.mail import declarations as mails
from portal.mail.composing import Composed
from portal.models import Customer, MailState, PublicDeclaration, Subscription
from portal.queries.law import declarations as stored
from portal.secrets import new_token, token_hash
from portal.services import languages
from portal.services.context import Context
from portal.services.notices import outbox
from portal.services.notices.recipients import Post


def ask(
    ctx: Context, session: Session, row: PublicDeclaration, choices: Sequence[Subscription], *, now: datetime
) -> None:
    """Write to the mailbox on file of whose subscriptions these are: confirm, or « it was not me »."""
    customer, post = choices[0].customer, Post.of(ctx, session, row.merchant_id, now=now)
    composed = _composed(post, row, choices)
    language = languages.of_declaration(row, customer, post.merchant)
    post.put(composed, key=_key(row), recipient=customer.email or "", language=language, customer=customer)


def silence_counts_from(session: Session, row: PublicDeclaration, subscription: Subscription) -> datetime | None:
    """Return from when on silence counts as an answer; None where nobody can have read the question.

    The mail server has to have taken it, and the delay begins then (docs/decisions/0038).
    """
    owner, asked = session.get_one(Customer, subscription.customer_id), stored.question(session, _key(row))
    if owner.email is None or owner.email != row.received.email:
        return None
    if asked is None or asked.state is not MailState.SENT or asked.sent_at is None:
        return None
    return rules.due_at(asked.sent_at, subscription.next_payment_at)


def say_without_delay(ctx: Context, session: Session, row: PublicDeclaration, *, now: datetime) -> None:
    """Give the question, where it has not left yet, words that promise nothing for silence: staff have it now."""
    asked = stored.question(session, _key(row))
    choices = [one for one in stored.meant_by(session, row, now=now) if row.subscription_id in (None, one.id)]
    if asked is not None and asked.state is MailState.WAITING and choices:
        outbox.reword(ctx, session, asked, _composed(Post.of(ctx, session, row.merchant_id, now=now), row, choices))


def _key(row: PublicDeclaration) -> str:
    return f"declaration_link:{row.received_request_id}"


def _composed(post: Post, row: PublicDeclaration, choices: Sequence[Subscription]) -> Composed:
    """Compose it with a link of its own: of an earlier one only the hash is known."""
    token, customer = new_token(), choices[0].customer
    row.link_hash = token_hash(token)
    words = mails.LinkWords(
        reference=row.received.reference,
        declared_at=row.received.received_at,
        customer_name=customer.name,
        products=tuple(one.product.name for one in choices),
        wished_on=row.received.wished_on,
        due_at=row.due_at,
        is_cancellation=row.kind is Function.CANCELLATION,
        path=f"/{post.merchant.slug}/declarations/{token}",
    )
    return mails.declaration_link(
        post.head_for(customer, languages.of_declaration(row, customer, post.merchant)), words
    )
