"""Both factors again before something sensitive: the table of access, route by route, and nothing typed is lost."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import event, select, update

from portal.clock import utc_now
from portal.domain.policies import Role
from portal.models import LoginSession, Merchant
from portal.queries.access import products
from portal.web.access import ACCESS, Again, Face
from portal.web.confirming import Sent
from tests.services.money.late_money import alarms, charged, show, stopped
from tests.services.money.test_given_back import taken
from tests.test_architecture import address, routes
from tests.web.conftest import PASSWORD, totp

# What asks again, in words of the issue: refunds, products, settings, IPN receivers, the audit export; keys as before.
ASKING = {
    "admin.late_payment_refund": {"GET", "POST"},
    "admin.payment_refund": {"GET", "POST"},
    **{
        key: {"POST"} for key in ("admin.product", "admin.product_new", "admin.product_plan", "admin.product_plan_kind")
    },
    "admin.settings": {"POST"},
    "admin.setting_face": {"POST"},
    "admin.setting_logo_draft": {"POST"},
    "admin.setting_logo_removal": {"POST"},
    "admin.setting_addresses": {"POST"},
    "admin.setting_language": {"POST"},
    "admin.setting_countries": {"POST"},
    "admin.setting_returns": {"POST"},
    "admin.setting_sections": {"POST"},
    "admin.setting_legal_text": {"POST"},
    "admin.setting_notices": {"POST"},
    "admin.setting_notice": {"POST"},
    **{key: {"POST"} for key in ("admin.setting_reasons", "admin.setting_reason", "admin.setting_offer")},
    "admin.setting_retention": {"POST"},
    "admin.setting_links": {"POST"},
    **{f"admin.setting_host{act}": {"POST"} for act in ("", "_removal")},
    "admin.setting_site_login": {"GET", "POST"},
    "admin.setting_site_login_removal": {"GET", "POST"},
    **{f"admin.setting_site_login_{act}": {"POST"} for act in ("check", "on", "off")},
    "admin.paypal_classic_receivers": {"GET", "POST"},
    "admin.audit_export": {"POST"},
    "admin.archive": {"GET", "POST"},
    "admin.court_file": {"GET", "POST"},
    "admin.merchant_archive": {"GET", "POST"},
    "admin.merchant_archive_file": {"POST"},
    **{f"admin.api_key_{act}": {"GET", "POST"} for act in ("new", "change", "rotation", "revocation")},
    "admin.paypal_rest": {"GET", "POST"},
    "admin.paypal_rest_check": {"POST"},
    "admin.paypal_rest_removal": {"GET", "POST"},
    "admin.paypal_classic": {"GET", "POST"},
    "admin.paypal_classic_check": {"POST"},
    "admin.paypal_classic_removal": {"GET", "POST"},
    **{f"admin.event_endpoint_{act}": {"POST"} for act in ("new", "change", "secret", "removal")},
    # who may come in
    "admin.account_password": {"GET", "POST"},
    "admin.account_factor": {"GET", "POST"},
    "admin.account_codes": {"POST"},
    "admin.account_passkey_new": {"GET", "POST"},
    "admin.account_passkey": {"POST"},
    "admin.account_passkey_removal": {"POST"},
    **{key: {"POST"} for key in ("admin.team", "admin.team_invitation", "admin.team_member")},
    **{key: {"POST"} for key in ("admin.invitation_again", "admin.invitation_withdrawal")},
    **{
        f"admin.team_member_{act}": {"POST"}
        for act in ("sessions_end", "renewal", "suspension", "reinstatement", "removal")
    },
}


@pytest.fixture
def lea(app, hire, merchant):
    return hire(merchant)


@pytest.fixture
def desk(browser, lea, log_in_staff):
    """The owner's browser, and a way to let the log-in grow old."""
    browser.get("/admin/login", Accept_Language="en")
    log_in_staff(browser, lea)
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return browser


def grow_old(ctx, minutes=11):
    with ctx.db.begin() as session:
        old = utc_now() - timedelta(minutes=minutes)
        session.execute(update(LoginSession).values(authenticated_at=old))


def again(page, lea, step):
    """Give both factors; the code of another step, since each is taken once."""
    return page.submit(password=PASSWORD, code=totp(lea, step=step))


def asks(answer):
    return b'name="password"' in answer.data or "/admin/confirm" in answer.headers.get("Location", "")


