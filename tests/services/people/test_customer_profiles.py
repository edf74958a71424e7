"""What customers set by themselves stands: above staff, above PayPal, above the browser they log in with."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from portal.domain.audit import By
from portal.domain.policies import Actor
from portal.models import Customer, Mail
from portal.queries.people import customers
from portal.services.arrivals import classic_arrivals
from portal.services.arrivals.import_rows import Origin
from portal.services.notices.recipients import Post
from portal.services.people import customer_identity, customer_joining, customer_profiles, customer_splitting, logins
from portal.services.people.customer_identity import Identity
from portal.services.people.logins import Ask
from portal.services.people.sessions import Visitor
from tests.services.arrivals.test_classic_arrivals import shown
from tests.waiting_mails import said

BY = By(actor=Actor.STAFF, channel="staff", name="Léa Martin")
EMAIL = "claire@client.test"


@pytest.fixture
def merchant(make):
    return make.classic_merchant()


@pytest.fixture
def claire(make, merchant):
    return make.customer(merchant, email=EMAIL, name="Claire", payer_id="PAYER00000001")


def says(ctx, customer, *, now, **answers):
    return customer_profiles.save(ctx, customer.merchant_id, customer.id, answers, now=now)


def stored(ctx, customer):
    with ctx.db.read() as session:
        return session.get_one(Customer, customer.id)


def corrects(ctx, customer, *, now, **changes):
    row = stored(ctx, customer)
    asis = {"name": row.name, "locale": row.locale, "contact_allowed": row.contact_allowed, "email": row.email}
    wish = Identity(**(asis | changes))
    return customer_identity.save(ctx, customer.merchant_id, customer.id, wish, by=BY, now=now)


def test_staff_correct_what_the_customer_has_not_set_and_nothing_else(ctx, claire, now):
    says(ctx, claire, name="Claire D.", contact_allowed=False, now=now)
    corrects(ctx, claire, name="Wrong", contact_allowed=True, locale="fr", now=now)
    row = stored(ctx, claire)
    assert (row.name, row.contact_allowed, row.locale) == ("Claire D.", False, "fr")


def test_a_yes_of_the_desk_stays_the_desks_until_the_customer_says_otherwise(ctx, claire, now):
    corrects(ctx, claire, contact_allowed=False, now=now)
    corrects(ctx, claire, contact_allowed=True, now=now)
    assert stored(ctx, claire).contact_allowed
    says(ctx, claire, contact_allowed=True, now=now)
    assert stored(ctx, claire).own_answers == [], "it was so: nothing was said"
    says(ctx, claire, contact_allowed=False, now=now)
    corrects(ctx, claire, contact_allowed=True, now=now)
    assert not stored(ctx, claire).contact_allowed


@pytest.mark.parametrize(("own", "imported"), [("", ""), ("Claire D.", "Claire D."), (None, "Claire Dupont")])
def test_an_import_fills_in_a_name_that_nobody_gave_and_none_that_was_emptied(
    ctx, make, merchant, claire, now, own, imported
):
    if own is None:
        corrects(ctx, claire, name="", now=now)
    else:
        says(ctx, claire, name=own, now=now)
    origin = Origin(merchant.id, "sandbox", claire_provider())
    classic_arrivals.take_in(ctx, origin, shown(payer_email=EMAIL))
    assert stored(ctx, claire).name == imported


def claire_provider():
    from portal.models import Provider

    return Provider.PAYPAL_CLASSIC


def logs_in(ctx, customer, visitor, *, now):
    wish = Ask(merchant_id=customer.merchant_id, email=EMAIL, browser_token="b", language="en", network="n")
    logins.ask(ctx, wish, now=now)
    with ctx.db.read() as session:
        mail = session.scalars(select(Mail).order_by(Mail.created_at.desc())).first()
        text = said(ctx, mail).text
    link = text.partition("/login/link/")[2].split()[0]
    assert logins.enter_by_link(ctx, customer.merchant_id, link, "b", visitor=visitor, now=now)


def test_the_language_of_the_profile_outlives_a_log_in_from_elsewhere(ctx, claire, now):
    logs_in(ctx, claire, Visitor(language="fr"), now=now)
    assert stored(ctx, claire).locale == "fr"
    says(ctx, claire, locale="en", now=now)
    logs_in(ctx, claire, Visitor(language="fr", wish="fr"), now=now + timedelta(hours=1))
    assert stored(ctx, claire).locale == "en"


def test_mails_speak_of_moments_in_their_zone(ctx, claire, now):
    with ctx.db.begin() as session:
        post = Post.of(ctx, session, claire.merchant_id, now=now)
        assert post.head_for(session.get_one(Customer, claire.id)).time_zone == "Europe/Paris"
    says(ctx, claire, time_zone="America/Martinique", now=now)
    with ctx.db.begin() as session:
        post = Post.of(ctx, session, claire.merchant_id, now=now)
        head = post.head_for(session.get_one(Customer, claire.id))
        assert head.time_zone == "America/Martinique"
        assert post.desk_head.time_zone == "Europe/Paris"


@pytest.mark.parametrize(
    "kind", ["access_ends_soon", "access_ended", "end_confirmed", "payment_refunded", "resume_soon"]
)
def test_reminders_alone_can_be_switched_off(ctx, claire, now, kind):
    from portal.mail.composing import Composed

    says(ctx, claire, reminders_allowed=False, contact_allowed=False, now=now)
    composed = Composed(kind=kind, subject="s", text="t", html="h")
    with ctx.db.begin() as session:
        post = Post.of(ctx, session, claire.merchant_id, now=now)
        post.to_customer(session.get_one(Customer, claire.id), composed, key="k")
    with ctx.db.read() as session:
        sent = session.scalars(select(Mail.kind)).all()
    assert sent == ([] if kind.startswith("access") else [kind])


def test_another_merchants_customer_is_none(ctx, make, claire, now):
    with pytest.raises(NoResultFound):
        customer_profiles.save(ctx, make.merchant().id, claire.id, {"name": "x"}, now=now)


def test_merged_the_stricter_and_the_own_answer_stand_and_split_again_each_has_theirs(ctx, make, merchant, claire, now):
    other = make.customer(merchant, email=EMAIL, email_place=1, name="Klara")
    corrects(ctx, claire, contact_allowed=False, now=now)
    says(ctx, other, time_zone="Asia/Tokyo", reminders_allowed=False, contact_allowed=False, name="K.", now=now)
    assert customer_joining.join(ctx, merchant.id, claire.id, other.id, by=BY, now=now)
    kept = stored(ctx, claire)
    assert (kept.name, kept.time_zone, kept.reminders_allowed) == ("Claire", "Asia/Tokyo", False)
    assert kept.own_answers == ["contact_allowed", "reminders_allowed", "time_zone"], "a refusal of one's own stays so"
    with ctx.db.read() as session:
        from portal.models import CustomerJoining

        (joining_id,) = session.scalars(select(CustomerJoining.id))
    other_id = customer_splitting.split(ctx, merchant.id, claire.id, joining_id, by=BY, now=now)
    with ctx.db.read() as session:
        again = customers.of_merchant(session, merchant.id, other_id)
    assert (again.name, again.time_zone, again.own_answers) == (
        "K.", "Asia/Tokyo", ["contact_allowed", "name", "reminders_allowed", "time_zone"],
    )  # fmt: skip
    kept = stored(ctx, claire)
    assert (kept.time_zone, kept.own_answers) == (None, ["contact_allowed", "reminders_allowed"])
