"""Settings: a page a group, the switch waits for the key, and of two who edit the same nobody's answer is lost."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import select

from portal.domain.audit import OPERATOR, By
from portal.domain.ends.end_requests import Channel
from portal.domain.policies import Actor
from portal.models import AuditEntry, KeyState, Merchant, PayPalAccount
from portal.services import settings
from portal.services.settings import Language

SAVE = "Save the settings"
GROUPS = (
    "/admin/settings",
    "/admin/settings/face",
    "/admin/settings/addresses",
    "/admin/settings/language",
    "/admin/settings/sections",
)


@pytest.fixture
def merchant(make):
    return make.merchant(key=False, locale="en", self_cancellation=False)


def reload(ctx, merchant):
    with ctx.db.read() as session:
        return session.get_one(Merchant, merchant.id)


def cells(page):
    """What the page's first table says, row by row."""
    return [
        [" ".join(cell.get_text().split()) for cell in row.find_all(["th", "td"])]
        for row in page.select_one("main table").select("tbody tr")
    ]


def test_the_menu_of_the_settings_is_behind_a_button_that_names_the_page(owner):
    """The button stands before what it opens, so that the next stop of the keyboard is in it."""
    nav = owner.get("/admin/settings").select_one("main nav[popover]")
    pages = [link["href"] for link in nav.select("a")]
    assert len(pages) == 17
    for path in [*pages, "/admin/settings/notices/end_recorded/fr", "/admin/settings/legal-texts/notice"]:
        page = owner.get(path)
        nav = page.select_one("main nav[popover]")
        button = nav.find_previous_sibling()
        (here,) = nav.select("[aria-current]")
        assert button["popovertarget"] == nav["id"], path
        assert button.get_text(strip=True) == f"Settings: {here.get_text(strip=True)}", path
        closing = nav.select_one("button")
        assert (closing["popovertarget"], closing["popovertargetaction"]) == (nav["id"], "hide")
        if path in pages:
            assert here["href"] == path


def test_the_switch_cannot_be_turned_on_before_the_key_passed_its_test(owner, ctx, merchant, make):
    page = owner.get("/admin/settings")
    assert "once your PayPal key has passed its test" in page.text
    assert page.link("Enter or test the key") == "/admin/paypal"
    page = page.submit(press=SAVE, self_cancellation=True, status=422)
    assert any("once your PayPal key has passed its test" in line for line in page.errors)
    assert not reload(ctx, merchant).self_cancellation

    make.key(merchant)
    owner.submit("/admin/settings", press=SAVE, self_cancellation=True)
    assert reload(ctx, merchant).self_cancellation


def test_a_key_that_breaks_later_leaves_the_switch_but_a_broken_one_cannot_turn_it_on(owner, ctx, merchant, make):
    make.key(merchant)
    owner.submit("/admin/settings", press=SAVE, self_cancellation=True)
    with ctx.db.begin() as session:
        session.scalars(select(PayPalAccount)).one().state = KeyState.REFUSED
    owner.submit("/admin/settings", press=SAVE, cancellation_text="Call us.")
    assert reload(ctx, merchant).self_cancellation
    owner.submit("/admin/settings", press=SAVE, self_cancellation=False)
    owner.submit("/admin/settings", press=SAVE, self_cancellation=True, status=422)


def test_each_group_is_written_by_itself_and_shown_again(owner, ctx, merchant):
    owner.submit("/admin/settings", press=SAVE, cancellation_text="Écrivez-nous.\r\nMerci.")
    owner.submit(
        "/admin/settings/addresses",
        press=SAVE,
        support_email="aide@ete.test",
        terms_url="ete.test/cgv",
        legal_url="https://ete.test/mentions",
    )
    owner.submit("/admin/settings/language", press=SAVE, time_zone="Indian/Reunion", locale="fr")
    got = reload(ctx, merchant)
    assert (got.name, got.support_email, got.time_zone, got.locale) == (
        merchant.name, "aide@ete.test", "Indian/Reunion", "fr",
    )  # fmt: skip
    assert got.cancellation_text == "Écrivez-nous.\nMerci."
    assert (got.site_url, got.terms_url, got.legal_url) == ("", "https://ete.test/cgv", "https://ete.test/mentions")
    page = owner.get("/admin/settings/language")
    assert page.select_one("#time_zone option[selected]")["value"] == "Indian/Reunion"


def test_a_zone_nobody_knows_and_a_bad_address_are_refused(owner, ctx, merchant):
    for path, bad in (
        ("/admin/settings/language", {"time_zone": "Mars/Olympus", "locale": "en"}),
        ("/admin/settings/addresses", {"support_email": "nobody"}),
    ):
        page = owner.get(path)
        form = page.values(page.form(press=SAVE))
        assert len(owner.post(path, {**form, **bad}, status=422).errors) == 1
    assert reload(ctx, merchant).time_zone == "Europe/Paris"


