"""A merchant is made once; its owner is invited by a link and chooses everything themselves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from portal.domain.audit import OPERATOR
from portal.domain.merchants.merchants import WrongSlug
from portal.domain.policies import Role
from portal.models import AuditEntry, Mail, Merchant, Staff
from portal.queries.people import staff as people
from portal.services.merchants import creating
from portal.services.merchants.creating import NewMerchant, SlugTaken
from portal.services.people import invitations, staff_logins

WISH = NewMerchant(
    slug="atelier",
    name="L’Atelier",
    locale="fr",
    time_zone="Europe/Paris",
    owner_email=" Anne@Atelier.TEST ",
    owner_name="Anne Martin",
)


def looked_at(ctx, made, now):
    return invitations.look(ctx, made.invitation.rpartition("/")[2], now=now)


def test_the_owner_is_invited_under_their_name_and_nobody_can_come_in_yet(ctx, now):
    made = creating.create(ctx, WISH, by=OPERATOR, now=now)
    seen = looked_at(ctx, made, now)
    assert made.is_new
    assert (seen.email, seen.name, seen.role, seen.merchant) == (
        "anne@atelier.test",
        "Anne Martin",
        "owner",
        "L’Atelier",
    )
    with ctx.db.read() as session:
        acts = session.scalars(select(AuditEntry.act).order_by(AuditEntry.number)).all()
        assert acts == ["merchant.created", "staff.invited"]
        assert session.scalars(select(Mail.kind)).all() == ["staff_invitation"]
        assert session.scalars(select(Staff)).all() == []
        assert people.owners(session, made.merchant_id) == []


def test_again_it_makes_nothing_and_only_the_newest_link_opens(ctx, now):
    first = creating.create(ctx, WISH, by=OPERATOR, now=now)
    second = creating.create(ctx, WISH, by=OPERATOR, now=now)
    assert (second.merchant_id, second.is_new) == (first.merchant_id, False)
    assert looked_at(ctx, first, now).door == "over"
    assert looked_at(ctx, second, now).door == "new"


def test_an_owner_who_is_there_gets_no_link(ctx, now):
    made = creating.create(ctx, WISH, by=OPERATOR, now=now)
    with ctx.db.begin() as session:
        staff_logins.create_staff(
            ctx,
            session,
            merchant_id=made.merchant_id,
            email="anne@atelier.test",
            name="Anne",
            role=Role.OWNER,
            password="un tiroir plein de mots",
        )
    assert creating.create(ctx, WISH, by=OPERATOR, now=now).invitation is None
    with pytest.raises(SlugTaken, match="L’Atelier"):
        creating.create(ctx, replace(WISH, owner_email="eve@else.test"), by=OPERATOR, now=now)


def test_of_several_at_once_one_makes_it(ctx, now):
    def make(_number):
        try:
            return creating.create(ctx, WISH, by=OPERATOR, now=now)
        except SlugTaken:
            return None

    with ThreadPoolExecutor(5) as pool:
        made = [one for one in pool.map(make, range(5)) if one is not None]
    assert [one.is_new for one in made].count(True) == 1
    with ctx.db.read() as session:
        assert len(session.scalars(select(Merchant)).all()) == 1


@pytest.mark.parametrize(
    ("change", "refusal"),
    [({"name": "Autre"}, SlugTaken), ({"slug": "admin"}, WrongSlug), ({"slug": "L’Atelier"}, WrongSlug)],
)
def test_what_is_refused_leaves_nothing(ctx, now, change, refusal):
    creating.create(ctx, WISH, by=OPERATOR, now=now)
    with pytest.raises(refusal):
        creating.create(ctx, replace(WISH, **change), by=OPERATOR, now=now)
    with ctx.db.read() as session:
        assert [(one.slug, one.name) for one in session.scalars(select(Merchant))] == [("atelier", "L’Atelier")]
        assert len(session.scalars(select(AuditEntry)).all()) == 2