def test_the_table_is_true_for_every_route(app, desk, ctx, make, merchant):
    subscription = make.subscription(merchant=merchant)
    known = {"subscription_id": subscription.id, "product_id": subscription.product_id}
    token = desk.get("/admin/settings").select_one("input[name=csrf_token]")["value"]
    grow_old(ctx)
    commits = []
    event.listen(ctx.db.engine, "commit", lambda connection: commits.append(connection))
    for method in ("GET", "POST"):
        for rule in routes(app, method):
            if ACCESS[rule.endpoint].face is not Face.STAFF or method not in ASKING.get(rule.endpoint, ()):
                continue
            commits.clear()
            answer = desk.client.open(
                address(rule, merchant=merchant, known=known),
                method=method,
                data={"csrf_token": token, "name": "x"} if method == "POST" else None,
                base_url=desk.base_url,
            )
            assert asks(answer), (method, rule.endpoint, answer.status)
            assert commits == [], f"{rule.endpoint} acted before the factors"
    for rule in routes(app, "GET"):
        if ACCESS[rule.endpoint].face is Face.STAFF and "GET" not in ASKING.get(rule.endpoint, ()):
            answer = desk.client.get(address(rule, merchant=merchant, known=known), base_url=desk.base_url)
            assert rule.endpoint.startswith("auth.staff_confirm") or not asks(answer), rule.endpoint


def test_the_table_names_what_asks_and_nothing_else():
    named = {face: set() for face in Face}
    for endpoint, access in ACCESS.items():
        if access.again in (Again.ACTS, Again.ENTERS):
            named[access.face].add(endpoint)
    assert named.pop(Face.STAFF) == ASKING.keys()
    assert named.pop(Face.CUSTOMER) == {  # tried in tests/web/customer: test_address_change, test_account_choice
        "customer.address_change",
        *("customer.account_members", "customer.account_member_again", "customer.account_member_role"),
    }
    assert not any(named.values())
    by_view = {endpoint for endpoint, access in ACCESS.items() if access.again is Again.VIEW}
    assert by_view == {"admin.bulk_act", "admin.subscription_end"}


def test_an_end_asks_again_where_money_goes_back_with_it(enter, make, merchant, ctx, paypal):
    paying = make.subscription(merchant=merchant, next_payment_at=utc_now() + timedelta(days=20))
    taken(ctx, paypal, paying)
    manager = enter(merchant, role=Role.MANAGER)
    page = manager.get(f"/admin/subscriptions/{paying.id}/end/cancel")
    grow_old(ctx)
    (last,) = [one["value"] for one in page.select("input[name=refund]") if one["value"].startswith("last_payment")]
    asked = page.submit(press="Cancel the subscription", refund=last, internal_note="asked by phone", status=401)
    assert "Confirm that it is you" in asked.h1
    assert paypal.count("cancel") == 0
    page.submit(press="Cancel the subscription")
    assert paypal.count("cancel") == 1, "an end alone is the work of every day"


def test_who_only_looks_at_a_key_is_not_asked(reader, ctx):
    grow_old(ctx)
    assert reader.get("/admin/paypal/rest").path == "/admin/paypal/rest"
    assert reader.get("/admin/settings").path == "/admin/settings"


def test_long_settings_are_not_lost(desk, lea, ctx, merchant):
    """Longer than any cookie: 2000 letters with accents."""
    page, text = desk.get("/admin/settings"), "é" * 2000
    grow_old(ctx)
    page = page.submit(press="Save the settings", cancellation_text=text, status=401)
    assert "What you filled in is kept" in page.text
    assert reload(ctx, merchant).cancellation_text == ""
    page = page.submit(password="a wrong password", code="000000", status=422)
    page = again(page, lea, 1)
    assert reload(ctx, merchant).cancellation_text == "", "the factors alone send nothing"
    page = page.submit(press="Send what I filled in")
    assert "The settings are saved." in page.notices[0]
    assert reload(ctx, merchant).cancellation_text == text


def test_what_waited_for_the_factors_overwrites_nothing_that_was_saved_meanwhile(desk, lea, enter, ctx, merchant):
    page = desk.get("/admin/settings")
    grow_old(ctx)
    page = page.submit(press="Save the settings", cancellation_text="Mine.", status=401)
    enter(merchant).submit("/admin/settings", press="Save the settings", cancellation_text="Theirs.")
    page = again(page, lea, 1).submit(press="Send what I filled in", status=409)
    assert reload(ctx, merchant).cancellation_text == "Theirs."
    assert page.values(page.form(press="Save the settings"))["cancellation_text"] == "Mine."


