"""The list of reasons: codes for ever, an order, none lost; what is stored says what was meant."""

from __future__ import annotations

import re

import pytest

from portal.documents.words import REASON
from portal.domain.desk.subscription_filters import REASON as CODE
from portal.domain.merchants import leaving_reasons as rules
from portal.domain.merchants.leaving_reasons import DEFAULTS, MOST, USUAL, Reason, TooMany, Unknown


def codes(reasons):
    """Those that are asked, and after a bar those that are not."""
    asked = [one.code for one in reasons if one.is_asked]
    return " ".join([*asked, "|", *(one.code for one in reasons if not one.is_asked)]).strip(" |")


def test_the_portals_list_is_that_of_every_release_before():
    listed = ("too_expensive", "not_used", "finished", "not_expected", "technical", "other")
    assert (listed, tuple(REASON)) == (DEFAULTS, DEFAULTS)
    assert rules.read([]) == USUAL
    assert rules.write(USUAL) == []


def test_a_list_is_read_as_it_was_written():
    changed = rules.added(rules.retired(USUAL, "other"), {"fr": "Trop d’e-mails", "en": ""})
    assert rules.read(rules.write(changed)) == changed


def test_what_is_done_to_it():
    three = tuple(Reason(code=code, words={"en": code}) for code in "abc")
    assert codes(rules.moved(three, "c", down=False)) == "a c b"
    assert codes(rules.moved(three, "a", down=True)) == "b a c"
    assert rules.moved(three, "a", down=False) == three == rules.moved(three, "c", down=True)
    less = rules.retired(three, "a")
    assert codes(less) == "b c | a"
    assert codes(rules.brought_back(less, "a")) == "b c a"
    assert rules.brought_back(three, "a") == three
    assert codes(rules.added(less, {"en": "New"})) == "b c new | a"
    assert codes(rules.usual(less)) == " ".join(DEFAULTS) + " | b c a"
    assert rules.reworded(three, "a", {"fr": "x", "en": ""})[0].words == {"fr": "x"}


@pytest.mark.parametrize("act", [rules.retired, rules.brought_back, rules.find])
def test_of_what_is_not_there_nothing_is_done(act):
    with pytest.raises(Unknown):
        act(USUAL, "nobody")


def test_a_retired_one_has_no_place_to_move_to():
    with pytest.raises(Unknown):
        rules.moved(rules.retired(USUAL, "other"), "other", down=False)


def test_twenty_are_asked_and_no_more():
    many = USUAL
    while len(rules.asked(many)) < MOST:
        many = rules.added(many, {"fr": "Une raison"})
    assert len({one.code for one in many}) == 20
    with pytest.raises(TooMany):
        rules.added(many, {"fr": "Encore une"})
    fewer = rules.retired(many, "other")
    with pytest.raises(TooMany):
        rules.brought_back(rules.added(fewer, {"fr": "Encore une"}), "other")


def test_a_list_does_not_grow_for_ever():
    many = USUAL
    while len(many) < 100:
        many = rules.retired(rules.added(many, {"en": f"n{len(many)}"}), f"n{len(many)}")
    with pytest.raises(TooMany):
        rules.added(many, {"en": "more"})


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"fr": "Trop d’e-mails !"}, "trop_d_e_mails"),
        ({"fr": "", "en": "I moved"}, "i_moved"),
        ({"fr": "Déménagé à l’étranger"}, "demenage_a_l_etranger"),
        ({"fr": "太贵"}, "reason"),
        ({"fr": "<script>alert(1)</script>"}, "script_alert_1_script"),
        ({"fr": "other"}, "other_2"),
        ({"fr": "x" * 80}, "x" * 36),
    ],
)
def test_a_code_is_plain_and_new(words, code):
    found = rules.new_code(words, DEFAULTS)
    assert found == code
    assert CODE.fullmatch(found)
    assert re.fullmatch(r"[a-z0-9_]{1,40}", rules.new_code(words, [found, *(f"{found}_{n}" for n in range(2, 99))]))


@pytest.mark.parametrize(
    ("code", "words", "fr", "en"),
    [
        ("other", {}, "", ""),
        ("other", {"fr": "Autre chose"}, "Autre chose", ""),
        ("moved", {"fr": "J’ai déménagé"}, "J’ai déménagé", "J’ai déménagé"),
        ("moved", {"en": "I moved"}, "I moved", "I moved"),
        ("moved", {"fr": "J’ai déménagé", "en": "I moved"}, "J’ai déménagé", "I moved"),
        ("moved", {}, "", ""),
    ],
)
def test_where_a_language_has_no_words_the_other_one_has_them(code, words, fr, en):
    one = Reason(code=code, words=words)
    assert (one.said("fr")[0], one.said("en")[0]) == (fr, en)
