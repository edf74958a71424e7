"""Receipts and statements on paper: tagged, in the reader's language, each amount as its currency has it."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from portal.documents.receipts import (
    Issuer,
    ReceiptFacts,
    Returned,
    StatementFacts,
    receipt_file,
    receipt_words,
    statement_file,
)
from portal.domain.money.money import Money
from portal.domain.money.receipts import Total
from portal.services.pictures import cleaned
from tests.documents.test_pdf import fonts_in
from tests.pdf_text import lines_of, tags_of, words_of
from tests.services.made_pictures import png

PAID_AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
WRITTEN = '#strong[x] $x^2$ *a* <label> @ref "q" \\ #import "x" `c`'


def euros(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def issuer(**changed) -> Issuer:
    usual = {"name": "L’École", "time_zone": "Europe/Paris", "locale": "en", "lines": ("VAT FR12 345",), "logo": None}
    return Issuer(**(usual | changed))


def facts(**changed) -> ReceiptFacts:
    usual = {
        **{"customer": "Claire Fontaine", "product": "Piano", "amount": euros("29.90"), "paid_at": PAID_AT},
        **{"number": "5TY05013RG002845M", "subscription_number": "I-BW452GLLEP1G", "returned": ()},
        **{
            "left": euros("29.90"),
            "is_back_known": True,
            "under_way": None,
            "is_test": False,
            "made_at": PAID_AT + timedelta(days=9),
        },
    }
    return ReceiptFacts(**(usual | changed))


def statement(**changed) -> StatementFacts:
    row = ("1 Mar 2026", "Piano", "€29.90", "Paid", "5TY05013RG002845M")
    usual = {
        "year": 2026,
        "customer": "Claire",
        "rows": (row,),
        "totals": (),
        "gap": "",
        "is_test": False,
        "made_at": PAID_AT,
    }
    return StatementFacts(**(usual | changed))


def paper(made, **own) -> bytes:
    if isinstance(made, ReceiptFacts):
        return receipt_file(made, issuer(**own)).content
    return statement_file(made, issuer(**own), name="payments-2026.pdf").content


@pytest.mark.parametrize(
    ("made", "locale", "title"),
    [
        (facts(), "fr", "Reçu, transaction PayPal 5TY05013RG002845M"),
        (facts(), "en", "Receipt, PayPal transaction 5TY05013RG002845M"),
        (statement(), "fr", "Paiements de 2026 à L’École"),
        (statement(), "en", "Payments of 2026 to L’École"),
    ],
)
def test_it_says_to_programs_what_it_is(made, locale, title):
    content = paper(made, locale=locale)
    root = PdfReader(io.BytesIO(content)).trailer["/Root"]
    assert root["/Lang"] == locale
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    described = root["/Metadata"].get_data().decode()
    assert "<pdfuaid:part>1</pdfuaid:part>" in described
    assert title in described
    assert tags_of(content).count("/H1") == 1


def test_each_label_belongs_to_what_stands_beside_it_and_each_cell_to_its_column():
    tags = tags_of(paper(facts()))
    assert tags.count("/Lbl") == tags.count("/LBody") == 8
    tags = tags_of(paper(statement()))
    assert (tags.count("/TH"), tags.count("/TD")) == (5, 5)


@pytest.mark.law("R-FR-63")
@pytest.mark.parametrize(
    ("made", "locale", "said"),
    [
        (facts(), "fr", "Ceci est un reçu, pas une facture."),
        (facts(), "en", "This is a receipt, not an invoice."),
        (statement(), "fr", "Ceci est un relevé de paiements, pas une facture."),
        (statement(), "en", "This is a list of payments, not an invoice."),
    ],
)
def test_it_is_no_invoice_and_says_so_once(made, locale, said):
    words = words_of(paper(made, locale=locale))
    assert "".join(said.split()) in words
    assert len(re.findall("facture|invoice", words, re.IGNORECASE)) == 1


def test_vat_stands_there_only_where_the_merchant_wrote_of_it():
    assert "VATFR12345" in words_of(paper(facts()))
    for locale in ("fr", "en"):
        assert not re.search("VAT|TVA", words_of(paper(facts(), locale=locale, lines=())))


def test_when_it_was_paid_is_said_with_whose_clock_it_is():
    assert "Sunday1March2026at10:00(Paristime)" in words_of(paper(facts()))
    assert "dimanche1ermars2026à18:00(heuredeTokyo)" in words_of(paper(facts(), locale="fr", time_zone="Asia/Tokyo"))


@pytest.mark.parametrize(
    ("amount", "currency", "fr", "en"),
    [
        ("2980", "JPY", "2\u202f980\u00a0JPY", "¥2,980"),
        ("1234.5", "EUR", "1\u202f234,50\u00a0€", "€1,234.50"),
    ],
)
def test_amounts_have_the_decimals_of_their_currency(amount, currency, fr, en):
    money = Money(Decimal(amount), currency)
    for locale, said in (("fr", fr), ("en", en)):
        made = facts(amount=money, left=money)
        got = receipt_words(made, issuer(locale=locale))
        assert (dict(got.rows)["Montant" if locale == "fr" else "Amount"]) == said
        assert "".join(said.split()) in words_of(paper(made, locale=locale))


BACK = Returned(amount=euros("10"), at=datetime(2026, 4, 1, 8, tzinfo=UTC), number="9AB")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ()),
        ({"returned": (BACK,), "left": euros("19.90")}, ("€10.00 of it was returned to you.",)),
        ({"returned": (BACK,), "left": euros("0")}, ("All of it was returned to you.",)),
        ({"is_back_known": False}, ("A part of it was returned to you. PayPal does not say how much.",)),
        (
            {"under_way": euros("5")},
            ("A refund of €5.00 is under way: PayPal has not confirmed it yet.",),
        ),
        (
            {"returned": (BACK,), "left": euros("19.90"), "under_way": euros("5")},
            (
                "€10.00 of it was returned to you.",
                "A refund of €5.00 is under way: PayPal has not confirmed it yet.",
            ),
        ),
    ],
)
def test_what_became_of_it_since_is_said_first_and_in_rows(changed, said):
    words = receipt_words(facts(**changed), issuer())
    assert words.more == said
    read = words_of(paper(facts(**changed)))
    assert all("".join(sentence.split()) in read for sentence in said)


def test_each_sum_that_went_back_has_its_day_and_number_or_says_that_there_is_none():
    undated = Returned(amount=euros("3"), at=None, by_paypal=True)
    rows = receipt_words(facts(returned=(BACK, undated), left=euros("16.90")), issuer()).rows
    assert ("Refunded", "€10.00, confirmed by PayPal on Wednesday 1 April 2026 (9AB)") in rows
    assert ("Reversed through PayPal", "€3.00, on a day that PayPal has not reported") in rows
    assert ("Not returned", "€16.90") in rows


def test_a_logo_is_a_figure_with_words_and_none_is_none():
    content = paper(facts(), logo=cleaned(png()))
    assert "/Figure" in tags_of(content)
    assert "/Figure" not in tags_of(paper(facts()))


def test_a_year_of_daily_payments_has_its_columns_named_on_each_page():
    row = ("1 Mar 2026", "Piano " * 8, "€29.90", "Partly refunded – €10.00", "5TY05013RG002845M")
    total = Total(year=2026, currency="EUR", taken=Decimal("10913.50"), back=Decimal(10), count=365)
    content = paper(statement(rows=(row,) * 365, totals=(total,)))
    pages = len(PdfReader(io.BytesIO(content)).pages)
    assert pages > 5
    assert words_of(content).count("PayPaltransactionID") == pages
    assert "365 payments: €10,913.50 in all. Returned: €10.00. Not returned: €10,903.50." in lines_of(content)
    assert lines_of(content)[-1].endswith(f"page {pages} of {pages}")


def test_what_is_not_known_is_said_and_then_nothing_is_added_up():
    words = words_of(paper(statement(gap="Earlier ones are missing.")))
    assert "Earlieronesaremissing." in words
    assert "inall" not in words


@pytest.mark.parametrize("is_test", [False, True])
def test_where_no_money_moves_both_say_so(is_test):
    for made in (facts(is_test=is_test), statement(is_test=is_test)):
        assert ("PayPal’stestenvironment:norealmoney" in words_of(paper(made))) is is_test


def test_what_people_write_is_never_read_as_markup():
    made = facts(customer=WRITTEN, product=WRITTEN)
    content = paper(made, name=WRITTEN, lines=(WRITTEN,))
    assert words_of(content).count("".join(WRITTEN.split())) >= 5
    assert fonts_in(content) <= {"NotoSans-Regular", "NotoSans-SemiBold", "NotoSerif-Regular"}


def test_the_same_facts_make_the_same_bytes_and_the_name_says_nothing_of_a_person():
    assert paper(facts(), logo=cleaned(png())) == paper(facts(), logo=cleaned(png()))
    assert receipt_file(facts(), issuer(locale="fr")).name == "recu-5TY05013RG002845M.pdf"


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=60), st.text(st.characters(min_codepoint=0x300), max_size=60))
def test_no_text_keeps_one_from_being_made(name, line):
    assert paper(facts(customer=name, product=line), name=name, lines=(line,)).startswith(b"%PDF-")
    row = (name, line, name, line, "X")
    assert paper(statement(customer=name, rows=(row,)), name=line).startswith(b"%PDF-")
