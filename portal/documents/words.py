"""The words for codes that documents print; the pages show the same (web.labels). English, translated when said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from portal.documents.letters import Script
from portal.domain.access.access import End
from portal.domain.ends.end_requests import Channel
from portal.domain.ends.received_requests import Way
from portal.domain.merchants import leaving_reasons
from portal.domain.money.settlements import SettlementRefusal
from portal.domain.subscriptions import ProviderStatus


def N_(text: str) -> str:
    """Mark a text for pybabel, which knows this name; it is translated when it is said."""
    return text


CHANNEL: Final[Mapping[Channel, str]] = {
    Channel.PORTAL: N_("Customer account page"),
    Channel.STAFF: N_("Merchant desk"),
    Channel.PROVIDER: N_("PayPal"),
    Channel.PUBLIC_PAGE: N_("Public page"),
    Channel.BULK: N_("Bulk action"),
    Channel.API: N_("API"),
    Channel.PORTAL_SESSION: N_("Customer account page, identity confirmed by the merchant’s site"),
}

WAY: Final[Mapping[Way, str]] = {
    Way.LETTER: N_("Letter"),
    Way.EMAIL: N_("Email"),
    Way.TELEPHONE: N_("Telephone"),
    Way.ACCOUNT_PAGE: N_("Form on the customer’s account page"),
    Way.NO_LOGIN: N_("Form for those who cannot log in"),
    Way.PUBLIC_FORM: N_("Public page"),
    Way.OTHER: N_("Another way"),
}

NOT_SETTLED: Final[Mapping[SettlementRefusal, str]] = {
    SettlementRefusal.SUM_CHANGED: N_("PayPal now shows a different unpaid amount. Nothing was taken."),
    SettlementRefusal.DECLINED: N_("PayPal could not take it from the card or account. Nothing was taken."),
    SettlementRefusal.PAYER_ACCOUNT: N_(
        "The PayPal account that pays is locked, closed or restricted. Nothing was taken."
    ),
    SettlementRefusal.ACCOUNT_CLOSED: N_("PayPal says that one of the two accounts is closed. Nothing was taken."),
    SettlementRefusal.ENDING: N_("The end of the contract was requested, or has come. Nothing was taken."),
    SettlementRefusal.STATUS: N_("PayPal does not allow it in its current status. Nothing was taken."),
    SettlementRefusal.NO_LINK: N_("The connection to PayPal is not working at the moment. Nothing was taken."),
    SettlementRefusal.NO_ANSWER: N_("PayPal did not answer for a day. Nothing was sent, and nothing was taken."),
    SettlementRefusal.NOT_TAKEN: N_("PayPal has shown no payment for three days: it did not take this amount."),
    SettlementRefusal.REFUSED: N_("PayPal refused it. Nothing was taken."),
}

END: Final[Mapping[End, str]] = {
    End.RUNNING: N_("as long as the contract runs"),
    End.KEPT: N_("kept for good"),
    End.DATED: N_("until a date"),
    End.UNKNOWN: N_("until a date not yet known"),
}

PROVIDER_STATUS: Final[Mapping[str, str]] = {
    ProviderStatus.APPROVAL_PENDING: N_("waiting for the customer’s approval"),
    ProviderStatus.APPROVED: N_("approved, not started"),
    ProviderStatus.PENDING: N_("not started"),
    ProviderStatus.ACTIVE: N_("active"),
    ProviderStatus.SUSPENDED: N_("suspended"),
    ProviderStatus.CANCELLED: N_("cancelled"),
    ProviderStatus.EXPIRED: N_("expired"),
}

REASON: Final[Mapping[str, str]] = {
    "too_expensive": N_("It costs too much"),
    "not_used": N_("I do not use it enough"),
    "finished": N_("I got what I needed"),
    "not_expected": N_("It is not what I expected"),
    "technical": N_("Something does not work"),
    "other": N_("Another reason"),
}


def reason(code: str, stored: Sequence[Mapping[str, Any]], language: str, translate: Callable[[str], str]) -> str:
    """Return a reason in words: the merchant's own (`stored` is its list), else the portal's; empty: nobody has any.

    One that is retired is read as ever.
    """
    found = next((one for one in leaving_reasons.read(stored) if one.code == code), None)
    own = found.said(language)[0] if found is not None else ""
    return own or (translate(REASON[code]) if code in REASON else "")


# In place of letters for which no font is there (documents.letters); the page shows them.
NOT_PRINTED: Final[Mapping[Script, str]] = {
    Script.CHINESE: N_("[words in Chinese characters: see the page]"),
    Script.JAPANESE: N_("[words in Japanese characters: see the page]"),
    Script.KOREAN: N_("[words in Korean characters: see the page]"),
    Script.OTHER: N_("[words in other characters: see the page]"),
    Script.SYMBOL: N_("[symbol]"),
}

NOT_PRINTED_NAME: Final[Mapping[Script, str]] = {
    Script.CHINESE: N_("[name in Chinese characters: see the page]"),
    Script.JAPANESE: N_("[name in Japanese characters: see the page]"),
    Script.KOREAN: N_("[name in Korean characters: see the page]"),
    Script.OTHER: N_("[name in other characters: see the page]"),
    Script.SYMBOL: N_("[symbol]"),
}
