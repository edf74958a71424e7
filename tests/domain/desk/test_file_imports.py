"""How columns are matched: what their names speak of, and what no match may be."""

from __future__ import annotations

import pytest

from portal.domain.desk.customer_filters import CustomerFilter
from portal.domain.desk.file_imports import FIELDS, Brought, DateOrder, Field, Match, MatchFault, faults, guess
from portal.queries.desk import list_exports

E, N, P, U, X = Field.EMAIL, Field.NAME, Field.PRODUCT, Field.UNTIL, Field.EXTRA


@pytest.mark.parametrize(
    ("brought", "header", "expected"),
    [
        (Brought.CUSTOMERS, "E-mail;Nom;Externe", [E, N, None]),
        (Brought.CUSTOMERS, "Adresse e-mail;Prénom;Langue", [E, None, Field.LANGUAGE]),
        (Brought.CUSTOMERS, "email;Mail", [E, None]),
        (Brought.GRANTS, "email;Produit;Date de début;Date de fin", [E, P, Field.SINCE, U]),
        (Brought.SUBSCRIPTIONS, "id;Référence;Couleur", [Field.SUBSCRIPTION, Field.REFERENCE, None]),
        (Brought.CUSTOMERS, "E-Mail-Adresse;Sprache;Kundennummer", [E, Field.LANGUAGE, Field.EXTERNAL_ID]),
        (Brought.GRANTS, "E-Mail;Produkt;von;bis", [E, P, Field.SINCE, U]),
        (Brought.GRANTS, "Email;Kurs;Beginn;Ende;Bemerkung", [E, P, Field.SINCE, U, Field.NOTE]),
        (Brought.SUBSCRIPTIONS, "Abonnement;Vertragsnummer", [Field.SUBSCRIPTION, Field.REFERENCE]),
        (Brought.CUSTOMERS, ";;", [None, None, None]),
    ],
)
def test_a_column_is_guessed_by_its_name_and_each_field_once(brought, header, expected):
    assert list(guess(brought, header.split(";"))) == expected


def test_our_own_list_of_customers_is_known_whole():
    names = list_exports.columns(CustomerFilter)
    found = dict(zip(names, guess(Brought.CUSTOMERS, names), strict=True))
    assert {name: field for name, field in found.items() if field} == {
        "id": Field.CUSTOMER,
        "external_id": Field.EXTERNAL_ID,
        "name": Field.NAME,
        "email": Field.EMAIL,
        "language": Field.LANGUAGE,
    }


@pytest.mark.parametrize(
    ("brought", "columns", "expected"),
    [
        (Brought.CUSTOMERS, (E, N), []),
        (Brought.CUSTOMERS, (E, E), [MatchFault.TWICE]),
        (Brought.CUSTOMERS, (N, None), [MatchFault.NO_KEY]),
        (Brought.GRANTS, (E, N), [MatchFault.NOTHING]),
        (Brought.GRANTS, (P, U), [MatchFault.NO_KEY]),
        (Brought.SUBSCRIPTIONS, (Field.SUBSCRIPTION, None), [MatchFault.NOTHING]),
        (Brought.SUBSCRIPTIONS, (X, X), [MatchFault.NO_KEY]),
        (Brought.SUBSCRIPTIONS, (Field.SUBSCRIPTION, X), []),
    ],
)
def test_what_no_match_may_be(brought, columns, expected):
    assert [one.why for one in faults(brought, Match(columns), ("a", "b"), ())] == expected


def test_days_that_are_not_iso_want_an_answer_only_where_they_are_brought():
    columns, header = (E, P, U, None), ("a", "b", "c", "d")
    assert [one.columns for one in faults(Brought.GRANTS, Match(columns), header, {2, 3})] == [(2,)]
    assert faults(Brought.GRANTS, Match(columns, DateOrder.DAY_FIRST), header, {2}) == []
    assert faults(Brought.GRANTS, Match(columns), header, {3}) == []


def test_what_is_kept_under_its_own_name_has_one():
    columns = (Field.SUBSCRIPTION, X, X)
    (bad,) = faults(Brought.SUBSCRIPTIONS, Match(columns), ("id", "", "y" * 61), ())
    assert (bad.why, bad.columns) == (MatchFault.EXTRA_NAME, (1, 2))
    many = (Field.SUBSCRIPTION, *[X] * 21)
    assert [one.why for one in faults(Brought.SUBSCRIPTIONS, Match(many), list("abcdefghijklmnopqrstuv"), ())] == [
        MatchFault.TOO_MANY_EXTRAS
    ]


def test_every_kind_has_a_way_to_say_whom_it_is_about():
    for brought, fields in FIELDS.items():
        assert fields[0] in (Field.CUSTOMER, Field.SUBSCRIPTION), brought