@pytest.mark.parametrize(
    "bad",
    [
        "http://atelier.test",
        "javascript:alert(1)",
        "mailto:a@atelier.test",
        "https://",
        "https://localhost",
        "https://user:word@atelier.test",
        "https://atelier.test:port",
        "https://[atelier",
        'https://atelier.test/"onload',
        "https://" + "é" * 500 + ".test",
    ],
)
def test_what_is_no_page_of_a_public_site_is_refused_and_shown_again(owner, ctx, merchant, bad):
    page = owner.submit("/admin/settings/addresses", press=SAVE, privacy_url=bad, status=422)
    assert len(page.errors) == 1
    assert page.select_one("#privacy_url")["value"] == bad
    assert reload(ctx, merchant).privacy_url == ""


def test_the_address_that_is_told_what_waits_cannot_be_emptied(owner, ctx, merchant):
    page = owner.submit("/admin/settings/addresses", press=SAVE, support_email=" ", status=422)
    assert "without one, nobody is emailed about what needs your attention" in page.text
    assert reload(ctx, merchant).support_email == merchant.support_email


def test_only_owners_change_settings(reader, support, ctx, merchant):
    for browser in (reader, support):
        for path in GROUPS:
            page = browser.get(path)
            assert "Only a manager or an owner can change this" in page.text
            token = page.select_one('input[name="csrf_token"]')["value"]
            for button in ({}, {"look": "1"}):
                browser.post(path, {"csrf_token": token, "name": "Hacked", "version": "0"} | button, status=403)
    assert reload(ctx, merchant).name == merchant.name


@pytest.mark.parametrize(
    ("path", "typed", "seen"),
    [
        ("/admin/settings", {"cancellation_text": "Ring the bell."}, "Ring the bell."),
        ("/admin/settings/addresses", {"terms_url": "https://a.test/terms"}, "Terms of sale: https://a.test/terms"),
        ("/admin/settings/language", {"time_zone": "Asia/Tokyo"}, "Tokyo time"),
    ],
)
def test_the_effect_is_shown_before_anything_is_saved(owner, ctx, merchant, path, typed, seen):
    before = vars(reload(ctx, merchant)) | {"_sa_instance_state": None}
    page = owner.get(path)
    assert seen not in page.select_one("#effect").get_text()
    page = page.submit(press="Show the effect first", **typed)
    assert "They are not saved yet" in page.text
    assert seen in " ".join(page.select_one("#effect").get_text().split())
    assert vars(reload(ctx, merchant)) | {"_sa_instance_state": None} == before
    assert "settings are saved" in page.submit(press=SAVE).notices[0]


# Two who edit the same


@pytest.fixture
def colleague(enter, merchant):
    return enter(merchant)


def test_the_second_to_save_sees_both_values_loses_nothing_and_decides(owner, colleague, ctx, merchant):
    mine, theirs = (browser.get("/admin/settings/addresses") for browser in (owner, colleague))
    theirs.submit(press=SAVE, site_url="https://a.test", terms_url="https://a.test/terms")
    page = mine.submit(press=SAVE, site_url="https://b.test", legal_url="https://b.test/legal", status=409)

    got = reload(ctx, merchant)
    assert (got.site_url, got.terms_url, got.legal_url) == ("https://a.test", "https://a.test/terms", "")
    assert "Léa Martin" in page.text
    assert cells(page) == [
        ["Website", "Empty", "https://a.test", "https://b.test"],
        ["Terms of sale", "Empty", "https://a.test/terms", "Unchanged"],
    ]
    shown = page.values(page.form(press=SAVE))
    assert (shown["site_url"], shown["legal_url"]) == ("https://b.test", "https://b.test/legal"), "what was typed"
    assert shown["terms_url"] == "https://a.test/terms", "what the other one saved, where nothing was typed"

    page.submit(press=SAVE)
    got = reload(ctx, merchant)
    assert (got.site_url, got.terms_url, got.legal_url) == (
        "https://b.test", "https://a.test/terms", "https://b.test/legal",
    )  # fmt: skip


def test_a_third_save_between_is_told_too(owner, colleague, ctx, merchant):
    mine, theirs = (browser.get("/admin/settings") for browser in (owner, colleague))
    theirs.submit(press=SAVE, cancellation_text="First.")
    page = mine.submit(press=SAVE, cancellation_text="Mine.", status=409)
    colleague.submit("/admin/settings", press=SAVE, cancellation_text="Second.")
    page = page.submit(press=SAVE, status=409)
    assert [row[1:] for row in cells(page)] == [["First.", "Second.", "Mine."]]
    page.submit(press=SAVE)
    assert reload(ctx, merchant).cancellation_text == "Mine."


def test_a_switch_turned_on_meanwhile_is_not_turned_off_by_who_had_not_seen_it(owner, colleague, ctx, merchant, make):
    make.key(merchant)
    mine, theirs = (browser.get("/admin/settings") for browser in (owner, colleague))
    theirs.submit(press=SAVE, self_cancellation=True)
    page = mine.submit(press=SAVE, cancellation_text="Write to us.", status=409)
    assert cells(page) == [["Customers can cancel themselves", "No", "Yes", "Unchanged"]]
    page.submit(press=SAVE)
    got = reload(ctx, merchant)
    assert (got.self_cancellation, got.cancellation_text) == (True, "Write to us.")


