"""The list of reasons at the desk: an order by buttons, words in two languages, none lost, two editors."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.domain.merchants import leaving_reasons as rules
from portal.domain.merchants.leaving_reasons import DEFAULTS
from portal.models import AuditEntry, Merchant

PAGE, ADD = "/admin/settings/reasons", "Add this reason"
TOO_DEAR, UNUSED, OTHER = "It costs too much", "I do not use it enough", "Another reason"


@pytest.fixture
def listed(ctx, merchant):
    """The codes that are asked, and those that are not."""

    def read():
        with ctx.db.read() as session:
            found = rules.read(session.get_one(Merchant, merchant.id).leaving_reasons)
        return [one.code for one in found if one.is_asked], [one.code for one in found if not one.is_asked]

    return read


def press(page, act, words, *, status=200):
    """Press the button of one reason's row."""
    return page.submit(press=f"{act} – {words}", status=status)


def test_the_portals_list_stands_until_somebody_changes_it(owner, ctx, merchant):
    page = owner.get(PAGE)
    assert [note.get_text(strip=True) for note in page.select("#asked th .note")] == list(DEFAULTS)
    assert "C’est trop cher" in page.text
    assert "Go back to the portal’s list" not in page.text
    with ctx.db.read() as session:
        assert session.get_one(Merchant, merchant.id).leaving_reasons == []


def test_one_moves_one_is_retired_and_comes_back(owner, listed):
    page = press(owner.get(PAGE), "Down", TOO_DEAR)
    assert page.notices == ["The list is saved."]
    assert listed()[0][:2] == ["not_used", "too_expensive"]
    page = press(page, "Up", TOO_DEAR)
    assert listed() == (list(DEFAULTS), [])
    page = press(page, "Retire", UNUSED)
    assert listed()[1] == ["not_used"]
    assert UNUSED in page.select_one("#retired").get_text()
    press(page, "Ask it again", UNUSED)
    assert listed() == ([*(one for one in DEFAULTS if one != "not_used"), "not_used"], [])


def test_the_first_goes_no_higher_and_the_last_no_lower(owner):
    page = owner.get(PAGE)
    labels = [one["aria-label"] for one in page.select("#asked button")]
    assert f"Up – {TOO_DEAR}" not in labels
    assert f"Down – {OTHER}" not in labels
    assert len(labels) == len(set(labels)) == 3 * len(DEFAULTS) - 2


def test_one_more_with_words_in_one_language_alone(owner, listed):
    page = owner.get(PAGE).submit(press=ADD, fr="  J’ai   déménagé ", en="")
    assert listed()[0][-1] == "j_ai_demenage"
    assert "No words in English: the French ones are shown." in page.text
    again = page.submit(press=ADD, fr="", en="", status=422)
    assert again.errors == ["Write the reason in one language at least."]
    page.submit(press=ADD, fr="J’ai déménagé !", en="I moved")
    assert listed()[0][-2:] == ["j_ai_demenage", "j_ai_demenage_2"]


@pytest.mark.parametrize("act", ["up", "down", "retire", "bring_back", "usual"])
def test_a_button_of_a_page_from_before_a_log_in_changes_nothing_and_says_so(owner, listed, act):
    press(owner.get(PAGE), "Retire", OTHER)
    before = listed()
    code = before[1][0] if act == "bring_back" else before[0][1]
    page = owner.post(PAGE, {"act": act, "code": code, "version": "1", "csrf_token": "of before"}, status=422)
    assert page.errors == ["This page was open for too long. Nothing was changed. Check it and send it again."]
    assert listed() == before
    press(page, "Down", TOO_DEAR)
    assert listed() != before


UNSEEN = ["\u200b", "\u202e", "\u2060\u200d", "\u00ad", "\u3164", "\u2800", "\x07"]


