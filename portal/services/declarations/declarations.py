"""A declaration is accepted and dated at once, whoever makes it; who carries it out is decided afterwards, by a job.

Nothing here looks whether the declared address is anybody's: page, status and statements are the same for everybody
(law.md 8.3).  Beyond a limit it is accepted and dated all the same; no mail goes out then, and the inbox counts it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.orm import Session

from portal import queue
from portal.documents.declarations import DeclaredFacts, declared_rows
from portal.domain.audit import By
from portal.domain.ends.end_requests import Channel
from portal.domain.ends.received_requests import Way
from portal.domain.law.countries import Strategy
from portal.domain.people import email_addresses
from portal.domain.policies import Actor
from portal.mail import declarations as mails
from portal.models import PublicDeclaration, ReceivedRequest
from portal.queries.law import declarations as stored
from portal.queries.people.sessions import lock_address
from portal.secrets import token_hash
from portal.services import throttles
from portal.services.context import Context
from portal.services.inbox import received_requests
from portal.services.notices.recipients import Post
from portal.services.throttles import Limit

log = structlog.get_logger("portal.declarations")

ANYBODY: Final = By(actor=Actor.CUSTOMER, channel=Channel.PUBLIC_PAGE)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OF_NETWORK: Final = 10  # by one network in an hour; beyond, no mail goes out
OF_ADDRESS: Final = 5  # naming one address in a day; beyond, the same
OF_MERCHANT: Final = 300  # of one merchant in a day; beyond, the same


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What somebody declared. `page_token`: the address of its page, which is also the form's one-time key."""

    merchant_id: uuid.UUID
    strategy: Strategy
    language: str
    page_token: str
    name: str
    email: str
    contract: str = ""
    wished_on: date | None = None
    particulars: Mapping[str, str] = field(default_factory=dict)  # by the field's word (`countries.Field`)
    message: str = ""  # what of them the merchant reads as the declarer's own words
    subscription_id: uuid.UUID | None = None  # chosen by who is logged in
    by: By = ANYBODY


def declare(ctx: Context, declared: Declared, *, network: str, now: datetime) -> uuid.UUID:
    """Write it down, dated, and acknowledge it; a second click finds the first one's. Return the request's id."""
    email = email_addresses.normal(declared.email)
    with ctx.db.begin() as session:
        lock_address(session, email)
        known = stored.by_page(session, declared.merchant_id, token_hash(declared.page_token))
        if known is not None:
            return known.received_request_id
        is_repeated = not _may_write(session, declared.merchant_id, email, network, now=now)
        received = _write(ctx, session, declared, email, now=now)
        row = PublicDeclaration(
            received_request_id=received.id,
            created_at=now,
            merchant_id=declared.merchant_id,
            kind=declared.strategy.function,
            country=declared.strategy.country,
            language=declared.language,
            text_version=declared.strategy.version,
            labels=vars(declared.strategy.said(declared.language)),
            particulars=dict(declared.particulars),
            page_hash=token_hash(declared.page_token),
            subscription_id=declared.subscription_id,
            confirmed_at=now if declared.subscription_id is not None else None,
            is_repeated=is_repeated,
        )
        row.received = received
        session.add(row)
        session.flush()
        if not is_repeated:
            acknowledge(ctx, session, row, page_token=declared.page_token, now=now)
        queue.defer(session, queue.DECIDE_DECLARATION, received_id=str(received.id))
    log.info("declaration_recorded", received_request_id=str(received.id), kind=declared.strategy.function.value)
    return received.id


def _write(ctx: Context, session: Session, declared: Declared, email: str, *, now: datetime) -> ReceivedRequest:
    """Put it among the requests that came by other ways: inbox, candidates and reminders are those that exist."""
    return received_requests.write(
        ctx,
        session,
        received_requests.Declaration(
            merchant_id=declared.merchant_id,
            received_at=now,
            way=Way.PUBLIC_FORM,
            function=declared.strategy.function,
            name=declared.name,
            email=email,
            contract=declared.contract,
            wished_on=declared.wished_on,
            message=declared.message,
            by=declared.by,
            is_acknowledged=False,  # with words of its own
            is_told=False,  # once it is decided who carries it out
        ),
        now=now,
    )


