"""What an order says before it is made: price, duration, commitment, withdrawal, in both languages."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from portal.documents.orders import Ordered, order_words
from portal.domain.law.countries import Country
from portal.domain.law.orders import Order, order_button
from portal.domain.law.plan_kinds import PlanKind
from portal.domain.merchants.site_links import online_withdrawal
from portal.domain.money.money import Money
from portal.formatting import Formatter
from portal.i18n import Translator

WHOLE = Order(
    contents=(("Leçon 1", 0), ("Leçon 2", 1), ("Leçon 3", 14)),
    cycles=12,
    setup_fee=Money(Decimal("15.00"), "EUR"),
    has_trial=True,
    commitment_months=12,
    commitment_binds=True,
    notice_days=30,
)


def said(order: Order, locale: str, **more: object):
    ordered = Ordered(
        **{
            "order": order,
            "product": "Guitare",
            "price": Money(Decimal("34.00"), "EUR"),
            "interval_unit": "MONTH",
            "interval_count": 1,
            "starts_at": datetime(2027, 4, 3, 10, tzinfo=UTC),
            "merchant_name": "L’Atelier",
            "support_email": "aide@atelier.test",
        }
        | more
    )
    return order_words(ordered, Formatter(locale, "Europe/Paris", Translator(locale)))


@pytest.mark.law("R-FR-62")
def test_everything_that_is_owed_is_said_in_french():
    words = said(WHOLE, "fr")
    rows = {label: value.replace("\u202f", " ").replace("\u00a0", " ") for label, value in words.rows}
    assert rows == {
        "Abonnement": "Guitare",
        "Prix": "34,00 € par mois",
        "Premier prélèvement": "samedi 3 avril 2027",
        "Une seule fois, avec le premier prélèvement": "15,00 €",
        "Période d’essai": "PayPal en affiche la durée et le prix avant votre accord.",
        "Durée": "12 paiements, puis il se termine de lui-même",
        "Engagement": "12 mois : les paiements restent dus jusque-là, même si vous résiliez",
        "Préavis en cas de résiliation": "30 jours",
        "Vendeur": "L’Atelier, aide@atelier.test",
    }
    assert words.contents == ("Leçon 1", "Leçon 2, un jour après le début", "Leçon 3, 14 jours après le début")
    assert "14 jours à compter de votre accord" in words.withdrawal[0]
    assert "aide@atelier.test" in words.withdrawal[1]


def test_what_is_not_asked_for_is_said_to_be_none_or_not_at_all():
    rows = dict(said(Order(contents=(("Guitar", 0),)), "en", starts_at=None, support_email=None).rows)
    assert rows["Commitment"] == "none: you can cancel at any time"
    assert rows["Duration"] == "no end date: it runs until you cancel it"
    assert rows["First payment"] == "the day of your approval at PayPal"
    assert rows["Seller"] == "L’Atelier"
    assert not {"Trial period", "Notice period when you cancel", "Once, with the first payment"} & set(rows)


RENEWS = Order(kind=PlanKind.TACIT_RENEWAL, term_months=12, term_notice_days=30)
SPREAD = Order(kind=PlanKind.INSTALMENTS, cycles=10)


@pytest.mark.law("R-FR-62")
@pytest.mark.parametrize(
    ("locale", "said_of_it"),
    [
        ("en", "12 months, then renewed for the same term each time, unless you refuse at least 30 days before"),
        ("fr", "12 mois, puis reconduit chaque fois pour la même durée, sauf refus au moins 30 jours avant"),
    ],
)
def test_a_fixed_term_says_that_it_renews_itself_and_until_when_that_is_refused(locale, said_of_it):
    assert said_of_it in dict(said(RENEWS, locale).rows).values()


@pytest.mark.law("R-FR-60", "R-FR-62")
def test_instalments_are_a_payment_schedule_and_no_subscription():
    words = dict(said(SPREAD, "fr").rows)
    assert words["Échéancier"] == "Guitare"
    assert words["Durée"].startswith("paiement en 10 fois")
    assert "abonnement" not in " ".join([*words, *words.values()]).lower()


@pytest.mark.law("R-FR-45", "R-FR-62")
@pytest.mark.parametrize(
    ("sells_to", "locale", "page"),
    [
        ([Country.FR], "fr", "renoncer"),
        ([Country.FR], "en", "withdraw-from-contract"),
        ([Country.DE], "fr", "withdraw-from-contract"),  # no French page is there
    ],
)
def test_it_says_that_one_can_withdraw_online_and_where(sells_to, locale, page):
    online = online_withdrawal("https://portal.test", "atelier", sells_to[0], sells_to)
    lines = said(WHOLE, locale, online=online).withdrawal
    (line,) = [line for line in lines if f"https://portal.test/atelier/{page}" in line]
    assert ("accusé de réception" if locale == "fr" else "acknowledgement of receipt") in line
    assert len(lines) == len(said(WHOLE, locale).withdrawal) + 1


@pytest.mark.law("R-FR-62", "R-DE-30")
def test_the_words_on_the_button_are_the_laws_own():
    assert order_button("fr") == "Commande avec obligation de paiement"
    assert order_button("de", country="DE") == "zahlungspflichtig bestellen"
    assert order_button("en") == "Order with obligation to pay"
    assert order_button("it", country="DE") == "zahlungspflichtig bestellen", "in no language that the law has not"


def test_an_order_of_before_is_read_as_open_ended():
    stored = {name: value for name, value in WHOLE.as_json().items() if not name.startswith(("kind", "term_"))}
    assert Order.of_json(stored) == WHOLE


@pytest.mark.parametrize("order", [WHOLE, RENEWS, SPREAD, Order(), Order(contents=(("Même", 0), ("Même", 3)))])
def test_what_is_stored_says_the_same_again(order):
    assert Order.of_json(order.as_json()) == order
