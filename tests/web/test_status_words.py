"""The status of a subscription is said of that one, whatever else is called by the same English word."""

from __future__ import annotations

from flask_babel import force_locale

from portal.domain.ends.ended_by import EndedBy
from portal.domain.subscriptions import Status
from portal.web.admin.list_words import ENDED_BY
from portal.web.labels import STATUS


def said(app, locale, word):
    with app.test_request_context(), force_locale(locale):
        return str(word)


def test_one_subscription_has_one_status(app):
    words = {status: said(app, "fr", word) for status, word in STATUS.items()}
    assert [status for status, word in words.items() if word.endswith("s")] == []
    assert (words[Status.COMPLETED], words[Status.ABANDONED]) == ("Finalisé", "Abandonné")


def test_ends_of_a_kind_are_several(app):
    assert said(app, "fr", ENDED_BY[EndedBy.COMPLETED]) == "Finalisés"
    assert said(app, "fr", ENDED_BY[EndedBy.ABANDONED]) == "Abandonnés"
    assert said(app, "en", ENDED_BY[EndedBy.COMPLETED]) == "Completed"
