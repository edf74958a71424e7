"""What the customer would read of an end, before anybody confirms it: in the words that will be sent; none is kept."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from portal.domain.ends.end_requests import Basis, Channel, RequestState
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import EndRequest, Proof
from portal.queries import subscriptions
from portal.queries.access import grants
from portal.services.context import Context
from portal.services.notices import end_confirmations, notice_facts
from portal.services.notices.recipients import Post
from portal.services.proofs import gather
from portal.services.rules import write_end

NO_REFERENCE = "…"  # it is given when the end is recorded


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A message that would be sent, and to whom."""

    recipient: str
    subject: str
    text: str
    language: str


def of_end(
    ctx: Context, merchant_id: uuid.UUID, subscription_id: uuid.UUID, outcome: Status, *, now: datetime
) -> Draft | None:
    """Return what is sent once PayPal has confirmed an end by staff; None where there is no address.

    The rows are changed in memory alone, in a session that can write nothing.
    """
    with ctx.db.read() as session:
        subscription = subscriptions.of_merchant(session, merchant_id, subscription_id)
        if not subscription.customer.email:
            return None
        post = Post.of(ctx, session, merchant_id, now=now)
        given = grants.of_subscription(session, subscription)
        basis = Basis.NEVER_STARTED if subscription.status is Status.PENDING else Basis.READ_AFTER_CALL
        request = EndRequest(
            id=uuid.uuid4(),
            merchant_id=merchant_id,
            subscription_id=subscription.id,
            reference=NO_REFERENCE,
            state=RequestState.CONFIRMED,
            outcome=outcome,
            actor=Actor.STAFF,
            channel=Channel.STAFF,
            reason_code="",
            reason_text="",
            notified_reference="",
            shown={},
            basis=basis,
            created_at=now,
            sent_at=now,
            confirmed_at=now,
        )
        write_end(subscription, subscription.facts, outcome, now)
        subscription.stopped_at_provider_at = now
        effects = notice_facts.effect_facts(session, request, subscription, given, now=now)
        head = post.head_for(subscription.customer)
        facts = gather(
            request, subscription, post.merchant, given, "", language=head.locale, base_url=ctx.base_url, now=now
        )
        proof = Proof(merchant_id=merchant_id, end_request_id=request.id, code="", made_at=now, facts=facts.stored())
        composed = end_confirmations.words(post, head, request, subscription, effects, proof)
        return Draft(
            recipient=subscription.customer.email, subject=composed.subject, text=composed.text, language=head.locale
        )
