"""Every message there is: whole, in both languages, the same as text and as HTML, and saying nothing untrue."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from bs4 import BeautifulSoup

from portal.documents.planned_ends import planned_words
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.i18n import LOCALES
from portal.mail import ends, merchants
from portal.mail.composing import AUTOPAY_URL, TEMPLATES
from tests.mail.composed import CUSTOMERS, PLANS
from tests.mail.facts import LATER, NOW, access, confirmed, effects, end, head, plan
from tests.mail.reading import every_message_read

BACK = ("comeback_approved", "merchant_comeback_approved")  # told after the approval: no invitation

CONFIRMED = (
    "end_confirmed",
    "end_already_over",
    "merchant_end_confirmed",
    "late_payment",
)  # written after PayPal's read

URL = re.compile(r"https?://[^\s\"<]+")

INVITATION = re.compile(r"revenir|reprendre|souscri|réabonn|come back|subscribe|new subscription|again soon", re.I)


@pytest.mark.parametrize("locale", ["fr", "en"])
def test_the_mail_of_a_planned_end_says_its_day_payments_and_access(locale):
    whose = head(locale)
    (told, again), merchants_own = (
        (compose(whose, end(due_at=LATER, planned=planned_words(PLANS[2], whose.formatter))) for compose in CUSTOMERS),
        merchants.merchant_end_requested(
            whose, (end(due_at=LATER, planned=planned_words(PLANS[2], whose.formatter)),), more=0, path="/admin"
        ),
    )
    day = {"fr": "20 février 2027", "en": "20 February 2027"}[locale]
    sums = {"fr": ("29,90\xa0€", "59,80\xa0€"), "en": ("€29.90", "€59.80")}[locale]
    for text in (told.text, again.text, merchants_own.text):
        assert all(said in text for said in (day, *sums))
    undo = {"fr": "vous pouvez retirer votre demande", "en": "You can withdraw your request"}[locale]
    access = {"fr": "Vous gardez vos accès jusqu’au", "en": "You keep access until"}[locale]
    avoid = {"fr": "Pour éviter le prélèvement", "en": "To avoid the payment"}[locale]
    for said in (undo, access, avoid):
        assert said in told.text
        assert said in again.text
        assert said not in merchants_own.text


@pytest.mark.parametrize("locale", ["fr", "en"])
def test_two_moments_of_one_day_are_one_day(locale):
    fmt = head(locale).formatter
    noon = LATER.replace(hour=12)
    told = planned_words(plan(awaited_at=NOW, earliest_at=noon, due_at=noon + timedelta(hours=1)), fmt).told
    assert told.count(fmt.day(noon)) == 1
    assert (
        fmt.day(noon + timedelta(days=3))
        in planned_words(plan(awaited_at=NOW, earliest_at=noon, due_at=noon + timedelta(days=3)), fmt).told
    )


@pytest.mark.parametrize(("days", "condition"), [(0, "as soon as"), (8, "if the payment of")])
def test_a_chosen_day_after_the_payment_is_told_without_as_soon_as_the_payment(days, condition):
    fmt, payment = head("en").formatter, LATER.replace(hour=12)
    chosen, latest = payment + timedelta(days=days), payment + timedelta(days=11)
    told = planned_words(plan(awaited_at=payment, earliest_at=chosen, due_at=latest), fmt).told
    assert condition in told
    assert ("as soon as" in told) == (chosen == payment)
    assert all(fmt.day(day) in told for day in (payment, chosen, latest))


@pytest.mark.parametrize("locale", LOCALES)
def test_a_kept_content_that_opens_later_is_named_with_its_day_and_after_what_is_open(locale):
    whose, left = head(locale), {"kept": ("<Leçon> 2", "Leçon 1"), "opens": {"<Leçon> 2": LATER}}
    dated = effects(**left)
    for mail in (
        ends.access_ends_soon(whose, access(**left)),
        ends.access_ended(whose, access(**left)),
        ends.end_dated(whose, end(), dated, by_hand=True),
    ):
        stays = {"fr": "à partir du", "en": "from"}[locale]
        assert f"* Leçon 1\n* <Leçon> 2 {stays} {whose.formatter.day(LATER)}\n" in mail.text, mail.kind
        assert f"<Leçon> 2 {stays}" in mail.html.replace("&lt;", "<").replace("&gt;", ">")


@pytest.mark.parametrize("locale", LOCALES)
def test_what_the_team_gets_does_not_end_as_a_customers_mail_and_says_why_it_comes_and_where_that_is_changed(locale):
    customers = {"fr": "L’Atelier d’Anaïs vous envoie ce message.", "en": "L’Atelier d’Anaïs sends you this message."}[
        locale
    ]
    settings, operator = {"fr": ("Réglages", "gère ce portail"), "en": ("Settings", "runs the portal")}[locale]
    for mail in (read.mail for read in every_message_read(locale)):
        foot = mail.text.rpartition("--")[2]
        assert (customers in foot) == (not mail.kind.startswith(("merchant_", "staff_"))), mail.kind
        assert (settings in foot) == mail.kind.startswith("merchant_"), mail.kind
        assert (operator in foot) == mail.kind.startswith("staff_"), mail.kind


def test_every_folder_is_a_message_tested_here():
    folders = {folder.name for folder in (TEMPLATES / "mail").iterdir() if folder.is_dir()}
    assert {read.mail.kind for read in every_message_read("en")} == folders


@pytest.mark.parametrize("locale", LOCALES)
def test_every_message_is_whole(locale):
    for read in every_message_read(locale):
        mail = read.mail
        assert mail.subject.strip()
        assert "\n" not in mail.subject
        for text in (mail.subject, mail.text, read.visible):
            assert "  " not in text.replace("\n", "|"), mail.kind
            assert not re.search(r"%\(|{{|{%|\bNone\b|undefined|datetime|Status\.|Actor\.", text), mail.kind
        soup = read.soup
        assert soup.html["lang"] == locale
        assert len(soup.select("h1")) == 1
        assert soup.title.text == soup.h1.text
        assert soup.h1.text == mail.subject or mail.kind == "login_code", mail.kind
        assert not soup.select("img, script, link, iframe, form, [style], [onclick]")


@pytest.mark.law("R-AC-10")
@pytest.mark.parametrize("locale", LOCALES)
def test_text_and_html_say_the_same_and_link_the_same(locale):
    for read in every_message_read(locale):
        mail = read.mail
        anchors = {anchor["href"] for anchor in read.soup.select("a")}
        assert anchors == set(URL.findall(mail.text)), mail.kind
        assert all(link.startswith("https://portal.test/") or link == AUTOPAY_URL for link in anchors)
        words = re.sub(r"\W", "", read.visible)
        assert all(re.sub(r"\W", "", line) in words for line in mail.text.splitlines() if ":" not in line), mail.kind


@pytest.mark.parametrize("locale", LOCALES)
def test_a_message_with_a_clock_says_once_whose_it_is(locale):
    zone = {"fr": "heure de Paris", "en": "Paris time"}[locale]
    for read in every_message_read(locale):
        mail = read.mail
        for text in (mail.text, read.visible):
            assert text.count(zone) == (re.search(r"\d\d:\d\d", text) is not None), mail.kind


def test_the_two_languages_are_two():
    english, french = (
        {line for read in every_message_read(locale) for line in read.mail.text.split("\n")} for locale in ("en", "fr")
    )
    same = english & french
    # What stays the same is names, addresses and signs, never a sentence.
    assert all(len(line.split()) < 4 or line.startswith("http") for line in same), same


@pytest.mark.parametrize("locale", LOCALES)
def test_nothing_says_cancelled_before_paypal_did(locale):
    affirmative = re.compile(r"résilié|annulé|cancelled|canceled", re.I)
    for read in every_message_read(locale):
        mail = read.mail
        if mail.kind not in CONFIRMED:
            found = affirmative.search(mail.subject + mail.text + read.visible)
            assert found is None, (mail.kind, found)


@pytest.mark.parametrize("locale", LOCALES)
def test_only_who_may_come_back_is_told_how(locale):
    may = confirmed(head(locale), end(), effects(may_come_back=True))
    assert INVITATION.search(may.text)
    for read in every_message_read(locale):
        mail = read.mail
        # A subscription that is paused has not ended: that it starts again is no invitation to come back.
        if mail.text != may.text and mail.kind not in ("end_confirmed", *BACK) and "pause" not in mail.kind:
            assert not INVITATION.search(mail.text), mail.kind
    for by in Actor:
        mail = confirmed(head(locale), end(asked_by=by), effects(outcome=Status.ABANDONED))
        assert not INVITATION.search(mail.subject + mail.text + mail.html)
        assert not re.search("abandon", mail.subject + mail.text + mail.html, re.I)


@pytest.mark.parametrize("locale", LOCALES)
def test_every_message_with_a_page_has_one_button_for_it(locale):
    """The words of a button or link say where it leads; in the text the address has a line of its own."""
    silent = set()
    for read in every_message_read(locale):
        mail = read.mail
        anchors = read.soup.select("main a")
        buttons = [one for one in anchors if "button" in one.get("class", ())]
        assert len(buttons) <= 1, mail.kind
        if not buttons:
            silent.add(mail.kind)
        for one in anchors:
            assert not re.search(r"[:.;,]|https?", one.text), (mail.kind, one.text)
            assert one["href"] in mail.text.splitlines(), mail.kind
    # Two go to a box that somebody else may read, one to somebody who has no page any more.
    assert silent == {"address_left", "address_kept", "erasure_done"}


@pytest.mark.parametrize("locale", LOCALES)
def test_nobody_at_the_desk_is_told_to_write_to_themselves(locale):
    """The support address is where customers write: a mail to the desk itself offers it to nobody."""
    for read in every_message_read(locale):
        mail = read.mail
        foot = mail.text.rpartition("\n--\n")[2]
        assert ("aide@atelier.test" in foot) is not mail.kind.startswith(("merchant_", "staff_")), mail.kind


def test_links_have_the_colour_of_the_pages_in_light_and_in_dark_and_the_button_keeps_its_own():
    tokens = (TEMPLATES.parent / "static/css/tokens.css").read_text()
    light, dark = re.findall(r"--accent: (#\w{6})", tokens)[:2]
    style = every_message_read("en")[0].mail.html.partition("<style>")[2].partition("</style>")[0]
    assert f"\na {{ color: {light}; }}" in style
    assert f"(prefers-color-scheme: dark) {{ a {{ color: {dark}; }}" in style
    assert re.search(r"a\.button {[^}]*color: #ffffff", style)


@pytest.mark.parametrize("locale", LOCALES)
def test_the_merchants_colour_and_pages_are_in_what_customers_get_and_not_in_what_the_team_gets(locale):
    pages = {"terms_url": "https://a.test/cgv?a=1&b=2", "legal_url": "https://a.test/mentions"}
    whose = head(locale, accent="#c2185b", **pages)
    named = {"fr": ("Conditions générales de vente", "Mentions légales"), "en": ("Terms of sale", "Legal notice")}
    customers = ends.access_ends_soon(whose, access())
    foot = customers.text.rpartition("\n--\n")[2]
    anchors = {link.text: link["href"] for link in BeautifulSoup(customers.html, "html.parser").select("footer a")}
    assert anchors == dict(zip(named[locale], pages.values(), strict=True))
    assert all(f"{word}" in foot and address in foot for word, address in anchors.items())
    assert "a { color: #c2185b; }" in customers.html
    team = merchants.merchant_overdue(whose, (end(),), more=0, path="/admin/")
    assert "a.test" not in team.text + team.html
    assert "#c2185b" not in team.html
