"""The exact French sentences of cancellation.md, as a customer reads them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from portal.clock import utc_now
from portal.formatting import Formatter
from portal.i18n import Translator
from tests.web.customer.conftest import DONE, reference_of

CANCEL, KEEP, UNDO = "Résilier maintenant", "Garder mon abonnement", "Retirer cette demande"
DAY = r"(lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche) (1er|\d{1,2}) [a-zéû]+ 20\d\d"
MOMENT = rf"{DAY} à \d\d:\d\d"
ZONE = r" \(heure de Paris\)"  # with the first moment of a page


def plain(text: str) -> str:
    """The text with ordinary spaces, and a space before no full stop."""
    return re.sub(r"\s+", " ", text).replace(" .", ".")


def says(page, pattern: str) -> bool:
    return re.search(pattern, plain(page.text)) is not None


@pytest.mark.law("R-FR-64")
def test_the_way_from_the_card_to_the_proof(french_visit, make):
    subscription = make.subscription(customer=french_visit.customer)
    recap = french_visit.browser.get(french_visit.home).follow("Résilier mon abonnement")
    assert recap.h1 == "Vérifiez : votre abonnement n’est pas encore résilié"
    assert KEEP in recap.text
    page = recap.submit(press=CANCEL)
    until = Formatter("fr", french_visit.merchant.time_zone, Translator("fr")).last_day(subscription.paid_until)
    assert says(
        page,
        rf"Votre abonnement est résilié\. PayPal l’a confirmé le {MOMENT}{ZONE}\. "
        rf"Aucun autre prélèvement ne sera effectué\. "
        rf"Vous gardez vos accès jusqu’au {until}\. Référence : {reference_of(page)}\.",
    )


def test_recorded_and_not_confirmed(french_visit, make, paypal):
    paypal.rule("any", "500")
    subscription = make.subscription(customer=french_visit.customer, next_payment_at=utc_now() + timedelta(hours=2))
    page = french_visit.recap(subscription).submit(press=CANCEL)
    assert says(
        page,
        rf"Votre demande a été enregistrée le {MOMENT}{ZONE}, référence {reference_of(page)}\. "
        r"PayPal ne l’a pas encore confirmée\. Nous réessayons automatiquement et nous vous écrirons\. "
        r"Vous n’avez rien à refaire\.",
    )
    assert says(
        page,
        rf"Prochain prélèvement prévu le {DAY}\. Pour l’arrêter vous-même tout de suite : "
        r"la page Paiements automatiques de PayPal\.",
    )
    assert page.link("Actualiser cette page") == page.path
    for path in (french_visit.home, french_visit.page(subscription), page.path):
        seen = french_visit.browser.get(path)
        assert not DONE.search(seen.body), DONE.search(seen.body)


@pytest.mark.parametrize("behaviour", ["401", "404", "422-account-closed"])
def test_the_merchant_has_to_finish_it(french_visit, make, paypal, behaviour):
    paypal.rule("cancel", behaviour)
    page = french_visit.recap(make.subscription(customer=french_visit.customer)).submit(press=CANCEL)
    assert says(
        page,
        rf"Votre demande du {DAY} est valable\. Nous avons prévenu {french_visit.merchant.name}, qui doit "
        r"terminer l’opération\. Vous pouvez aussi arrêter les prélèvements chez PayPal\.",
    )
    assert not DONE.search(page.body), DONE.search(page.body)


def test_already_over(french_visit, make, paypal):
    subscription = make.subscription(customer=french_visit.customer)
    paypal.happen(subscription.provider_id, "buyer-cancels")
    page = french_visit.recap(subscription).submit(press=CANCEL)
    assert says(page, rf"Cet abonnement était déjà arrêté depuis le {DAY}\. Aucun prélèvement ne sera effectué\.")


def test_no_english_is_left(french_visit, make, paypal):
    subscription = make.subscription(customer=french_visit.customer)
    paypal.rule("show", "500")
    recap = french_visit.recap(subscription)
    page = recap.submit(press=CANCEL)
    pages = [french_visit.browser.get(french_visit.home), french_visit.browser.get(french_visit.page(subscription))]
    for seen in (*pages, recap, page, page.submit(press=UNDO)):
        words = set(re.findall(r"[a-z]+", seen.text.lower()))
        assert not words & {"the", "your", "you", "and", "with", "until", "of", "not", "request", "payment"}, seen.text