def test_a_product_with_many_contents_is_not_lost(desk, lea, ctx, make, merchant):
    product = make.product(merchant, contents=tuple((f"Leçon {number} – " + "très " * 20, 7) for number in range(60)))
    page = desk.get(f"/admin/products/{product.id}")
    grow_old(ctx)
    page = page.submit(press="Save the product", name="Piano", keep_after_completion="yes", status=401)
    page = again(page, lea, 1).submit(press="Send what I filled in")
    assert "The product is saved." in page.notices[0]
    with ctx.db.read() as session:
        found = products.of_merchant(session, merchant.id, product.id)
        assert (found.name, found.keep_after_completion, len(found.contents)) == ("Piano", True, 60)


def test_the_audit_journal_is_handed_over_after_the_factors(desk, lea, ctx):
    page = desk.get("/admin/audit")
    grow_old(ctx)
    page = page.submit(press="Download (JSON lines)", status=401)
    assert "filled in" not in page.text, "it is a mere button"
    page = again(page, lea, 1)
    assert "filled in" not in page.text
    form = page.form(press="Continue")
    answer = desk.client.post(form["action"], data=page.values(form), base_url=desk.base_url)
    assert answer.mimetype == "application/jsonl"
    assert json.loads(answer.text.splitlines()[-1])["act"] == "export.audit"


def test_no_form_without_its_token_and_nobody_elses_is_carried(desk, ctx, merchant, enter, lea):
    """A foreign page cannot have its own words confirmed by the owner's factors."""
    grow_old(ctx)
    desk.post("/admin/settings", {"cancellation_text": "Evil"}, status=303)
    assert desk.get("/admin/confirm?next=/admin/settings").select_one("[name=carried]").get("value", "") == ""
    colleague = enter(merchant)
    typed = colleague.get("/admin/settings")
    grow_old(ctx)
    asked = typed.submit(press="Save the settings", cancellation_text="Theirs", status=401)
    carried = asked.select_one("[name=carried]")["value"]
    page = desk.get("/admin/confirm").submit(password=PASSWORD, code=totp(lea, step=1), carried=carried)
    assert "Theirs" not in page.body


def test_secrets_are_not_carried(desk, ctx):
    page = desk.get("/admin/paypal/rest")
    grow_old(ctx)
    page = page.submit(press="Test and save the key", client_id="AY7", client_secret="s3cret", status=401)
    assert "s3cret" not in page.body


def test_a_refund_is_confirmed_on_a_page_of_its_own(desk, lea, ctx, make, paypal, merchant):
    ended = stopped(ctx, make, paypal, merchant=merchant)
    show(ctx, ended, charged(paypal, ended))
    (late,) = alarms(ctx)
    page = desk.get(f"/admin/late-payments/{late.id}")
    grow_old(ctx)
    page = again(page.follow("Refund €29.90"), lea, 1)
    assert page.h1 == "Refund €29.90?"
    assert paypal.count("refund") == 0
    page = page.submit(press="Refund €29.90")
    assert "Refunded: PayPal shows it" in page.notices[0]
    assert desk.get(f"/admin/late-payments/{late.id}/refund").path == f"/admin/late-payments/{late.id}"


def test_a_refund_of_another_amount_than_was_shown_is_asked_for_again(desk, ctx, make, paypal, merchant):
    """A part goes back between the page and the click: nobody confirmed the new sum."""
    ended = stopped(ctx, make, paypal, merchant=merchant)
    show(ctx, ended, charged(paypal, ended))
    (late,) = alarms(ctx)
    page = desk.get(f"/admin/late-payments/{late.id}/refund").submit(press="Refund €29.90", amount="19.90")
    assert "left to refund has changed" in page.notices[0]
    assert paypal.count("refund") == 0
    desk.post(f"/admin/late-payments/{uuid.uuid4()}/refund", desk.values_of(page), status=404)


def reload(ctx, merchant):
    with ctx.db.read() as session:
        return session.scalars(select(Merchant).where(Merchant.id == merchant.id)).one()


def test_the_refunds_sum_is_the_pages_own_and_nothing_that_somebody_filled_in():
    refund = [("csrf_token", "t"), ("amount", "29.90")]
    assert not Sent(to="/admin/late-payments/1/refund", fields=refund).is_filled_in
    assert Sent(to="/admin/late-payments/1", fields=[*refund, ("reason", "owed")]).is_filled_in


def test_where_a_button_leads_back_to_is_nothing_that_somebody_filled_in():
    button = [("csrf_token", "t"), ("back", "/admin/?about=money")]
    assert not Sent(to="/admin/payments/1/refund", fields=button).is_filled_in
