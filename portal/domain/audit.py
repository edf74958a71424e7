"""The audit chain: what a row says, how its hash is made, and what is wrong with a chain (docs/decisions/0007).

A row's hash covers every one of its columns and the hash of the row before, so that no row can be changed,
removed or moved without every later hash telling.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from portal.domain.policies import Actor

BEFORE_THE_FIRST: Final = "0" * 64  # what the first row carries in place of a hash before it
COMMAND_LINE: Final = "command_line"  # a channel besides those of `end_requests.Channel`


class Act(StrEnum):
    """What was done. A fact of a subscription's timeline is `subscription.<its kind>` instead."""

    END_REQUEST_SENT = "end_request.sent"  # the first call that may stop the payments leaves
    KEY_SET = "paypal_key.set"
    KEY_REPLACED = "paypal_key.replaced"
    KEY_REMOVED = "paypal_key.removed"
    KEY_TESTED = "paypal_key.tested"  # by hand
    KEY_BROKEN = "paypal_key.broken"
    KEY_WORKING = "paypal_key.working"  # again
    SITE_LOGIN_SET = "site_login.set"  # the client by which customers log in with the merchant's own site
    SITE_LOGIN_TESTED = "site_login.tested"
    SITE_LOGIN_SWITCHED = "site_login.switched"
    SITE_LOGIN_REMOVED = "site_login.removed"
    HOST_ENTERED = "own_host.entered"  # a name of the merchant's own for its customers' pages
    HOST_ACTIVE = "own_host.active"  # proved, and it leads here
    HOST_LOST = "own_host.lost"  # it does not lead here any more
    HOST_GIVEN_UP = "own_host.given_up"
    RECEIVERS_CHANGED = "ipn_receivers.changed"
    API_KEY_MADE = "api_key.made"
    API_KEY_CHANGED = "api_key.changed"
    API_KEY_ROTATED = "api_key.rotated"
    API_KEY_REVOKED = "api_key.revoked"
    API_KEY_REPORTED = "api_key.reported"  # as lying in the open
    SETTINGS_CHANGED = "settings.changed"
    NOTICE_TESTED = "notice.tested"  # somebody of the team sent themselves a mail as customers get it
    NOTICE_CHANGED = "notice.changed"  # what the merchant writes around the facts of a mail
    LEGAL_TEXT_PUBLISHED = "legal_text.published"  # a new version beside the old ones
    PRODUCT_CHANGED = "product.changed"
    PRODUCT_MADE = "product.made"
    PLAN_MOVED = "product.plan_moved"  # a PayPal plan sells another product, with what runs under it
    PLAN_KIND_SET = "product.plan_kind_set"  # the kind of contract that a PayPal plan makes
    RENEWAL_REMINDER = "renewal.reminder"  # what became of the message before a tacit renewal: it left, or came back
    RENEWAL_LETTER = "renewal.letter"  # staff sent one
    RENEWAL_START = "renewal.start_given"  # the day on which a fixed term began
    RENEWAL_SEEN = "renewal.seen"  # staff leave it without a proof
    RENEWAL_REFUND_OWED = "renewal.refund_owed"  # after an end that was free of charge
    RENEWAL_REFUND_SETTLED = "renewal.refund_settled"
    WEBHOOK_REGISTERED = "webhook.registered"
    WEBHOOK_TESTED = "webhook.tested"
    ENDPOINT_MADE = "event_endpoint.made"
    ENDPOINT_CHANGED = "event_endpoint.changed"
    ENDPOINT_SECRET = "event_endpoint.secret_renewed"  # noqa: S105 - an act, not a secret
    ENDPOINT_PAUSED = "event_endpoint.paused"
    ENDPOINT_DISABLED = "event_endpoint.disabled"
    ENDPOINT_RESUMED = "event_endpoint.resumed"
    ENDPOINT_STOPPED = "event_endpoint.stopped"  # by the portal: it is gone, or failed for days
    ENDPOINT_REMOVED = "event_endpoint.removed"
    ENDPOINT_TESTED = "event_endpoint.tested"
    EVENTS_REPLAYED = "event_endpoint.replayed"
    IMPORT_STARTED = "import.started"
    COMPARISON_STARTED = "comparison.started"  # by hand
    LIST_UPLOADED = "profile_list.uploaded"
    LIST_ENDED = "profile_list.ended"
    FILE_UPLOADED = "file_import.uploaded"  # customers, access by hand, or what is known of subscriptions
    FILE_CHECKED = "file_import.checked"  # its columns were matched, and each line was tried
    FILE_STARTED = "file_import.started"
    FILE_STOPPED = "file_import.stopped"
    FILE_DELETED = "file_import.deleted"  # before its time
    VIEW_SAVED = "list_view.saved"  # filters of a list, under a name
    VIEW_CHANGED = "list_view.changed"
    VIEW_REMOVED = "list_view.removed"
    BULK_CONFIRMED = "bulk_act.confirmed"
    BULK_STOPPED = "bulk_act.stopped"
    BULK_RESUMED = "bulk_act.resumed"
    BULK_DROPPED = "bulk_act.dropped"
    RECEIVED_RECORDED = "received_request.recorded"
    RECEIVED_DISMISSED = "received_request.dismissed"
    RECEIVED_CONFIRMED = "received_request.confirmed"  # by who reads the mailbox on file
    RECEIVED_REFUSED = "received_request.refused"
    LATE_PAYMENT_EXPLAINED = "late_payment.explained"
    CUSTOMER_MADE = "customer.made"  # without a subscription: brought by the merchant
    SUBSCRIPTION_NOTED = "subscription_note.changed"  # what the merchant's own systems know of it
    CUSTOMER_CHANGED = "customer.changed"  # name, language, whether they may be contacted
    ADDRESS_ASKED = "customer.address_asked"  # a new one, that has to confirm itself
    ADDRESS_WITHDRAWN = "customer.address_withdrawn"  # before it did
    ADDRESS_CHANGED = "customer.address_changed"
    ADDRESS_HELD = "customer.address_held"  # from the former address
    HOLD_DECIDED = "customer.address_hold_decided"
    ADDRESS_DECLINED = "customer.address_declined"  # PayPal's newer one: the known one stays
    CUSTOMER_VIEWED = "customer.viewed"  # somebody of the desk saw their pages as they do
    TASK_LINK_MADE = "customer.link_made"  # to one task, by staff; those that go with mails are none of anybody's acts
    TASK_LINK_WITHDRAWN = "customer.link_withdrawn"
    PORTAL_SESSION_MADE = "customer.portal_session_made"  # by the merchant's server, which vouches for who they are
    PORTAL_SESSION_OPENED = "customer.portal_session_opened"  # in a browser, once
    CUSTOMERS_JOINED = "customers.joined"
    CUSTOMERS_SPLIT = "customers.split"  # again, each with what was theirs
    ACCOUNT_MEMBER_INVITED = "customer.member_invited"  # to the account of a customer, or once more
    ACCOUNT_MEMBER_JOINED = "customer.member_joined"  # the invitation was accepted
    ACCOUNT_ROLE_CHANGED = "customer.member_role_changed"
    ACCOUNT_MEMBER_REMOVED = "customer.member_removed"  # or the invitation withdrawn
    ERASURE_ASKED = "customer.erasure_asked"  # by the customer: what has no further ground is to go
    ERASURE_WITHDRAWN = "customer.erasure_withdrawn"
    CUSTOMER_ERASED = "customer.erased"
    GRANT_GIVEN = "grant.given"  # access by hand
    GRANT_CHANGED = "grant.changed"
    GRANT_WITHDRAWN = "grant.withdrawn"
    NOTE_WRITTEN = "customer_note.written"
    NOTE_DELETED = "customer_note.deleted"
    MAIL_RETURNED = "mail.returned"  # a message of no subscription; of one it is a fact of its timeline
    MESSAGE_REPLAYED = "message.replayed"
    MESSAGE_SET_ASIDE = "message.set_aside"  # of PayPal's, given up before: somebody has read that
    MESSAGES_FETCHED = "messages.fetched"
    LOGGED_IN = "staff.logged_in"
    PASSWORD_REFUSED = "staff.password_refused"  # noqa: S105 - an act, not a secret
    FACTOR_REFUSED = "staff.factor_refused"
    LOGIN_UNLOCKED = "staff.login_unlocked"  # by the mailed link, after too many tries
    NEW_DEVICE = "staff.new_device"
    RECOVERY_CODE_USED = "staff.recovery_code_used"
    SESSION_ENDED = "staff.session_ended"
    OTHER_SESSIONS_ENDED = "staff.other_sessions_ended"
    PASSWORD_CHANGED = "staff.password_changed"  # noqa: S105 - an act, not a secret
    FACTOR_CHANGED = "staff.factor_changed"
    RECOVERY_CODES_RENEWED = "staff.recovery_codes_renewed"
    PASSKEY_ADDED = "staff.passkey_added"
    PASSKEY_RENAMED = "staff.passkey_renamed"
    PASSKEY_REMOVED = "staff.passkey_removed"
    PASSKEY_REFUSED = "staff.passkey_refused"
    PASSKEY_COPIED = "staff.passkey_copied"  # refused: its counter says that there is a second one
    FACTORS_RENEWED = "staff.factors_renewed"  # both, by somebody who had lost them
    RENEWAL_ASKED = "staff.renewal_asked"
    RENEWAL_STOPPED = "staff.renewal_stopped"  # by a log-in of the person
    STAFF_INVITED = "staff.invited"
    INVITATION_WITHDRAWN = "staff.invitation_withdrawn"
    STAFF_HIRED = "staff.hired"
    ROLE_CHANGED = "staff.role_changed"
    STAFF_DISABLED = "staff.disabled"
    STAFF_ENABLED = "staff.enabled"
    STAFF_REMOVED = "staff.removed"
    STAFF_SESSIONS_ENDED = "staff.sessions_ended"  # by an owner
    ALL_SESSIONS_ENDED = "merchant.sessions_ended"  # of the desk and of customers, by the operator
    MERCHANT_CREATED = "merchant.created"
    MERCHANT_SUSPENDED = "merchant.suspended"
    MERCHANT_RESUMED = "merchant.resumed"
    MERCHANT_LEAVING = "merchant.leaving"
    MERCHANT_KEPT = "merchant.kept"  # the leaving was taken back
    MERCHANT_CLOSED = "merchant.closed"  # its last day is over: nobody comes in any more
    MERCHANT_REOPENED = "merchant.reopened"  # something was open after all
    MERCHANT_ERASED = "merchant.erased"
    DATABASE_RECOVERED = "merchant.recovered"  # a backup was restored, and the chain cut; what was told is there again
    SECRETS_ROTATED = "secrets.rotated"
    EXPORT_AUDIT = "export.audit"
    EXPORT_FAILED_ROWS = "export.failed_rows"
    EXPORT_BULK = "export.bulk_act"
    EXPORT_LIST = "export.list"  # subscriptions or customers, as a list shows them
    PROOF_WRITTEN = "proof.written"  # with the fingerprint of its facts
    ARCHIVE_OPENED = "customer.archive_opened"  # what is kept of somebody erased
    EXPORT_PROOF = "export.proof"  # for a court or an authority
    RETENTION_APPLIED = "retention.applied"  # what was kept for long enough is gone
    EXPORT_CUSTOMER = "export.customer"  # their own data, asked for by themselves
    EXPORT_MERCHANT = "export.merchant"  # everything of a merchant, by the operator or its owner


