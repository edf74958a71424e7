"""Which mails may be left out, and which say only what the portal writes: in words of the law and of the promise."""

from __future__ import annotations

import pytest

from portal.domain.merchants.notices import EDITED, NOTICES, OPTIONAL, Name, Why, is_sent, left_out_with
from portal.domain.people.bounces import PROMISED
from portal.mail.ends import PROVING
from portal.mail.logins import OPENING
from portal.web.admin.settings.notice_words import ALWAYS, FIXED, TOPIC, WHEN
from portal.web.admin.words import MAIL_KIND
from tests.mail.test_german_mails import AROUND_AN_END


def test_every_mail_is_listed_and_has_words():
    assert NOTICES.keys() == MAIL_KIND.keys() == WHEN.keys()
    assert {one.topic for one in NOTICES.values()} == TOPIC.keys()
    assert {one.always for one in NOTICES.values()} - {None} == ALWAYS.keys()
    assert {one.fixed for one in NOTICES.values()} - {None} == FIXED.keys()


def test_what_may_be_left_out_is_a_courtesy_and_nothing_else():
    assert set(OPTIONAL) == {
        "access_ends_soon",  # the confirmation has named the day
        "access_ended",
        "access_given",
        "access_changed",
        "payment_missed",  # PayPal writes too; before access closes the warning is sent
        "payment_settled",
        "merchant_end_requested",  # what comes of it waits in the inbox
        "merchant_end_withdrawn",
        "merchant_end_confirmed",
        "merchant_pause",
        "merchant_comeback_approved",
    }


def test_what_an_end_or_somebodys_money_rests_on_always_leaves():
    for kind in (*PROVING, "end_recorded", "request_received", "declaration_received", "renewal_reminder"):
        assert is_sent(kind, [kind]), kind
    promised = {kind for kind in PROMISED if kind not in OPTIONAL}
    assert promised >= {kind for kind in PROMISED if kind.startswith(("end_", "request_", "late_", "declaration_"))}


def test_what_opens_an_account_reads_the_same_for_everybody():
    own = {"payment_missed", "access_closes_soon", "declaration_link"}  # their link opens one task, and no account
    for kind in OPENING - own:
        assert NOTICES[kind].fixed is Why.SECURITY, kind
    assert not any(kind.startswith(("merchant_", "staff_")) for kind in EDITED)
    assert "renewal_reminder" not in EDITED


def test_the_german_mails_are_the_ones_that_exist_in_german():
    assert {kind for kind, one in NOTICES.items() if one.is_german} == AROUND_AN_END


def test_a_mail_before_paypals_word_is_none_after_it():
    before = {"end_recorded", "end_overdue", "end_moved", "end_withdrawn", "end_plan_withdrawn", "request_received"}
    before |= {"request_dismissed", "declaration_received", "declaration_link", "settlement_failed", "payment_missed"}
    assert not any(NOTICES[kind].is_after for kind in before)
    assert all(NOTICES[kind].is_after for kind in PROVING)


def test_a_subject_may_always_be_the_portals_own_and_a_text_never_is():
    for kind in EDITED:
        assert Name.FACT in NOTICES[kind].in_subject
        assert Name.FACT not in NOTICES[kind].in_text
        assert Name.HELLO not in NOTICES[kind].in_subject


@pytest.mark.parametrize("kind", OPTIONAL)
def test_one_is_left_out_and_comes_back_and_words_of_a_later_release_stay(kind):
    out = left_out_with(["later"], kind, sent=False)
    assert out == sorted(["later", kind])
    assert not is_sent(kind, out)
    assert left_out_with(out, kind, sent=True) == ["later"]
    assert is_sent("later", out)  # nobody here knows that it may be left out
