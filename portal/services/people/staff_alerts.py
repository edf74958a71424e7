"""What a member of staff is told of their own account, and what the audit chain keeps of attacks on it.

The mails go to the person, in their language, and never to the merchant's support address (ASVS 6.3.5, 6.3.7).
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.ends.end_requests import Channel
from portal.domain.people.login_mails import LIFETIME, LinkPurpose
from portal.i18n import pick_locale
from portal.mail import logins, staff_alerts
from portal.mail.composing import Composed
from portal.mail.letterhead import Letterhead
from portal.models import ApiKey, FileImport, Invitation, ListExport, MerchantArchive, Passkey, Staff
from portal.queries.people import staff as stored
from portal.services import throttles
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.notices.recipients import Post
from portal.services.people.sessions import Visitor
from portal.services.throttles import Limit

SPREE: Final = 5  # refusals in one day of which the person is told, once a day
DAY: Final = timedelta(days=1)


def refused(ctx: Context, staff: Staff, act: Act, *, now: datetime) -> None:
    """Write that somebody's password or second factor was refused, and tell the person when it is a spree.

    Whoever tried is not known: the row says about whom it is, not who did it.
    """
    refusals = Limit(name="staff_refusals", who=str(staff.id), count=SPREE, window=DAY)
    with ctx.db.begin() as session:
        about = ("staff", staff.id)
        audit.append(session, staff.merchant_id, act, by=By(channel=Channel.STAFF), at=now, subject=about)
        if throttles.count(session, refusals, now=now) == SPREE:
            post = Post.of(ctx, session, staff.merchant_id, now=now)
            composed = staff_alerts.refusals(_head(post, staff), number=SPREE, at=now)
            _put(post, staff, composed, key=refusals.start(now).date().isoformat())


def new_device(ctx: Context, session: Session, staff: Staff, visitor: Visitor, *, key: str, now: datetime) -> None:
    """Tell the person of a log-in, both factors right, on a browser never seen."""
    post = Post.of(ctx, session, staff.merchant_id, now=now)
    composed = staff_alerts.new_device(_head(post, staff), browser=visitor.browser, network=visitor.network, at=now)
    _put(post, staff, composed, key=key)


def recovery_code(ctx: Context, session: Session, staff: Staff, *, key: str, left: int, now: datetime) -> None:
    """Tell the person that a recovery code was used in the second factor's place."""
    post = Post.of(ctx, session, staff.merchant_id, now=now)
    composed = staff_alerts.recovery_code(_head(post, staff), left=left, at=now)
    _put(post, staff, composed, key=key)


def password_changed(ctx: Context, session: Session, staff: Staff, *, now: datetime) -> None:
    """Tell the person that their password is another one."""
    post = Post.of(ctx, session, staff.merchant_id, now=now)
    _put(post, staff, staff_alerts.password_changed(_head(post, staff), at=now), key=now.isoformat())


def factor_changed(ctx: Context, session: Session, staff: Staff, *, now: datetime) -> None:
    """Tell the person that their second factor is another one, with new recovery codes."""
    post = Post.of(ctx, session, staff.merchant_id, now=now)
    _put(post, staff, staff_alerts.factor_changed(_head(post, staff), at=now), key=now.isoformat())


def passkey_added(ctx: Context, session: Session, staff: Staff, *, name: str, now: datetime) -> None:
    """Tell the person that one more passkey opens their log-in."""
    post = Post.of(ctx, session, staff.merchant_id, now=now)
    _put(post, staff, staff_alerts.passkey_added(_head(post, staff), name=name, at=now), key=now.isoformat())


def passkey_removed(ctx: Context, session: Session, staff: Staff, *, name: str, now: datetime) -> None:
    """Tell the person that a passkey opens nothing any more."""
    post = Post.of(ctx, session, staff.merchant_id, now=now)
    _put(post, staff, staff_alerts.passkey_removed(_head(post, staff), name=name, at=now), key=now.isoformat())


def passkey_copied(ctx: Context, staff: Staff, passkey: Passkey, *, now: datetime) -> None:
    """Write that a passkey was refused whose counter went backwards, and tell its person, once a day for each."""
    with ctx.db.begin() as session:
        by, about = By(channel=Channel.STAFF), ("staff", staff.id)
        audit.append(
            session, staff.merchant_id, Act.PASSKEY_COPIED, by=by, at=now, subject=about, passkey=str(passkey.id)
        )
        post = Post.of(ctx, session, staff.merchant_id, now=now)
        composed = staff_alerts.passkey_copied(_head(post, staff), name=passkey.name, at=now)
        _put(post, staff, composed, key=f"{passkey.id}:{now.date().isoformat()}")


def renewal(
    ctx: Context,
    session: Session,
    staff: Staff,
    invitation: Invitation,
    *,
    path: str,
    by_name: str,
    now: datetime,
) -> None:
    """Warn the person that their factors can be renewed from some moment on, and send the link when it has come."""
    post, at = Post.of(ctx, session, staff.merchant_id, now=now), invitation.starts_at
    if at > now:
        _put(post, staff, logins.staff_renewal_asked(_head(post, staff), by=by_name, at=at), key=str(invitation.id))
    composed = logins.staff_renewal(_head(post, staff), path=path, valid_until=invitation.expires_at)
    language = pick_locale(staff.locale)
    post.put(composed, key=renewal_key(invitation), recipient=staff.email, language=language, send_at=at)


