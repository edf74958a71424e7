"""The kind of contract of a plan at the desk: asked with what each means, kept, and what is missing shown."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import select, update

from portal.domain.law.plan_kinds import PlanKind, Supply
from portal.models import AuditEntry, Plan


@pytest.fixture
def merchant(make):
    return make.merchant(locale="en")


@pytest.fixture
def sold(make, merchant):
    return make.subscription(product=make.product(merchant, name="Piano"))


def plan_of(ctx, sold):
    with ctx.db.read() as session:
        return session.get_one(Plan, sold.plan_id)


def open_page(owner, sold):
    return owner.get(f"/admin/products/plans/{sold.plan_id}/kind")


def acts(ctx):
    with ctx.db.read() as session:
        return list(
            session.scalars(
                select(AuditEntry).where(AuditEntry.act == "product.plan_kind_set").order_by(AuditEntry.number)
            )
        )


@pytest.mark.law("R-FR-25", "R-FR-60")
def test_what_nobody_has_answered_is_shown_where_products_are_and_counts_as_open_ended(owner, ctx, sold):
    page = owner.get("/admin/products")
    assert "What kind of contract is it?" in page.text
    page = owner.get(f"/admin/products/{sold.product_id}").follow("PayPal plans")
    assert "not answered: counts as open-ended" in page.text
    page = open_page(owner, sold)
    assert page.select("input[name=kind][checked]") == [], "nothing is answered before somebody has"
    for said in ("Open-ended", "Fixed term that renews itself", "Payment in instalments", "ask your counsel"):
        assert said in page.text
    page = page.submit(kind="open_ended")
    assert page.path == f"/admin/products/{sold.product_id}/plans"
    assert plan_of(ctx, sold).kind_answered_at is not None
    assert "What kind of contract is it?" not in owner.get("/admin/products").text


@pytest.mark.law("R-FR-25")
def test_a_fixed_term_is_kept_with_its_term_and_notice_and_written_to_the_chain(owner, ctx, sold):
    open_page(owner, sold).submit(kind="tacit_renewal", term_months="12", notice_days="30")
    plan = plan_of(ctx, sold)
    assert (plan.kind, plan.term_months, plan.term_notice_days) == (PlanKind.TACIT_RENEWAL, 12, 30)
    (entry,) = acts(ctx)
    assert entry.details["kind"] == ["open_ended", "tacit_renewal"]
    assert entry.details["term_months"] == [None, "12"]
    page = open_page(owner, sold).submit(kind="open_ended")
    assert (plan_of(ctx, sold).term_months, len(acts(ctx))) == (None, 2)
    assert "Fixed term" not in page.text


@pytest.mark.law("R-FR-25")
def test_a_monthly_fixed_term_is_warned_of_before_and_after(owner, sold):
    page = open_page(owner, sold)
    assert "between three months and one month before the last day to refuse" in page.text
    page = page.submit(kind="tacit_renewal", term_months="1", notice_days="5")
    assert "This term is too short for its notice" in page.text
    assert "This term is too short for its notice" in open_page(owner, sold).text


@pytest.mark.law("R-FR-60")
def test_instalments_are_asked_what_they_pay_for_and_told_why(owner, ctx, sold):
    with ctx.db.begin() as session:
        session.execute(update(Plan).values(total_cycles=10))
    page = open_page(owner, sold)
    assert "since 20 November 2026" in page.text
    page = page.submit(kind="instalments", status=422)
    assert "Say what the instalments pay for." in page.text
    page = page.submit(kind="instalments", supply="at_once")
    assert "consumer credit" in page.text
    assert "Ask your counsel" in page.text
    assert plan_of(ctx, sold).supply is Supply.AT_ONCE
    page = open_page(owner, sold).submit(kind="instalments", supply="continuing")
    assert "consumer credit" not in page.text


@pytest.mark.parametrize(
    ("cycles", "typed", "said"),
    [
        (0, {"kind": "instalments", "supply": "at_once"}, "instalments have a last one"),
        (6, {"kind": "tacit_renewal", "term_months": "12", "notice_days": "30"}, "it does not renew itself"),
        (0, {"kind": "tacit_renewal", "term_months": "", "notice_days": "30"}, "Enter the length of the term"),
        (0, {"kind": "tacit_renewal", "term_months": "12", "notice_days": "0"}, "from 1 to 365"),
    ],
)
def test_what_does_not_fit_the_plan_is_refused_beside_its_field_and_keeps_what_was_typed(
    owner, ctx, sold, cycles, typed, said
):
    with ctx.db.begin() as session:
        session.execute(update(Plan).values(total_cycles=cycles))
    page = open_page(owner, sold).submit(**typed, status=422)
    assert said in page.text
    assert page.select_one(f"input[name=kind][value={typed['kind']}]").has_attr("checked")
    assert plan_of(ctx, sold).kind_answered_at is None


def test_of_two_who_answer_at_once_the_second_is_told(owner, sold):
    mine, theirs = open_page(owner, sold), open_page(owner, sold)
    theirs.submit(kind="open_ended")
    page = mine.submit(kind="tacit_renewal", term_months="12", notice_days="30", status=409)
    assert "Somebody answered meanwhile" in page.text
    page.submit(kind="tacit_renewal", term_months="12", notice_days="30")


def test_another_merchants_plan_is_not_there(owner, make):
    theirs = make.subscription(merchant=make.merchant())
    owner.get(f"/admin/products/plans/{theirs.plan_id}/kind", status=404)
    owner.get(f"/admin/products/plans/{uuid.uuid4()}/kind", status=404)
