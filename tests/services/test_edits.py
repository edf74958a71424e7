"""Versions: of two forms of the same version one is saved, each save is kept whole, and the chain can prove it."""

from __future__ import annotations

import hashlib
import json
import threading

import pytest
from sqlalchemy import delete, select

from portal.domain.audit import By
from portal.domain.ends.end_requests import Channel
from portal.domain.policies import Actor
from portal.models import EditEntry, Merchant
from portal.services import settings
from portal.services.audit import audit_checks
from portal.services.edits import EditedMeanwhile
from portal.services.settings import Face, Language
from tests.services.audit.test_audit import rows_of
from tests.services.money.late_money import ANNE

BY_ANNE = By(actor=Actor.STAFF, actor_id=ANNE.id, channel=Channel.STAFF)


@pytest.fixture
def merchant(make):
    return make.merchant(key=False, name="Avant")


def face(**changes):
    return Face(**{"name": "Avant", "sender_name": "", "accent": ""} | changes)


def kept(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(EditEntry).order_by(EditEntry.at, EditEntry.version)).all()


def seen(ctx, merchant, group=Face):
    with ctx.db.read() as session:
        return settings.read(session, merchant.id, group)["version"]


def test_of_two_forms_of_one_version_one_is_saved_and_the_other_told(ctx, merchant):
    version = seen(ctx, merchant)
    settings.save(ctx, merchant.id, face(name="Après"), seen=version, by=BY_ANNE)
    with pytest.raises(EditedMeanwhile) as told:
        settings.save(ctx, merchant.id, face(accent="#0c5d6d"), seen=version)
    (edit,) = told.value.edits
    assert (edit.version, dict(edit.changes)) == (told.value.version, {"name": ["Avant", "Après"]})
    with ctx.db.read() as session:
        stored = session.get_one(Merchant, merchant.id)
    assert (stored.name, stored.accent) == ("Après", "")
    assert (len(kept(ctx)), len(rows_of(ctx, merchant.id))) == (1, 1)
    settings.save(ctx, merchant.id, face(name="Après", accent="#0c5d6d"), seen=told.value.version)


def test_of_two_at_the_same_moment_one_is_saved_and_the_other_told(ctx, merchant):
    """Both have asked for the row before either has it: the second waits, and then sees the first one's version."""
    start, told = threading.Barrier(2), []

    def save(name):
        start.wait()
        try:
            settings.save(ctx, merchant.id, face(name=name), seen=0)
        except EditedMeanwhile:
            told.append(name)

    both = [threading.Thread(target=save, args=(name,)) for name in ("Une", "Autre")]
    for one in both:
        one.start()
    for one in both:
        one.join()
    (late,) = told
    (edit,) = kept(ctx)
    assert {late, edit.changes["name"][1]} == {"Une", "Autre"}


def test_each_group_and_each_merchant_counts_for_itself(ctx, make, merchant):
    other = make.merchant(key=False, name="Avant")
    settings.save(ctx, merchant.id, face(name="Un"))
    settings.save(ctx, merchant.id, face(name="Deux"))
    settings.save(ctx, merchant.id, Language(locale="en", time_zone="UTC"))
    settings.save(ctx, other.id, face(name="Trois"))
    assert [seen(ctx, merchant), seen(ctx, merchant, Language), seen(ctx, other)] == [2, 1, 1]
    settings.save(ctx, other.id, face(name="Quatre"), seen=1)


def test_who_shows_no_form_is_not_asked_for_a_version(ctx, merchant):
    settings.save(ctx, merchant.id, face(name="Un"))
    settings.save(ctx, merchant.id, face(name="Deux"))
    assert [edit.actor_id for edit in kept(ctx)] == [None, None]


def test_a_save_that_changes_nothing_is_no_version(ctx, merchant):
    settings.save(ctx, merchant.id, face(), seen=0)
    assert (kept(ctx), rows_of(ctx, merchant.id)) == ([], [])


def test_what_was_typed_is_proven_by_the_chain_and_can_be_forgotten(ctx, merchant):
    settings.save(ctx, merchant.id, face(name="Anne Martin", accent="#0c5d6d"), by=BY_ANNE)
    (edit,), (row,) = kept(ctx), rows_of(ctx, merchant.id)
    assert edit.changes == {"name": ["Avant", "Anne Martin"], "accent": ["", "#0c5d6d"]}
    assert (row.details["accent"], row.details["texts"]) == (["", "#0c5d6d"], ["name"])
    assert "Martin" not in json.dumps(row.details)
    said = json.dumps(
        {"changes": edit.changes, "id": str(edit.id)}, sort_keys=True, ensure_ascii=False, separators=(",", ":")
    )
    assert row.details["edit"] == [1, hashlib.sha256(said.encode()).hexdigest()]
    with ctx.db.begin() as session:
        session.execute(delete(EditEntry))
    assert audit_checks.check(ctx.db, merchant.id).is_whole
