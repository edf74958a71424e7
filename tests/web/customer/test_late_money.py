"""The result page when money came after the end: what it says of it, beside the confirmation, in both languages."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from portal.clock import utc_now
from portal.services.money import late_payments
from tests.services.money.late_money import alarms, charged, click, show, stopped, told, try_it

WORDS = {
    "en": (
        "A payment of €29.90 arrived on ",
        " after you cancelled. ",
        "The refund is under way.",
        "It was refunded on ",
        " says that this payment was owed and will not refund it.",
        "The refund was requested. PayPal has not carried it out yet.",
    ),
    "fr": (
        "Un paiement de 29,90\u00a0€ est arrivé le ",
        " après votre résiliation. ",
        "Le remboursement est en cours.",
        "Il a été remboursé le ",
        " indique que ce paiement était dû et ne le rembourse pas.",
        "Le remboursement a été demandé\u202f; PayPal ne l’a pas encore effectué.",
    ),
}


def paragraphs(visit, make, ended):
    """What the proof's page says of late money, and of whom; both frames' words have their own place in the page."""
    (request,) = make.requests(ended)
    page = visit.browser.get(f"{visit.home}requests/{request.reference}")
    told = [one for one in page.select("main .notice") if WORDS[page.language][0].split(" of ")[0][:11] in one.text]
    return page, [" ".join(one.get_text().split(" ")).strip() for one in told]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_became_of_a_payment_after_the_end_is_said_beside_the_confirmation(make, log_in, ctx, paypal, language):
    merchant = make.merchant(locale=language)
    visit = log_in(merchant, make.customer(merchant), language=language)
    ended = stopped(ctx, make, paypal, merchant=merchant, customer=visit.customer)
    came, reported, under_way, given_back, explained, held_up = WORDS[language]
    page, told = paragraphs(visit, make, ended)
    assert told == []

    show(ctx, ended, charged(paypal, ended))
    page, (said,) = paragraphs(visit, make, ended)
    assert came in said
    assert reported + merchant.name in said
    assert not any(words in said for words in (under_way, given_back, explained))
    then = {"en": "What was confirmed on ", "fr": "Ce qui vous a été confirmé le "}[language]
    order = [page.body.index(mark) for mark in ("<h1", reported, then, "<dl")]
    assert order == sorted(order), "before what was confirmed then, and the details"
    assert page.body.count(reported) == 1

    (late,) = alarms(ctx)
    refund_id = click(ctx, late)
    paypal.rule("refund", "403", times=1)
    try_it(ctx, late, refund_id)
    said = paragraphs(visit, make, ended)[1][0]
    assert held_up in said
    assert under_way not in said
    paypal.happen(ended.provider_id, "refunds-wait")
    try_it(ctx, late, refund_id)
    assert under_way in paragraphs(visit, make, ended)[1][0]
    paypal.happen(ended.provider_id, "finish-refunds")
    try_it(ctx, late, refund_id)
    said = paragraphs(visit, make, ended)[1][0]
    assert given_back in said
    assert under_way not in said

    paypal.happen(ended.provider_id, "charge")
    show(ctx, ended, charged(paypal, ended, after=timedelta(days=1, hours=5)))
    newest = alarms(ctx)[-1]
    late_payments.explain(ctx, merchant.id, newest.id, reason="dû depuis mai", by="Anne", now=utc_now())
    page, (said, _older) = paragraphs(visit, make, ended)
    assert merchant.name + explained in said
    assert "tone-ok" not in page.select_one(".notice:-soup-contains('29')")["class"], "money kept is no good news"
    assert "dû depuis mai" not in page.text, "the merchant's reason is the merchant's"


PARTS = {
    "en": (
        "€10.00 of it has already been returned; €19.90 is still to be refunded.",
        "will not refund the other €19.90.",
    ),
    "fr": (
        "10,00\u00a0€ ont déjà été rendus\u202f; il reste 19,90\u00a0€ à rembourser.",
        "ne rembourse pas les 19,90\u00a0€ restants.",
    ),
}


@pytest.mark.parametrize("language", ["en", "fr"])
def test_19_what_went_back_and_what_is_open_are_said_in_figures(make, log_in, ctx, paypal, language):
    merchant = make.merchant(locale=language)
    visit = log_in(merchant, make.customer(merchant), language=language)
    ended = stopped(ctx, make, paypal, merchant=merchant, customer=visit.customer)
    paid = charged(paypal, ended)
    show(ctx, ended, paid)
    show(ctx, ended, paid, told=told(paid, "reversal", "10.00"))
    still_open, kept = PARTS[language]
    given_back = WORDS[language][3]
    page, (said,) = paragraphs(visit, make, ended)
    assert still_open in said
    assert given_back not in said
    assert page.select_one(".notice.tone-ok:-soup-contains('29')") is None
    (late,) = alarms(ctx)
    late_payments.explain(ctx, merchant.id, late.id, reason="dû", by="Anne", now=utc_now())
    _page, (said,) = paragraphs(visit, make, ended)
    assert kept in said
    assert still_open not in said
    show(ctx, ended, paid, told=told(paid, "reversal", "19.90"))
    _page, (said,) = paragraphs(visit, make, ended)
    assert given_back not in said, "PayPal took it back: nobody gave it"
    assert "19" not in said


@pytest.mark.parametrize(
    ("kind", "words"), [("refund", "Remboursé"), ("reversal", "Repris"), (None, "Remboursé")], ids=str
)
def test_its_page_goes_on_showing_whoever_got_late_money_back(make, log_in, ctx, paypal, kind, words):
    merchant = make.merchant(locale="fr")
    visit = log_in(merchant, make.customer(merchant), language="fr")
    ended = stopped(ctx, make, paypal, merchant=merchant, customer=visit.customer)
    paid = charged(paypal, ended)
    show(ctx, ended, paid)
    if kind is None:
        (late,) = alarms(ctx)
        try_it(ctx, late, click(ctx, late))
    else:
        show(ctx, ended, paid, told=told(paid, kind, "29.90"))
    page = visit.browser.get(visit.page(ended))
    (line,) = [one for one in page.select("ol.timeline > li") if words in one.get_text()]
    assert "29,90\u00a0€" in line.get_text()


SAID = {
    "en": ("A payment of €29.90 arrived on ", "See where this payment stands"),
    "fr": ("Un paiement de 29,90 € est arrivé le ", "Voir où en est ce paiement"),
}


@pytest.mark.parametrize("language", ["en", "fr"])
def test_while_late_money_is_open_its_card_says_so_and_every_page_the_same_dates(make, log_in, ctx, paypal, language):
    merchant = make.merchant(locale=language)
    visit = log_in(merchant, make.customer(merchant), language=language)
    product = make.product(merchant, contents=(("Leçon 1", 0),))
    ended = stopped(ctx, make, paypal, merchant=merchant, customer=visit.customer, product=product)
    said, link = SAID[language]
    assert said not in visit.browser.get(visit.home).text
    before = access_on(visit.browser.get(visit.page(ended)))

    show(ctx, ended, charged(paypal, ended))
    for path in (visit.home, visit.page(ended)):
        page = visit.browser.get(path)
        assert said in page.text
        assert merchant.name in page.select_one(".notice.tone-warn").get_text()
        proof = page.follow(link)
        assert said in proof.text
        assert access_on(page) != before
        assert access_on(proof) == access_on(page)
        for label in ("Paid until", "Payé jusqu’au"):
            assert len(days(page, label) | days(proof, label)) <= 1

    (late,) = alarms(ctx)
    late_payments.explain(ctx, merchant.id, late.id, reason="dû", by="Anne", now=utc_now())
    assert said not in visit.browser.get(visit.home).text, "settled: the proof tells it"


DAY = re.compile(r"(\d{1,2})(?:er)? ([^\W\d]{3})\S* (\d{4})")  # in full on a card, in short in a table


def days(page, *labels):
    """The days that the page's summaries say under these labels."""
    found = [term.find_next("dd").get_text() for term in page.select("dt") if term.get_text() in labels]
    return {DAY.search(said).groups() for said in found}


def access_on(page):
    """Until when there is access, by every summary of the page: one day; on the account page, by the sentence."""
    found = days(page, "Access until", "Accès jusqu’au", "Your access", "Vos accès")
    sentence = page.select_one(".card .lede")
    (day,) = found or {DAY.findall(sentence.get_text())[-1]}
    return day
