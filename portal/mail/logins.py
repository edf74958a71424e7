"""What opens a door: a customer's log-in code and link, and the links to the desk: its log-in page, a new password, an
invitation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from portal.domain.integrations import task_links
from portal.domain.people import address_changes, login_mails
from portal.domain.people.invitations import DELAY, LIFETIME
from portal.mail.composing import Composed, compose
from portal.mail.letterhead import Letterhead, one_line, short

LOGIN_CODE: Final = "login_code"
STAFF_UNLOCK: Final = "staff_unlock"
STAFF_PASSWORD: Final = "staff_password"  # noqa: S105 - a message, not a secret
STAFF_INVITATION: Final = "staff_invitation"
STAFF_RENEWAL: Final = "staff_renewal"
ACCOUNT_INVITATION: Final = "account_invitation"  # composed in `account_members`
ADDRESS_CONFIRM: Final = "address_confirm"  # composed in `customers`: whoever opens it makes the address theirs
TASK_LINK: Final = "task_link"  # composed in `task_links`
# How long what a message opens is good, from when it was written: never sent later, and not kept once sent.
LIFETIMES: Final[Mapping[str, timedelta]] = {
    LOGIN_CODE: login_mails.LIFETIME,
    STAFF_UNLOCK: login_mails.LIFETIME,
    STAFF_PASSWORD: login_mails.LIFETIME,
    STAFF_INVITATION: LIFETIME,
    STAFF_RENEWAL: DELAY + LIFETIME,
    ACCOUNT_INVITATION: LIFETIME,
    ADDRESS_CONFIRM: address_changes.LIFETIME,
    TASK_LINK: task_links.MAILED,
}
# What opens something does not stay here once it is sent; these are sent however late, and their link is old then.
OPENING: Final = frozenset({*LIFETIMES, "payment_missed", "access_closes_soon", "declaration_link"})


def login_code(
    head: Letterhead, *, code: str, path: str, minutes: int, valid_until: datetime, cancels: str = ""
) -> Composed:
    """Compose the code, also in the subject, and the link; no code where the link alone opens.

    `cancels`: what is cancelled with it, by its name; whoever asked for it came by a link to that task alone, and
    `path` leads back to its page.
    """
    _, merchant, cancels = head.words.gettext, short(head.merchant_name), short(one_line(cancels))
    if cancels and code:
        heading = _("Your code to cancel “%(product)s”", product=cancels)
        said = _("Your code to cancel – %(merchant)s", merchant=merchant)
    else:
        heading, cancels = _("Your log-in code") if code else _("Your log-in link"), ""
        said = _("Your log-in code – %(merchant)s", merchant=merchant)
    facts = {"code": code, "path": path, "minutes": minutes, "valid_until": valid_until, "cancels": cancels}
    return replace(compose(LOGIN_CODE, head, heading=heading, **facts), shown_subject=said)


def staff_unlock(head: Letterhead, *, path: str, minutes: int, valid_until: datetime) -> Composed:
    """Compose the link that lets a member of staff type their password although strangers used up the tries."""
    return compose(STAFF_UNLOCK, head, path=path, minutes=minutes, valid_until=valid_until)


def staff_password(head: Letterhead, *, path: str, minutes: int, valid_until: datetime) -> Composed:
    """Compose the link to a new password; the second factor is asked beside it."""
    return compose(STAFF_PASSWORD, head, path=path, minutes=minutes, valid_until=valid_until)


def staff_invitation(head: Letterhead, *, path: str, role: str, by: str, valid_until: datetime) -> Composed:
    """Compose the invitation to a merchant's desk; `role` is its code, `by` who invites, empty for the operator."""
    return compose(STAFF_INVITATION, head, path=path, role=role, by=by, valid_until=valid_until)


def staff_renewal(head: Letterhead, *, path: str, valid_until: datetime) -> Composed:
    """Compose the link by which somebody who has lost their factors gets new ones."""
    return compose(STAFF_RENEWAL, head, path=path, valid_until=valid_until)


def staff_renewal_asked(head: Letterhead, *, by: str, at: datetime) -> Composed:
    """Compose the warning that factors are about to be renewed at `at`, which a log-in stops."""
    return compose("staff_renewal_asked", head, by=by, at=at, path="/admin/login")
