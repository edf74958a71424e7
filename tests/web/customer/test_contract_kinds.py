"""What customers read of each kind of contract, and what an order says before its button and after it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from portal.domain.dates.periods import add_months
from portal.domain.law.plan_kinds import PlanKind, Supply
from portal.domain.subscriptions import Status
from portal.models import Mail, Merchant, Plan, Product, Subscription
from tests.waiting_mails import said
from tests.web.customer.test_comebacks import GO, PREPARE, at_paypal, cancelled  # noqa: F401 - a fixture

SUBSCRIPTION = {"en": re.compile("subscription|subscribe", re.I), "fr": re.compile("abonnement|abonne", re.I)}


def answer(ctx, one, **values):
    with ctx.db.begin() as session:
        session.execute(update(Plan).where(Plan.id == one.plan_id).values(kind_answered_at=one.created_at, **values))


def instalments(ctx, one):
    answer(ctx, one, kind=PlanKind.INSTALMENTS, supply=Supply.CONTINUING, total_cycles=10)


def words_of(page):
    """The page's own words, without the links that lead to other pages of the space."""
    main = page.select_one("main")
    for away in main.select('a[href$="/account/studio"], a[href^="/account/"]:not([href*="/subscriptions/"]), details'):
        away.extract()
    return " ".join(main.get_text(" ").split())


@pytest.mark.law("R-FR-60")
@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("status", [Status.ACTIVE, Status.COMPLETED])
def test_a_payment_schedule_is_never_called_a_subscription(language, request, make, ctx, status):
    who = request.getfixturevalue("visit" if language == "en" else "french_visit")
    one = make.subscription(customer=who.customer, status=status)
    instalments(ctx, one)
    words = words_of(who.browser.get(who.page(one)))
    assert SUBSCRIPTION[language].findall(words) == []
    if status is Status.ACTIVE:
        assert {"en": "Payment schedule", "fr": "Échéancier"}[language] in words
        assert {"en": "payment in 10 instalments", "fr": "paiement en 10 fois"}[language] in words
        assert {"en": "Cancel my contract", "fr": "Résilier mon contrat"}[language] in words
        assert {"en": "To pay what remains early", "fr": "Pour solder"}[language] in words


@pytest.mark.law("R-FR-60")
def test_the_recap_of_a_payment_schedule_speaks_of_a_contract_and_of_what_remains(french_visit, make, ctx):
    one = make.subscription(customer=french_visit.customer)
    instalments(ctx, one)
    page = french_visit.browser.get(french_visit.page(one, "/cancellation"))
    assert page.h1.replace("\u00a0", " ") == "Vérifiez : votre contrat n’est pas encore résilié"
    assert "Le solde du prix peut rester dû" in page.text
    assert "Garder mon contrat" in page.text
    assert SUBSCRIPTION["fr"].findall(words_of(page)) == []


@pytest.mark.law("R-FR-60")
def test_nor_do_its_timeline_its_planned_end_and_its_notice(french_visit, make, ctx):
    product = make.product(french_visit.merchant, commitment_binds=True, notice_days=30)
    one = make.subscription(
        customer=french_visit.customer,
        product=product,
        committed_until=make.now() + timedelta(days=125),
    )
    instalments(ctx, one)
    recap = french_visit.browser.get(french_visit.page(one, "/cancellation"))
    button = next(
        one.get_text(strip=True) for one in recap.select("button") if one.get_text().startswith("Résilier au")
    )
    result = recap.submit(press=button)
    page = french_visit.browser.get(french_visit.page(one))
    taken_back = result.submit(press="Retirer cette demande")
    for name, seen in {"recap": recap, "result": result, "page": page, "taken back": taken_back}.items():
        assert SUBSCRIPTION["fr"].findall(words_of(seen)) == [], name
        for fold in seen.select("main details"):
            assert SUBSCRIPTION["fr"].findall(fold.get_text(" ").replace("Numéro d’abonnement PayPal", "")) == [], name


@pytest.mark.law("R-FR-61")
@pytest.mark.parametrize("status", [Status.COMPLETED, Status.CANCELLED])
def test_nobody_is_invited_back_to_one_that_was_paid_in_instalments(visit, make, ctx, cancelled, status):  # noqa: F811
    one = cancelled(visit.customer) if status is Status.CANCELLED else make.subscription(
        customer=visit.customer, status=status
    )  # fmt: skip
    instalments(ctx, one)
    for path in (visit.home, visit.page(one)):
        assert "/comeback" not in str(visit.browser.get(path).select_one("main"))
    assert "See the order" not in visit.browser.get(visit.page(one, "/comeback"), status=409).text


@pytest.mark.law("R-FR-21")
def test_a_fixed_term_shows_when_it_renews_and_until_when_that_can_be_refused(visit, make, ctx):
    one = make.subscription(customer=visit.customer)
    answer(ctx, one, kind=PlanKind.TACIT_RENEWAL, term_months=12, term_notice_days=30)
    page = visit.browser.get(visit.page(one))
    renews = add_months(one.started_at, 12)
    assert "Renews on" in page.text
    assert "Last day to refuse the renewal" in page.text
    assert str((renews - timedelta(days=30)).year) in page.text


