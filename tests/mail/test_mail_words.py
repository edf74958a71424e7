"""What single messages say, word for word where it matters."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from itertools import cycle

import pytest
from bs4 import BeautifulSoup

from portal.domain.money.money import Money
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.i18n import LOCALES
from portal.mail import ends, logins, merchants
from portal.mail.composing import AUTOPAY_URL
from portal.services.keys.key_checks import BROKEN
from tests.mail.composed import every_message, key_broken
from tests.mail.facts import ALL_BLANK, NOW, confirmed, effects, end, head, proof

HEADER = re.compile("<header.*?</header>", re.DOTALL)
NAMES = [
    "Zoé d’Arc-L'Hôpital",
    "محمد بن عبد الله",
    "<script>alert('x')</script> & fils",
    "Ünïcödé " * 17 + "abcd",
    "100 % %(name)s {{ 7 * 7 }}",
    "Claire\r\nBcc: all@victims.test\r\n\r\nhello",
]


@pytest.mark.law("R-FR-12")
def test_the_words_of_the_confirmation():
    french = confirmed(head("fr"), end(), effects()).text
    english = confirmed(head("en"), end(), effects()).text
    assert (
        "Votre abonnement est résilié. PayPal l’a confirmé le samedi 3 avril 2027 à 16:05 (heure de Paris). "
        "Aucun autre prélèvement ne sera effectué." in french
    )
    assert "Vous gardez vos accès jusqu’au vendredi 23 avril 2027." in french
    assert "Your subscription is cancelled. PayPal confirmed it on Saturday 3 April 2027 at 16:05" in english
    assert "You will not be charged again." in english
    for fact in ("K7QM-4TXD", "16:05 (Paris time)", "€29.90, due on", "Friday 23 April 2027"):
        assert fact in english
    assert "You keep for good: Leçon 1." in english


def test_the_words_of_the_acknowledgement():
    french = ends.end_recorded(head("fr"), end(reason="Trop cher")).text
    assert (
        "Votre demande a été enregistrée le samedi 3 avril 2027 à 15:58 (heure de Paris), référence "
        "K7QM-4TXD. PayPal ne l’a pas encore confirmée. Nous réessayons automatiquement et nous vous écrirons. "
        "Vous n’avez rien à refaire." in french
    )
    assert "Trop cher" in french
    assert "zoe@client.test" in french
    assert AUTOPAY_URL not in french


@pytest.mark.parametrize(
    ("next_payment_at", "words"),
    [
        (NOW + timedelta(hours=2), "Next payment due Saturday 3 April 2027."),
        (NOW - timedelta(hours=2), "A payment was due on Saturday 3 April 2027"),
        (None, "The date of the next payment is unknown."),
    ],
)
def test_a_payment_that_is_near_comes_with_paypals_own_page(next_payment_at, words):
    mail = ends.end_recorded(head(), end(is_payment_near=True, next_payment_at=next_payment_at))
    assert words in mail.text
    assert AUTOPAY_URL in mail.text


def test_amounts_in_yen_have_no_decimals():
    mail = confirmed(head(), end(price=Money(Decimal("1200.0000"), "JPY")), effects())
    assert "¥1,200, due on" in mail.text


@pytest.mark.parametrize("ran_out", [False, True])
def test_a_completion_names_the_payment_that_it_prevented_unless_the_plan_ran_out_by_itself(ran_out):
    done = proof(head(), end(asked_by=Actor.STAFF), effects(outcome=Status.COMPLETED, was_at_provider=ran_out))
    for rows in (dict(done.lines), dict(done.rows)):
        assert ("First payment not taken" in rows) == (not ran_out)


def test_what_is_unknown_is_said_to_be_unknown():
    blank = end(**ALL_BLANK)
    lost = effects(access_until=None, is_access_unknown=True, last_payment_at=None, ended_at=None)
    text = confirmed(head(), blank, lost).text
    assert "amount unknown, due on" in text
    rows = dict(proof(head(), blank, lost).rows)
    assert rows["Price"] == "amount unknown"
    assert rows["Last payment"] == rows["Subscription end date"] == "date unknown"
    assert "You keep access until a date that L’Atelier d’Anaïs will tell you." in text


@pytest.mark.exhaustive
@pytest.mark.parametrize(("locale", "name"), [*zip(cycle(LOCALES), NAMES, strict=False)])
def test_names_stay_names(locale, name):
    whose = head(locale, merchant_name=name)
    plain = " ".join(name.split())
    for mail in every_message(whose, product=name, customer=name):
        assert "\r" not in mail.subject + mail.text + mail.html
        assert "\n" not in mail.subject
        assert not any(line.startswith("Bcc:") for line in mail.text.splitlines())
        assert "<script" not in mail.html.casefold()
        (header,) = HEADER.findall(mail.html)  # to take all of six thousand mails apart is half a minute
        assert plain in BeautifulSoup(header, "html.parser").text
        assert plain in mail.text
        assert "49" not in mail.subject


def test_a_right_to_left_name_does_not_turn_the_sentence():
    name = "محمد"
    mail = ends.end_recorded(head(), end(customer_name=f"\u202e{name}\u202c"))
    assert f"Hello \u2068{name}\u2069," in mail.text
    assert "\u202e" not in mail.text + mail.html


def test_a_long_product_keeps_the_subject_readable():
    mail = ends.end_recorded(head(), end(product="Apprendre le piano " * 8))
    assert len(mail.subject) < 140
    assert mail.subject.endswith("K7QM-4TXD")
    assert "Apprendre le piano Apprendre le piano Apprendre" in mail.text


def test_a_broken_key_says_what_stopped_what_is_safe_and_how_to_mend_it():
    told = {finding: key_broken(head(), finding=finding).text for finding in BROKEN}
    assert len(set(told.values())) == len(BROKEN), "each finding has its own way to mend it"
    for text in told.values():
        assert "can neither end nor check the subscriptions of this key" in text
        assert "nothing is lost" in text
        assert "https://portal.test/admin/paypal/rest" in text
        assert "Saturday 3 April 2027" in text
        assert "wait" not in text
    classic = key_broken(head(), is_classic=True, waiting=3)
    assert "classic" in classic.subject
    assert "API user, password, signature" in classic.text
    assert "3 requests are waiting now." in classic.text
    assert "https://portal.test/admin/paypal/classic" in classic.text


def test_a_customer_without_address_is_left_to_the_merchant():
    told = [
        merchants.merchant_end_requested(head(), (end(**changes),), more=0, path="/admin/").text
        for changes in ({}, {"customer_email": None})
    ]
    assert ["no email address" in text for text in told] == [False, True]


def test_a_merchant_who_has_something_to_do_is_not_told_that_there_is_nothing():
    for changes, more, is_free in (
        ({}, {}, True),
        ({"customer_email": None}, {}, False),
        ({}, {"is_access_unknown": True, "access_until": None}, False),
    ):
        mail = merchants.merchant_end_confirmed(head(), end(**changes), effects(**more))
        assert ("You do not need to do anything" in mail.text) is is_free, (changes, more)


def test_the_code_is_in_the_subject_and_in_the_body_and_not_where_others_read():
    mail = logins.login_code(head(), code="042137", path="/account/a/login/link/t", minutes=10, valid_until=NOW)
    assert "042137" in mail.subject
    assert "042137" not in mail.shown_subject
    assert "042137" in mail.text.splitlines()
    assert "for 10 minutes" in mail.text
    assert "https://portal.test/account/a/login/link/t" in mail.text
    assert mail.html.count("042137") == mail.text.count("042137") == 1
