"""Deciding test 10: somebody else's ids do not exist on any customer route, and leave a line in the log."""

from __future__ import annotations

import uuid

import pytest
from structlog.testing import capture_logs

from tests.web.customer.conftest import CANCEL, reference_of

ROUTES = [
    ("GET", "subscriptions/{subscription}"),
    ("GET", "subscriptions/{subscription}/cancellation"),
    ("POST", "subscriptions/{subscription}/cancellation"),
    ("GET", "subscriptions/{subscription}/notification"),
    ("POST", "subscriptions/{subscription}/notification"),
    ("GET", "requests/{reference}"),
    ("POST", "requests/{reference}/withdrawal"),
]


@pytest.fixture
def theirs(make, log_in, paypal):
    """Another customer, of the same merchant or of another, with an open request of theirs."""

    def of(merchant):
        other = log_in(merchant, make.customer(merchant))
        waiting = make.subscription(merchant=merchant, customer=other.customer)
        paypal.rule("any", "500", only=waiting.provider_id)
        page = other.cancel(waiting)
        running = make.subscription(merchant=merchant, customer=other.customer)
        return {"subscription": str(running.id), "reference": reference_of(page)}, waiting

    return of


def answer(visit, method: str, path: str, token: str):
    data = {"csrf_token": token} if method == "POST" else None
    return visit.browser.client.open(visit.home + path, method=method, data=data, base_url=visit.browser.base_url)


@pytest.mark.parametrize("same_merchant", [True, False])
@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_what_is_not_theirs_does_not_exist(visit, make, theirs, method, route, same_merchant):
    merchant = visit.merchant if same_merchant else make.merchant(locale="en")
    ids, waiting = theirs(merchant)
    own = make.subscription(merchant=visit.merchant, customer=visit.customer)
    page = visit.recap(own)
    token = page.values(page.form(press=CANCEL))["csrf_token"]
    state = make.requests(waiting)[0].state
    nobodys = {"subscription": str(uuid.uuid4()), "reference": "ZZZZ-9999"}

    with capture_logs() as lines:
        foreign = answer(visit, method, route.format(**ids), token)
    unknown = answer(visit, method, route.format(**nobodys), token)

    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert strip(foreign) == strip(unknown)
    assert [line["event"] for line in lines if line["event"] == "not_found"] == ["not_found"]
    assert lines[-1]["person_id"] == str(visit.customer.id)
    assert make.requests(waiting)[0].state is state
    assert make.requests(own) == []


def strip(response) -> str:
    """The body without what names the address asked for (the language form comes back to it) and the token."""
    lines = response.get_data(as_text=True).splitlines()
    return "\n".join(line for line in lines if 'name="next"' not in line and 'name="csrf_token"' not in line)


@pytest.mark.parametrize("reference", ["zzzz", "ABCD-2345'--", "%00", "é", "A" * 400])
def test_addresses_that_nobody_made_are_not_found(visit, reference):
    visit.browser.get(f"{visit.home}requests/{reference}", status=404)
