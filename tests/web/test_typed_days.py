"""A day is taken as people write it, in every form that has one; the rest is answered in the reader's language."""

from __future__ import annotations

import importlib
import pkgutil
from datetime import date
from types import SimpleNamespace

import flask_babel
import pytest
import wtforms
from flask import g
from werkzeug.datastructures import MultiDict

import portal.web
from portal.web.day_form import DayForm
from tests.web.customer.conftest import french_visit, log_in  # noqa: F401
from tests.web.test_form_words import every_form, field_names

WRITTEN = (
    "2027-04-03",
    "03/04/2027",
    "3/4/2027",
    "3.4.2027",
    "03-04-2027",
    " 03 / 04 / 2027\u00a0",
    "０３／０４／２０２７",
    "٠٣/٠٤/٢٠٢٧",
    "\u200e03/04/2027",  # as Windows copies it
)
NO_DAY = (
    "31/02/2027",
    "11 mai 2027",
    "04/2027",
    "3/4/27",
    "03/04-2027",
    "2027-13-01",
    "demain",
    "1/2/3",
    "0/0/0000",
)
SENTENCE = {
    "fr": "Saisissez une date, par exemple 28/11/2026.",
    "en": "Enter a date, for example 28/11/2026.",
}


def forms_with_days() -> list[object]:
    """Every form that has a day, with the names of its days; one written by hand beside ours is found too."""
    for module in pkgutil.walk_packages(portal.web.__path__, "portal.web."):
        importlib.import_module(module.name)
    kinds = {kind for kind in every_form(wtforms.Form) if kind.__module__.startswith("portal.")}
    found = []
    for kind in sorted(kinds, key=lambda kind: kind.__qualname__):
        days = [name for name in field_names(kind) if issubclass(getattr(kind, name).field_class, wtforms.DateField)]
        if days:
            found.append(pytest.param(kind, days, id=kind.__qualname__))
    return found


def filled(kind, days, text):
    g.merchant = SimpleNamespace(time_zone="Europe/Paris", locale=None)
    form = kind(MultiDict(dict.fromkeys(days, text)))
    form.today = date(2027, 1, 1)
    form.validate()
    return [getattr(form, day) for day in days]


def test_the_forms_are_found():
    assert {param.id for param in forms_with_days()} >= {"DayForm", "NotificationForm", "ReceivedForm", "FetchForm"}


@pytest.mark.parametrize(("kind", "days"), forms_with_days())
def test_a_day_is_taken_as_people_write_it(app, kind, days):
    for language in ("fr", "en"):  # day before month in both
        for text in WRITTEN:
            with app.test_request_context(method="POST"), flask_babel.force_locale(language):
                for field in filled(kind, days, text):
                    assert field.data == date(2027, 4, 3), text
                    assert field._value() == "2027-04-03", "what a field of days can show"


@pytest.mark.parametrize(("kind", "days"), forms_with_days())
@pytest.mark.parametrize("language", ["fr", "en"])
def test_what_is_no_day_is_answered_with_one_sentence(app, language, kind, days):
    for text in NO_DAY:
        with app.test_request_context(method="POST"), flask_babel.force_locale(language):
            for field in filled(kind, days, text):
                assert [str(error) for error in field.errors] == [SENTENCE[language]], text
                assert field._value() == text, "nothing typed is lost"


def test_the_recap_answers_in_french(french_visit, make):  # noqa: F811
    recap = french_visit.recap(make.subscription(customer=french_visit.customer))
    page = recap.submit(press="Voir ce que cela change", on="11 mai 2027", status=422)
    assert page.errors == [SENTENCE["fr"]]
    recap.submit(press="Voir ce que cela change", on="28/11/2027")


def test_a_plain_form_speaks_our_words_too(app):
    with app.test_request_context(), flask_babel.force_locale("fr"):
        assert DayForm().meta.get_translations(None).gettext("Not a valid choice.").startswith("Choisissez")