@dataclass(frozen=True, kw_only=True)
class By:
    """Who acted, and through which door. `actor_id`: a staff member's, a customer's or one of their people's; no
    chain keeps the name.
    """

    actor: Actor = Actor.SYSTEM
    actor_id: uuid.UUID | None = None
    channel: str | None = None
    name: str = ""


PORTAL: Final = By()
PROVIDER: Final = By(actor=Actor.PROVIDER)
OPERATOR: Final = By(channel=COMMAND_LINE)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of a merchant's chain, without its own hash. `number` counts 1, 2, 3… without gaps."""

    merchant_id: uuid.UUID
    number: int
    at: datetime
    act: str
    actor: str
    actor_id: uuid.UUID | None
    channel: str | None
    subject_kind: str
    subject_id: uuid.UUID | None
    details: Mapping[str, Any]
    previous_hash: str

    @property
    def facts(self) -> dict[str, Any]:
        """Return the columns as JSON holds them; times are UTC with six digits after the second."""
        return {
            "merchant_id": str(self.merchant_id),
            "number": self.number,
            "at": self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "act": self.act,
            "actor": self.actor,
            "actor_id": str(self.actor_id) if self.actor_id else None,
            "channel": self.channel,
            "subject_kind": self.subject_kind,
            "subject_id": str(self.subject_id) if self.subject_id else None,
            "details": dict(self.details),
            "previous_hash": self.previous_hash,
        }