@pytest.mark.law("R-FR-23")
def test_a_renewal_that_was_not_told_lets_the_customer_end_it_at_once(visit, make, ctx):
    product = make.product(visit.merchant, commitment_binds=True, notice_days=30)
    one = make.subscription(customer=visit.customer, product=product, committed_until=make.now() + timedelta(days=125))
    path = visit.page(one, "/cancellation")
    assert "Cancel now" not in visit.browser.get(path).text, "bound: it waits"
    with ctx.db.begin() as session:
        values = {"free_from": make.now() - timedelta(days=1)}
        session.execute(update(Subscription).where(Subscription.id == one.id).values(**values))
    assert "at any time, at once and free of charge" in visit.browser.get(visit.page(one)).text
    assert "Cancel now" in visit.browser.get(path).text


@pytest.mark.law("R-FR-62")
@pytest.mark.parametrize("language", ["en", "fr"])
def test_everything_stands_before_the_button_and_the_button_says_that_it_obliges_to_pay(
    language, request, cancelled, ctx  # noqa: F811
):  # fmt: skip
    who = request.getfixturevalue("visit" if language == "en" else "french_visit")
    old = cancelled(who.customer)
    with ctx.db.begin() as session:
        session.execute(update(Merchant).values(terms_url="https://atelier.test/terms"))
        session.execute(update(Product).values(commitment_months=6))
    page = who.browser.get(who.page(old, "/comeback")).submit(press=PREPARE[language])
    whole = str(page.select_one("main"))
    button = page.select_one(f'a.button:-soup-contains("{GO[language]}")')
    assert button.get_text().strip() == GO[language], "the exact words, and no more"
    place = whole.index(str(button))
    before = {
        "en": ["What you order", "Price", "per month", "Duration", "Commitment", "6 months", "What you get",
               "Right of withdrawal", "14 days", "https://atelier.test/terms"],
        "fr": ["Ce que vous commandez", "Prix", "par mois", "Durée", "Engagement", "mois", "Droit de rétractation",
               "14 jours", "https://atelier.test/terms"],
    }[language]  # fmt: skip
    for words in before:
        assert words in whole[:place], words


@pytest.mark.law("R-FR-62")
def test_afterwards_the_order_is_confirmed_in_the_mailbox_with_all_that_was_shown(visit, cancelled, ctx):  # noqa: F811
    page = visit.browser.get(visit.page(cancelled(visit.customer), "/comeback")).submit(press=PREPARE["en"])
    visit.browser.get(at_paypal(page, "approve")).submit(press="Check now")
    with ctx.db.read() as session:
        mail = session.scalars(select(Mail).where(Mail.kind == "comeback_approved")).one()
    text = said(ctx, mail).text
    for words in ("You ordered:", "Price: €34.00 per month", "Duration:", "Commitment:", "14 days", "withdraw"):
        assert words in text, words


@pytest.mark.law("R-FR-60")
def test_the_menu_says_contracts_to_whoever_pays_in_instalments_alone(french_visit, make, ctx):
    def menu():
        return (
            french_visit.browser.get(french_visit.home).select_one("header nav").get_text(" ").split("Accès")[0].split()
        )

    assert menu() == ["Mes", "abonnements"]  # of none yet
    one = make.subscription(customer=french_visit.customer)
    instalments(ctx, one)
    assert menu() == ["Mes", "contrats"]
    other = make.subscription(customer=french_visit.customer)
    assert menu() == ["Mes", "abonnements"]
    instalments(ctx, other)
    assert menu() == ["Mes", "contrats"]
    make.subscription(customer=make.customer(french_visit.merchant))
    assert menu() == ["Mes", "contrats"]


COMMITTED = re.compile("commitment|cancel before then", re.IGNORECASE)


@pytest.mark.law("R-FR-60")
@pytest.mark.parametrize("binds", [False, True])
def test_the_payments_of_a_schedule_say_until_when_it_runs_unless_a_commitment_binds(visit, make, ctx, binds):
    product = make.product(visit.merchant, commitment_binds=binds)
    one = make.subscription(customer=visit.customer, product=product, committed_until=make.now() + timedelta(days=125))
    pages = [visit.page(one), visit.page(one, "/cancellation"), visit.home]
    assert all(COMMITTED.search(visit.browser.get(page).text) for page in pages[:2])
    instalments(ctx, one)
    assert [bool(COMMITTED.search(visit.browser.get(page).text)) for page in pages] == [binds] * 3


@pytest.mark.parametrize("paused", [False, True])
def test_nothing_of_a_contract_is_still_to_come_once_its_customer_has_withdrawn(visit, make, ctx, paused):
    now = make.now()
    one = make.subscription(
        customer=visit.customer,
        status=Status.PAUSED if paused else Status.ACTIVE,
        withdrawn_at=now,
        committed_until=now + timedelta(days=125),
        next_payment_at=now + timedelta(days=12),
    )
    instalments(ctx, one)
    for path in (visit.page(one), visit.home):
        words = words_of(visit.browser.get(path))
        assert "Withdrawal received" in words
        assert not re.search("commitment|Next payment|a pause means|Payment schedule|To pay what remains", words)


def test_a_contract_withdrawn_from_is_not_called_cancelled(visit, make):
    now = make.now()
    one = make.subscription(
        customer=visit.customer,
        status=Status.CANCELLED,
        withdrawn_at=now,
        ended_at=now,
        stopped_at_provider_at=now,
    )
    words = words_of(visit.browser.get(visit.page(one)))
    assert "Withdrawal carried out You withdrew from this contract on" in words
    assert "PayPal stopped it on" in words
    assert "Cancelled" not in words