def suspended(ctx: Context, session: Session, merchant_id: uuid.UUID, *, why: str, now: datetime) -> None:
    """Tell every owner that the operator has suspended the merchant."""
    post = Post.of(ctx, session, merchant_id, now=now)
    for owner in stored.owners(session, merchant_id):
        _put(post, owner, staff_alerts.suspended(_head(post, owner), why=why), key=f"{merchant_id}:{now.isoformat()}")


def api_key_reported(ctx: Context, session: Session, key: ApiKey, *, is_revoked: bool, now: datetime) -> None:
    """Tell every owner that a key of the API lies in the open, once an hour."""
    post = Post.of(ctx, session, key.merchant_id, now=now)
    for owner in stored.owners(session, key.merchant_id):
        composed = staff_alerts.api_key_reported(
            _head(post, owner), name=key.name, prefix=key.prefix, is_revoked=is_revoked
        )
        _put(post, owner, composed, key=f"{key.id}:{is_revoked}:{now:%Y%m%d%H}")


def leaving(ctx: Context, session: Session, merchant_id: uuid.UUID, *, day: datetime, live: int, now: datetime) -> None:
    """Tell every owner that the merchant leaves on that day, and how many subscriptions PayPal goes on charging."""
    post = Post.of(ctx, session, merchant_id, now=now)
    for owner in stored.owners(session, merchant_id):
        composed = staff_alerts.leaving(_head(post, owner), day=day, live=live)
        _put(post, owner, composed, key=f"{merchant_id}:{now.isoformat()}")


def renewal_key(invitation: Invitation) -> str:
    """Return the key of the message that carries a renewal's link."""
    return f"staff_renewal:{invitation.id}"


def link(
    ctx: Context,
    session: Session,
    staff: Staff,
    purpose: LinkPurpose,
    *,
    key: str,
    path: str,
    language: str,
    now: datetime,
) -> None:
    """Send the link that opens the log-in page, or a new password's; too late is never."""
    post = Post.of(ctx, session, staff.merchant_id, now=now)
    compose = logins.staff_unlock if purpose is LinkPurpose.LOG_IN else logins.staff_password
    composed = compose(
        _head(post, staff, language), path=path, minutes=LIFETIME // timedelta(minutes=1), valid_until=now + LIFETIME
    )
    _put(post, staff, composed, key=key)


def _head(post: Post, staff: Staff, language: str = "") -> Letterhead:
    head = post.letterhead(pick_locale(language, staff.locale))
    return replace(head, support_email=None)  # they are the ones who answer there


def _put(post: Post, staff: Staff, composed: Composed, *, key: str) -> None:
    kind = composed.kind
    post.put(composed, key=f"{kind}:{staff.id}:{key}", recipient=staff.email, language=pick_locale(staff.locale))


def list_ready(
    ctx: Context, session: Session, staff: Staff, made: ListExport, *, until: datetime, now: datetime
) -> None:
    """Tell the person that the file they asked for is there."""
    post = Post.of(ctx, session, made.merchant_id, now=now)
    path = f"/admin/exports/{made.id}"
    composed = staff_alerts.list_ready(_head(post, staff), path=path, rows=made.rows, until=until)
    _put(post, staff, composed, key=str(made.id))


def list_failed(ctx: Context, session: Session, staff: Staff, made: ListExport, *, now: datetime) -> None:
    """Tell the person that the file they asked for could not be made."""
    post = Post.of(ctx, session, made.merchant_id, now=now)
    _put(post, staff, staff_alerts.list_failed(_head(post, staff), path=f"/admin/exports/{made.id}"), key=str(made.id))


def archive_ready(
    ctx: Context, session: Session, staff: Staff, made: MerchantArchive, *, until: datetime, now: datetime
) -> None:
    """Tell the owner who asked for it that the archive of everything is there."""
    post = Post.of(ctx, session, made.merchant_id, now=now)
    _put(post, staff, staff_alerts.archive_ready(_head(post, staff), until=until), key=str(made.id))


def archive_failed(ctx: Context, session: Session, staff: Staff, made: MerchantArchive, *, now: datetime) -> None:
    """Tell the owner who asked for it that the archive of everything could not be made."""
    post = Post.of(ctx, session, made.merchant_id, now=now)
    _put(post, staff, staff_alerts.archive_failed(_head(post, staff)), key=str(made.id))


def import_failed(
    ctx: Context, session: Session, staff: Staff, found: FileImport, *, is_check: bool, now: datetime
) -> None:
    """Tell the person that the lines of a file could not be checked, or that their import stopped."""
    post = Post.of(ctx, session, found.merchant_id, now=now)
    path = f"/admin/data/imports/{found.id}"
    composed = staff_alerts.import_failed(_head(post, staff), path=path, name=found.file_name, is_check=is_check)
    _put(post, staff, composed, key=f"{found.id}:{now.isoformat()}")  # each time: a run that goes on may stop again


def import_finished(
    ctx: Context, session: Session, staff: Staff, found: FileImport, *, is_check: bool, now: datetime
) -> None:
    """Tell the person that the lines of a file are imported, or checked."""
    post = Post.of(ctx, session, found.merchant_id, now=now)
    composed = staff_alerts.import_finished(
        _head(post, staff),
        path=f"/admin/data/imports/{found.id}",
        name=found.file_name,
        lines=found.lines,
        refused=found.refused,
        is_check=is_check,
    )
    _put(post, staff, composed, key=f"{found.id}:{found.attempt}")
