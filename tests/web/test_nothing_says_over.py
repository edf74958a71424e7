"""Deciding test 17: while PayPal answers 500, no screen, mail or export of either face says « cancelled »."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from portal.models import Mail, MailState
from tests.waiting_mails import said
from tests.web.admin.conftest import BUTTON, enter, owner  # noqa: F401 - the desk's people serve here
from tests.web.customer.conftest import DONE, log_in  # noqa: F401

# At the desk the word of a wish (« Annulé ») stands for what is wanted, never for what is: the mark of a state tells.
MARK = re.compile(r'data-status="(cancelled|completed|abandoned|confirmed|closed)"')
CLAIM = re.compile(
    r"PayPal has confirmed|PayPal l’a confirmé|End confirmed|Fin confirmée|Cancellation confirmed by"
    r"|Arrêt confirmé par",
    re.IGNORECASE,
)


@pytest.mark.parametrize("locale", ["en", "fr"])
def test_17_with_paypal_answering_500_nothing_says_cancelled(make, log_in, enter, paypal, ctx, locale):  # noqa: F811
    merchant = make.merchant(locale=locale)
    visit = log_in(merchant, make.customer(merchant), language=locale)
    held = make.subscription(customer=visit.customer)
    desk = enter(merchant)
    paypal.rule("any", "500")
    button = {"en": "Cancel now", "fr": "Résilier maintenant"}[locale]
    result = visit.recap(held).submit(press=button)
    staffed = make.subscription(customer=visit.customer)
    desk.get(f"/admin/subscriptions/{staffed.id}/end/complete").submit(press=BUTTON["complete"])

    reference = result.path.rsplit("/", 1)[-1]
    for path in (visit.home, visit.page(held), visit.page(staffed), f"{visit.home}requests/{reference}"):
        assert not DONE.search(visit.browser.get(path).body), path
    visit.browser.get(f"{visit.home}requests/{reference}/proof.pdf", status=404)
    records = [f"/admin/subscriptions/{held.id}", f"/admin/subscriptions/{staffed.id}"]
    for path in ("/admin/", "/admin/subscriptions", f"/admin/customers/{visit.customer.id}", *records):
        page = desk.get(path)
        assert not MARK.search(page.body), path
        assert not CLAIM.search(page.text), path
    with ctx.db.read() as session:
        mails = session.scalars(select(Mail).where(Mail.state != MailState.SUPERSEDED)).all()
    assert {mail.kind for mail in mails} >= {"end_recorded", "merchant_end_requested"}
    for mail in mails:
        told = said(ctx, mail)
        assert not DONE.search(told.subject + told.text), mail.kind
