"""The reminder before a renewal: dedicated, the last day to refuse in an apparent box, and nothing beside it."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup

from tests.mail.composed_records import about_renewals
from tests.mail.facts import head

BOX = {
    "fr": "Date limite de non-reconduction\u00a0: lundi 8 février 2027",
    "en": "Last day to refuse the renewal: Monday 8 February 2027",
}
OFFERING = re.compile(
    r"offre|promo|réduction|remise|découvr|cadeau|offer|discount|discover|gift|upgrade", re.IGNORECASE
)


@pytest.mark.law("R-FR-22")
@pytest.mark.parametrize("locale", ["fr", "en"])
def test_the_last_day_to_refuse_stands_in_a_box_of_its_own_in_both_forms(locale):
    for mail in about_renewals(head(locale)):
        (box,) = BeautifulSoup(mail.html, "html.parser").select("p.boxed")
        assert box.get_text().strip() == BOX[locale]
        assert re.search(r"\.boxed \{[^}]*border: 3px solid", mail.html), "a box that one sees"
        above, line, below = re.search(r"^(\+-+\+)\n(\|.*\|)\n(\+-+\+)$", mail.text, re.MULTILINE).groups()
        assert line.strip("| ") == BOX[locale]
        assert len(above) == len(line) == len(below)


@pytest.mark.law("R-FR-20", "R-FR-22")
@pytest.mark.parametrize("locale", ["fr", "en"])
def test_it_is_dedicated_named_and_sells_nothing(locale):
    named, bare = about_renewals(head(locale))
    assert "Zoé Dupont" in named.text, "« nominative »"
    for mail in (named, bare):
        assert OFFERING.findall(mail.text) == []
        inside = re.findall(r"https://\S+", mail.text.partition("\n--")[0])
        assert set(inside) == {"https://portal.test/account/a/subscriptions/s"}, (
            "one link: to the place where one refuses"
        )