def canonical(facts: Mapping[str, Any]) -> str:
    """Return the one text for these facts: JSON, keys sorted by code point, no spaces, nothing escaped needlessly."""
    return json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def digest(entry: Entry) -> str:
    """Return the row's hash: SHA-256 of its canonical text in UTF-8, 64 hexadecimal digits."""
    return hashlib.sha256(canonical(entry.facts).encode()).hexdigest()


def check_details(details: object) -> None:
    """Raise TypeError unless all is text, whole number, truth, nothing, or lists and dicts of them.

    Other things do not come back from the database as they went in: then the hash would lie.
    """
    match details:
        case None | bool() | int() | str():
            return
        case list():
            for value in details:
                check_details(value)
        case dict():
            for key, value in details.items():
                if not isinstance(key, str):
                    raise TypeError(f"a key of an audit entry's details is a {type(key).__name__}")
                check_details(value)
        case _:
            raise TypeError(f"an audit entry's details cannot hold a {type(details).__name__}")


class Flaw(StrEnum):
    """What is wrong at a row."""

    CHANGED = "changed"  # its text does not give its hash
    MISSING = "missing"  # this number is not there, later ones are
    MOVED = "moved"  # it does not follow the row before it: moved here, or that one was replaced together with its hash
    CUT_OFF = "cut_off"  # the chain's end says that this row was there, and nothing is
    BEYOND_END = "beyond_end"  # it stands behind the chain's end
    OTHER_END = "other_end"  # the last row is not the one that the chain's end names
    NOT_EXPECTED = "not_expected"  # not the hash that somebody wrote down, though the chain holds together


@dataclass(frozen=True)
class Found:
    """The first thing that is wrong, and at which number."""

    flaw: Flaw
    number: int


class Walk:
    """Walk a chain row by row from its beginning; `take` says what is wrong with a row."""

    def __init__(self) -> None:
        self.number = 0
        self.hash = BEFORE_THE_FIRST

    def take(self, entry: Entry, stored_hash: str) -> Found | None:
        """Return the flaw at the next row, None when it follows and is whole."""
        number = self.number + 1
        if entry.number != number:
            return Found(Flaw.MISSING, number)
        if entry.previous_hash != self.hash:
            return Found(Flaw.MOVED, number)
        if digest(entry) != stored_hash:
            return Found(Flaw.CHANGED, number)
        self.number, self.hash = number, stored_hash
        return None