def test_groups_do_not_get_in_each_others_way(owner, colleague, ctx, merchant):
    mine = owner.get("/admin/settings/face")
    colleague.submit("/admin/settings/addresses", press=SAVE, site_url="https://a.test")
    mine.submit(press="Publish", name="Atelier")
    assert (reload(ctx, merchant).name, reload(ctx, merchant).site_url) == ("Atelier", "https://a.test")


def test_the_same_form_sent_twice_is_saved_once_and_alarms_nobody(owner, ctx, merchant):
    page = owner.get("/admin/settings")
    for _again in range(2):
        assert "saved" in page.submit(press=SAVE, cancellation_text="Once.").notices[0]
    assert reload(ctx, merchant).cancellation_text == "Once."


@pytest.mark.parametrize("version", ["", "-1", "0", "99", "x" * 12, "٣"])
def test_a_form_without_a_version_that_is_one_overwrites_nothing(owner, colleague, ctx, merchant, version):
    colleague.submit("/admin/settings", press=SAVE, cancellation_text="Theirs.")
    page = owner.get("/admin/settings")
    sent = page.values(page.form(press=SAVE)) | {"version": version, "cancellation_text": "Mine."}
    owner.post("/admin/settings", sent, status=409)
    assert reload(ctx, merchant).cancellation_text == "Theirs."


def test_what_the_operator_changed_is_told_as_theirs(owner, ctx, merchant):
    page = owner.get("/admin/settings/language")
    settings.save(ctx, merchant.id, Language(locale="fr", time_zone="UTC"), by=OPERATOR)
    page = page.submit(press=SAVE, locale="en", time_zone="Asia/Tokyo", status=409)
    assert "Operator" in page.text
    assert cells(page) == [
        ["Language of your pages and emails", "English", "Français", "Unchanged"],
        ["Time zone", "Paris", "UTC", "Tokyo"],
    ]


def test_whoever_is_not_there_any_more_is_not_taken_for_the_operator(owner, ctx, merchant):
    by = By(actor=Actor.STAFF, actor_id=uuid.uuid4(), channel=Channel.STAFF)
    settings.save(ctx, merchant.id, Language(locale="en", time_zone="UTC"), by=by)
    assert [row[3] for row in cells(owner.get("/admin/settings/language"))] == ["Somebody who has left the team"]


def test_the_last_changes_are_told_from_what_to_what_and_by_whom(owner, reader, merchant):
    owner.submit("/admin/settings", press=SAVE, cancellation_text="Once.")
    owner.submit("/admin/settings", press=SAVE, cancellation_text="Twice.")
    told = [row[:4] for row in cells(reader.get("/admin/settings"))]
    field = "What customers read when they cannot cancel themselves"
    assert told == [[field, "Once.", "Twice.", "Léa Martin"], [field, "Empty", "Once.", "Léa Martin"]]
    assert owner.get("/admin/settings/addresses").select_one("main table") is None


# Lines on receipts

ADDRESSES = "/admin/settings/addresses"


def test_the_lines_of_receipts_are_shown_before_they_are_saved_and_then_kept(owner, ctx, merchant):
    page = owner.submit(ADDRESSES, press="Show the effect first", receipt_text="SARL Été\r\nTVA FR12", legal_url="")
    effect = [one.get_text() for one in page.select("#effect figure")][-1]
    assert "SARL Été" in effect
    assert "This is a receipt, not an invoice." in effect
    assert reload(ctx, merchant).receipt_text == ""
    page.submit(press=SAVE)
    assert reload(ctx, merchant).receipt_text == "SARL Été\nTVA FR12"


def test_at_most_five_hundred_letters_and_none_is_lost(owner, ctx, merchant):
    page = owner.submit(ADDRESSES, press=SAVE, receipt_text="x" * 501, status=422)
    assert page.errors == ["Write at most 500 characters."]
    assert page.select_one("#receipt_text").get_text().strip() == "x" * 501
    owner.submit(ADDRESSES, press=SAVE, receipt_text="x" * 500)
    assert reload(ctx, merchant).receipt_text == "x" * 500


def test_of_two_who_write_them_the_second_is_told(owner, manager, ctx, merchant):
    stale = manager.get(ADDRESSES)
    owner.submit(ADDRESSES, press=SAVE, receipt_text="Hers")
    page = stale.submit(press=SAVE, receipt_text="His", status=409)
    assert ["Your lines on receipts", "Empty", "Hers", "His"] in cells(page)
    assert reload(ctx, merchant).receipt_text == "Hers"


def test_the_chain_says_that_they_changed_and_not_what_they_say(owner, ctx, merchant):
    owner.submit(ADDRESSES, press=SAVE, receipt_text="TVA FR12")
    with ctx.db.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "settings.changed")).one()
    assert entry.details["texts"] == ["receipt_text"]
    assert "FR12" not in str(entry.details)