@pytest.mark.parametrize("words", UNSEEN)
def test_words_that_nobody_sees_are_none(owner, listed, words):
    page = owner.get(PAGE).submit(press=ADD, fr=words, en="", status=422)
    assert page.errors == ["Write the reason in one language at least."]
    assert listed() == (list(DEFAULTS), [])
    owner.get(f"{PAGE}/other").submit(press="Save these words", fr=words, en="")
    assert listed() == (list(DEFAULTS), [])


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\x07"])
def test_no_mark_turns_the_words_beside_a_reason(owner, mark):
    page = owner.get(PAGE).submit(press=ADD, fr=f"Trop {mark}loin", en="")
    assert "Trop loin" in page.text
    assert mark not in page.body


@pytest.mark.parametrize(
    ("fr", "en"), [("C'EST  trop cher", ""), ("", "It costs too much"), ("Je n’ai plus le temps\u200b", "Other words")]
)
def test_of_two_that_read_alike_the_second_is_not_taken(owner, listed, fr, en):
    page = owner.get(PAGE).submit(press=ADD, fr="Je n’ai plus le temps", en="")
    page = press(page, "Retire", "Je n’ai plus le temps")
    page = page.submit(press=ADD, fr=fr, en=en, status=422)
    assert page.errors == ["The list has this reason already. If it is retired, ask it again."]
    other = owner.get(f"{PAGE}/other").submit(press="Save these words", fr=fr, en=en, status=422)
    assert other.errors == page.errors
    assert listed() == (list(DEFAULTS), ["je_n_ai_plus_le_temps"])


def test_a_list_that_is_full_of_retired_ones_says_so(owner, ctx, merchant):
    many = rules.USUAL
    while len(many) < 100:
        many = rules.retired(rules.added(many, {"en": f"n{len(many)}"}), f"n{len(many)}")
    with ctx.db.begin() as session:
        session.get_one(Merchant, merchant.id).leaving_reasons = rules.write(many)
    page = owner.get(PAGE).submit(press=ADD, fr="Encore une", en="", status=422)
    assert page.errors == ["The list keeps at most 100 reasons, with those that are retired: ask one of these again."]


@pytest.mark.parametrize("words", ["<script>alert(1)</script>", "{{ config }}", "%(name)s", "100 %", "太贵"])
def test_whatever_is_written_is_shown_as_it_was_written(owner, words):
    page = owner.get(PAGE).submit(press=ADD, fr=words, en="")
    assert words in [" ".join(link.get_text().split()) for link in page.select("#asked th a")]
    assert "<script>alert" not in page.body
    owner.get("/admin/subscriptions")


def test_too_long_is_said_and_given_back(owner):
    page = owner.get(PAGE).submit(press=ADD, fr="x" * 81, en="ok", status=422)
    assert page.errors == ["At most 80 characters."]
    assert page.values(page.form(press=ADD))["fr"] == "x" * 81


def test_twenty_are_asked_and_no_more(owner, listed):
    for number in range(14):
        page = owner.get(PAGE).submit(press=ADD, fr=f"Raison {number}", en="")
    assert len(listed()[0]) == 20
    assert "Twenty reasons are asked" in page.text
    full = page.submit(press=ADD, fr="Une de trop", en="", status=422)
    assert full.errors == ["At most 20 reasons can be asked. Retire one first."]
    assert full.values(full.form(press=ADD))["fr"] == "Une de trop"


def test_words_change_and_the_code_stays(owner, listed, merchant, ctx):
    page = owner.get(PAGE).follow(TOO_DEAR)
    page = page.submit(press="Save these words", fr="Trop cher pour moi", en="")
    assert page.notices == ["The words are saved."]
    assert listed()[0][0] == "too_expensive"
    assert "Trop cher pour moi" in page.text
    assert TOO_DEAR in page.text, "in English the portal's words stand"
    page.follow(TOO_DEAR).submit(press="Save these words", fr="", en="")
    with ctx.db.read() as session:
        assert session.get_one(Merchant, merchant.id).leaving_reasons == []


