"""„Verträge hier kündigen“: one page with everything, „jetzt kündigen“, and the declaration in hand (§ 312k BGB)."""

from __future__ import annotations

import pytest

from portal.clock import utc_now
from portal.domain.law.countries import Country
from portal.domain.law.declarations import Carrying
from portal.services.declarations import deciding
from tests.web.declarations.declaring import TYPED, rows_of

PAGE = "/atelier/kuendigen"
BUTTON = "jetzt kündigen"
ENTRY = "Verträge hier kündigen"
ALLOWED = {"kind", "ground", "name", "contract", "wished_on", "email"}  # R-DE-3: at least these; R-DE-4: at most


@pytest.fixture
def merchant(make):
    return make.merchant(
        slug="atelier", name="L’Atelier", locale="fr", support_email="aide@atelier.test", sells_to=["FR", "DE"]
    )


@pytest.fixture
def german_merchant(make):
    return make.merchant(slug="atelier", name="Das Atelier", locale="en", country=Country.DE, sells_to=["DE"])


def declare(browser, **fields):
    return browser.submit(PAGE, press=BUTTON, **{**TYPED, **fields})


def decided(ctx, *, now=None):
    """The newest declaration after the job has looked at it."""
    received, _ = rows_of(ctx)[-1]
    deciding.decide(ctx, received.id, now=now or utc_now())
    return rows_of(ctx)[-1]


@pytest.mark.law("R-DE-1", "R-DE-2", "R-DE-5", "R-DE-6", "R-DE-7", "R-DP-5", "R-AC-1")
def test_two_activations_and_the_declaration_is_in_hand(browser, merchant, ctx, letters):
    page = browser.get("/atelier/resilier", Accept_Language="fr").follow(ENTRY)  # the first: it stands on every page
    assert (page.path, page.h1, page.language) == (PAGE, ENTRY, "de")
    assert ENTRY in page.soup.title.get_text()
    done = page.submit(press=BUTTON, **TYPED)  # the second, and the last
    ((received, declared),) = rows_of(ctx)
    assert done.language == "de"
    assert done.h1 == "Ihre Kündigung ist eingegangen"
    assert received.reference in done.text
    assert "um" in done.text
    assert "Uhr" in done.text
    assert (declared.country, declared.language, declared.labels["confirm"]) == (Country.DE, "de", BUTTON)
    file = browser.client.get(done.link("Erklärung speichern"), base_url=browser.base_url)
    assert file.data.startswith(b"%PDF")
    assert "erklaerung-" in file.headers["Content-Disposition"]
    (mail,) = letters()
    assert mail.recipient == TYPED["email"]
    assert mail.subject == f"Eingangsbestätigung Ihrer Kündigung bei L’Atelier – Vorgangsnummer {received.reference}"
    for said in (received.reference, TYPED["name"], "Uhr", "Vertragsende: zum frühestmöglichen Zeitpunkt"):
        assert said in mail.text


@pytest.mark.law("R-DE-3", "R-DE-4", "R-AC-3")
def test_the_page_asks_for_what_the_law_names_and_for_nothing_else(browser, merchant):
    page = browser.get(PAGE)
    form = page.form(press=BUTTON)
    seen = {field["name"] for field in form.select("input:not([type=hidden]), select, textarea")}
    assert seen == ALLOWED
    assert [legend.get_text(strip=True) for legend in form.select("legend")] == ["Art der Kündigung"]
    kinds = {radio["value"]: radio.has_attr("checked") for radio in form.select("input[type=radio]")}
    assert kinds == {"ordinary": True, "extraordinary": False}
    words = page.text.lower()
    for more in ("passwort", "kundenkennwort", "telefon", "warum", "angebot", "bleiben sie"):
        assert more not in words


@pytest.mark.law("R-DE-1", "R-DE-5")
def test_link_and_button_say_these_words_and_nothing_beside_them(browser, merchant):
    page = browser.get(PAGE)
    (button,) = page.form(press=BUTTON).select("button")
    assert button.get_text() == BUTTON
    assert not button.find_all(True), "no image, no mark"
    link = next(one for one in page.select("footer a") if one["href"] == PAGE)
    assert link.get_text() == ENTRY
    assert not link.find_all(True)


