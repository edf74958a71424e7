"""The audit chain in words. Lazy: said in the reader's language; a test walks every code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask_babel import LazyString, lazy_pgettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.domain.audit import COMMAND_LINE, Act, Flaw
from portal.domain.ends.end_requests import Channel
from portal.domain.ends.received_requests import Way
from portal.queries.timelines import TimelineKind
from portal.web import labels

ACT: Final[Mapping[str, LazyString]] = {
    Act.END_REQUEST_SENT: _l("Cancellation sent to PayPal"),
    Act.KEY_SET: _l("PayPal key entered"),
    Act.KEY_REPLACED: _l("PayPal key replaced"),
    Act.KEY_REMOVED: _l("PayPal key removed"),
    Act.KEY_TESTED: _l("PayPal key tested manually"),
    Act.KEY_BROKEN: _l("PayPal key found not to work"),
    Act.KEY_WORKING: _l("PayPal key works again"),
    Act.SITE_LOGIN_SET: _l("Log-in with your site set up or changed"),
    Act.SITE_LOGIN_TESTED: _l("Log-in with your site tested"),
    Act.SITE_LOGIN_SWITCHED: _l("Log-in with your site switched on or off"),
    Act.SITE_LOGIN_REMOVED: _l("Log-in with your site removed"),
    Act.HOST_ENTERED: _l("Own address of the account pages entered"),
    Act.HOST_ACTIVE: _l("Own address of the account pages in use"),
    Act.HOST_LOST: _l("Own address of the account pages no longer leads here"),
    Act.HOST_GIVEN_UP: _l("Own address of the account pages given up"),
    Act.RECEIVERS_CHANGED: _l("IPN addresses changed"),
    Act.API_KEY_MADE: _l("API key created"),
    Act.API_KEY_CHANGED: _l("API key changed"),
    Act.API_KEY_ROTATED: _l("API key replaced by a new one"),
    Act.API_KEY_REVOKED: _l("API key revoked"),
    Act.API_KEY_REPORTED: _l("API key reported as public"),
    Act.SETTINGS_CHANGED: _l("Settings changed"),
    Act.NOTICE_TESTED: _l("Email sent to oneself as a test"),
    Act.NOTICE_CHANGED: _l("Words of an email changed"),
    Act.LEGAL_TEXT_PUBLISHED: _l("Legal text published"),
    Act.PRODUCT_CHANGED: _l("Product rules changed"),
    Act.PRODUCT_MADE: _l("Product created"),
    Act.PLAN_MOVED: _l("PayPal plan moved to another product"),
    Act.PLAN_KIND_SET: _l("Kind of contract of a PayPal plan set"),
    Act.RENEWAL_REMINDER: _l("Reminder before a renewal: sent, or not delivered"),
    Act.RENEWAL_LETTER: _l("Letter before a renewal recorded"),
    Act.RENEWAL_START: _l("Start of a fixed term entered"),
    Act.RENEWAL_SEEN: _l("Renewal without a proved reminder noted"),
    Act.RENEWAL_REFUND_OWED: _l("Refund due after an end free of charge"),
    Act.RENEWAL_REFUND_SETTLED: _l("Refund after an end free of charge settled"),
    Act.WEBHOOK_REGISTERED: _l("Webhook address registered at PayPal"),
    Act.WEBHOOK_TESTED: _l("Test message requested from PayPal"),
    Act.ENDPOINT_MADE: _l("Endpoint for events added"),
    Act.ENDPOINT_CHANGED: _l("Endpoint for events changed"),
    Act.ENDPOINT_SECRET: _l("Secret of an endpoint renewed"),
    Act.ENDPOINT_PAUSED: _l("Endpoint for events paused"),
    Act.ENDPOINT_DISABLED: _l("Endpoint for events switched off"),
    Act.ENDPOINT_RESUMED: _l("Endpoint for events resumed"),
    Act.ENDPOINT_STOPPED: _l("Endpoint for events stopped by the portal"),
    Act.ENDPOINT_REMOVED: _l("Endpoint for events removed"),
    Act.ENDPOINT_TESTED: _l("Test event sent"),
    Act.EVENTS_REPLAYED: _l("Events sent again"),
    Act.IMPORT_STARTED: _l("Import started"),
    Act.COMPARISON_STARTED: _l("Comparison started manually"),
    Act.LIST_UPLOADED: _l("List of classic profiles uploaded"),
    Act.LIST_ENDED: _l("List of classic profiles closed"),
    Act.FILE_UPLOADED: _l("File to be imported uploaded"),
    Act.FILE_CHECKED: _l("File to be imported checked"),
    Act.FILE_STARTED: _l("Import of a file started"),
    Act.FILE_STOPPED: _l("Import of a file stopped"),
    Act.FILE_DELETED: _l("Imported file deleted early"),
    Act.VIEW_SAVED: _l("Saved view made"),
    Act.VIEW_CHANGED: _l("Saved view changed"),
    Act.VIEW_REMOVED: _l("Saved view removed"),
    Act.BULK_CONFIRMED: _l("Bulk action confirmed"),
    Act.BULK_STOPPED: _l("Bulk action stopped"),
    Act.BULK_RESUMED: _l("Bulk action resumed"),
    Act.BULK_DROPPED: _l("Bulk action closed early"),
    Act.RECEIVED_RECORDED: _l("Customer’s notice recorded at the desk"),
    Act.RECEIVED_DISMISSED: _l("Customer’s notice closed without ending anything"),
    Act.RECEIVED_CONFIRMED: _l("Public declaration confirmed from the address on file"),
    Act.RECEIVED_REFUSED: _l("Public declaration refused from the address on file"),
    Act.LATE_PAYMENT_EXPLAINED: _l("Payment after the end settled without a refund"),
    Act.CUSTOMER_MADE: _l("Customer added"),
    Act.SUBSCRIPTION_NOTED: _l("Own data of a subscription changed"),
    Act.CUSTOMER_CHANGED: _l("Customer’s details changed"),
    Act.ADDRESS_ASKED: _l("New email address entered for a customer: to be confirmed"),
    Act.ADDRESS_WITHDRAWN: _l("New email address of a customer withdrawn"),
    Act.ADDRESS_CHANGED: _l("Customer’s email address changed"),
    Act.ADDRESS_HELD: _l("Change of a customer’s address contested from the former one"),
    Act.HOLD_DECIDED: _l("Contested address of a customer decided"),
    Act.ADDRESS_DECLINED: _l("Customer’s new PayPal address not adopted"),
    Act.CUSTOMER_VIEWED: _l("Customer’s pages viewed as the customer"),
    Act.TASK_LINK_MADE: _l("Link to one page made for a customer"),
    Act.TASK_LINK_WITHDRAWN: _l("Link to one page withdrawn"),
    Act.PORTAL_SESSION_MADE: _l("Portal session made by your server for a customer"),
    Act.PORTAL_SESSION_OPENED: _l("Portal session opened"),
    Act.CUSTOMERS_JOINED: _l("Two customers merged"),
    Act.CUSTOMERS_SPLIT: _l("Two merged customers separated again"),
    Act.ACCOUNT_MEMBER_INVITED: _l("Invitation to a customer’s account sent"),
    Act.ACCOUNT_MEMBER_JOINED: _l("Invitation to a customer’s account accepted"),
    Act.ACCOUNT_ROLE_CHANGED: _l("Role in a customer’s account changed"),
    Act.ACCOUNT_MEMBER_REMOVED: _l("Access to a customer’s account removed"),
    Act.ERASURE_ASKED: _l("Erasure of their data requested by the customer"),
    Act.ERASURE_WITHDRAWN: _l("Erasure request withdrawn by the customer"),
    Act.CUSTOMER_ERASED: _l("Customer’s data erased"),
    Act.GRANT_GIVEN: _l("Access given by hand"),
    Act.GRANT_CHANGED: _l("Access given by hand changed"),
    Act.GRANT_WITHDRAWN: _l("Access given by hand withdrawn"),
    Act.NOTE_WRITTEN: _l("Note about a customer written"),
    Act.NOTE_DELETED: _l("Note about a customer deleted"),
    Act.MAIL_RETURNED: _l("Email returned, not delivered"),
    Act.MESSAGE_REPLAYED: _l("Message processed again"),
    Act.MESSAGE_SET_ASIDE: _l("Message from PayPal set aside unprocessed"),
    Act.MESSAGES_FETCHED: _l("Missed messages requested from PayPal"),
    Act.LOGGED_IN: _l("Logged in at the desk"),
    Act.PASSWORD_REFUSED: _l("Wrong password"),
    Act.FACTOR_REFUSED: _l("Right password, wrong second factor"),
    Act.LOGIN_UNLOCKED: _l("Log-in page unlocked with the emailed link"),
    Act.NEW_DEVICE: _l("Log-in from a new browser"),
    Act.RECOVERY_CODE_USED: _l("Recovery code used"),
    Act.SESSION_ENDED: _l("Session ended"),
    Act.OTHER_SESSIONS_ENDED: _l("Other sessions ended"),
    Act.PASSWORD_CHANGED: _l("Password changed"),
    Act.FACTOR_CHANGED: _l("Second factor changed"),
    Act.RECOVERY_CODES_RENEWED: _l("New recovery codes created"),
    Act.PASSKEY_ADDED: _l("Passkey added"),
    Act.PASSKEY_RENAMED: _l("Passkey renamed"),
    Act.PASSKEY_REMOVED: _l("Passkey removed"),
    Act.PASSKEY_REFUSED: _l("Passkey refused"),
    Act.PASSKEY_COPIED: _l("Passkey refused: it may have been copied"),
    Act.FACTORS_RENEWED: _l("Password and second factor renewed"),
    Act.RENEWAL_ASKED: _l("Renewal of a lost access requested"),
    Act.RENEWAL_STOPPED: _l("Renewal of an access stopped by a log-in"),
    Act.STAFF_INVITED: _l("Invitation to the team sent"),
    Act.INVITATION_WITHDRAWN: _l("Invitation withdrawn"),
    Act.STAFF_HIRED: _l("Team member added"),
    Act.ROLE_CHANGED: _l("Role changed"),
    Act.STAFF_DISABLED: _l("Team member suspended"),
    Act.STAFF_ENABLED: _l("Team member reinstated"),
    Act.STAFF_REMOVED: _l("Team member removed"),
    Act.STAFF_SESSIONS_ENDED: _l("Team member’s sessions ended"),
    Act.ALL_SESSIONS_ENDED: _l("Everybody logged out by the operator"),
    Act.MERCHANT_CREATED: _l("Merchant created"),
    Act.MERCHANT_SUSPENDED: _l("Merchant suspended by the operator"),
    Act.MERCHANT_RESUMED: _l("Merchant’s suspension lifted"),
    Act.MERCHANT_LEAVING: _l("Merchant’s departure recorded"),
    Act.MERCHANT_KEPT: _l("Merchant’s departure withdrawn"),
    Act.MERCHANT_CLOSED: _l("Merchant’s pages closed after its last day"),
    Act.MERCHANT_REOPENED: _l("Merchant’s pages opened again: something is still open"),
    Act.MERCHANT_ERASED: _l("Merchant’s data erased"),
    Act.DATABASE_RECOVERED: _l(
        "Backup restored: the log goes on behind its end, and what was asked for since is recovered"
    ),
    Act.SECRETS_ROTATED: _l("Secrets re-encrypted with the newest master key"),
    Act.EXPORT_AUDIT: _l("Audit log exported"),
    Act.EXPORT_FAILED_ROWS: _l("Rows that were not added exported"),
    Act.EXPORT_BULK: _l("Results of a bulk action exported"),
    Act.EXPORT_LIST: _l("List of subscriptions or customers exported"),
    Act.RETENTION_APPLIED: _l("Data kept for long enough erased"),
    Act.PROOF_WRITTEN: _l("Proof of an end written"),
    Act.ARCHIVE_OPENED: _l("Archive of an erased customer opened"),
    Act.EXPORT_PROOF: _l("File for a court exported"),
    Act.EXPORT_CUSTOMER: _l("Customer’s own data prepared for download"),
    Act.EXPORT_MERCHANT: _l("All data of the merchant exported"),
    **{f"subscription.{kind}": labels.TIMELINE[kind] for kind in TimelineKind},
}


# How the codes of what one looks for begin.
TOPICS: Final[Mapping[str, tuple[str, ...]]] = {
    "ends": ("subscription.", "end_request.", "bulk_act.", "renewal.", "proof."),
    "customers": (
        "mail.",
        "customer.",
        "customers.",
        "customer_note.",
        "subscription_note.",
        "file_import.",
        "grant.",
        "received_request.",
        "late_payment.",
    ),
    "settings": (
        "settings.",
        "notice.",
        "legal_text.",
        "product.",
        "merchant.",
        "retention.",
        "site_login.",
        "own_host.",
        "list_view.",
    ),
    "paypal": ("paypal_key.", "ipn_receivers.", "webhook.", "message", "import.", "comparison.", "profile_list."),
    "integrations": ("api_key.", "event_endpoint."),
    "team": ("staff.",),
    "exports": ("export.",),
}

TOPIC: Final[Mapping[str, LazyString]] = {
    "ends": _l("Subscriptions and their ends"),
    "customers": _l("Customers and their money"),
    "settings": _l("Settings and products"),
    "paypal": _l("PayPal, imports and messages"),
    "integrations": _l("Integrations"),
    "team": _l("Team and log-ins"),
    "exports": _l("Exports"),
}


# The settings' groups by the words of their pages (`settings.Group.kind`), and where each is.
GROUP: Final[Mapping[str, tuple[LazyString, str]]] = {
    "settings.cancellation": (lazy_pgettext("settings", "Cancellation"), "admin.settings"),
    "settings.sections": (_l("Sections of the account page"), "admin.setting_sections"),
    "settings.face": (_l("Branding"), "admin.setting_face"),
    "settings.logo": (_l("Logo"), "admin.setting_logo"),
    "settings.addresses": (_l("Addresses and legal pages"), "admin.setting_addresses"),
    "settings.countries": (_l("Countries and texts of the law"), "admin.setting_countries"),
    "settings.notices": (_l("Emails"), "admin.setting_notices"),
    "settings.reasons": (_l("Reasons for leaving"), "admin.setting_reasons"),
    "settings.offer": (_l("Offer"), "admin.setting_offer"),
    "settings.retention": (_l("How long data is kept"), "admin.setting_retention"),
    "settings.links": (_l("Links for your site"), "admin.setting_links"),
    "settings.returns": (_l("Return addresses"), "admin.setting_returns"),
    "settings.language": (_l("Language and time zone"), "admin.setting_language"),
}


def act(
    code: str, details: Mapping[str, object], channel: str | None = None, *, subject_kind: str | None = None
) -> str:
    """Return what a row says was done; one whose act this release does not know keeps its code."""
    if code == Act.SETTINGS_CHANGED and subject_kind is not None and subject_kind in GROUP:
        return _("Settings changed: %(group)s", group=GROUP[subject_kind][0])
    if code == Act.RECEIVED_RECORDED and details.get("way") == Way.NO_LOGIN:
        return _("Message from somebody who could not log in")
    if code == Act.RECEIVED_DISMISSED and details.get("way") == Way.NO_LOGIN:
        return _("Message from somebody who could not log in closed")
    if code == Act.RECEIVED_RECORDED and channel != Channel.STAFF:
        return str(labels.TIMELINE[TimelineKind.NOTIFIED])
    fact = code.removeprefix("subscription.")
    if fact != code and fact in set(TimelineKind):
        return str(labels.fact(TimelineKind(fact), details))
    return str(ACT.get(code, code))


CHANNEL: Final[Mapping[str, LazyString]] = {
    **{channel.value: label for channel, label in labels.CHANNEL.items()},
    COMMAND_LINE: _l("Command line"),
}

FLAW: Final[Mapping[Flaw, LazyString]] = {
    Flaw.CHANGED: _l("Row %(number)s was changed: its content does not match its hash."),
    Flaw.MISSING: _l("Row %(number)s is missing, but later rows are there."),
    Flaw.MOVED: _l(
        "Row %(number)s does not follow the row before it: it was moved here, or the row before was replaced "
        "along with its hash."
    ),
    Flaw.CUT_OFF: _l("Row %(number)s and everything after it are missing at the end."),
    Flaw.BEYOND_END: _l("Row %(number)s comes after the recorded end of the log: it was added by hand."),
    Flaw.OTHER_END: _l("Row %(number)s is not the row named by the recorded end of the log."),
    Flaw.NOT_EXPECTED: _l("Row %(number)s has a different hash than expected: the rows up to there were rewritten."),
}
