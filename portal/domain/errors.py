"""What the rules refuse, as facts. The web picks the status code and the words."""

from __future__ import annotations

from enum import StrEnum


class DomainError(Exception):
    """A rule of the domain said no."""


class Denial(StrEnum):
    """Why somebody may not do what the state would allow (policies)."""

    SELF_CANCELLATION_OFF = "self_cancellation_off"
    STAFF_ONLY = "staff_only"
    ROLE_TOO_LOW = "role_too_low"
    NOTIFIED = "notified"  # its customer has asked for the end: it is *cancelled*
    NAMES_ANOTHER = "names_another"  # a request names its subscription: the end of another one does not answer it
    PAUSE_NOT_OFFERED = "pause_not_offered"
    KEY_NOT_TESTED = "key_not_tested"
    ALREADY_SENT = "already_sent"
    END_UNDER_WAY = "end_under_way"  # an end outranks a pause
    PAYPAL_FORBIDS_RESUME = "paypal_forbids_resume"  # its failure threshold was reached
    RESUME_DAY = "resume_day"  # none was given, or it is outside what the merchant allows
    ERASED = "erased"  # the customer: nothing of them is written again
    ERASURE_UNDER_WAY = "erasure_under_way"  # one of two customers has asked for it
    ADDRESS_HELD = "address_held"  # the former mailbox contests the address of one of two customers
    NO_COMEBACK = "no_comeback"  # not cancelled, or never to be invited back
    CAME_BACK = "came_back"
    ALREADY_SUBSCRIBED = "already_subscribed"
    NOT_SOLD_HERE = "not_sold_here"
    STILL_STOPPING = "still_stopping"
    PAID_TIME_UNKNOWN = "paid_time_unknown"
    OWNERS_ONLY = "owners_only"  # of a customer's account: a reader of it changes nothing
    ON_FILE_ONLY = "on_file_only"  # the person of the address on file alone
    ON_FILE_ALREADY = "on_file_already"  # the address is the account's own
    IN_THE_ACCOUNT = "in_the_account"  # somebody with the address is, or is invited
    ACCOUNT_FULL = "account_full"
    VIEW_ONLY = "view_only"  # somebody of the desk looks at a customer's pages
    LAST_OWNER = "last_owner"  # nobody would be left who may decide everything
    IN_THE_TEAM = "in_the_team"
    MERCHANT_SUSPENDED = "merchant_suspended"  # by the operator: nothing new is begun (domain.merchants)
    MERCHANT_LEAVING = "merchant_leaving"
    NOT_OFFERED_NOW = "not_offered_now"  # what customers of such a merchant cannot begin


class NotAllowed(DomainError):
    """The actor may not do this, for the reason given."""

    def __init__(self, denial: Denial) -> None:
        super().__init__(denial.value)
        self.denial = denial
