"""What a form says of a wrong answer is said in the reader's language, and as a person would say it."""

from __future__ import annotations

import re
from pathlib import Path

import flask_babel
import pytest
import wtforms
from flask import g
from werkzeug.datastructures import MultiDict

from portal.models import Merchant
from portal.web.csrf import BaseForm

SAID = re.compile(r'gettext\(\s*"([^"]+)"')
THEIR_OWN = {words for path in Path(wtforms.__file__).parent.rglob("*.py") for words in SAID.findall(path.read_text())}
WRONG = ("", "☃", "31/02/2026", "99999999999999999999", "x" * 6000)


def every_form(kind=BaseForm):
    for one in kind.__subclasses__():
        yield one
        yield from every_form(one)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_field_ever_speaks_with_the_librarys_voice(app, language):
    """Every field of every form is given what cannot be right; none may answer in WTForms' own words."""
    assert "Not a valid date value." in THEIR_OWN
    french = Path(wtforms.__file__).parent / "locale" / "fr" / "LC_MESSAGES" / "wtforms.po"
    machines = set(re.findall(r'msgstr "([^"]+)"', french.read_text()))
    tried = 0
    with app.test_request_context(method="POST"), flask_babel.force_locale(language):
        g.merchant = Merchant(
            leaving_reasons=[], locale="fr", time_zone="Europe/Paris"
        )  # of whose pages some forms are
        for kind in {one for one in every_form() if not one.__module__.startswith("tests")}:
            for wrong in WRONG:
                try:
                    form = kind(formdata=MultiDict(dict.fromkeys(field_names(kind), wrong)))
                except TypeError:
                    continue  # it wants what its page gives it: the pages' own tests meet it
                form.validate()
                said = {str(error) for errors in form.errors.values() for error in flat(errors)}
                assert not said & (THEIR_OWN | machines), f"{kind.__name__} for {wrong[:30]!r}: {said}"
                tried += 1
    assert tried > 60


def field_names(kind):
    return [name for name in dir(kind) if hasattr(getattr(kind, name), "field_class")]


def flat(errors):
    for one in errors:
        if isinstance(one, dict):
            for inner in one.values():
                yield from flat(inner)
        else:
            yield one


def test_a_date_that_is_none_is_answered_with_an_example(app):
    with app.test_request_context(method="POST"), flask_babel.force_locale("fr"):
        from portal.web.resume_form import ResumeForm

        form = ResumeForm(formdata=MultiDict({"day": "31/02/2026"}))
        form.validate()
    assert form.day.errors == ["Saisissez une date, par exemple 28/11/2026."]


@pytest.mark.law("R-AC-5", "R-AC-3")
def test_an_error_is_announced_leads_to_its_field_and_stands_beside_it(browser, make):
    page = browser.submit(f"/account/{make.merchant().slug}/login", email="nobody at all", status=422)
    problem = page.select_one("#errors[role=alert]")
    (link,) = problem.select("li a")
    field = page.select_one(link["href"])
    assert field.name == "input"
    assert field["aria-invalid"] == "true"
    assert page.select_one(f"label[for={field['id']}]").get_text(strip=True)
    said = page.select_one(f"#{field['aria-describedby'].split()[-1]}").get_text(" ", strip=True)
    assert said.endswith(link.get_text(strip=True))
    assert field["autocomplete"] == "email"
    assert field["value"] == "nobody at all"
