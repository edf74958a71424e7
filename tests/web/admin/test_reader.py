"""A reader looks: no page shows one a form or a button that would be refused."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from portal.domain.ends.received_requests import Way
from portal.domain.policies import Role
from portal.services.inbox import received_requests
from portal.services.inbox.received_requests import Declaration
from portal.web.access import ACCESS, Face
from tests.services.money.late_money import charged, show, stopped


def is_for_a_reader(app, address):
    """Whether the table of access lets a reader send something there."""
    endpoint, _values = app.url_map.bind("portal.test").match(urlsplit(address).path, method="POST")
    access = ACCESS[endpoint]
    return access.face is not Face.STAFF or access.role_for("POST") is Role.READER


def test_a_reader_is_shown_no_form_that_a_reader_may_not_send(app, ctx, make, paypal, merchant, reader, now):
    ended = stopped(ctx, make, paypal, merchant=merchant)
    show(ctx, ended, charged(paypal, ended))
    make.subscription(merchant=merchant)
    letter = Declaration(
        merchant_id=merchant.id, received_at=now, way=Way.LETTER, name="Zoé", email=None, contract="Piano"
    )
    received_requests.record(ctx, letter, now=now)
    waiting, seen, forms = ["/admin/", "/admin/subscriptions", "/admin/paypal"], set(), []
    while waiting:
        address = waiting.pop()
        seen.add(address)
        answer = reader.client.get(address, base_url="http://portal.test")
        if answer.status_code != 200 or answer.mimetype != "text/html":
            continue
        page = reader.get(address)
        forms += [
            f"{address}: {urljoin(address, str(form.get('action') or address))}"
            for form in page.soup.find_all("form")
            if str(form.get("method", "get")).lower() == "post"
            and not is_for_a_reader(app, urljoin(address, str(form.get("action") or address)))
        ]
        links = {urljoin(address, str(link["href"])).partition("#")[0] for link in page.select("a[href]")}
        waiting += [one for one in links if one.startswith("/admin") and one not in seen and one not in waiting]
    assert len(seen) > 20
    assert forms == [], forms
