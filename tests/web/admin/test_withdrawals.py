"""The desk: a withdrawal in the to-do list, its refund with the sum filled in, and what was agreed at the beginning."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.domain.law.withdrawals import ConsentKind, RefundDuty
from portal.domain.money.refunds import RefundState
from portal.models import ContractConsent, Payment, Refund, Withdrawal
from portal.services.money import refunds
from tests.services.carrying.carried import ask, carry
from tests.services.ends.withdrawing import declare, say, stored
from tests.services.money.late_money import show
from tests.services.money.test_given_back import ANNE

DAY = timedelta(days=1)


@pytest.fixture
def paying(make, merchant):
    begun = utc_now() - 9 * DAY
    return make.subscription(merchant=merchant, started_at=begun, next_payment_at=utc_now() + 21 * DAY)


@pytest.fixture
def paid(ctx, paypal, paying):
    show(ctx, paying, paypal.subscriptions[paying.provider_id].payments[-1])
    with ctx.db.read() as session:
        return session.scalars(select(Payment)).one()


@pytest.mark.law("R-FR-33")
def test_it_waits_in_the_inbox_with_its_sum_and_its_day(ctx, owner, paying, paid):
    say(ctx, paying, ConsentKind.INFORMED, at=paying.started_at)
    found = declare(ctx, paying, now=utc_now())
    page = owner.get("/admin/")
    assert "Withdrawal from the contract" in page.text
    assert "€29.90" in page.text
    page = page.follow("See the withdrawal")
    assert found.reference in page.text


def test_the_refund_page_has_the_sum_filled_in(ctx, owner, paying, paid):
    say(ctx, paying, ConsentKind.INFORMED, ConsentKind.EXPRESS_REQUEST, at=paying.started_at)
    found = declare(ctx, paying, now=utc_now())
    sum_ = f"{found.due:.2f}"
    (link,) = owner.get(f"/admin/withdrawals/{found.id}").select("#by-paypal a")
    assert link.get_text().startswith(f"Refund €{sum_}, paid on ")
    page = owner.get(link["href"])
    assert page.values(page.form())["amount"] == sum_


@pytest.mark.parametrize("wished", ["0", "-3", "29.91", "NaN", "Infinity", "x", ""])
def test_an_address_that_proposes_nonsense_proposes_all_of_it(owner, paying, paid, wished):
    page = owner.get(f"/admin/payments/{paid.id}/refund?amount={wished}")
    assert page.values(page.form())["amount"] == "29.90"


def test_staff_say_that_it_was_paid_another_way(ctx, owner, paying, paid):
    found = declare(ctx, paying, now=utc_now())
    page = owner.get(f"/admin/withdrawals/{found.id}")
    page = page.submit(press="Settle it", status=422, refund="otherwise", note="")
    assert "Say how it was paid" in page.text
    page = page.submit(press="Settle it", refund="otherwise", note="Virement du 3 décembre")
    assert "paid another way" in page.text
    assert "Virement du 3 décembre" in page.text
    assert stored(ctx).refund is RefundDuty.OTHERWISE
    assert "Withdrawal from the contract" not in owner.get("/admin/").text


@pytest.mark.parametrize("state", [RefundState.NEEDS_MERCHANT, RefundState.RETRYING])
def test_nothing_is_paid_another_way_while_paypal_may_still_pay_it(ctx, make, owner, paying, paid, state):
    found = declare(ctx, paying, now=utc_now())
    refund_id = refunds.record(ctx, paid.merchant_id, paid.id, ANNE, amount=None, left=None, now=utc_now())
    with ctx.db.begin() as session:
        session.execute(update(Refund).where(Refund.id == refund_id).values(state=state))
    page = owner.get(f"/admin/withdrawals/{found.id}")
    page = page.submit(press="Settle it", refund="otherwise", note="Virement", status=422)
    assert "Stop it on the payment’s page first" in page.errors[0]
    assert page.select_one("[name=note]").get("value", page.select_one("[name=note]").text).strip() == "Virement"
    assert stored(ctx).refund is RefundDuty.OPEN
    page = owner.get(f"/admin/payments/{paid.id}/refund?amount=5")
    wanted = "waits for you" if state is RefundState.NEEDS_MERCHANT else "is already under way"
    assert wanted in page.notices[0]


def test_what_was_paid_another_way_invites_nobody_to_pay_it_once_more(ctx, make, owner, paying, paid):
    found = declare(ctx, paying, now=utc_now() - DAY)
    refund_id = refunds.record(ctx, paid.merchant_id, paid.id, ANNE, amount=None, left=None, now=utc_now() - DAY)
    failed = {"state": RefundState.FAILED, "settled_at": utc_now() - timedelta(hours=1)}
    with ctx.db.begin() as session:
        session.execute(update(Refund).where(Refund.id == refund_id).values(**failed))
    assert "Try the refund again" in owner.get("/admin/").text, "as long as nobody has said more of it"
    page = owner.get(f"/admin/withdrawals/{found.id}")
    page.submit(press="Settle it", refund="otherwise", note="Virement du 3 décembre")
    assert "Try the refund again" not in owner.get("/admin/").text
    for path in (f"/admin/payments/{paid.id}", f"/admin/payments/{paid.id}/refund"):
        page = owner.get(path)
        assert "was paid another way" in page.text
        assert "Virement du 3 décembre" in page.text
        assert page.link("See the withdrawal") == f"/admin/withdrawals/{found.id}"
    newer = make.payment(paying, 0)
    assert "was paid another way" not in owner.get(f"/admin/payments/{newer.id}").text, "of that one nobody has said it"


def test_who_may_not_refund_settles_nothing(ctx, support, paying, paid):
    found = declare(ctx, paying, now=utc_now())
    page = support.get(f"/admin/withdrawals/{found.id}")
    assert "Only a manager or an owner" in page.text


def test_another_merchants_is_not_found(ctx, make, owner, paying):
    other = make.subscription(merchant=make.merchant(slug="autre", name="Autre"))
    found = declare(ctx, other, now=utc_now())
    owner.get(f"/admin/withdrawals/{found.id}", status=404)
    owner.get(f"/admin/subscriptions/{other.id}/contract", status=404)


@pytest.mark.law("R-FR-34", "R-FR-35")
def test_what_was_said_is_recorded_with_its_day_its_way_and_the_version(ctx, owner, paying):
    page = owner.get(f"/admin/subscriptions/{paying.id}").follow("Right of withdrawal: last day and proofs")
    assert "Without proof of the information" in page.text
    page = page.submit(
        press="Record it",
        kind="informed",
        is_given="yes",
        said_on=f"{paying.started_at:%d/%m/%Y}",
        way="site",
        version="CGV 3",
    )
    assert "CGV 3" in page.text
    assert "Without proof of the information" not in page.text
    with ctx.db.read() as session:
        row = session.scalars(select(ContractConsent)).one()
        assert (row.kind, row.is_given, row.version) == (ConsentKind.INFORMED, True, "CGV 3")
        assert session.scalars(select(Withdrawal)).all() == []


@pytest.mark.law("R-FR-46", "R-EU-6")
def test_one_that_came_by_letter_is_recorded_matched_and_carried_out_as_of_the_day_it_was_sent(
    ctx, make, owner, paying, paid, letters
):
    say(ctx, paying, ConsentKind.INFORMED, at=paying.started_at)
    sent, came = utc_now() - 3 * DAY, utc_now() - DAY
    page = owner.get("/admin/received/new").submit(
        press="Record it",
        function="withdrawal",
        way="letter",
        received_on=f"{came:%d/%m/%Y}",
        sent_on=f"{sent:%d/%m/%Y}",
        name=paying.customer.name,
        email="zoe@ailleurs.test",
        contract=paying.provider_id,
    )
    assert "withdraws from a contract" in page.h1
    assert any("your withdrawal" in one.text for one in letters() if one.recipient == "zoe@ailleurs.test")
    page = page.submit(press="It is this one")
    assert "within the withdrawal period" in page.text
    assert make.reload(paying).withdrawn_at is None, "looking changes nothing"
    page = page.submit(press="Carry out the withdrawal")
    found = stored(ctx)
    assert found.declared_at.date() == sent.date()
    assert (found.refund_due_at - came).days in (13, 14), "from when the merchant was told"
    assert found.reference in page.text
    assert make.reload(paying).withdrawn_at == found.declared_at


@pytest.mark.parametrize("is_recorded", [True, False])
def test_of_a_withdrawal_known_by_its_day_no_hour_is_made_up(ctx, make, owner, paying, paid, letters, is_recorded):
    sent = (utc_now() - 3 * DAY).astimezone(ZoneInfo("Europe/Paris"))
    page = owner.get(f"/admin/subscriptions/{paying.id}/withdrawal")
    if is_recorded:
        page = owner.get("/admin/received/new").submit(
            press="Record it",
            function="withdrawal",
            way="email",
            received_on=f"{sent:%d/%m/%Y}",
            name=paying.customer.name,
            contract=paying.provider_id,
        )
        page = page.submit(press="It is this one").submit(press="Carry out the withdrawal")
    else:
        page = page.submit(press="Carry out the withdrawal", sent_on=f"{sent:%d/%m/%Y}")
    record = owner.get(f"/admin/subscriptions/{paying.id}")
    told = next(mail.text for mail in letters() if "You withdrew from the contract" in mail.text)
    for said in (page.text, owner.get("/admin/").text, record.text, told):
        assert re.search(rf"{sent.day} \w+ {sent.year}", said)
        assert not re.search(rf"{sent.day} \w+ {sent.year}(,| at) \d", said)


def test_nothing_is_withdrawn_from_before_it_began(ctx, make, owner, merchant):
    begun = datetime.combine((utc_now() - 2 * DAY).date(), time(16, 31), UTC)
    bought = make.subscription(merchant=merchant, started_at=begun)
    page = owner.get(f"/admin/subscriptions/{bought.id}/withdrawal")
    page.submit(press="Carry out the withdrawal", sent_on=f"{begun:%d/%m/%Y}")
    assert stored(ctx).declared_at == begun


def test_an_end_does_not_answer_a_withdrawal_that_waits(ctx, owner, make, paying, paid):
    page = owner.get("/admin/received/new").submit(
        press="Record it", function="withdrawal", way="email", received_on=f"{utc_now():%d/%m/%Y}", name="Zoé"
    )
    carry(ctx, ask(ctx, make, paying))
    page = owner.get(f"{page.path}?q={paying.provider_id}").submit(press="It is this one")
    page.submit(press="Carry out the withdrawal")
    assert stored(ctx).subscription_id == paying.id


@pytest.mark.parametrize("is_known", [True, False])
def test_that_nothing_was_taken_is_said_where_it_is_known(ctx, owner, make, merchant, is_known):
    begun = utc_now() - 9 * DAY
    never = make.subscription(merchant=merchant, started_at=begun, paid_until=begun if is_known else None)
    say(ctx, never, ConsentKind.INFORMED, at=begun)
    page = owner.get(f"/admin/subscriptions/{never.id}/withdrawal")
    assert ("nothing was taken" in page.text) is is_known
    assert ("no payment is known here: refresh from PayPal first" in page.text) is not is_known
    assert ("To be refunded by" in page.text) is not is_known
    if not is_known:
        page = page.submit(press="Carry out the withdrawal")
        assert "no payment is known here: refresh from PayPal first" in page.text
        assert "nothing" not in page.text


def test_a_candidate_that_was_withdrawn_from_says_when_and_under_which_reference(ctx, owner, make, merchant, paying):
    other = make.subscription(merchant=merchant, customer=paying.customer)
    before = declare(ctx, paying, now=utc_now() - DAY)
    page = owner.get("/admin/received/new").submit(
        press="Record it",
        function="withdrawal",
        way="email",
        received_on=f"{utc_now():%d/%m/%Y}",
        name=paying.customer.name,
        contract=f"{paying.provider_id} {other.provider_id}",
    )
    said = {
        row["href"].rsplit("/", 1)[1]: " ".join(row.find_parent("tr").get_text(" ").split())
        for row in page.select("tbody th a")
    }
    on = before.declared_at.astimezone(ZoneInfo(merchant.time_zone))
    assert f"Withdrawn from on {on:%-d %b %Y}: {before.reference}." in said[str(paying.id)]
    assert "Withdrawn" not in said[str(other.id)]
