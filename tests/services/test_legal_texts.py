"""Publishing: a new version beside the old ones, in every language, told in the audit log; nothing for nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.domain.audit import OPERATOR
from portal.domain.law.legal_texts import LegalKind
from portal.models import LegalText
from portal.queries.law import legal_texts as stored
from portal.services import legal_texts
from portal.services.edits import EditedMeanwhile
from portal.services.legal_texts import Wish
from tests.services.audit.test_audit import rows_of


@pytest.fixture
def merchant(make):
    return make.merchant(key=False)


@pytest.fixture
def today(now):
    return now.date()


@pytest.fixture
def publish(ctx, merchant, today):
    def act(own="Écrivez-nous.", facts="Un fait.", day=None, **options):
        wish = Wish(
            kind=LegalKind.PRIVACY,
            texts={"fr": facts, "en": f"{facts} (en)"},
            own_text=own,
            own_language="fr",
            answers={"own_text": own},
            valid_from=day or today,
        )
        return legal_texts.publish(ctx, merchant.id, wish, today=today, by=OPERATOR, **options)

    return act


def kept(ctx, merchant, language="fr"):
    with ctx.db.read() as session:
        return [
            (row.number, row.text, row.own_text)
            for row in stored.versions(session, merchant.id, LegalKind.PRIVACY, language)
        ]


def test_a_change_is_a_new_version_and_the_old_one_stays_as_it_was(ctx, merchant, publish):
    assert [publish(), publish(own="Appelez-nous.")] == [1, 2]
    assert kept(ctx, merchant) == [(2, "Un fait.", "Appelez-nous."), (1, "Un fait.", "Écrivez-nous.")]
    assert [row[:2] for row in kept(ctx, merchant, "en")] == [(2, "Un fait. (en)"), (1, "Un fait. (en)")]


def test_the_same_once_more_is_no_version_and_what_the_portal_stores_otherwise_is_one(ctx, merchant, publish, today):
    assert [publish(), publish(), publish(day=today + timedelta(days=3))] == [1, 1, 1]
    assert publish(facts="Un autre fait.") == 2
    assert len(kept(ctx, merchant)) == 2


def test_one_that_is_still_to_come_can_be_put_off_and_brought_forward(ctx, merchant, publish, today):
    soon, later = today + timedelta(days=5), today + timedelta(days=9)
    assert [publish(day=soon), publish(day=later), publish()] == [1, 2, 3]
    with ctx.db.read() as session:
        holding = stored.holding(session, merchant.id, LegalKind.PRIVACY, "fr", today)
        assert holding is not None
        assert holding.number == 3


def test_whoever_has_not_seen_the_newest_one_is_told(ctx, merchant, publish):
    publish(seen=0)
    with pytest.raises(EditedMeanwhile) as told:
        publish(own="Autre chose.", seen=0)
    assert told.value.version == 1
    assert len(kept(ctx, merchant)) == 1


def test_the_audit_log_says_that_and_from_when_but_not_what(ctx, merchant, publish, today):
    publish(own="Un secret de famille.")
    (row,) = rows_of(ctx, merchant.id)
    assert (row.act, row.subject_kind) == ("legal_text.published", "legal_text.privacy")
    assert row.details["texts"] == ["facts", "own_text"]
    assert row.details["valid_from"] == ["", today.isoformat()]
    assert "famille" not in str(row.details)


def test_another_merchants_texts_are_not_among_ours(ctx, make, publish):
    publish()
    other = make.merchant(key=False, slug="autre")
    assert kept(ctx, other) == []
    with ctx.db.read() as session:
        assert len(session.scalars(select(LegalText)).all()) == 2
