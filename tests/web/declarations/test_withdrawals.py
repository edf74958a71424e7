"""« Renoncer au contrat ici », as anybody does it: two activations, acknowledged at once, nothing that holds back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from portal.clock import utc_now
from portal.domain.ends.received_requests import Way
from portal.domain.law.countries import Country, Function, strategy
from portal.domain.law.declarations import Carrying
from portal.domain.subscriptions import Status
from portal.models import Withdrawal
from portal.services.declarations import deciding, declarations
from tests.services.carrying.carried import ask, carry
from tests.services.ends.withdrawing import by_staff
from tests.web.declarations.declaring import question_taken, rows_of

DECLARED = {"name": "Zoé Martin", "email": "zoe@ailleurs.test", "contract": "I-ABC"}
DAY = timedelta(days=1)
FORBIDDEN = ("vraiment", "sûr", "motif", "raison de votre", "restez", "offre", "dommage")


@pytest.fixture
def merchant(make):
    return make.merchant(slug="atelier", name="L’Atelier", locale="fr", support_email="aide@atelier.test")


@pytest.fixture
def zoe(make, merchant):
    return make.customer(merchant, name="Zoé Martin", email="zoe@client.test", locale="fr")


@pytest.fixture
def paying(make, merchant, zoe):
    begun = utc_now() - 9 * DAY
    return make.subscription(merchant=merchant, customer=zoe, started_at=begun, next_payment_at=utc_now() + 21 * DAY)


@pytest.fixture
def account(browser, seat_customer, merchant, zoe, paying):
    return seat_customer(browser, merchant, zoe)


def decide_all(ctx):
    for received, declared in rows_of(ctx):
        if declared.decided_at is None:
            deciding.decide(ctx, received.id, now=utc_now())


def withdrawn(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(Withdrawal)).all()


@pytest.mark.law(
    "R-FR-40", "R-FR-41", "R-FR-42", "R-FR-43", "R-FR-44", "R-EU-1", "R-EU-2", "R-EU-3", "R-EU-4", "R-EU-7"
)
def test_two_activations_and_the_acknowledgement_is_there(browser, merchant, ctx, letters):
    link = browser.get("/account/atelier/login").select_one("footer a[href='/atelier/renoncer']")
    assert link.get_text() == "Renoncer au contrat ici"
    page = browser.get("/atelier/renoncer")  # the first activation
    assert page.h1 == "Renoncer au contrat ici"
    done = page.submit(press="Confirmer la rétractation", **DECLARED)  # the second
    assert "second message" in done.text
    ((received, declared),) = rows_of(ctx)
    assert (received.way, received.function, declared.kind) == (
        Way.PUBLIC_FORM,
        Function.WITHDRAWAL,
        Function.WITHDRAWAL,
    )
    assert declared.labels["confirm"] == "Confirmer la rétractation"
    at = received.received_at.astimezone(ZoneInfo("Europe/Paris"))
    for said in (received.reference, f"{at:%H:%M}", DECLARED["name"], DECLARED["email"], DECLARED["contract"]):
        assert said in done.text
    (mail,) = letters()
    assert mail.recipient == DECLARED["email"]
    for said in (received.reference, f"{at:%H:%M}", str(at.year), DECLARED["name"], DECLARED["contract"]):
        assert said in mail.text
    assert "rétractation" in mail.subject
    file = browser.client.get(done.link("PDF"), base_url=browser.base_url)
    assert file.data.startswith(b"%PDF")


@pytest.mark.law("R-FR-40", "R-FR-43", "R-EU-3", "R-EU-7")
@pytest.mark.parametrize(
    ("path", "sells_to", "entry", "confirm"),
    [
        ("renoncer", ["FR"], "Renoncer au contrat ici", "Confirmer la rétractation"),
        ("withdraw-from-contract", ["FR"], "Withdraw from contract here", "Confirm withdrawal"),
    ],
)
def test_the_labels_are_those_of_the_law(browser, merchant, path, sells_to, entry, confirm):
    page = browser.get(f"/atelier/{path}")
    assert page.h1 == entry
    assert [button.get_text(strip=True) for button in page.select("main form button")] == [confirm]


@pytest.mark.law("R-FR-42", "R-FR-49")
def test_nothing_more_is_asked_and_nothing_holds_back(browser, merchant):
    page = browser.get("/atelier/renoncer")
    fields = {one["name"] for one in page.select("main form [name]")} - {"csrf_token", "seal", "step"}
    assert fields == {"name", "email", "contract"}
    assert {one["name"] for one in page.select("main form [required]")} == {"name", "email"}
    said = page.select_one("main").get_text().lower()
    assert not [word for word in FORBIDDEN if word in said]


@pytest.mark.law("R-FR-44", "R-EU-4")
def test_whoever_declares_reads_the_same_whether_a_customer_or_not(browser, other_browser, merchant, paying, letters):
    theirs = browser.get("/atelier/renoncer").submit(
        press="Confirmer la rétractation", name="A B", email="zoe@client.test", contract=""
    )
    nobody = other_browser.get("/atelier/renoncer").submit(
        press="Confirmer la rétractation", name="A B", email="personne@ailleurs.test", contract=""
    )
    words = [page.select_one("main").get_text().replace("zoe@client.test", "X") for page in (theirs, nobody)]
    words[1] = words[1].replace("personne@ailleurs.test", "X")
    references = [page.select_one("main code, main .mono").get_text() for page in (theirs, nobody)]
    assert words[0].replace(references[0], "R") == words[1].replace(references[1], "R")


def test_a_stranger_who_knows_a_name_and_an_address_undoes_nothing(browser, merchant, paying, ctx, make, letters):
    form = browser.get("/atelier/renoncer")
    form.submit(press="Confirmer la rétractation", name="Zoé Martin", email="zoe@client.test", contract="")
    decide_all(ctx)
    assert make.reload(paying).withdrawn_at is None
    assert not withdrawn(ctx)
    ((_received, declared),) = rows_of(ctx)
    assert declared.carrying is Carrying.BY_MAIL
    asked = letters()[-1]
    assert asked.recipient == "zoe@client.test"
    assert "renonc" in asked.text.lower() or "rétract" in asked.text.lower()


@pytest.mark.law("R-EU-6")
def test_who_reads_the_mailbox_on_file_confirms_and_the_declaration_counts(
    browser, merchant, paying, ctx, make, letters
):
    form = browser.get("/atelier/renoncer")
    form.submit(press="Confirmer la rétractation", name="Zoé", email="zoe@client.test", contract="")
    decide_all(ctx)
    link = next(word for word in letters()[-1].text.split() if "/atelier/declarations/" in word)
    page = browser.get("/" + link.split("/", 3)[3])
    assert make.reload(paying).withdrawn_at is None, "opening it changes nothing"
    page.submit(press=_it_is_me(page))
    (found,) = withdrawn(ctx)
    ((received, _declared),) = rows_of(ctx)
    assert make.reload(paying).withdrawn_at == found.declared_at == received.received_at
    assert not received.is_open


def _it_is_me(page):
    return next(" ".join(one.get_text().split()) for one in page.select("main form button") if one["name"] == "confirm")


@pytest.mark.law("R-EU-5", "R-FR-41")
def test_who_is_logged_in_confirms_what_is_filled_in(account, ctx, make, paying, letters):
    page = account.get(f"/account/atelier/subscriptions/{paying.id}")
    link = page.select_one(f"a[href='/atelier/renoncer?subscription={paying.id}']")
    assert link.get_text() == "Renoncer au contrat ici"
    page = account.get(link["href"])
    values = page.values(page.form(press="Confirmer la rétractation"))
    assert (values["name"], values["email"], values["subscription"]) == (
        "Zoé Martin",
        "zoe@client.test",
        str(paying.id),
    )
    done = page.submit(press="Confirmer la rétractation")
    assert "second message" not in done.text, "nobody is asked again"
    for path in ("/account/atelier", f"/account/atelier/subscriptions/{paying.id}"):
        main = account.get(path).select_one("main")
        card, badge = main.get_text(" "), main.select_one(".status")
        assert "Rétractation reçue" in card, "before any job has run"
        assert badge["data-status"] == "recorded", "not the mark of one that runs"
        assert "Vous avez renoncé à ce contrat" in card or "Vous vous êtes rétracté" in card
        assert "Actif" not in card
        assert "Résilié" not in card, "PayPal has not said so"
    (found,) = withdrawn(ctx)
    assert found.subscription_id == paying.id
    assert make.reload(paying).withdrawn_at == found.declared_at


@pytest.mark.law("R-FR-41", "R-EU-1")
def test_the_card_shows_the_last_day_as_long_as_it_runs(ctx, make, account, merchant, zoe, paying):
    text = account.get("/account/atelier").text
    assert "Renoncer au contrat ici" in text
    old = make.subscription(merchant=merchant, customer=zoe, started_at=utc_now() - 500 * DAY)
    page = account.get(f"/account/atelier/subscriptions/{old.id}")
    assert page.select_one(f"a[href$='subscription={old.id}']") is None
    assert page.select_one("footer a[href='/atelier/renoncer']") is not None, "the function itself is always there"


def test_somebody_elses_subscription_in_the_address_is_not_offered(account, make, merchant, ctx):
    other = make.subscription(merchant=merchant)
    page = account.get(f"/atelier/renoncer?subscription={other.id}")
    assert str(other.id) not in [one["value"] for one in page.select("option")]
    form = page.form(press="Confirmer la rétractation")
    values = page.values(form) | {"subscription": str(other.id), "step": "notify"}
    account.post("/atelier/renoncer", values, status=303)
    decide_all(ctx)
    assert make.reload(other).withdrawn_at is None


def test_pressing_twice_declares_once(browser, merchant, ctx):
    page = browser.get("/atelier/renoncer")
    values = page.values(page.form(press="Confirmer la rétractation")) | DECLARED | {"step": "notify"}
    browser.post("/atelier/renoncer", values, status=303)
    browser.post("/atelier/renoncer", values, status=303)
    assert len(rows_of(ctx)) == 1


def test_who_goes_back_and_declares_of_another_contract_declares_twice(browser, merchant, ctx):
    page = browser.get("/atelier/renoncer")
    values = page.values(page.form(press="Confirmer la rétractation")) | DECLARED | {"step": "notify"}
    for contract in ("I-ONE", "I-TWO", "I-ONE"):
        browser.post("/atelier/renoncer", values | {"contract": contract}, status=303)
    assert sorted(received.contract for received, _declared in rows_of(ctx)) == ["I-ONE", "I-TWO"]


def test_what_the_page_did_not_show_is_not_taken(browser, merchant, ctx):
    page = browser.get("/atelier/renoncer")
    values = page.values(page.form(press="Confirmer la rétractation")) | DECLARED | {"step": "notify", "seal": "x"}
    assert browser.post("/atelier/renoncer", values, status=422).h1 == "Renoncer au contrat ici"
    assert not rows_of(ctx)


@pytest.mark.parametrize("field", ["name", "email"])
def test_what_is_missing_is_said_and_the_rest_is_kept(browser, merchant, field):
    page = browser.get("/atelier/renoncer")
    again = page.submit(press="Confirmer la rétractation", status=422, **(DECLARED | {field: ""}))
    assert again.errors
    assert again.values(again.form(press="Confirmer la rétractation"))["contract"] == "I-ABC"


@pytest.mark.law("R-FR-44")
def test_the_mail_server_is_down_and_the_declaration_stands(browser, merchant, ctx, letters):
    """Mails are rows: they leave when the server is back, with the hour of the declaration."""
    browser.get("/atelier/renoncer").submit(press="Confirmer la rétractation", **DECLARED)
    ((received, _declared),) = rows_of(ctx)
    at = received.received_at.astimezone(ZoneInfo("Europe/Paris"))
    assert f"{at:%H:%M}" in letters()[0].text


@pytest.mark.law("R-FR-43", "R-FR-49")
@pytest.mark.parametrize("country", [Country.FR, Country.DE])
def test_no_summary_and_no_other_step_stands_between(country):
    one = strategy(country, Function.WITHDRAWAL)
    assert not one.has_summary
    assert len(one.steps) == 2


@pytest.mark.law("R-FR-44", "R-EU-6")
def test_a_database_that_takes_nothing_is_said_and_nothing_typed_is_lost(browser, merchant, ctx, monkeypatch):
    page = browser.get("/atelier/renoncer")

    def away(*_args, **_more):
        raise OperationalError("INSERT", {}, Exception("read only"))

    with monkeypatch.context() as gone:
        gone.setattr(declarations, "declare", away)
        again = page.submit(press="Confirmer la rétractation", status=503, **DECLARED)
    assert "n’a pas pu être enregistrée" in again.text
    assert "aide@atelier.test" in again.text
    assert again.values(again.form(press="Confirmer la rétractation"))["name"] == DECLARED["name"]
    again.submit(press="Confirmer la rétractation")
    assert [received.name for received, _declared in rows_of(ctx)] == [DECLARED["name"]]


@pytest.mark.law("R-EU-6", "R-FR-41")
def test_number_and_address_on_file_are_enough_after_a_day_and_the_click_counts(browser, merchant, paying, ctx, make):
    browser.get("/atelier/renoncer").submit(
        press="Confirmer la rétractation", name="Zoé", email="zoe@client.test", contract=paying.provider_id
    )
    decide_all(ctx)
    ((received, declared),) = rows_of(ctx)
    assert declared.carrying is Carrying.AFTER_DELAY
    question_taken(ctx)
    deciding.run(ctx, now=utc_now() + timedelta(hours=23))
    assert not withdrawn(ctx)
    deciding.run(ctx, now=utc_now() + timedelta(hours=25))
    (found,) = withdrawn(ctx)
    assert found.declared_at == received.received_at
    deciding.run(ctx, now=utc_now() + timedelta(hours=26))
    assert len(withdrawn(ctx)) == 1


@pytest.mark.law("R-FR-41", "R-FR-30")
def test_no_setting_of_the_merchants_takes_the_right_away(browser, make, ctx):
    strict = make.merchant(slug="strict", name="Strict", locale="fr", self_cancellation=False)
    zoe = make.customer(strict, email="zoe@client.test")
    make.subscription(merchant=strict, customer=zoe, started_at=utc_now() - DAY)
    browser.get("/strict/renoncer").submit(
        press="Confirmer la rétractation", name="Zoé", email="zoe@client.test", contract=""
    )
    decide_all(ctx)
    ((_received, declared),) = rows_of(ctx)
    assert declared.carrying is Carrying.BY_MAIL


@pytest.mark.law("R-FR-47")
def test_a_contract_of_before_the_function_was_compulsory_is_declared_in_the_same_way(
    browser, make, merchant, zoe, ctx
):
    old = make.subscription(merchant=merchant, customer=zoe, started_at=datetime(2026, 6, 18, 12, tzinfo=UTC))
    browser.get("/atelier/renoncer").submit(
        press="Confirmer la rétractation", name="Zoé", email="zoe@client.test", contract=""
    )
    decide_all(ctx)
    ((_received, declared),) = rows_of(ctx)
    assert (declared.carrying, declared.subscription_id) == (Carrying.BY_MAIL, old.id), "never refused by itself"


def test_a_contract_that_was_cancelled_before_can_be_meant(browser, make, merchant, zoe, ctx):
    over = make.subscription(
        merchant=merchant,
        customer=zoe,
        status=Status.CANCELLED,
        started_at=utc_now() - 5 * DAY,
        ended_at=utc_now() - DAY,
    )
    browser.get("/atelier/renoncer").submit(
        press="Confirmer la rétractation", name="Zoé", email="zoe@client.test", contract=""
    )
    decide_all(ctx)
    ((_received, declared),) = rows_of(ctx)
    assert (declared.carrying, declared.subscription_id) == (Carrying.BY_MAIL, over.id)


def test_a_second_tab_of_what_was_withdrawn_from_shows_the_first_declaration(account, ctx, make, merchant, paying):
    page = account.get(f"/atelier/renoncer?subscription={paying.id}")
    tab = page.values(page.form(press="Confirmer la rétractation")) | {"step": "notify"}
    page.submit(press="Confirmer la rétractation")
    ((first, _declared),) = rows_of(ctx)
    for other in ({}, {"email": "zoe@ailleurs.test"}):
        sent = account.client.post("/atelier/renoncer", data=tab | other, base_url=account.base_url)
        shown = account.arrive(sent, "/atelier/renoncer", status=200)
        assert first.reference in shown.text
        assert paying.provider_id in shown.text
        assert "second message" not in shown.text
        assert account.client.get(shown.link("PDF"), base_url=account.base_url).data.startswith(b"%PDF")
    assert len(rows_of(ctx)) == 1
    assert len(withdrawn(ctx)) == 1


def test_a_form_of_before_a_withdrawal_by_letter_keeps_its_contract(account, ctx, make, merchant, paying):
    """There is no page of theirs to show: it is declared, and the withdrawal that stands answers it."""
    page = account.get(f"/atelier/renoncer?subscription={paying.id}")
    by_staff(ctx, paying, now=utc_now(), at=utc_now() - DAY)
    done = page.submit(press="Confirmer la rétractation")
    decide_all(ctx)
    ((received, declared),) = rows_of(ctx)
    assert paying.provider_id in done.text
    assert (declared.subscription_id, declared.carrying) == (paying.id, Carrying.IN_ACCOUNT)
    assert not received.is_open, "nobody has to look for its contract"
    assert len(withdrawn(ctx)) == 1


def test_another_contract_is_declared_of_its_own(account, ctx, make, merchant, zoe, paying):
    other = make.subscription(merchant=merchant, customer=zoe, started_at=utc_now() - DAY)
    page = account.get(f"/atelier/renoncer?subscription={paying.id}")
    tab = page.values(page.form(press="Confirmer la rétractation")) | {"step": "notify"}
    page.submit(press="Confirmer la rétractation")
    account.post("/atelier/renoncer", tab | {"subscription": str(other.id)}, status=303)
    assert {declared.subscription_id for _received, declared in rows_of(ctx)} == {paying.id, other.id}


def test_an_old_link_proposes_no_other_contract(account, make, ctx, merchant, zoe, paying):
    other = make.subscription(merchant=merchant, customer=zoe, started_at=utc_now() - DAY)
    by_staff(ctx, paying, now=utc_now())
    for asked, proposed in ((paying.id, ""), (other.id, str(other.id))):
        page = account.get(f"/atelier/renoncer?subscription={asked}")
        assert page.values(page.form(press="Confirmer la rétractation"))["subscription"] == proposed


def test_a_merchant_who_sells_to_no_germans_has_no_german_page(browser, merchant):
    browser.get("/atelier/widerrufen", status=404)


def test_a_cancellation_in_between_does_not_answer_it(browser, merchant, paying, ctx, make, paypal):
    browser.get("/atelier/renoncer").submit(
        press="Confirmer la rétractation", name="Zoé", email="zoe@client.test", contract=paying.provider_id
    )
    decide_all(ctx)
    carry(ctx, ask(ctx, make, paying))
    assert make.reload(paying).status is Status.CANCELLED
    question_taken(ctx)
    deciding.run(ctx, now=utc_now() + timedelta(hours=25))
    (found,) = withdrawn(ctx)
    ((received, _declared),) = rows_of(ctx)
    assert make.reload(paying).access_until == found.declared_at == received.received_at
    assert not received.is_open
