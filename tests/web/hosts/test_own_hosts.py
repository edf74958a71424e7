"""A merchant's own host has its customers' pages and nothing else, and is left as safely as it was taken."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select, text

from portal.clock import utc_now
from portal.domain.audit import PORTAL
from portal.domain.merchants.own_hosts import Fault, HostRefused, HostTaken
from portal.mail.letterhead import Letterhead
from portal.models import AuditEntry, Merchant
from portal.services.merchants import own_hosts
from tests.web.hosts.conftest import HOST

LOGIN = "/account/atelier/login"
OLDER = text("UPDATE own_hosts SET given_up_at = given_up_at - interval '31 days'")


@pytest.fixture
def merchant(make):
    return make.merchant(slug="atelier", name="L’Atelier", locale="en")


@pytest.fixture
def asked(https_app):
    def ask(path, host="portal.test", method="GET", **more):
        client = https_app.test_client()
        return client.open(path, method=method, base_url=f"https://{host}", **more)

    return ask


def address_of(answer):
    parts = urlsplit(answer.headers.get("Location", ""))
    return parts.netloc, parts.path + (f"?{parts.query}" if parts.query else "")


def active(ctx, merchant):
    with ctx.db.read() as session:
        return session.get_one(Merchant, merchant.id).own_host


def acts(ctx):
    with ctx.db.read() as session:
        rows = session.scalars(
            select(AuditEntry).where(AuditEntry.act.startswith("own_host.")).order_by(AuditEntry.number)
        ).all()
    return [row.act.removeprefix("own_host.") for row in sorted(rows, key=lambda row: row.number)]


def test_customers_are_led_to_it_and_find_their_pages_there(asked, merchant, with_host):
    assert asked(LOGIN).status_code == 200
    with_host(merchant)
    for path in (LOGIN, "/account/atelier/login/link/abc?x=1", "/atelier/cancel-contract", "/account/atelier/"):
        led = asked(path)
        assert (led.status_code, *address_of(led)) == (302, HOST, path)
        assert led.headers["Cache-Control"] == "no-store"
    assert asked(LOGIN, HOST).status_code == 200
    assert asked(LOGIN, HOST.upper()).status_code == 200
    assert address_of(asked("/", HOST))[1] == "/account/atelier/"


def test_a_name_that_may_be_taken_back_is_bound_to_https_no_longer_than_it_is_led_back_from(asked, merchant, with_host):
    with_host(merchant)
    assert "includeSubDomains" in asked(LOGIN).headers["Strict-Transport-Security"]
    assert asked(LOGIN, HOST).headers["Strict-Transport-Security"] == "max-age=2592000"


@pytest.mark.parametrize("path", ["/v1/openapi.json", "/v1/subscriptions", "/v1", "/v1/nothing"])
def test_the_api_is_not_at_it(asked, merchant, with_host, path):
    with_host(merchant)
    assert asked("/v1/openapi.json").status_code == 200
    answer = asked(path, HOST)
    assert answer.status_code == 404
    assert answer.headers["Strict-Transport-Security"] == "max-age=2592000"
    assert asked(path, "evil.example").status_code == 400


@pytest.mark.parametrize(
    "path", ["/healthz", "/livez", "/readyz", "/metrics", "/.well-known/portal-host/x", "/v1/x", LOGIN]
)
def test_no_answer_binds_a_name_that_is_not_ours_for_a_year(asked, ctx, merchant, with_host, path):
    """Also where it was given up so long ago that it is foreign; its certificate may be good for weeks still."""
    with_host(merchant)
    own_hosts.give_up(ctx, merchant.id, by=PORTAL, now=utc_now())
    for host in (HOST, "10.0.0.7:8000"):
        assert asked(path, host).headers.get("Strict-Transport-Security") in (None, "max-age=2592000"), host
    with ctx.db.begin() as session:
        session.execute(OLDER)
    assert "Strict-Transport-Security" not in asked(path, HOST).headers


def test_nothing_else_is_at_it(asked, merchant, make, with_host):
    make.merchant(slug="studio", name="Studio")
    with_host(merchant)
    others = ("/account/studio/login", "/studio/cancel-contract")
    for path in ("/admin/login", *others, "/setup", "/.well-known/jwks.json"):
        assert asked(path, HOST).status_code == 404, path
    assert [asked(path).status_code for path in others] == [200, 200]
    assert asked("/admin/login").status_code == 200
    assert asked("/css/customer.css", HOST).status_code == asked("/css/customer.css").status_code


def test_what_was_sent_from_a_page_that_stood_open_is_not_lost(asked, ctx, merchant, with_host):
    """A form of the former address is taken there: nobody who asked to stop is forgotten."""
    with_host(merchant)
    assert asked(LOGIN, method="POST").status_code not in (302, 404)
    own_hosts.give_up(ctx, merchant.id, by=PORTAL, now=utc_now())
    assert asked(LOGIN, HOST, method="POST").status_code not in (302, 404)


def test_given_up_it_leads_back_for_a_month(asked, ctx, merchant, with_host):
    with_host(merchant)
    own_hosts.give_up(ctx, merchant.id, by=PORTAL, now=utc_now())
    assert active(ctx, merchant) is None
    assert asked(LOGIN).status_code == 200
    assert address_of(asked(f"{LOGIN}?x=1", HOST)) == ("portal.test", f"{LOGIN}?x=1")
    with ctx.db.begin() as session:
        session.execute(OLDER)
    assert asked(LOGIN, HOST).status_code == 400
    assert acts(ctx) == ["entered", "active", "given_up"]


def test_a_host_that_is_not_proved_has_no_pages(asked, ctx, names, merchant, row_of):
    own_hosts.enter(ctx, merchant.id, HOST, by=PORTAL, now=utc_now())
    assert own_hosts.check(ctx, merchant.id, by=PORTAL, now=utc_now()) is Fault.NO_RECORD
    assert names.opened == []
    assert asked(LOGIN).status_code == 200
    assert address_of(asked(LOGIN, HOST))[0] == "portal.test"
    assert asked(f"/.well-known/portal-host?domain={HOST}").status_code == 404


@pytest.mark.parametrize("fault", [Fault.NOT_REACHED, Fault.CERTIFICATE, Fault.ANOTHER])
def test_proved_but_not_leading_here_it_is_not_used(asked, ctx, names, merchant, prove, row_of, fault):
    prove(own_hosts.enter(ctx, merchant.id, HOST, by=PORTAL, now=utc_now()))
    names.faults[HOST] = fault
    assert own_hosts.check(ctx, merchant.id, by=PORTAL, now=utc_now()) is fault
    assert active(ctx, merchant) is None
    assert asked(f"/.well-known/portal-host?domain={HOST}").status_code == 200  # else no certificate would ever be made
    row = row_of(merchant)
    assert names.opened == [(HOST, row.token, str(row.id))]
    assert asked(f"/.well-known/portal-host/{row.token}", HOST).get_data(as_text=True).strip() == str(row.id)
    assert asked(f"/.well-known/portal-host/{row.token}x", HOST).status_code == 404


def test_one_that_stops_leading_here_is_left_after_a_day_and_taken_again(asked, ctx, names, merchant, with_host):
    with_host(merchant)
    names.faults[HOST] = Fault.NOT_REACHED
    began = utc_now()
    for hours, host in ((0, HOST), (23, HOST), (25, None)):
        assert own_hosts.check_all(ctx, now=began + timedelta(hours=hours)) == 1
        assert active(ctx, merchant) == host
    assert asked(LOGIN).status_code == 200
    names.faults.clear()
    assert own_hosts.check_all(ctx, now=began + timedelta(hours=31)) == 0
    assert active(ctx, merchant) == HOST
    assert acts(ctx) == ["entered", "active", "lost", "active"]


@pytest.mark.parametrize(("records", "days"), [([], 2), (["portal-host=somebody-else"], 2)])
def test_whose_record_is_gone_for_a_day_gets_no_certificate_any_more(
    asked, ctx, names, merchant, with_host, records, days
):
    """Until the record is there again: whose the name is may have changed with it."""
    row = with_host(merchant)
    kept = names.records[f"_portal-challenge.{HOST}"]
    names.records[f"_portal-challenge.{HOST}"] = records
    question = f"/.well-known/portal-host?domain={HOST}"
    own_hosts.check_all(ctx, now=utc_now())
    assert asked(question).status_code == 200
    own_hosts.check_all(ctx, now=utc_now() + timedelta(days=days))
    assert (active(ctx, merchant), asked(question).status_code) == (None, 404)
    names.records[f"_portal-challenge.{HOST}"] = kept
    assert own_hosts.check_all(ctx, now=utc_now()) == 0
    assert (active(ctx, merchant), asked(question).status_code) == (row.host, 200)


def test_one_that_was_proved_and_never_used_is_given_no_certificate_once_its_record_is_gone(
    asked, ctx, names, merchant, prove, row_of
):
    prove(own_hosts.enter(ctx, merchant.id, HOST, by=PORTAL, now=utc_now()))
    names.faults[HOST] = Fault.NOT_REACHED
    own_hosts.check(ctx, merchant.id, by=PORTAL, now=utc_now())
    names.records.clear()
    for days in (0, 2):
        own_hosts.check_all(ctx, now=utc_now() + timedelta(days=days))
    assert asked(f"/.well-known/portal-host?domain={HOST}").status_code == 404


def test_silent_name_servers_say_nothing_about_it(ctx, names, merchant, with_host):
    with_host(merchant)
    names.silent = True
    for days in (0, 2, 9):
        own_hosts.check_all(ctx, now=utc_now() + timedelta(days=days))
    assert active(ctx, merchant) == HOST


def test_another_merchant_gets_it_when_the_first_has_lost_it(ctx, merchant, make, with_host, prove):
    with_host(merchant)
    other = make.merchant(slug="studio")
    prove(own_hosts.enter(ctx, other.id, HOST, by=PORTAL, now=utc_now()))
    with pytest.raises(HostTaken):
        own_hosts.check(ctx, other.id, by=PORTAL, now=utc_now())
    assert own_hosts.check(ctx, merchant.id, by=PORTAL, now=utc_now()) is Fault.OTHER_RECORD
    own_hosts.check(ctx, merchant.id, by=PORTAL, now=utc_now() + timedelta(days=1, hours=1))
    assert own_hosts.check(ctx, other.id, by=PORTAL, now=utc_now()) is None
    assert (active(ctx, merchant), active(ctx, other)) == (None, HOST)


def test_entering_another_gives_up_the_first(ctx, merchant, with_host, row_of):
    with_host(merchant)
    own_hosts.enter(ctx, merchant.id, "espace.atelier.example", by=PORTAL, now=utc_now())
    assert active(ctx, merchant) is None
    assert row_of(merchant).host == "espace.atelier.example"
    with pytest.raises(HostRefused):
        own_hosts.enter(ctx, merchant.id, "portal.test", by=PORTAL, now=utc_now())
    assert acts(ctx) == ["entered", "active", "given_up", "entered"]


def test_mails_name_it_and_those_to_staff_do_not(ctx, merchant, with_host):
    with_host(merchant)
    with ctx.db.read() as session:
        head = Letterhead.of(session.get_one(Merchant, merchant.id), locale="en", base_url=ctx.base_url)
    assert head.url(LOGIN) == f"https://{HOST}{LOGIN}"
    assert head.url("/admin/") == "http://portal.test/admin/"
