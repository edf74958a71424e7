"""What a merchant may write in a mail: the closed list of names, and all that is no name."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.merchants.notice_texts import (
    LONGEST_SUBJECT,
    LONGEST_TEXT,
    PORTALS,
    Flaw,
    Part,
    Problem,
    Text,
    as_it_was,
    filled,
    hosts_of,
    is_own,
    paragraphs,
    problems,
)
from portal.domain.merchants.notices import EDITED, NOTICES, Name
from portal.domain.unseen import clean

RECORDED, CONFIRMED, REFUSED = NOTICES["end_recorded"], NOTICES["end_confirmed"], NOTICES["pause_refused"]
HOSTS = hosts_of(["https://www.studio.example/cgv", "https://bücher.example", "", "http://plain.example"])


def flaws(part, text, notice=RECORDED, hosts=HOSTS):
    return [one.flaw for one in problems(part, text, notice, hosts)]


def flat(text, values, hosts=HOSTS):
    return "\n\n".join(
        "\n".join("".join(piece.text for piece in line) for line in one) for one in paragraphs(text, values, hosts)
    )


@pytest.mark.parametrize("kind", EDITED)
def test_the_portals_own_words_may_be_saved_for_every_mail(kind):
    for part in Part:
        assert problems(part, PORTALS.as_dict()[part], NOTICES[kind], ()) == []


def test_every_name_that_is_offered_may_be_used_and_is_filled_in():
    for kind in EDITED:
        for part, offered in ((Part.SUBJECT, NOTICES[kind].in_subject), (Part.CLOSING, NOTICES[kind].in_text)):
            text = " ".join(f"{{{name}}}" for name in offered)
            assert flaws(part, text, NOTICES[kind]) == []
            assert "{" not in filled(text, dict.fromkeys(offered, "x"))


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("{{ config }}", Flaw.CODE),
        ("{% for x in y %}", Flaw.CODE),
        ("{# note #}", Flaw.CODE),
        ("${7*7}", Flaw.CODE),
        ("<%= 7 * 7 %>", Flaw.CODE),
        ("{price}", Flaw.UNKNOWN),
        ("{product.name}", Flaw.UNKNOWN),
        ("{0}", Flaw.UNKNOWN),
        ("{hello!r}", Flaw.UNKNOWN),
        ("{HELLO}", Flaw.UNKNOWN),
        ("{fact}", Flaw.UNKNOWN),
        ("{}", Flaw.BRACE),
        ("Hello {product", Flaw.BRACE),
        ("Hello product}", Flaw.BRACE),
        ("<b>Hello</b>", Flaw.TAG),
        ("<script>alert(1)</script>", Flaw.TAG),
        ("<!-- x -->", Flaw.TAG),
        ("<img src=x onerror=alert(1)", Flaw.TAG),
        ("", Flaw.EMPTY),
        (" \n\t ", Flaw.EMPTY),
        ("x" * (LONGEST_TEXT + 1), Flaw.TOO_LONG),
        ("x" * 100_000, Flaw.TOO_LONG),
        ("{" * 100_000, Flaw.TOO_LONG),
        ("Your subscription is cancelled.", Flaw.AFFIRMS),
        ("Votre abonnement est résilié.", Flaw.AFFIRMS),
        ("C’est ANNULÉ !", Flaw.AFFIRMS),
        ("Ihr Vertrag ist gekündigt.", Flaw.AFFIRMS),
    ],
)
def test_what_an_opening_cannot_say_is_refused_for_what_it_is(text, flaw):
    assert flaws(Part.OPENING, text) == [flaw]


@pytest.mark.parametrize(
    "text",
    [
        "Hello, 3 < 5 and 5 > 3, I <3 you",
        "مرحبا {product}",
        "שלום {hello}",
        "Bonjour 👋🏽\n\nÀ bientôt",
        "Price: 10.50 €, at 10:30. E.g. S.A.R.L. Studio",
        "Write to help@studio.example",
        "{ hello }",
    ],
)
def test_plain_words_of_any_language_are_taken(text):
    assert flaws(Part.OPENING, text) == []


@pytest.mark.parametrize(
    ("typed", "flaw"),
    [
        ("re\u0301silie\u0301", Flaw.AFFIRMS),  # as some systems write accents
        ("annule\u0301e", Flaw.AFFIRMS),
        ("can\u200bcelled", Flaw.AFFIRMS),
        ("rési\u00adlié", Flaw.AFFIRMS),
        ("https:\u200b//evil.test/pay", Flaw.ADDRESS),
        ("evil.test\u2060/pay", Flaw.ADDRESS),
        ("<\u200bscript>", Flaw.TAG),
        ("\u200b\ufeff", Flaw.EMPTY),
    ],
)
def test_what_takes_no_room_hides_nothing(typed, flaw):
    assert flaws(Part.OPENING, clean(typed)) == [flaw]


@pytest.mark.parametrize("between", ["\v", "\f", "\x85", "\u2028", "\u2029"])
def test_every_line_break_is_one_and_parts_words(between):
    assert clean(f"one{between}two\tthree") == "one\ntwo three"


def test_words_that_need_what_takes_no_room_keep_it():
    for words in ("می\u200cخواهم", "👩\u200d🎤"):
        assert clean(words) == words
        assert flaws(Part.OPENING, words) == []


def test_what_was_ended_by_paypals_word_may_be_called_so():
    assert flaws(Part.OPENING, "Your subscription is cancelled.", CONFIRMED) == []


def test_a_subject_names_what_it_is_about_or_is_the_portals_own():
    assert problems(Part.SUBJECT, "Hello", RECORDED, ()) == [
        Problem(Flaw.MISSING, name, RECORDED.in_subject) for name in ("product", "reference")
    ]
    assert flaws(Part.SUBJECT, "{product}, {reference}") == []
    assert flaws(Part.SUBJECT, "[Studio] {fact}") == []
    assert flaws(Part.SUBJECT, "x" * LONGEST_SUBJECT + "{fact}") == [Flaw.TOO_LONG]
    assert flaws(Part.SUBJECT, "{hello} {fact}") == [Flaw.UNKNOWN]


def test_where_paypal_may_say_yes_or_no_the_subject_says_which():
    """“We paused {product}” would be sent for a pause that PayPal refused."""
    assert problems(Part.SUBJECT, "About {product}", REFUSED, ()) == [
        Problem(Flaw.MISSING, Name.FACT, REFUSED.in_subject)
    ]
    assert flaws(Part.SUBJECT, "{product}: {fact}", REFUSED) == []


@pytest.mark.parametrize(
    "address",
    [
        "https://studio.example",
        "https://studio.example/contact?a=1#b",
        "https://www.studio.example/",
        "https://shop.studio.example/x",
        "https://bücher.example/é",
        "https://xn--bcher-kva.example",
        "https://STUDIO.example/",
    ],
)
def test_the_merchants_own_pages_are_links(address):
    assert flaws(Part.CLOSING, f"See {address}.") == []
    (said,) = paragraphs(f"See {address}.", {}, HOSTS)
    assert [piece.url for line in said for piece in line if piece.url] == [address]


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.test/",
        "http://studio.example/",
        "https://studio.example.evil.test/",
        "https://evilstudio.example/",
        "https://studio.example@evil.test/",
        "https://studio.example:8443/",
        "https://evil.test\\.studio.example/",
        "https://evil.test\\@studio.example/",
        "https://plain.example/",
        "www.evil.test",
        "evil.test/pay",
        "ftp://studio.example/",
        "javascript://studio.example/%0aalert(1)",
        "https://",
        'https://studio.example/"onclick=x',
    ],
)
def test_no_other_address_is_taken_and_none_ever_is_a_link(address):
    assert Flaw.ADDRESS in flaws(Part.CLOSING, f"See {address} now")
    assert not is_own(address, HOSTS)
    pieces = [piece for one in paragraphs(f"See {address} now", {}, HOSTS) for line in one for piece in line]
    assert all(piece.url in ("", "https://studio.example/") for piece in pieces)
    assert not any("evil" in piece.url for piece in pieces)


def test_a_link_of_a_site_that_moved_is_said_and_leads_nowhere():
    ((line,),) = paragraphs("See https://studio.example/x.", {}, hosts_of(["https://new.example"]))
    assert [(piece.text, piece.url) for piece in line] == [("See https://studio.example/x.", "")]


@given(st.text(max_size=300))
def test_whatever_may_be_saved_comes_out_as_it_went_in(text):
    """Nothing is lost, nothing is made up: without names and addresses a text is itself, line by line."""
    text = clean(text)
    if flaws(Part.OPENING, text) or "{" in text:
        return
    said = flat(text, {})
    assert re.sub(r"\s", "", said) == re.sub(r"\s", "", text)


@given(st.text(), st.sampled_from(Part), st.sampled_from(EDITED))
def test_no_text_whatever_is_more_than_an_answer(text, part, kind):
    found = problems(part, text, NOTICES[kind], HOSTS)
    assert all(isinstance(one, Problem) for one in found)
    filled(text, {})
    paragraphs(text, {}, HOSTS)


@given(st.text(), st.text())
def test_a_value_is_filled_in_once_and_as_it_is(product, reference):
    """A product that is named like a name, or like a link, stays a name of a product."""
    values = {"product": product, "reference": reference}
    assert filled("<{product}|{reference}>", values) == f"<{product}|{reference}>"
    pieces = [piece for one in paragraphs("a {product} b", values, HOSTS) for line in one for piece in line]
    assert pieces == [pieces[0]]
    assert (pieces[0].text, pieces[0].url) == (f"a {product} b", "")


@given(st.text())
def test_a_cleaned_text_has_nothing_that_is_not_seen(text):
    said = clean(text)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", said)
    assert clean(said) == said
    assert len(said) <= len(text)


@given(st.lists(st.tuples(st.sampled_from(["subject", "opening", "closing"]), st.text(max_size=5)), max_size=8))
def test_every_older_text_can_be_had_again(saves):
    """Walk forward writing each state down, then ask for each of them backwards."""
    states, changes, now = [PORTALS], [], PORTALS.as_dict()
    for name, value in saves:
        changes.append({name: [now[name], value]})
        now = now | {name: value}
        states.append(Text(**now))
    newest = changes[::-1]
    for back, state in enumerate(reversed(states)):
        assert as_it_was(states[-1], newest[:back]) == state
