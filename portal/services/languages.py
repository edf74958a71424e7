"""In which language a customer is told of an end: a public declaration's own, where one stands behind it.

(docs/decisions/0041.)
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from portal.domain.ends.received_requests import Way
from portal.i18n import LOCALES, pick_locale
from portal.models import Customer, EndRequest, Merchant, PublicDeclaration
from portal.queries.law import declarations


def of_end(session: Session, request: EndRequest, customer: Customer, merchant: Merchant) -> str:
    """Return the language of an end's messages and proof."""
    declared = None
    if request.notified_way is Way.PUBLIC_FORM:
        declared = declarations.of_reference(session, merchant.id, request.notified_reference)
    return of_declaration(declared, customer, merchant)


def of_declaration(declared: PublicDeclaration | None, customer: Customer | None, merchant: Merchant) -> str:
    """Return the language of what the address on file is told of a declaration, which may be German.

    It is the declared one once the mailbox on file has spoken, or where the record names none: a stranger who knows a
    number and an address does not choose in which language their owner is written to.
    """
    theirs = customer.locale if customer is not None else None
    if declared is None:
        return pick_locale(theirs, merchant.locale)
    wishes = (declared.language, theirs) if declared.confirmed_at is not None else (theirs, declared.language)
    return pick_locale(*wishes, merchant.locale, among=(*LOCALES, declared.language))
