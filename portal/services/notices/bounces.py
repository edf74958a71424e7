"""What becomes of a message after the mail server took it, as reports tell: it came back, is late, or arrived.

A report counts for the one sending that its address names, and once.  What came back is shown to the merchant, who
corrects the address or sends it anew; both close it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import structlog
from sqlalchemy.orm import Session

from portal.domain.audit import PORTAL, Act
from portal.domain.people.bounces import PROMISED, RANK, Report, Sending
from portal.mail.composing import TEAM
from portal.mail.logins import LIFETIMES
from portal.mail.own_data import FAREWELL
from portal.models import Customer, EndRequest, Mail, MailState, Subscription, TimelineKind
from portal.providers.delivery_reports import DeliveryReport, Incoming
from portal.queries import mails
from portal.queries.people import account_members
from portal.services.audit import audit, timeline
from portal.services.context import Context
from portal.services.notices import end_confirmations, envelopes, outbox

log = structlog.get_logger(__name__)


class Outcome(StrEnum):
    """What a message to the bounce address was."""

    COUNTED = "counted"
    REFUSED = "refused"  # its address names no message of ours: forged, or cut on the way
    NO_REPORT = "no_report"  # an automatic answer, a letter, a report of something else
    NO_NEWS = "no_news"  # known already, or about an earlier sending
    GONE = "gone"  # the message is here no more


def take(ctx: Context, incoming: Incoming, *, now: datetime) -> Outcome:
    """Count a report for the message that its address names, and for nothing else; say what it was."""
    sending = envelopes.named_by(ctx, incoming.tokens)
    if sending is None:
        log.warning("bounce_refused", tokens=len(incoming.tokens))
        return Outcome.REFUSED
    outcome = Outcome.NO_REPORT
    if incoming.report is not None:
        with ctx.db.begin() as session:
            outcome = _count(session, sending, incoming.report, now=now)
    log.info("bounce_read", mail_id=str(sending.mail_id), outcome=outcome.value)
    return outcome


def reach_anew(ctx: Context, session: Session, customer: Customer, *, now: datetime) -> None:
    """Close what came back from a customer's former address: what stays true whenever it arrives goes to the new one.

    The customer is locked, and has the new address.  Copies for others of the account went to addresses of their own.
    """
    for mail in mails.lock_returned(session, customer.id):
        if account_members.told_by(session, mail) is not None:
            continue
        if mail.kind in outbox.LASTING and mail.content is not None and customer.email:
            end_confirmations.leave_anew(ctx, session, mail, recipient=customer.email, now=now)
        elif mail.seen_at is None:
            mail.seen_at = now


def _count(session: Session, sending: Sending, told: DeliveryReport, *, now: datetime) -> Outcome:
    mail = session.get(Mail, sending.mail_id, with_for_update={"key_share": True})
    if mail is None:
        return Outcome.GONE
    if sending.rounds != mail.rounds or not _is_news(mail, told.report):
        return Outcome.NO_NEWS
    mail.report, mail.report_code, mail.report_words, mail.reported_at = told.report, told.code, told.words, now
    if told.report is Report.FAILED:
        _come_back(session, mail, now=now)
    return Outcome.COUNTED


def _is_news(mail: Mail, report: Report) -> bool:
    """Say whether a report adds something: one of a failure may even come before the sending itself is written down."""
    if mail.state is MailState.WAITING:
        return mail.attempts > 0 and report is Report.FAILED
    return mail.state is MailState.SENT and RANK[report] > RANK[mail.report]


def _come_back(session: Session, mail: Mail, *, now: datetime) -> None:
    """Mark it as returned and tell of it; what went to somebody who has been erased since is nobody's to do."""
    if mail.state is not MailState.RETURNED:
        mail.seen_at = None  # who has read that it waits has not read that it came back
    mail.state = MailState.RETURNED
    if mail.kind in LIFETIMES:
        mail.content = None
    if mail.kind == FAREWELL:  # to who is erased: nobody is to be reached any more
        mail.content, mail.recipient, mail.seen_at = None, "", now
    request = session.get(EndRequest, mail.end_request_id) if mail.end_request_id is not None else None
    subscription = session.get(Subscription, request.subscription_id) if request is not None else None
    is_team = mail.kind.startswith(TEAM)
    if mail.kind in PROMISED and mail.customer_id is None and subscription is None:
        mail.seen_at = now if mail.kind != "request_received" else None
    if subscription is not None and not is_team:
        key = f"{mail.id}:{mail.rounds}"
        timeline.note(
            session,
            subscription,
            TimelineKind.MAIL_RETURNED,
            key=key,
            at=now,
            mail=mail.kind,
            code=mail.report_code,
        )
        return
    audit.append(
        session,
        mail.merchant_id,
        Act.MAIL_RETURNED,
        by=PORTAL,
        at=now,
        subject=("mail", mail.id),
        mail=mail.kind,
        code=mail.report_code,
    )
