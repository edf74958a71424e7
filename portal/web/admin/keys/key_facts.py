"""What is known of a stored key, in plain words: never the secret, only its ending (style.md, 14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask_babel import gettext as _

from portal.queries.merchants.paypal_accounts import Provider
from portal.services.keys.key_checks import SUBSCRIPTIONS_RIGHT, WEBHOOKS_RIGHT, Finding
from portal.web.admin import presenting, words
from portal.web.admin.presenting import Row

if TYPE_CHECKING:
    from portal.models import PayPalAccount


@dataclass(frozen=True, kw_only=True)
class KeyState:
    """How a stored key stands: a mark of status.html, the sentence of its last test, and the figures."""

    mark: str
    sentence: str
    rows: list[Row]
    lacks_webhooks: bool


def sentence(provider: Provider, finding: Finding) -> str:
    """Return what a test found, in the words of that kind of key."""
    table = words.CLASSIC_FINDING if provider is Provider.PAYPAL_CLASSIC else words.FINDING
    return str(table[finding])


def state_of(account: PayPalAccount | None) -> KeyState | None:
    """Return how the key stands; None when there is none."""
    if account is None:
        return None
    is_rest = account.provider is Provider.PAYPAL_REST
    works = account.broken_since is None
    rights = set(account.check_result.get("scopes", ()))
    return KeyState(
        mark="ok" if works else "stop",
        sentence=_sentence(account, works=works),
        rows=[*(_rest(account, rights) if is_rest else _classic(account)), *_tests(account)],
        lacks_webhooks=is_rest and bool(rights) and WEBHOOKS_RIGHT not in rights,
    )


def _sentence(account: PayPalAccount, *, works: bool) -> str:
    found = account.check_result.get("finding")
    if works:
        return sentence(account.provider, Finding.WORKS)
    if found in set(Finding) and found != Finding.WORKS:
        return sentence(account.provider, Finding(found))
    return _("PayPal refused the key.")  # a request met it before a test did


def _rest(account: PayPalAccount, rights: set[str]) -> list[Row]:
    result = account.check_result
    rows: list[Row] = [
        (_("Environment"), str(words.ENVIRONMENT[account.environment])),
        (_("Account (PayPal application)"), result.get("app_id") or None),
        (_("Client ID"), account.client_id),
        (_("Secret"), _set_on(account)),
    ]
    if rights:
        rows += [
            (_("Access to subscriptions"), _("yes") if SUBSCRIPTIONS_RIGHT in rights else _("no – it is missing")),
            (_("Access to webhooks"), _("yes") if WEBHOOKS_RIGHT in rights else _("no – it is missing")),
        ]
    has = result.get("has_subscriptions")
    if has is not None:
        seen = _("at least one seen") if has else _("none seen: those sold by classic buttons do not show here")
        rows.append((_("Subscriptions in this account"), seen))
    return rows


def _classic(account: PayPalAccount) -> list[Row]:
    return [
        (_("Environment"), str(words.ENVIRONMENT[account.environment])),
        (_("Account (API user name)"), account.client_id),
        (_("API password and signature"), _set_on(account)),
        (_("Your addresses at PayPal"), ", ".join(account.receivers) or _("only the one in the API user name")),
    ]


def _tests(account: PayPalAccount) -> list[Row]:
    rows: list[Row] = [(_("Last test"), presenting.short(account.checked_at))]
    if account.broken_since is not None:
        rows.append((_("Refused since"), presenting.short(account.broken_since)))
    return rows


def _set_on(account: PayPalAccount) -> str:
    return _("set on %(date)s, ends in …%(ending)s", date=presenting.day(account.set_at), ending=account.secret_ending)