def test_back_to_the_portals_list_loses_none(owner, listed):
    page = owner.get(PAGE).submit(press=ADD, fr="J’ai déménagé", en="I moved")
    page = press(page, "Retire", TOO_DEAR)
    page = page.submit(press="Go back to the portal’s list")
    assert listed() == (list(DEFAULTS), ["j_ai_demenage"])
    assert "I moved" in page.select_one("#retired").get_text()


def test_of_two_who_arrange_it_the_second_is_told_and_nothing_is_lost(owner, manager, listed):
    stale = manager.get(PAGE)
    press(owner.get(PAGE), "Retire", OTHER)
    page = press(stale, "Up", UNUSED, status=409)
    assert "your change was not applied" in page.text
    assert listed() == (list(DEFAULTS[:-1]), ["other"])
    press(page, "Up", UNUSED)
    assert listed()[0][0] == "not_used"
    page = press(stale, "Up", OTHER, status=409)
    assert "your change was not applied" in page.text, "what was retired meanwhile has no place to move to"
    stale = manager.get(PAGE)
    press(owner.get(PAGE), "Up", TOO_DEAR)
    page = stale.submit(press=ADD, fr="Un déménagement", en="A move", status=409)
    assert page.values(page.form(press=ADD))["fr"] == "Un déménagement"
    page.submit(press=ADD)
    assert listed()[0][-1] == "un_demenagement"


def test_of_two_who_write_one_reason_the_second_sees_both(owner, manager):
    stale = manager.get(f"{PAGE}/other")
    owner.submit(f"{PAGE}/other", press="Save these words", fr="Autre", en="Else")
    page = stale.submit(press="Save these words", fr="Divers", en="", status=409)
    assert "Autre" in page.text
    assert page.values(page.form(press="Save these words")) | {"csrf_token": ""} == page.values(
        page.form(press="Save these words")
    ) | {"csrf_token": "", "fr": "Divers", "en": "Else"}
    assert page.submit(press="Save these words").notices == ["The words are saved."]


def test_words_of_one_and_the_order_of_all_are_not_in_each_others_way(owner, manager, listed):
    words = manager.get(f"{PAGE}/other")
    press(owner.get(PAGE), "Retire", TOO_DEAR)
    words.submit(press="Save these words", fr="Autre", en="")
    order = manager.get(PAGE)
    owner.submit(f"{PAGE}/technical", press="Save these words", fr="Une panne", en="")
    press(order, "Up", "Something does not work")
    assert listed()[0] == ["not_used", "finished", "technical", "not_expected", "other"]


def test_the_chain_has_the_order_and_no_words(owner, ctx):
    owner.get(PAGE).submit(press=ADD, fr="J’ai déménagé", en="")
    with ctx.db.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "settings.changed")).one()
    assert entry.subject_kind == "settings.reasons"
    assert entry.details["asked"] == [list(DEFAULTS), [*DEFAULTS, "j_ai_demenage"]]
    assert "déménagé" not in str(entry.details)
    assert "Settings changed: Reasons for leaving" in owner.get("/admin/audit").text
    assert "J’ai déménagé" in owner.get(PAGE).text


@pytest.mark.parametrize("code", ["nobody", "TOO_EXPENSIVE", "x" * 400])
def test_a_reason_that_is_not_there_is_not_found(owner, code):
    owner.get(f"{PAGE}/{code}", status=404)
    page = owner.get(PAGE)
    form = page.values(page.form(press=f"Retire – {OTHER}")) | {"code": code}
    owner.post(PAGE, form, status=404)


@pytest.mark.parametrize("role", ["reader", "support"])
def test_who_may_only_look_changes_nothing(request, role):
    page = request.getfixturevalue(role).get(PAGE)
    assert "Only a manager or an owner can change this." in page.text
    assert not page.select("main form")
