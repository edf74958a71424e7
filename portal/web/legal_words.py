"""What the portal writes of a merchant's legal texts, in the reader's language: facts that it knows, and nothing else.

The privacy information follows from what is stored: a part of the own-data file and a line of the retention table
each have their words here or beside the table, and a test sees that none is left out (law.md R-GD-2, R-GD-3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from portal.domain.law.legal_texts import ADDRESS, CONTACT, HOST, NOTICE_FIELDS, PUBLISHER, LegalKind
from portal.domain.law.retention import Kind
from portal.i18n import DEFAULT, LOCALES
from portal.queries.law import legal_texts
from portal.queries.people import merchants
from portal.queries.people.people import MerchantFacts
from portal.web import locale
from portal.web.retention_words import TO_CUSTOMERS, length

TITLE: Final[Mapping[LegalKind, LazyString]] = {
    LegalKind.NOTICE: _l("Legal notice"),
    LegalKind.PRIVACY: _l("Privacy and personal data"),
    LegalKind.TERMS: _l("Terms of sale"),
}
FIELD: Final[Mapping[str, LazyString]] = {
    PUBLISHER: _l("Publisher"),
    ADDRESS: _l("Address"),
    "registration": _l("Registration"),
    "vat": _l("VAT"),
    "director": _l("Publishing director"),
    CONTACT: _l("Contact"),
    HOST: _l("Host"),
}
PART: Final[Mapping[str, LazyString]] = {  # of queries/own_data.PARTS
    "record": _l("Your name, email address, language, time zone and PayPal account number"),
    "subscriptions": _l("Your subscriptions: product, price, dates and status"),
    "payments": _l("Your payments: amount, date and PayPal number. No card or bank account number ever comes here"),
    "refunds": _l("Your refunds"),
    "settlements": _l("Your payments of an outstanding balance"),
    "renewal_reminders": _l("The reminders before a contract renews: date, address and whether they arrived"),
    "withdrawals": _l("Your withdrawals from a contract, and what was refunded"),
    "contract_consents": _l("What you agreed to when a contract began, and what you were told"),
    "requests_to_end": _l("Your requests to cancel, with your comment if you leave one"),
    "cancellation_notices": _l("Your cancellation notices, also those sent by letter or telephone"),
    "proofs": _l("The proofs of your cancellations"),
    "pauses": _l("Your pauses"),
    "offers_answered": _l("What you answered to an offer beside the cancel button"),
    "comebacks": _l("Your attempts to subscribe again"),
    "access_given": _l("Access given to you by hand"),
    "emails": _l("The emails sent to you"),
    "sessions": _l("Your log-ins: date, browser and a shortened IP address"),
    "account_members": _l("The people you let into your account"),
    "address_changes": _l("Your changes of email address"),
    "address_contests": _l("Your objections to a change of email address"),
    "task_links": _l("The links sent to you for one task"),
    "notes": _l("Notes that the team takes about you"),
    "erasure_requests": _l("Your requests to have your data erased"),
}


@dataclass(frozen=True, kw_only=True)
class Seller:
    """What is known of the merchant wherever its texts are written."""

    name: str
    contact: str  # an address to write to; empty: none is known
    host: str  # who hosts the portal, as the legal notice names them; empty: nobody has said
    retention: Mapping[str, Any]  # kind → span, where it is not the usual one


def seller(session: Session, merchant: MerchantFacts, *, contact: str | None = None) -> Seller:
    """Return what is known of a merchant; `contact`: the address for data, where it is only about to be published.

    Without one, that is the address for help.
    """
    notice = legal_texts.newest(session, merchant.id, LegalKind.NOTICE, DEFAULT)
    privacy = legal_texts.newest(session, merchant.id, LegalKind.PRIVACY, DEFAULT)
    if contact is None:
        contact = privacy.answers.get(CONTACT) if privacy else ""
    return Seller(
        name=merchant.name,
        contact=contact or merchant.support_email or "",
        host=notice.answers.get(HOST, "") if notice else "",
        retention=merchants.of(session, merchant.id).retention,
    )


def in_each_language(write: Callable[[], str]) -> dict[str, str]:
    """Return a text in every language of the portal."""
    said = {}
    for language in LOCALES:
        with locale.speaking(language):
            said[language] = write()
    return said


def notice(answers: Mapping[str, str]) -> str:
    """Return a legal notice of what was answered; what was left empty is left out."""
    given = [(FIELD[name], answers[name].strip()) for name in NOTICE_FIELDS if answers.get(name, "").strip()]
    return "\n\n".join(f"# {label}\n{said}" for label, said in given)


def privacy(seller: Seller) -> str:
    """Return the privacy information: who, what, why, how long, for whom, and the rights."""
    parts = (_responsible, _stored, _purposes, _spans, _recipients, _cookies, _rights)
    return "\n\n".join(part(seller) for part in parts)


def _responsible(seller: Seller) -> str:
    said = _("%(merchant)s decides what your personal data is used for here (the controller).", merchant=seller.name)
    return _section(_("Who is responsible"), said, _write_to(seller))


def _write_to(seller: Seller) -> str:
    if not seller.contact:
        return ""
    return _("For any question about your data, write to %(address)s.", address=seller.contact)


def _stored(_seller: Seller) -> str:
    source = _("It comes from you, from PayPal, and from what you do in your account.")
    return _section(_("What is stored about you"), _items(map(str, PART.values())), source)


def _purposes(_seller: Seller) -> str:
    purposes = (
        _("Your contract: show, carry out, pause and end your subscriptions (GDPR, article 6(1)(b))"),
        _("Legal obligations: accounts, and proof of your cancellations (article 6(1)(c))"),
        _("Legitimate interests: security, and the defence of legal claims (article 6(1)(f))"),
        _("Invitations to subscribe again, unless you refuse them in your profile (article 6(1)(f))"),
    )
    automatic = _("No decision about you is made by automated profiling.")
    return _section(_("Why, and on what legal basis"), _items(purposes), automatic)


def _spans(seller: Seller) -> str:
    kept = (_("%(label)s: %(value)s", label=TO_CUSTOMERS[kind], value=length(kind, seller.retention)) for kind in Kind)
    nightly = _("What is older is erased every night. The audit log keeps what was done, without names or addresses.")
    return _section(_("How long data is kept"), _items(kept), nightly)


def _recipients(seller: Seller) -> str:
    host = " ".join(seller.host.split())
    who = (
        _("The team of %(merchant)s", merchant=seller.name),
        _(
            "PayPal (Europe) S.à r.l. et Cie, S.C.A., Luxembourg, which takes your payments and answers for its own "
            "use of your data"
        ),
        _("The host of this portal, which also sends its emails, as a processor: %(host)s", host=host)
        if host
        else _("The host of this portal, which also sends its emails, as a processor"),
        _(
            "Other systems of %(merchant)s, if they are connected, so that they open and close access",
            merchant=seller.name,
        ),
    )
    nobody = _("There is no advertising and no audience measurement here.")
    return _section(_("Who receives it"), _items(who), nobody)


def _cookies(_seller: Seller) -> str:
    said = _(
        "Only cookies that the site needs are set: log-in, protection of forms, language. None needs your consent."
    )
    return _section(_("Cookies"), said)


def _rights(seller: Seller) -> str:
    rights = (
        _("Access and portability: in your account, under “My data”, you download everything as a file"),
        _("Rectification: in your account, under “Profile”"),
        _("Erasure: in your account, under “My data”. What the law requires is kept, and the page says what"),
        _("Restriction and objection: write to us")
        if not seller.contact
        else _("Restriction and objection: write to %(address)s", address=seller.contact),
    )
    month = _("You receive an answer within one month.")
    cnil = _(
        "If you think that your rights are not respected, you can complain to the CNIL (3 place de Fontenoy, "
        "TSA 80715, 75334 Paris Cedex 07, www.cnil.fr) or to the authority of your country."
    )
    return _section(_("Your rights"), _items(rights), month, cnil)


def _section(title: str, *said: str) -> str:
    return "\n\n".join((f"# {title}", *filter(None, said)))


def _items(said: Any) -> str:
    return "\n".join(f"- {one}" for one in said)