@pytest.mark.law("R-DE-2")
def test_the_link_stands_at_the_foot_of_every_page_of_who_sells_to_germany_alone(browser, merchant, make):
    make.merchant(slug="ailleurs", sells_to=["FR"])
    for page in (browser.get("/account/atelier/login"), browser.get("/atelier/resilier"), browser.get(PAGE)):
        assert PAGE in {one["href"] for one in page.select("footer a")}
    elsewhere = browser.get("/account/ailleurs/login")
    assert not [one for one in elsewhere.select("footer a") if "kuendigen" in one["href"]]
    browser.get("/ailleurs/kuendigen", status=404)


@pytest.mark.law("R-AC-4", "R-AC-5", "R-AC-3")
def test_what_is_wrong_is_said_in_german_and_nothing_typed_is_lost(browser, merchant, ctx):
    page = browser.get(PAGE).submit(
        press=BUTTON,
        status=422,
        kind="extraordinary",
        ground="Das Studio ist geschlossen.",
        name="",
        email="zoe",
        contract="I-ABC",
        wished_on="",
    )
    assert page.errors == ["Geben Sie Ihren Namen ein.", "Geben Sie eine Adresse wie name@beispiel.de ein."]
    assert page.soup.title.get_text().startswith("Fehler:")
    values = page.values(page.form(press=BUTTON))
    assert (values["kind"], values["email"], values["contract"]) == ("extraordinary", "zoe", "I-ABC")
    assert values["ground"].strip() == "Das Studio ist geschlossen."
    assert not rows_of(ctx)
    assert page.submit(press=BUTTON, name="Zoé", email="zoe@client.test").h1 == "Ihre Kündigung ist eingegangen"


@pytest.mark.law("R-DE-8")
def test_without_a_day_the_earliest_counts_and_a_day_is_kept(browser, merchant, ctx):
    assert "frühestmöglichen Zeitpunkt" in browser.get(PAGE).text
    declare(browser)
    day = utc_now().date().replace(year=utc_now().year + 1)
    page = declare(browser, email="other@client.test", wished_on=day.isoformat())
    wished = {one.email: one.wished_on for one, _ in rows_of(ctx)}
    assert wished == {"zoe@client.test": None, "other@client.test": day}
    assert f"{day.day}. " in page.text


def test_pressing_twice_declares_once(browser, merchant, ctx):
    page = browser.get(PAGE)
    first = page.submit(press=BUTTON, **TYPED)
    assert page.submit(press=BUTTON, **TYPED).path == first.path
    assert len(rows_of(ctx)) == 1


@pytest.mark.law("R-DE-3")
def test_an_extraordinary_one_is_read_by_somebody_an_ordinary_one_is_not(browser, merchant, make, ctx):
    subscription = make.subscription(customer=make.customer(merchant, email=TYPED["email"]))
    declare(browser, kind="extraordinary", ground="Umzug", contract=subscription.provider_id)
    assert decided(ctx)[1].carrying is Carrying.BY_MERCHANT
    declare(browser, ground="zu teuer", contract=subscription.provider_id)
    assert decided(ctx)[1].carrying is Carrying.AFTER_DELAY


@pytest.mark.parametrize(
    ("kind", "alone", "is_asked"),
    [("ordinary", True, True), ("extraordinary", True, False), ("ordinary", False, False)],
)
def test_a_second_message_is_promised_only_where_one_comes(browser, make, kind, alone, is_asked):
    make.merchant(slug="atelier", sells_to=["FR", "DE"], self_cancellation=alone)
    done = declare(browser, kind=kind, ground="Umzug")
    assert ("zweiten Nachricht" in done.text) == is_asked


