"""What a customer is told of a confirmed end, and telling it anew while it has not left."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from portal.documents.facts import ProofFacts
from portal.documents.proofs import Kind, kind_of, wording
from portal.mail import ends
from portal.mail.composing import Composed
from portal.mail.facts import EffectFacts
from portal.mail.letterhead import Letterhead
from portal.models import EndRequest, Mail, Proof, Subscription
from portal.queries import mails, subscriptions
from portal.queries.access import grants
from portal.services.context import Context
from portal.services.notices import notice_facts as facts
from portal.services.notices import outbox
from portal.services.notices.recipients import Post


def words(
    post: Post,
    head: Letterhead,
    request: EndRequest,
    subscription: Subscription,
    effects: EffectFacts,
    proof: Proof,
) -> Composed:
    """Compose what the customer is told of an end that PayPal has shown, as its proof says it, by the proof's clock."""
    kept = ProofFacts.read(proof.facts)
    head = replace(head, time_zone=kept.time_zone)
    end = facts.told_facts(post, head, request, subscription)
    was_over = kind_of(request.actor, request.basis, sent_at=request.sent_at) is Kind.ALREADY_OVER
    said = wording(kept, code=proof.code, locale=head.locale)
    compose = ends.end_already_over if was_over else ends.end_confirmed
    return compose(head, end, effects, said)


def leave_anew(ctx: Context, session: Session, mail: Mail, *, recipient: str, now: datetime) -> None:
    """Let a message that did not arrive, locked by the caller, leave once more, without an invitation that is over."""
    outbox.send_again(session, mail, recipient=recipient, now=now)
    request = session.get(EndRequest, mail.end_request_id) if mail.end_request_id is not None else None
    if request is not None:
        subscription = subscriptions.of_request(session, request)
        if not facts.is_invited(session, subscription):
            session.flush()
            invitation_withdrawn(ctx, session, subscription, now=now)


def invitations_withdrawn(ctx: Context, session: Session, merchant_id: uuid.UUID, *, now: datetime) -> None:
    """Word what was not sent anew, of every end of the merchant's: its customers are no longer invited back here."""
    session.flush()
    for subscription in mails.subscriptions_inviting(session, merchant_id):
        invitation_withdrawn(ctx, session, subscription, now=now)


def nobody_invited(
    ctx: Context, session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, *, now: datetime
) -> None:
    """Word what was not sent anew, of every end of a customer's: nothing invites them back any more."""
    session.flush()
    for subscription in subscriptions.all_of_customer(session, merchant_id, customer_id):
        invitation_withdrawn(ctx, session, subscription, now=now)


def invitation_withdrawn(ctx: Context, session: Session, subscription: Subscription, *, now: datetime) -> None:
    """Word what was not sent of an end anew: the subscription may no longer be invited back (deciding test 14)."""
    post = Post.of(ctx, session, subscription.merchant_id, now=now)
    given = grants.of_subscription(session, subscription)
    for mail, request, proof in mails.inviting(session, subscription.id):
        effects = facts.effect_facts(session, request, subscription, given, now=now)
        composed = words(
            post, post.head_for(subscription.customer, mail.language), request, subscription, effects, proof
        )
        outbox.reword(ctx, session, mail, composed)
