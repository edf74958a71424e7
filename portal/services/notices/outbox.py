"""The outbox: a message is a row written with the change it tells of, and a job sends it once.

A row's `key` makes the same message impossible twice.  While a process holds a message, its `send_at` lies ahead by a
lease: another job for the same message then leaves it alone, and a process that died is followed by the next one.
What the mail server does not take is tried again until it does.  No address and no content is ever logged.

An acknowledgement and what merchants are told together are written as they leave (`leaving`).  The proof that a
confirmation carries is made then, too (`letters`).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import structlog
from sqlalchemy import ColumnElement, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import metrics, queue
from portal.clock import utc_now
from portal.domain.ends.end_requests import retry_delay
from portal.domain.people.bounces import TRIES_IN_VAIN
from portal.domain.people.customer_erasures import OUT_OF_REACH
from portal.mail.composing import Composed, WrittenLater
from portal.mail.ends import PROVING
from portal.mail.logins import LIFETIMES, OPENING
from portal.mail.own_data import FAREWELL
from portal.models import Mail, MailState
from portal.providers.letters import MailRefused, MailUnavailable
from portal.secrets import CannotOpen
from portal.services import lost_jobs
from portal.services.context import Context
from portal.services.notices.letters import letter_of

log = structlog.get_logger(__name__)

CONTENT: Final = "mails.content"  # the purpose a message is sealed for
LEASE: Final = timedelta(minutes=5)  # longer than any dialogue with a mail server
LONGEST_ERROR: Final = 500
ONCE: Final = insert(Mail).on_conflict_do_nothing(index_elements=[Mail.key]).returning(Mail)
# What is confirmed once and stays true whenever it arrives: refused, it may be sent again.
LASTING: Final = PROVING | {"request_received", "declaration_received"}


class Words(Protocol):
    """Writes what was put without words; None when there is nothing left to say. `leaving.words` is the one."""

    def __call__(self, ctx: Context, session: Session, mail: Mail, *, now: datetime) -> Composed | None: ...


def put(
    ctx: Context,
    session: Session,
    composed: Composed | WrittenLater,
    *,
    merchant_id: uuid.UUID,
    key: str,
    recipient: str,
    language: str,
    now: datetime,
    end_request_id: uuid.UUID | None = None,
    customer_id: uuid.UUID | None = None,
    send_at: datetime | None = None,
) -> Mail | None:
    """Add a message and its job to the session's transaction; None when `key` was already written.

    `send_at` delays it; until then `release` and `supersede` can still decide otherwise, and it may be without words.
    """
    mail_id, when = uuid.uuid4(), send_at or now
    session.flush()  # the request it tells of must be there
    written = session.scalars(
        ONCE,
        {
            "id": mail_id,
            "created_at": now,
            "merchant_id": merchant_id,
            "key": key,
            "kind": composed.kind,
            "recipient": recipient,
            "language": language,
            "message_id": f"{mail_id}@{_domain(ctx.mail_from)}",
            "end_request_id": end_request_id,
            "customer_id": customer_id,
            "send_at": when,
            **_worded(ctx, composed),
        },
    ).one_or_none()
    if written is not None:
        rank = queue.AWAITED if composed.kind in LIFETIMES else None  # somebody sits before the form for its code
        _defer(session, mail_id, at=when if when > now else None, rank=rank)
    return written


def release(session: Session, key: str, *, now: datetime) -> bool:
    """Send a message that waits for its time at once; say whether there was one."""
    mail_id = _change(session, key, send_at=now)
    if mail_id is not None:
        _defer(session, mail_id)
    return mail_id is not None


def hasten(session: Session, mail: Mail, *, at: datetime) -> None:
    """Let a message that waits, and that the caller has locked, leave earlier."""
    mail.send_at = at
    _defer(session, mail.id, at=at)


def send_again(session: Session, mail: Mail, *, recipient: str, now: datetime) -> None:
    """Let one that was refused or came back, locked by the caller, leave anew: its bytes and its person are kept."""
    mail.state, mail.recipient, mail.send_at = MailState.WAITING, recipient, now
    mail.attempts, mail.error, mail.seen_at, mail.sent_at = 0, "", None, None
    mail.rounds += 1
    mail.report, mail.report_code, mail.report_words, mail.reported_at = None, "", "", None
    _defer(session, mail.id)


def supersede(session: Session, key: str, *also: ColumnElement[bool]) -> bool:
    """Drop a message that was not sent: another one says more. Say whether nobody can have seen it.

    One that the mail server put off is dropped too; one that is on its way this very moment still arrives,
    and is then marked as sent.  `also`: what else has to be so.
    """
    session.flush()
    attempts = session.execute(
        update(Mail)
        .where(Mail.key == key, Mail.state == MailState.WAITING, *also)
        .values(state=MailState.SUPERSEDED)
        .returning(Mail.attempts)
        .execution_options(synchronize_session="fetch")
    ).scalar_one_or_none()
    return attempts == 0


def supersede_about(session: Session, request_id: uuid.UUID, kinds: Collection[str]) -> dict[str, int]:
    """Drop what was not sent about a request, of those kinds; return by key how often each had been tried."""
    session.flush()
    dropped = session.execute(
        update(Mail)
        .where(Mail.end_request_id == request_id, Mail.kind.in_(kinds), Mail.state == MailState.WAITING)
        .values(state=MailState.SUPERSEDED)
        .returning(Mail.key, Mail.attempts)
        .execution_options(synchronize_session="fetch")
    )
    return {row.key: row.attempts for row in dropped}


def reword(ctx: Context, session: Session, mail: Mail, composed: Composed) -> None:
    """Give a message that was not sent, put off or not, newer words.

    One that a process holds this very moment may still arrive in the old ones; put off, it takes the new ones too.
    """
    session.execute(
        update(Mail)
        .where(Mail.id == mail.id, Mail.state == MailState.WAITING)
        .values(**_worded(ctx, composed))
        .execution_options(synchronize_session="fetch")
    )


def send(ctx: Context, mail_id: uuid.UUID, *, words: Words, now: datetime) -> MailState:
    """Send one message unless it was sent, refused, dropped, or another process holds it. Return its state.

    `words` writes one that was put without; it is asked once, and what it wrote stays however often the message is
    tried.  With nothing left to say the message is dropped.

    A refusal is kept with its reason for the merchant to see; anything else is tried again after
    1, 5, 15 min, 1 h, 3 h, then every 6 h; the last one to somebody who is erased for some days only.
    A log-in code, or a link, is never sent when it opens nothing any more.
    Before a recovery it is not touched: it may have left since the backup.
    """
    if ctx.must_rest:
        return MailState.WAITING
    mail = _claim(ctx, mail_id, words=words, now=now)
    if isinstance(mail, MailState):
        return mail
    try:
        ctx.mailer.send(letter_of(ctx, mail, _opened(ctx, mail), now=now))
    except MailRefused as error:
        metrics.mail("refused")
        log.warning("mail_refused", mail_id=str(mail_id), kind=mail.kind, reason=str(error)[:LONGEST_ERROR])
        return _settle(ctx, mail, MailState.REFUSED, error=str(error))
    except (MailUnavailable, CannotOpen) as error:
        is_in_vain = mail.attempts >= TRIES_IN_VAIN and now - mail.created_at >= OUT_OF_REACH
        if mail.kind == FAREWELL and is_in_vain:
            return _settle(ctx, mail, MailState.REFUSED, error=str(error))  # nobody's address is kept for it for ever
        return _put_off(ctx, mail, now=now, error=str(error))
    except Exception as error:
        _put_off(ctx, mail, now=now, error=type(error).__name__)  # a defect of ours: the promise stays
        raise
    metrics.mail("sent")
    log.info("mail_sent", mail_id=str(mail_id), kind=mail.kind, attempts=mail.attempts)
    return _settle(ctx, mail, MailState.SENT, sent_at=now)


def sweep(ctx: Context, *, now: datetime) -> int:
    """Give a job to every message that has lost its own; return how many there were."""
    return lost_jobs.sweep(ctx, Mail.state == MailState.WAITING, Mail.send_at, _defer, now=now)


def _claim(ctx: Context, mail_id: uuid.UUID, *, words: Words, now: datetime) -> Mail | MailState:
    """Take the message for one attempt, or return the state that makes an attempt pointless or too early."""
    with ctx.db.begin() as session:
        mail = session.get_one(Mail, mail_id, with_for_update={"key_share": True})
        if mail.state is not MailState.WAITING:
            return mail.state
        if mail.kind in LIFETIMES and now >= mail.created_at + LIFETIMES[mail.kind]:
            mail.state, mail.content = MailState.SUPERSEDED, None
            log.info("mail_expired", mail_id=str(mail_id), kind=mail.kind)
            return mail.state
        if mail.send_at > now + lost_jobs.EARLY:
            _defer(session, mail_id, at=mail.send_at)
            return mail.state
        if mail.content is None and not _write(ctx, session, mail, words, now=now):
            mail.state = MailState.SUPERSEDED
            return mail.state
        mail.attempts += 1
        mail.send_at = now + LEASE
        return mail


def _write(ctx: Context, session: Session, mail: Mail, words: Words, *, now: datetime) -> bool:
    """Give the message its words; say whether there is something to say."""
    composed = words(ctx, session, mail, now=now)
    if composed is not None:
        mail.kind = composed.kind
        for name, value in _worded(ctx, composed).items():
            setattr(mail, name, value)
    return composed is not None


def _opened(ctx: Context, mail: Mail) -> dict[str, str]:
    """Return the words of the message, unsealed. Raises CannotOpen."""
    words: dict[str, str] = json.loads(ctx.vault.open(mail.content or b"", purpose=CONTENT))
    return words


def _settle(
    ctx: Context, mail: Mail, state: MailState, *, sent_at: datetime | None = None, error: str = ""
) -> MailState:
    """Write what became of the message; what opens a door does not stay in the database.

    One that has come back by now, before this could be written, stays returned.
    """
    values: dict[str, object] = {"state": state, "sent_at": sent_at, "error": error[:LONGEST_ERROR]}
    values["seen_at"] = None  # who has read that it waits has not read what became of it
    if mail.kind in OPENING:
        values["content"] = None
    if mail.kind == FAREWELL:  # to who is erased: refused, it is nobody's to look at
        values |= {"content": None, "recipient": "", "seen_at": utc_now() if state is MailState.REFUSED else None}
    with ctx.db.begin() as session:
        session.execute(update(Mail).where(Mail.id == mail.id, Mail.state != MailState.RETURNED).values(**values))
    return state


def _put_off(ctx: Context, mail: Mail, *, now: datetime, error: str) -> MailState:
    """Promise another attempt, and say why."""
    again = now + retry_delay(mail.attempts)
    metrics.mail("put_off")
    log.warning("mail_put_off", mail_id=str(mail.id), kind=mail.kind, attempts=mail.attempts, until=again.isoformat())
    with ctx.db.begin() as session:
        session.execute(update(Mail).where(Mail.id == mail.id).values(send_at=again, error=error[:LONGEST_ERROR]))
        _defer(session, mail.id, at=again)
    return MailState.WAITING


def _change(session: Session, key: str, **values: object) -> uuid.UUID | None:
    """Change a message that waits and that nobody has tried to send; return its id."""
    session.flush()
    return session.execute(
        update(Mail)
        .where(Mail.key == key, Mail.state == MailState.WAITING, Mail.attempts == 0)
        .values(**values)
        .returning(Mail.id)
        .execution_options(synchronize_session="fetch")
    ).scalar_one_or_none()


def _defer(session: Session, mail_id: uuid.UUID, *, at: datetime | None = None, rank: int | None = None) -> None:
    # No job lock: a job that waits for its time would hold back the one that releases the message.
    queue.defer(session, queue.SEND_MAIL, at=at, rank=rank, mail_id=str(mail_id))


def _worded(ctx: Context, composed: Composed | WrittenLater) -> dict[str, Any]:
    """Return what a message's row holds of its words: all of them sealed, and the subject that may be shown."""
    if isinstance(composed, WrittenLater):
        return {"subject": "", "content": None}
    content = {"text": composed.text, "html": composed.html}
    if composed.shown_subject:
        content["subject"] = composed.subject
    sealed = ctx.vault.seal(json.dumps(content), purpose=CONTENT)
    return {"subject": composed.shown_subject or composed.subject, "content": sealed}


def _domain(address: str) -> str:
    return address.rpartition("@")[2].rstrip("> ") or "localhost"