def test_the_english_page_of_the_german_strategy_works_the_same(browser, german_merchant, ctx, letters):
    page = browser.get("/atelier/cancel-contract")
    assert (page.h1, page.language) == ("Cancel contracts here", "en")
    fields = {field["name"] for field in page.form(press="cancel now").select("input:not([type=hidden]), textarea")}
    assert fields == ALLOWED
    done = page.submit(press="cancel now", **TYPED)
    ((received, declared),) = rows_of(ctx)
    assert (declared.country, declared.language, done.language) == (Country.DE, "en", "en")
    assert received.reference in letters()[0].text


def test_an_address_speaks_its_own_languages_and_no_other_page_speaks_german(browser, merchant):
    german = {"Accept_Language": "de-DE,de;q=0.9"}
    assert browser.get("/account/atelier/login", **german).language == "fr", "the merchant's, as before"
    page = browser.get(PAGE, Accept_Language="fr")
    assert page.language == "de"
    offered = [button.get_text() for button in page.select("footer button[name=language]")]
    assert offered == ["English"]
    page = page.submit(press="English")
    assert (page.path, page.language, page.h1) == (PAGE, "en", "Cancel contracts here")
    assert browser.get("/account/atelier/login").language == "en"
    page = page.submit(press="Deutsch")
    assert (page.path, page.language) == (PAGE, "de")
    assert browser.get("/account/atelier/login", **german).language == "fr"
    assert browser.get("/atelier/resilier", **german).language == "fr"


@pytest.mark.law("R-AC-8")
def test_a_page_left_open_says_so_in_german_and_sends_what_was_typed_once_more(browser, merchant, ctx):
    page = browser.post(PAGE, {"step": "notify", **TYPED}, status=422, Sec_Fetch_Site="same-origin")
    assert page.language == "de"
    assert "Diese Seite war zu lange geöffnet" in page.text
    assert not rows_of(ctx)
    assert page.submit(press=BUTTON).h1 == "Ihre Kündigung ist eingegangen"
    ((received, _declared),) = rows_of(ctx)
    assert (received.name, received.email) == (TYPED["name"], TYPED["email"])


@pytest.mark.law("R-DE-10")
def test_a_contract_that_nobody_knows_here_is_cancelled_all_the_same(browser, merchant, ctx):
    done = declare(browser, contract="Jahreskarte, bar bezahlt")
    assert "Jahreskarte, bar bezahlt" in done.text
    received, declared = decided(ctx)
    assert (declared.carrying, received.is_open) == (Carrying.BY_MERCHANT, True)


@pytest.mark.law("R-AC-1")
def test_no_word_of_a_german_page_and_its_frame_is_english(browser, german_merchant):
    english = {*browser.get("/atelier/cancel-contract").soup.stripped_strings}
    english |= {*browser.get("/atelier/withdraw-from-contract").soup.stripped_strings}
    names = {"D", german_merchant.name}
    for path in (PAGE, "/atelier/widerrufen"):
        said = set(browser.get(path).soup.stripped_strings)
        assert "Barrierefreiheit: teilweise konform" in said
        assert said & english <= names | {"English"}, "the button that leads to the other language"


@pytest.mark.parametrize("path", ["/account/atelier/login", "/atelier/site-map"])
def test_where_functions_of_two_countries_stand_side_by_side_each_says_whose_it_is(browser, make, path):
    make.merchant(slug="atelier", locale="fr", sells_to=["FR", "DE"])
    page = browser.get(path, headers={"Accept-Language": "fr"})
    said = [" ".join(one.parent.get_text().split()) for one in page.select("a[href^='/atelier/']") if one.parent]
    for words in ("Résilier votre contrat (France)", f"{ENTRY} (Allemagne)", "Vertrag widerrufen (Allemagne)"):
        assert words in said


def test_a_german_page_names_the_countries_in_german(browser, make):
    make.merchant(slug="atelier", locale="fr", sells_to=["FR", "DE"])
    assert {"(Frankreich)", "(Deutschland)"} <= set(browser.get(PAGE).select_one("footer").stripped_strings)


def test_where_there_is_one_country_nobody_is_told_which(browser, make):
    make.merchant(slug="atelier", locale="fr")
    assert "(France)" not in browser.get("/account/atelier/login", headers={"Accept-Language": "fr"}).text
