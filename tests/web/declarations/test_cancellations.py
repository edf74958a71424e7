"""« Résilier votre contrat », as somebody does it who has no account: form, summary, notification, proof in hand."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from portal.clock import utc_now
from portal.domain.law.countries import Country, Field, Function, strategy
from portal.models import Mail
from portal.services.declarations import answering, deciding, declarations
from portal.services.ends import end_withdrawals
from tests.services.carrying.carried import carry
from tests.web.declarations.declaring import TYPED, rows_of

IT_IS_ME = "C’est bien moi : résilier"
WITHDRAWN = {name: TYPED[name] for name in ("name", "email", "contract")}
CHECK, NOTIFY, CHANGE = "Vérifier le récapitulatif", "Notification de la résiliation", "Modifier"


@pytest.fixture
def merchant(make):
    return make.merchant(slug="atelier", name="L’Atelier", locale="fr", support_email="aide@atelier.test")


def notified(browser, **typed):
    summary = browser.get("/atelier/resilier").submit(press=CHECK, **TYPED | typed)
    return summary.submit(press=NOTIFY)


@pytest.mark.law("R-FR-1", "R-FR-4", "R-FR-10", "R-FR-11", "R-FR-12", "R-DP-5")
def test_three_activations_and_the_proof_is_in_hand(browser, merchant, ctx, letters):
    home = browser.get("/account/atelier/login", accept_language="fr")
    page = home.follow("Résilier votre contrat")  # 1
    assert page.h1 == "Résilier votre contrat"
    summary = page.submit(press=CHECK, **TYPED)  # 2
    assert not rows_of(ctx)
    done = summary.submit(press=NOTIFY)  # 3
    ((received, declared),) = rows_of(ctx)
    assert received.reference in done.text
    assert "heure de Paris" in done.text or "UTC" in done.text
    assert (received.name, received.email) == (TYPED["name"], TYPED["email"])
    assert declared.labels == {"entry": page.h1, "heading": page.h1, "confirm": NOTIFY}
    (mail,) = letters()
    assert mail.recipient == TYPED["email"]
    at = received.received_at.astimezone(ZoneInfo("Europe/Paris"))
    for told in (received.reference, TYPED["name"], f"{at:%H:%M}", str(at.year)):
        assert told in mail.text
    file = browser.client.get(done.link("PDF"), base_url=browser.base_url)
    assert file.data.startswith(b"%PDF")


@pytest.mark.law("R-FR-6", "R-FR-7", "R-FR-8")
def test_nothing_is_compulsory_but_a_name_and_an_address(browser, make, merchant):
    page = browser.get("/atelier/resilier")
    asked = page.submit(press=CHECK, status=422, **dict.fromkeys(TYPED, ""))
    assert len(asked.errors) == 2
    assert "resilier" in asked.path
    assert {field["name"] for field in page.select("main input:not([type=hidden]), main textarea")} == set(TYPED)
    assert not page.select("main script, main img")
    required = {one.field for one in strategy(Country.FR, Function.CANCELLATION).fields if one.is_required}
    assert required == {Field.NAME, Field.EMAIL}
    make.product(merchant, commitment_months=12, commitment_binds=True)
    bound = browser.get("/atelier/resilier")
    assert bound.select("textarea[name=ground]")
    assert "aide@atelier.test" in bound.text


@pytest.mark.law("R-FR-10", "R-AC-4")
def test_what_was_typed_is_changed_from_the_summary_and_kept(browser, merchant, ctx):
    typed = TYPED | {"contract": "I-ABC", "wished_on": "2027-06-01"}
    summary = browser.get("/atelier/resilier").submit(press=CHECK, **typed)
    form = summary.submit(press=CHANGE)
    assert {name: form.values(form.form(press=CHECK))[name] for name in typed} == typed
    again = form.submit(press=CHECK, email="other@client.test")
    again.submit(press=NOTIFY)
    ((received, _declared),) = rows_of(ctx)
    assert (received.email, received.contract, str(received.wished_on)) == ("other@client.test", "I-ABC", "2027-06-01")


@pytest.mark.law("R-FR-10")
def test_nobody_comes_to_the_last_step_without_the_summary(browser, merchant, ctx):
    page = browser.get("/atelier/resilier")
    sent = page.values(page.form(press=CHECK)) | TYPED | {"step": "notify"}
    headers = {"Sec_Fetch_Site": "same-origin"}
    assert browser.post("/atelier/resilier", sent, status=422, **headers).text
    summary = page.submit(press=CHECK, **TYPED)
    sealed = summary.values(summary.form(press=NOTIFY)) | {"step": "notify"}
    changed = browser.post("/atelier/resilier", sealed | {"email": "thief@client.test"}, status=422, **headers)
    assert "thief@client.test" in changed.text, "it is shown before it is declared"
    assert rows_of(ctx) == []


@pytest.mark.law("R-AC-8")
def test_a_form_without_its_token_is_shown_again_with_everything_in_it(browser, other_browser, merchant, ctx):
    summary = browser.get("/atelier/resilier").submit(press=CHECK, **TYPED)
    sealed = summary.values(summary.form(press=NOTIFY)) | {"step": "notify"}
    stale = other_browser.post("/atelier/resilier", sealed, status=422, Sec_Fetch_Site="same-origin")
    assert stale.values(stale.form(press=CHECK))["name"] == TYPED["name"]
    assert rows_of(ctx) == []
    stale.submit(press=CHECK).submit(press=NOTIFY)
    assert len(rows_of(ctx)) == 1


@pytest.mark.law("R-FR-13")
def test_two_presses_are_one_declaration_and_one_page(browser, merchant, ctx):
    summary = browser.get("/atelier/resilier").submit(press=CHECK, **TYPED)
    assert summary.submit(press=NOTIFY).path == summary.submit(press=NOTIFY).path
    assert len(rows_of(ctx)) == 1


def test_beyond_a_limit_the_page_promises_no_mail_and_the_file_is_the_proof(browser, make, merchant, letters):
    make.subscription(customer=make.customer(merchant, email=TYPED["email"]))
    pages = [notified(browser) for _ in range(declarations.OF_ADDRESS + 1)]
    assert len({page.path for page in pages}) == len(pages), "each is recorded"
    assert [mail.recipient for mail in letters()] == [TYPED["email"]] * declarations.OF_ADDRESS
    words = ("Aucun e-mail ne la confirme", "un second message")
    assert [[one in page.text for one in words] for page in pages[-2:]] == [[False, True], [True, False]]
    assert pages[-1].link("PDF")


@contextmanager
def only_reading(ctx):
    """A database that only reads, as a server that stands by: every transaction begins so."""

    def begun(connection):
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")

    event.listen(ctx.db.engine, "begin", begun)
    yield
    event.remove(ctx.db.engine, "begin", begun)


@pytest.mark.law("R-FR-13")
def test_who_writes_to_a_merchant_without_an_address_is_sent_nowhere(browser, make, ctx):
    make.merchant(slug="muet", locale="fr", support_email=None)
    with only_reading(ctx):
        page = browser.get("/muet/renoncer").submit(press="Confirmer la rétractation", status=503, **WITHDRAWN)
    assert "Rien de ce que vous avez saisi n’est perdu" in page.text
    assert "écrire à" not in page.text


@pytest.mark.law("R-FR-13")
def test_a_database_that_takes_nothing_is_said_and_nothing_typed_is_lost(browser, merchant, ctx):
    with only_reading(ctx):
        summary = browser.get("/atelier/resilier").submit(press=CHECK, **TYPED)
        page = summary.submit(press=NOTIFY, status=503)
        assert "n’a pas pu être enregistrée" in page.text
        assert "aide@atelier.test" in page.text
        assert TYPED["name"] in page.text
    page.submit(press=NOTIFY)
    assert len(rows_of(ctx)) == 1


MOMENT = re.compile(r"\d{1,2}(?:er)? \w+ \d{4} (?:at|à) \d{2}:\d{2}")


def answers(browser, ctx, email):
    """What a stranger sees of a declaration: every page, its status and headers, without what is always another.

    Nor the day and the minute it was received: one declaration may come in the minute after the other.
    """
    done = notified(browser, email=email)
    ((received, _declared),) = [one for one in rows_of(ctx) if one[0].email == email]
    headers = {
        name: value for name, value in done.response.headers if name not in ("X-Request-Id", "Set-Cookie", "Date")
    }
    body, moments = MOMENT.subn("", done.body.replace("<wbr>", "").replace(received.reference, "").replace(email, ""))
    assert moments, "the page says when it was received"
    parts = [part for part in body.split('"') if len(part) < 40 or " " in part]  # no tokens
    return done.status, headers | {"Content-Length": ""}, parts


def test_a_stranger_learns_nothing_by_words_status_or_mails(browser, make, merchant, ctx):
    customer = make.customer(merchant, email="claire@client.test")
    subscription = make.subscription(merchant=merchant, customer=customer)
    ours = answers(browser, ctx, "claire@client.test")
    theirs = answers(browser, ctx, "nobody@client.test")
    assert ours == theirs
    for received, _declared in rows_of(ctx):
        deciding.decide(ctx, received.id, now=utc_now())
    with ctx.db.read() as session:
        to = sorted((mail.recipient, mail.kind) for mail in session.query(Mail) if mail.kind.startswith("declar"))
    assert to == [
        ("claire@client.test", "declaration_link"),
        ("claire@client.test", "declaration_received"),
        ("nobody@client.test", "declaration_received"),
    ]
    assert make.requests(subscription) == []


@pytest.mark.law("R-FR-6", "R-FR-64")
def test_who_is_logged_in_confirms_what_is_filled_in_and_it_ends(browser, make, merchant, ctx, seat_customer):
    customer = make.customer(merchant, name="Claire Martin", email="claire@client.test", locale="fr")
    subscription = make.subscription(merchant=merchant, customer=customer)
    seat_customer(browser, merchant, customer)
    page = browser.get("/atelier/resilier")
    filled = page.values(page.form(press=CHECK))
    assert (filled["name"], filled["email"]) == ("Claire Martin", "claire@client.test")
    assert filled["subscription"] == str(subscription.id)
    done = page.submit(press=CHECK).submit(press=NOTIFY)
    ((received, _declared),) = rows_of(ctx)
    deciding.decide(ctx, received.id, now=utc_now())
    for shown in (done, browser.get(done.path)):  # before it is looked at, and after
        assert "second message" not in shown.text, "nobody is asked again"
    (request,) = make.requests(subscription)
    assert request.notified_reference == received.reference


def test_a_second_tab_shows_the_first_declaration_and_another_one_is_kept(browser, make, merchant, ctx, seat_customer):
    customer = make.customer(merchant, name="Claire Martin", email="claire@client.test", locale="fr")
    subscription = make.subscription(merchant=merchant, customer=customer)
    seat_customer(browser, merchant, customer)
    page = browser.get("/atelier/resilier")
    tab = page.values(page.form(press=CHECK)) | {"step": "summary"}
    page.submit(press=CHECK).submit(press=NOTIFY)
    ((first, _declared),) = rows_of(ctx)
    carry(ctx, make.requests(subscription)[0])
    assert make.reload(subscription).is_over
    sent = browser.client.post("/atelier/resilier", data=tab, base_url=browser.base_url)
    shown = browser.arrive(sent, "/atelier/resilier", status=200)
    assert first.reference in shown.text
    assert subscription.provider_id in shown.text
    assert len(rows_of(ctx)) == 1
    for other in ({"contract": "I-AUTRE"}, {"wished_on": f"{utc_now() + timedelta(days=40):%Y-%m-%d}"}):
        browser.post("/atelier/resilier", tab | other, status=200).submit(press=NOTIFY)
    kept = [received for received, _declared in rows_of(ctx) if received.id != first.id]
    assert len(kept) == 2
    assert all(declared.subscription_id == subscription.id for _received, declared in rows_of(ctx))


def test_an_end_that_was_taken_back_is_declared_anew(browser, make, merchant, ctx, seat_customer):
    customer = make.customer(merchant, name="Claire Martin", email="claire@client.test", locale="fr")
    ahead = {"next_payment_at": utc_now() + timedelta(days=20), "paid_until": utc_now() + timedelta(days=20)}
    subscription = make.subscription(merchant=merchant, customer=customer, **ahead)
    seat_customer(browser, merchant, customer)
    chosen = f"{utc_now() + timedelta(days=50):%Y-%m-%d}"
    page = browser.get("/atelier/resilier")
    tab = page.values(page.form(press=CHECK)) | {"step": "summary", "wished_on": chosen}
    page.submit(press=CHECK, wished_on=chosen).submit(press=NOTIFY)
    browser.post("/atelier/resilier", tab, status=303)
    assert len(rows_of(ctx)) == 1, "it stands, planned"
    (request,) = make.requests(subscription)
    end_withdrawals.withdraw(ctx, merchant.id, customer.id, request.reference, now=utc_now())
    browser.post("/atelier/resilier", tab, status=200).submit(press=NOTIFY)
    assert len(rows_of(ctx)) == 2


def test_a_subscription_of_somebody_elses_is_not_taken(browser, make, merchant, ctx, seat_customer):
    customer = make.customer(merchant, email="claire@client.test", locale="fr")
    make.subscription(merchant=merchant, customer=customer)
    other = make.subscription(merchant=merchant)
    seat_customer(browser, merchant, customer)
    page = browser.get("/atelier/resilier")
    sent = page.values(page.form(press=CHECK)) | {"step": "summary", "subscription": str(other.id)}
    summary = browser.post("/atelier/resilier", sent, status=200, Sec_Fetch_Site="same-origin")
    summary.submit(press=NOTIFY)
    ((received, declared),) = rows_of(ctx)
    deciding.decide(ctx, received.id, now=utc_now())
    assert declared.subscription_id is None
    assert make.requests(other) == []


@pytest.mark.parametrize(
    ("day", "said", "kept"),
    [("2020-01-01", "est arrivé ou passé", None), ("2027-03-02", "2 mars 2027", "2027-03-02")],
)
def test_a_day_that_is_past_means_as_soon_as_possible(browser, merchant, ctx, day, said, kept):
    summary = browser.get("/atelier/resilier").submit(press=CHECK, **TYPED | {"wished_on": day})
    assert said in summary.text
    summary.submit(press=NOTIFY)
    ((received, _declared),) = rows_of(ctx)
    assert (str(received.wished_on) if received.wished_on else None) == kept


@pytest.mark.parametrize("typed", [{"wished_on": "2035-01-01"}, {"wished_on": "soon"}, {"email": "zoe"}])
def test_what_cannot_be_is_a_clear_sentence(browser, merchant, typed):
    page = browser.get("/atelier/resilier").submit(press=CHECK, status=422, **TYPED | typed)
    assert len(page.errors) == 1


@pytest.mark.parametrize("name", ["محمد علي", "<script>alert(1)</script>", "https://evil.test/x", "N" * 140])
def test_every_name_is_text(browser, merchant, ctx, letters, name):
    done = notified(browser, name=name, contract=name)
    ((received, _declared),) = rows_of(ctx)
    assert received.name == name
    assert name in done.soup.find("main").get_text()
    assert "<script>alert" not in done.body + letters()[0].html
    file = browser.client.get(done.link("PDF"), base_url=browser.base_url)
    assert file.data.startswith(b"%PDF")


@pytest.mark.law("R-FR-3")
def test_it_is_indexed_only_where_the_merchant_wants(browser, make, merchant):
    assert browser.get("/atelier/resilier").response.headers["X-Robots-Tag"] == "noindex"
    make.merchant(slug="open", public_indexed=True)
    assert "X-Robots-Tag" not in browser.get("/open/resilier").response.headers
    assert "X-Robots-Tag" not in browser.get("/open/cancel-contract").response.headers


def test_the_address_speaks_its_language_and_another_country_has_no_page(browser, merchant):
    english = browser.get("/atelier/cancel-contract", accept_language="fr")
    assert (english.h1, english.language) == ("Cancel your contract", "en")
    assert browser.get("/atelier/resilier", accept_language="en").language == "fr"
    browser.get("/atelier/kuendigen", status=404)
    browser.get("/nobody/resilier", status=404)


def test_the_mailbox_on_file_says_that_it_was_not_them(browser, make, merchant, ctx, letters):
    customer = make.customer(merchant, email="claire@client.test", locale="fr")
    subscription = make.subscription(merchant=merchant, customer=customer)
    notified(browser, email="claire@client.test")
    ((received, _declared),) = rows_of(ctx)
    deciding.decide(ctx, received.id, now=utc_now())
    (mail,) = [one for one in letters() if "/declarations/" in one.text]
    path = mail.text.partition("http://portal.test")[2].split()[0]
    page = browser.get(path)
    assert browser.client.head(path, base_url=browser.base_url).status_code == 200
    assert "rien ne s’arrête" in mail.text
    refused = page.submit(press="Ce n’est pas moi")
    assert "Rien ne s’arrêtera" in refused.h1
    assert make.requests(subscription) == []


def test_a_day_that_was_chosen_is_no_end_at_once(browser, make, merchant, ctx, letters):
    customer = make.customer(merchant, email="claire@client.test", locale="fr")
    make.subscription(merchant=merchant, customer=customer)
    day = utc_now().date() + timedelta(days=90)
    declared = notified(browser, email="claire@client.test", wished_on=day.isoformat())
    assert "tout de suite" not in declared.text
    assert "confirmer ce jour" in declared.text
    ((received, _declared),) = rows_of(ctx)
    deciding.decide(ctx, received.id, now=utc_now())
    (mail,) = [one for one in letters() if "/declarations/" in one.text]
    assert "tout de suite" not in mail.text
    assert "prendra fin à cette date" in mail.text
    done = browser.get(mail.text.partition("http://portal.test")[2].split()[0]).submit(press=IT_IS_ME)
    assert "indique quand PayPal en est informé" in done.text


def test_the_mailbox_on_file_ends_it_with_one_button(browser, make, merchant, ctx, letters):
    customer = make.customer(merchant, email="claire@client.test", locale="fr")
    first = make.subscription(merchant=merchant, customer=customer)
    second = make.subscription(merchant=merchant, customer=customer)
    notified(browser, email="claire@client.test")
    ((received, _declared),) = rows_of(ctx)
    deciding.decide(ctx, received.id, now=utc_now())
    (mail,) = [one for one in letters() if "/declarations/" in one.text]
    page = browser.get(mail.text.partition("http://portal.test")[2].split()[0])
    assert not page.select("input[checked]"), "none is chosen beforehand"
    page.submit(press=IT_IS_ME, status=422)
    done = page.submit(press=IT_IS_ME, subscription=str(second.id))
    assert received.reference in done.text
    assert make.requests(first) == []
    assert [request.state for request in make.requests(second)] == ["confirmed"]


def test_two_clicks_at_once_lead_to_the_page_that_says_what_counted(browser, make, merchant, ctx, letters, monkeypatch):
    customer = make.customer(merchant, email="claire@client.test", locale="fr")
    subscription = make.subscription(merchant=merchant, customer=customer)
    notified(browser, email="claire@client.test")
    ((received, _declared),) = rows_of(ctx)
    deciding.decide(ctx, received.id, now=utc_now())
    (mail,) = [one for one in letters() if "/declarations/" in one.text]
    path = mail.text.partition("http://portal.test")[2].split()[0]
    page, token = browser.get(path), path.rpartition("/")[2]
    asked = answering.look(ctx, merchant.id, token, now=utc_now())
    answering.confirm(ctx, merchant.id, token, subscription.id, now=utc_now())
    values = page.values(page.form(press=IT_IS_ME))
    with monkeypatch.context() as before:
        before.setattr(answering, "look", lambda *_given, **_more: asked)
        for pressed in ("confirm", "refuse"):
            browser.post(path, values | {pressed: "1"}, status=303)
    assert browser.get(path).h1 == "Vous avez confirmé"
    assert len(make.requests(subscription)) == 1


@pytest.mark.parametrize("state", ["suspended_at", "leaving_at"])
def test_a_suspended_or_leaving_merchant_takes_it_all_the_same(browser, make, ctx, state):
    more = {"suspended_at": {"suspended_why": "x"}, "leaving_at": {"gone_at": utc_now().replace(year=2030)}}[state]
    make.merchant(slug="atelier", locale="fr", **{state: utc_now()}, **more)
    notified(browser)
    assert len(rows_of(ctx)) == 1


@pytest.mark.law("R-FR-13")
def test_while_the_database_is_away_the_page_holds_what_was_typed(browser, merchant, ctx, monkeypatch):
    summary = browser.get("/atelier/resilier").submit(press=CHECK, **TYPED)

    def away(*_args, **_more):
        raise OperationalError("SELECT", {}, Exception("gone"))

    with monkeypatch.context() as gone:
        gone.setattr("portal.queries.people.account_visits.at_account", away)
        page = summary.submit(press=NOTIFY, status=503)
    assert "n’a pas été enregistrée" in page.h1
    page.submit(press="Renvoyer ma demande")
    assert [received.name for received, _declared in rows_of(ctx)] == [TYPED["name"]]


@pytest.mark.law("R-DP-1", "R-DP-3", "R-DP-4", "R-FR-2")
def test_the_summary_holds_no_offer_no_survey_and_nothing_chosen_beforehand(browser, make, merchant):
    customer = make.customer(merchant, email="zoe@client.test")
    make.subscription(merchant=merchant, customer=customer, product=make.product(merchant, pause_offered=True))
    summary = browser.get("/atelier/resilier").submit(press=CHECK, **TYPED)
    assert [" ".join(one.get_text().split()) for one in summary.select("main button")] == [NOTIFY, CHANGE]
    assert not summary.select("main a, main input[type=checkbox], main input[type=radio], main textarea")
