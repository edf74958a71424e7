"""Statements that compare with an enum's words: PostgreSQL keeps plans of its own for them."""

from __future__ import annotations

import re
from itertools import permutations

import pytest
from sqlalchemy import literal_column, select, text
from sqlalchemy.dialects import postgresql

from portal.domain.ends.end_requests import OPEN
from portal.domain.subscriptions import Status
from portal.models import Base, EndRequest, EventState, Mail, MailState, PayPalEvent, Subscription
from portal.models.base import Words

COLUMNS = [
    column for table in Base.metadata.sorted_tables for column in table.columns if isinstance(column.type, Words)
]


def sent(statement):
    """Return what is sent to PostgreSQL: its text, and the values that go beside it."""
    compiled = statement.compile(dialect=postgresql.dialect(), compile_kwargs={"render_postcompile": True})
    return str(compiled), compiled.params


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_every_word_of_a_column_stands_in_the_text_itself(column):
    for member in column.type.enum_class:
        found, values = sent(select(column).where(column == member, column != member, column.in_([member])))
        assert not values
        assert found.count(f"'{member.value}'") == 3


def test_a_set_is_one_text_in_whatever_order_it_is_gone_through():
    texts = {sent(select(EndRequest.id).where(EndRequest.state.in_(list(order))))[0] for order in permutations(OPEN)}
    (found,) = texts
    assert set(re.findall(r"'(\w+)'", found)) == {one.value for one in OPEN}


def test_what_is_no_word_of_the_code_is_sent_as_a_value():
    """Only members of the enum are written out: nothing that anybody typed ends up in a statement's text."""
    _found, values = sent(select(Subscription.id).where(Subscription.status == "active' OR 'a' = 'a"))
    assert list(values.values()) == ["active' OR 'a' = 'a"]
    assert sent(select(Subscription.id).where(Subscription.status.in_([])))[0].count("'") == 0
    assert "IS NULL" in sent(select(Subscription.id).where(Subscription.status.is_(None)))[0]


def test_the_words_find_the_rows_that_have_them(ctx, make):
    merchant = make.merchant()
    active = make.subscription(merchant=merchant, at_paypal=False)
    ended = make.subscription(merchant=merchant, at_paypal=False, status=Status.CANCELLED)
    with ctx.db.read() as session:
        assert set(session.scalars(select(Subscription.id).where(Subscription.status == Status.ACTIVE))) == {active.id}
        others = Subscription.status.not_in({Status.ACTIVE, Status.PAUSED})
        assert set(session.scalars(select(Subscription.id).where(others))) == {ended.id}


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (select(PayPalEvent.id).where(PayPalEvent.state == EventState.FAILED), "ix_paypal_events_failed"),
        (select(Mail.id).where(Mail.state == MailState.REFUSED), "ix_mails_refused"),
        (select(EndRequest.id).where(EndRequest.state.in_(OPEN)), "ix_end_requests_due"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_the_plan_that_is_kept_for_all_merchants_has_the_index_of_these_words(ctx, statement, index):
    of_anybody = statement.column_descriptions[0]["entity"].merchant_id == literal_column("$1")
    kept, _values = sent(statement.where(of_anybody))
    with ctx.db.begin() as session:
        session.execute(text("SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off"))
        session.execute(text(f"PREPARE kept AS {kept}"))
        plan = "\n".join(session.scalars(text("EXPLAIN EXECUTE kept ('00000000-0000-0000-0000-000000000000')")))
        session.execute(text("DEALLOCATE kept"))
    assert "$1" in plan, "made for all merchants"
    assert index in plan
