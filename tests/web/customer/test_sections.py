"""What a merchant leaves out of the customers' space has no link and no page; what is under way goes on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.domain.audit import OPERATOR
from portal.domain.merchants.sections import Section
from portal.domain.subscriptions import Status
from portal.models import Mail, Merchant, PaymentState
from portal.services import settings
from portal.services.carrying import end_carrying
from portal.services.ends import end_requests
from tests.services.carrying.carried import wish_of
from tests.waiting_mails import said
from tests.web.customer.test_comebacks import LINK, PREPARE, attempts, cancelled  # noqa: F401
from tests.web.customer.test_pausing import PAUSE, RESUME


@pytest.fixture
def leave_out(ctx, visit):
    def hide(*sections):
        with ctx.db.begin() as session:
            session.get_one(Merchant, visit.merchant.id).hidden_sections = [one.value for one in sections]

    return hide


def test_payments(visit, make, leave_out):
    mine = make.subscription(merchant=visit.merchant, customer=visit.customer)
    make.payment(mine, 9, PaymentState.COMPLETED)
    assert "Payments" in [one.get_text() for one in visit.browser.get(visit.page(mine)).select("h2")]
    leave_out(Section.PAYMENTS)
    page = visit.browser.get(visit.page(mine))
    assert page.select("table") == []
    assert "Key dates" in page.text
    assert "Next payment" in page.text


def test_history_is_left_out_and_the_proof_stays(visit, make, ctx, leave_out, now):
    mine = make.subscription(merchant=visit.merchant, customer=visit.customer)
    recorded = end_requests.record(ctx, wish_of(mine), now=now)
    end_carrying.carry_out(ctx, visit.merchant.id, recorded.request_id)
    assert visit.browser.get(visit.page(mine)).select("ol.timeline")
    leave_out(*Section)
    page = visit.browser.get(visit.page(mine))
    assert page.select("ol.timeline") == []
    proof = next(a for a in page.select("a") if a.get_text().startswith("See the proof"))
    assert "cancelled" in visit.browser.get(proof["href"]).text.lower()


def test_with_everything_left_out_one_still_cancels(visit, make, leave_out):
    mine = make.subscription(merchant=visit.merchant, customer=visit.customer)
    leave_out(*Section)
    page = visit.browser.get(visit.page(mine)).follow("Cancel my subscription")
    assert page.path.startswith(visit.page(mine))


def test_a_pause_is_not_asked_for_and_one_that_runs_is_ended(visit, make, leave_out):
    product = make.product(visit.merchant, pause_offered=True, pause_longest_days=60)
    running = make.subscription(customer=visit.customer, product=product)
    paused = make.subscription(customer=visit.customer, product=product, status=Status.PAUSED)
    assert PAUSE in visit.browser.get(visit.page(running)).text
    form = visit.browser.get(f"{visit.page(running)}/pause")
    leave_out(Section.PAUSES)
    assert PAUSE not in visit.browser.get(visit.page(running)).text
    assert PAUSE not in visit.browser.get(visit.home).text
    visit.browser.get(f"{visit.page(running)}/pause", status=404)
    form.submit(status=404)
    assert visit.browser.get(visit.page(paused)).follow(RESUME).status == 200


def test_nothing_invites_back_and_an_attempt_under_way_goes_on(visit, ctx, leave_out, cancelled):  # noqa: F811
    old, other = cancelled(visit.customer), cancelled(visit.customer)
    visit.browser.get(f"{visit.page(old)}/comeback").submit(press=PREPARE["en"])
    (attempt,) = attempts(ctx)
    leave_out(Section.COMEBACKS)
    assert LINK["en"] not in visit.browser.get(visit.page(other)).text
    visit.browser.get(f"{visit.page(other)}/comeback", status=404)
    assert "See where your new subscription stands" in visit.browser.get(visit.page(old)).text
    visit.browser.get(f"{visit.home}comebacks/{attempt.id}")


@pytest.mark.parametrize("is_hidden", [True, False])
def test_the_confirmation_has_no_link_back(visit, make, ctx, leave_out, now, is_hidden):
    mine = make.subscription(merchant=visit.merchant, customer=visit.customer, next_payment_at=now + timedelta(days=20))
    leave_out(*([Section.COMEBACKS] if is_hidden else []))
    recorded = end_requests.record(ctx, wish_of(mine), now=now)
    end_carrying.carry_out(ctx, visit.merchant.id, recorded.request_id)
    with ctx.db.read() as session:
        mail = session.scalars(select(Mail).where(Mail.kind == "end_confirmed")).one()
    assert ("/comeback" not in said(ctx, mail).text) is is_hidden


def test_a_confirmation_that_has_not_left_yet_loses_its_link_back(visit, make, ctx, now):
    mine = make.subscription(merchant=visit.merchant, customer=visit.customer)
    recorded = end_requests.record(ctx, wish_of(mine), now=now)
    end_carrying.carry_out(ctx, visit.merchant.id, recorded.request_id)

    def text():
        with ctx.db.read() as session:
            return said(ctx, session.scalars(select(Mail).where(Mail.kind == "end_confirmed")).one()).text

    assert "/comeback" in text()
    shown = {name: name != "shows_comebacks" for name in settings.SECTION_OF}
    settings.save(ctx, visit.merchant.id, settings.Sections(**shown), by=OPERATOR)
    assert "/comeback" not in text()


def test_a_word_of_a_later_release_hides_nothing(ctx, visit, make):
    mine = make.subscription(merchant=visit.merchant, customer=visit.customer)
    make.payment(mine, 9, PaymentState.COMPLETED)
    with ctx.db.begin() as session:
        session.get_one(Merchant, visit.merchant.id).hidden_sections = ["later"]
    assert visit.browser.get(visit.page(mine)).select("table")
