"""Two spellings of one address are one address (issue 10, B15)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.domain.people.email_addresses import mailbox, masked, normal, shown

ZOE = "zoe@xn--bcher-kva.example"


@pytest.mark.parametrize(
    "typed",
    [
        "zoe@bücher.example",
        "Zoe@BÜCHER.example",
        "zoe@XN--BCHER-KVA.example",
        unicodedata.normalize("NFD", "zoe@bücher.example"),
        " zoe@bücher.example \n",
        "zoe@bücher.example.",
        "zoe@bücher\u3002example",  # the full stop of Chinese and Japanese keyboards
        "zoe@ｂücher.example",
        "zoe@bücher.example\u3002",
    ],
)
def test_every_spelling_of_a_domain_is_one(typed):
    assert normal(typed) == ZOE


def test_letters_that_two_keyboards_compose_differently_are_one():
    assert normal(unicodedata.normalize("NFD", "Zoé@exemple.fr")) == normal("zoé@exemple.fr") == "zoé@exemple.fr"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("zoe@straße.example", "zoe@strasse.example"),  # two domains since IDNA 2008
        ("zoe@bücher.example", "zoe@bucher.example"),
        ("zoe+cours@exemple.fr", "zoe@exemple.fr"),
        ("z.oe@exemple.fr", "zoe@exemple.fr"),
    ],
)
def test_what_may_be_two_people_stays_two(one, other):
    assert normal(one) != normal(other)


@pytest.mark.parametrize("odd", ["", "@", "zoe", "zoe@", "a@b@bücher.example", "zoe@" + "ü" * 80, "zoe@ü_.x", "zoe@-"])
def test_what_is_no_address_does_not_fail(odd):
    assert normal(normal(odd)) == normal(odd)


@settings(derandomize=True, database=None, max_examples=300)
@given(st.text(max_size=12), st.text(max_size=12))
def test_the_normal_form_of_a_normal_form_is_itself(local, domain):
    once = normal(f"{local}@{domain}.example")
    assert normal(once) == once


def test_people_read_the_spelling_that_they_write():
    assert shown(ZOE) == "zoe@bücher.example"
    assert shown("zoe@exemple.fr") == "zoe@exemple.fr"
    assert shown("zoe@xn--a.example") == "zoe@xn--a.example"


def test_the_old_mailbox_does_not_learn_the_new_address():
    assert masked("claire.dupont@exemple.fr") == "c…@exemple.fr"


def test_a_tag_leads_to_the_same_mailbox():
    told = [
        mailbox(normal(one))
        for one in ("Zoe@Client.test", "zoe+shop@client.test", "zoe+@client.test", "zo@client.test")
    ]
    assert told == ["zoe@client.test"] * 3 + ["zo@client.test"]
