"""A suspended or leaving merchant's desk, tried: what every route refuses, and what every page says."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.clock import utc_now
from portal.domain.audit import OPERATOR
from portal.domain.policies import Role
from portal.models import Merchant
from portal.services.merchants import standings
from portal.web.access import SAFE_METHODS
from tests.test_architecture import address
from tests.web.admin.test_roles import routes_of_the_desk

# What begins something, as the product's owner has said it: imports, products, grants, bulk, people, settings, pauses.
BEGINS = {
    *("admin.import_start", "admin.paypal_profile_imports", "admin.paypal_profile_import_resume"),
    *("admin.product_new", "admin.product_draft", "admin.product_plan", "admin.product_plan_kind"),
    *("admin.product", "admin.grant_new", "admin.grant", "admin.bulk_acts", "admin.bulk_act"),
    *("admin.team_invitation", "admin.invitation_again", "admin.subscription_pause", "admin.paypal_classic_receivers"),
    *("admin.settings", "admin.setting_face", "admin.setting_addresses", "admin.setting_language"),
    *("admin.file_imports", "admin.file_import", "admin.file_import_run"),
    "admin.setting_countries",
    "admin.api_key_new",
    "admin.setting_returns",
    *("admin.setting_site_login", "admin.setting_site_login_check", "admin.setting_site_login_on"),
    *("admin.setting_legal_text", "admin.setting_host", "admin.setting_host_check"),
    *("admin.setting_notices", "admin.setting_notice"),
    *("admin.setting_reasons", "admin.setting_reason", "admin.setting_offer"),
    "admin.setting_retention",
    "admin.setting_links",
    *("admin.setting_sections", "admin.event_endpoint_new"),
    *("admin.setting_logo", "admin.setting_logo_draft", "admin.setting_logo_removal"),
}
FIRST_KEY = {"admin.paypal_classic"}  # of a merchant who has a REST key
STATES = ("suspended", "leaving")


def notice(page):
    """What the page says first of all."""
    return " ".join(page.select_one("main .notice").get_text().split())


@pytest.fixture
def put(ctx, merchant):
    """Bring the merchant into a state."""

    def into(state):
        if state == "suspended":
            standings.suspend(ctx, merchant.id, why="The invoice of May is unpaid.", by=OPERATOR, now=utc_now())
        else:
            standings.leave(ctx, merchant.id, leave_live=True, by=OPERATOR, now=utc_now())

    return into


@pytest.mark.parametrize("state", STATES)
def test_nothing_new_is_begun_and_everything_else_is_as_ever(app, merchant, owner, put, state):
    put(state)
    wrong = []
    for rule, method in routes_of_the_desk(app):
        url = address(rule, merchant=merchant, known={})
        if rule.endpoint in ("admin.session_end", "admin.other_sessions_end"):
            continue
        answer = owner.client.open(url, method=method, base_url="http://portal.test")
        said = (
            b"nothing new can be started here" in answer.data and b"the operator of the portal, who can" in answer.data
        )
        is_refused = answer.status_code == 409 and said
        if is_refused is not (method not in SAFE_METHODS and rule.endpoint in BEGINS | FIRST_KEY):
            wrong.append((method, rule.endpoint, answer.status))
    assert wrong == []


def test_the_notice_is_on_every_page_with_the_reason_and_whom_to_ask(owner, put):
    put("suspended")
    for path in (
        "/admin/",
        "/admin/subscriptions",
        "/admin/settings",
        "/admin/team",
        "/admin/account",
        "/admin/nowhere",
    ):
        page = owner.get(path, status=404 if path.endswith("nowhere") else 200)
        assert "L’Atelier is suspended on this portal" in notice(page), path
        assert "The invoice of May is unpaid." in notice(page)
        assert "The operator can lift the suspension." in notice(page)


def test_a_leaving_one_says_its_day_what_is_not_ended_and_how_to_stay(owner, put, make, merchant):
    for _ in range(3):
        make.subscription(merchant=merchant)
    put("leaving")
    day = utc_now() + timedelta(days=30)
    said = notice(owner.get("/admin/"))
    assert "leaves this portal on" in said
    assert str(day.year) in said
    assert "PayPal keeps taking the payments of 3 live subscriptions." in said
    assert "Leaving ends no subscription." in said
    assert "To stay, ask the operator of the portal before that day" in said


def test_one_that_waits_after_its_last_day_says_so(ctx, owner, put, merchant):
    put("leaving")
    with ctx.db.begin() as session:
        month = timedelta(days=31)
        row = session.get_one(Merchant, merchant.id)
        row.leaving_at, row.gone_at = row.leaving_at - month, row.gone_at - month
    said = notice(owner.get("/admin/"))
    assert "its last day was" in said
    assert "What your customers and you have asked for is finished first." in said


def test_an_open_one_says_nothing_of_it(owner):
    assert "operator of the portal" not in owner.get("/admin/").text


@pytest.mark.parametrize("state", STATES)
def test_forms_of_rules_are_locked_and_buttons_that_begin_something_are_gone(owner, put, make, merchant, state):
    customer = make.subscription(merchant=merchant).customer
    before = owner.get(f"/admin/customers/{customer.id}").text
    assert "Give access by hand" in before
    put(state)
    for path in (f"/admin/settings{name}" for name in ("", "/face", "/language", "/addresses", "/sections")):
        page = owner.get(path)
        assert "Nothing can be changed here at the moment." in page.text, path
        assert page.select("main fieldset[disabled]")
    assert "Give access by hand" not in owner.get(f"/admin/customers/{customer.id}").text
    assert "Invite somebody" not in owner.get("/admin/team").text
    assert not owner.get("/admin/subscriptions").select("input[name=ids]")


@pytest.mark.parametrize("state", STATES)
def test_one_subscription_is_ended_as_ever(owner, put, make, merchant, state):
    subscription = make.subscription(merchant=merchant)
    put(state)
    owner.get(f"/admin/subscriptions/{subscription.id}/end/cancel").submit(press="Cancel the subscription")
    assert make.reload(subscription).status == "cancelled"


def test_a_stored_key_may_be_replaced_since_recorded_ends_wait_for_it_but_no_first_one_entered(
    enter, make, put, owner, merchant, ctx, paypal
):
    put("suspended")
    own = paypal.credentials
    page = owner.get("/admin/paypal/rest")
    page = page.submit(press="Test and save the key", client_id=own.client_id, client_secret=own.secret)
    assert "nothing new" not in page.text
    other = make.merchant(key=False, locale="en")
    standings.suspend(ctx, other.id, why="x", by=OPERATOR, now=utc_now())
    page = enter(other).get("/admin/paypal/rest")
    page = page.submit(press="Test and save the key", client_id=own.client_id, client_secret=own.secret, status=409)
    assert "nothing new can be started here" in page.text


def test_a_reader_hears_first_that_it_is_not_theirs(enter, merchant, put):
    put("suspended")
    enter(merchant, Role.READER).post("/admin/settings", {}, status=403)
