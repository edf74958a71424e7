"""What the pages say of accessibility: the audit's words at every foot, and the whole statement behind them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from portal.domain.law.accessibility import Verdict
from portal.web import accessibility
from tests.accessibility.report import day_in_three_years

AUDIT = accessibility.audit()
WORDS = {
    "fr": ("Accessibilité\xa0: partiellement conforme", "Accessibilité\xa0: totalement conforme"),
    "en": ("Accessibility: partially compliant", "Accessibility: fully compliant"),
}


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", slug="atelier", support_email="aide@atelier.test")


@pytest.fixture
def another_audit(monkeypatch):
    """Let the portal carry another audit."""

    def put(audit):
        monkeypatch.setattr(accessibility, "audit", lambda: audit)

    return put


def clean(audit=AUDIT):
    return replace(
        audit,
        criteria=tuple(
            replace(one, verdict=Verdict.MET if one.verdict is Verdict.FAILED else one.verdict)
            for one in audit.criteria
        ),
    )


def words(page):
    return " ".join(page.select_one("main").get_text(" ").split())


@pytest.mark.law("R-AC-11")
@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("path", ["/", "/account/atelier/login", "/admin/login", "/nowhere", "/atelier/privacy"])
def test_the_foot_of_every_page_says_what_the_audit_found_and_leads_to_the_statement(browser, merchant, language, path):
    page = browser.get(path, Accept_Language=language, status=404 if path == "/nowhere" else 200)
    link = next(one for one in page.select("footer a") if "ccessib" in one.get_text())
    assert link.get_text() == WORDS[language][0]
    statement = browser.get(link["href"], Accept_Language=language)
    assert statement.select_one("h1").get_text() == WORDS[language][0]


@pytest.mark.law("R-AC-11")
@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_statement_has_what_the_law_wants(browser, merchant, language):
    page = browser.get("/atelier/accessibility", Accept_Language=language)
    said = words(page)
    for one in AUDIT.failed:
        assert " ".join((one.failing if language == "fr" else one.failing_en).split()) in said
        assert one.number in said
    for one in accessibility.sample():
        assert " ".join((one.name if language == "fr" else one.name_en).split()) in said
    for verdict in Verdict:
        assert f" {sum(one.verdict is verdict for one in AUDIT.criteria)} " in said
    for name in ("29", "2026", "Défenseur des droits", "Libre réponse 71120", "DGCCRF", "aide@atelier.test"):
        assert name in said
    assert "lecteur d’écran" in said if language == "fr" else "screen reader" in said
    places = {one["href"] for one in page.select("main a")}
    assert {"https://formulaire.defenseurdesdroits.fr/", "mailto:aide@atelier.test"} <= places


def test_without_a_merchant_it_says_where_to_find_the_address(browser):
    assert "at the foot of your account pages" in words(browser.get("/accessibility", Accept_Language="en"))


@pytest.mark.law("R-AC-11")
def test_an_audit_without_a_failure_is_full_and_still_says_who_made_it(browser, another_audit):
    another_audit(clean())
    page = browser.get("/accessibility", Accept_Language="en")
    assert page.select_one("h1").get_text() == WORDS["en"][1]
    assert "no user of a screen reader" in words(page)
    assert "That does not mean that there is none" in words(page)


@pytest.mark.law("R-AC-11")
def test_three_years_later_nothing_is_claimed_any_more(browser, monkeypatch):
    """By the clock of the page, not by the rule."""
    over = day_in_three_years(AUDIT)

    class Then:
        @staticmethod
        def date():
            return over

    monkeypatch.setattr("portal.web.accessibility.utc_now", lambda: Then)
    monkeypatch.setattr("portal.web.public.views.utc_now", lambda: Then)
    page = browser.get("/accessibility", Accept_Language="en")
    assert page.select_one("h1").get_text() == "Accessibility: not compliant"
    assert "more than three years old" in words(page)


@pytest.mark.law("R-AC-11")
def test_a_newer_release_than_the_audited_one_is_said(browser, another_audit):
    assert "newer version" not in words(browser.get("/accessibility", Accept_Language="en"))
    another_audit(replace(AUDIT, release="0.0.9"))
    assert "newer version" in words(browser.get("/accessibility", Accept_Language="en"))
