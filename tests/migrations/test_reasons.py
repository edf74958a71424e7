"""0069: down, lists and offers are forgotten and every end keeps its reason; up again the portal's list stands."""

from __future__ import annotations

import psycopg
import pytest

from portal.migrating import downgrade, upgrade
from portal.models import EndRequest, OfferAnswered


def answer_of(subscription, **changed):
    usual = {"offer": "pause", "answer": "declined", "customer_id": subscription.customer_id}
    whose = {"merchant_id": subscription.merchant_id, "subscription_id": subscription.id}
    return OfferAnswered(**(whose | usual | changed))


def test_lists_go_and_reasons_that_were_given_stay(make, ctx, database_url):
    own = [{"code": "moved", "words": {"fr": "J’ai déménagé"}, "asked": True}]
    merchant = make.merchant(leaving_reasons=own, leaving_offer={"offer_kind": "pause"})
    subscription = make.subscription(customer=make.customer(merchant))
    make.add(answer_of(subscription))
    request = EndRequest(
        merchant_id=merchant.id,
        subscription_id=subscription.id,
        reference="ABCD-2345",
        outcome="cancelled",
        actor="customer",
        channel="portal",
        reason_code="moved",
        shown={},
    )
    make.add(request)
    ctx.db.dispose()
    downgrade(database_url, "0068")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT to_regclass('offer_answers')").fetchone() == (None,)
        assert connection.execute("SELECT reason_code FROM end_requests").fetchall() == [("moved",)]
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        stored = connection.execute("SELECT leaving_reasons, leaving_offer FROM merchants").fetchone()
        assert stored == ([], {})
        assert connection.execute("SELECT count(*) FROM offer_answers").fetchone() == (0,)
    with ctx.db.read() as session:
        assert session.get_one(EndRequest, request.id).reason_code == "moved"


def test_an_offer_is_answered_once(make):
    subscription = make.subscription(customer=make.customer(make.merchant()))
    make.add(answer_of(subscription))
    with pytest.raises(Exception, match="uq_offer_answers_subscription_id"):
        make.add(answer_of(subscription, answer="accepted"))


@pytest.mark.parametrize("wrong", [{"offer": "gift"}, {"answer": "perhaps"}])
def test_the_table_takes_no_word_that_nobody_knows(make, database_url, wrong):
    subscription = make.subscription(customer=make.customer(make.merchant()))
    make.add(answer_of(subscription))
    name, value = next(iter(wrong.items()))
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(f"UPDATE offer_answers SET {name} = %s", (value,))  # noqa: S608