def acknowledge(ctx: Context, session: Session, row: PublicDeclaration, *, page_token: str, now: datetime) -> None:
    """Confirm at the declared address what was declared and when, and nothing else (R-FR-12)."""
    post = Post.of(ctx, session, row.merchant_id, now=now)
    received, function = row.received, row.kind
    facts, head = facts_of(row, path=page_path(post.merchant.slug, page_token)), post.letterhead(row.language)
    rows = declared_rows(facts, head.words, head.formatter)
    said = mails.DeclaredWords(
        heading=facts.heading,
        reference=facts.reference,
        declared_at=facts.declared_at,
        email=facts.email,
        rows=tuple(rows),
        path=facts.path,
        is_cancellation=facts.is_cancellation,
    )
    composed = mails.declaration_received(head, said)
    key = f"declared:{function.value}:{received.id}"
    post.put(composed, key=key, recipient=received.email or "", language=row.language)


def facts_of(row: PublicDeclaration, *, path: str) -> DeclaredFacts:
    """Return what was declared, as mails, pages and files say it."""
    received = row.received
    return DeclaredFacts(
        function=row.kind,
        country=row.country,
        language=row.language,
        heading=str(row.labels.get("heading", "")),
        confirm=str(row.labels.get("confirm", "")),
        text_version=row.text_version,
        reference=received.reference,
        declared_at=received.received_at,
        name=received.name,
        email=received.email or "",
        contract=received.contract,
        wished_on=received.wished_on,
        particulars=tuple((name, str(said)) for name, said in row.particulars.items()),
        path=path,
        is_own=row.is_own,
        is_repeated=row.is_repeated,
    )


def page_path(slug: str, page_token: str) -> str:
    """Return the path of the page that shows a declaration and hands over its file."""
    return f"/{slug}/declared/{page_token}"


def page_of(
    ctx: Context, merchant_id: uuid.UUID, slug: str, page_token: str, *, received_id: uuid.UUID | None = None
) -> DeclaredFacts | None:
    """Return what the page of that address shows; None where there is no such declaration.

    `received_id`: the request that the address names, where it is not the one that the declaration was made with.

    Once whose it was is erased it says no word of theirs: what the law keeps of it is for a court, not for who has an
    old address.
    """
    with ctx.db.read() as session:
        row = stored.by_page(session, merchant_id, token_hash(page_token))
        if row is None and received_id is not None:
            row = stored.of_received(session, received_id)
        if row is None or row.merchant_id != merchant_id:
            return None
        facts = facts_of(row, path=page_path(slug, page_token))
        if not stored.is_erased(session, row):
            return facts
        return replace(facts, name="", email="", contract="", particulars=(), is_erased=True)


def _may_write(session: Session, merchant_id: uuid.UUID, email: str, network: str, *, now: datetime) -> bool:
    """Count it, and say whether it is within every limit.

    What is beyond the limit of its network or address does not count against the merchant's: one flood would keep
    everybody else from theirs.
    """
    mailbox = f"{merchant_id}/{email_addresses.mailbox(email)}"
    own = (
        Limit(name="declared_network", who=network, count=OF_NETWORK, window=HOUR),
        Limit(name="declared_address", who=mailbox, count=OF_ADDRESS, window=DAY),
    )
    counted = [throttles.count(session, one, now=now) <= one.count for one in own]  # each of them, always
    all_of_them = Limit(name="declared_merchant", who=str(merchant_id), count=OF_MERCHANT, window=DAY)
    return all(counted) and throttles.count(session, all_of_them, now=now) <= all_of_them.count
