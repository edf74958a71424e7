"""`python tests/api_stories.py ADDRESS KEY`: the main stories, by a client generated from the description alone.

Run by tests/api_judges.py in an environment that has nothing of the portal.
"""

import sys
import time
from datetime import UTC, datetime, timedelta

from portal_api_client import AuthenticatedClient
from portal_api_client.api.access import access_check, access_check_many
from portal_api_client.api.customers import customers_one, customers_search
from portal_api_client.api.end_requests import end_requests_asked_for, end_requests_one, end_requests_withdrawn
from portal_api_client.api.keys import keys_own
from portal_api_client.api.products import products_listed
from portal_api_client.api.subscriptions import subscriptions_listed, subscriptions_one
from portal_api_client.models import (
    AccessBatch,
    AccessCheck,
    CustomerSearch,
    EndRequestStatus,
    NewEndRequest,
    Problem,
    SubscriptionStatus,
)

PATIENCE = 90  # seconds in which PayPal confirms


def main(address: str, key: str) -> None:
    """Play the stories; an assertion that fails ends the program."""
    client = AuthenticatedClient(base_url=address, token=key, raise_on_unexpected_status=True)
    assert "ends:write" in [scope.value for scope in keys_own.sync(client=client).scopes]
    every = _all(client)
    assert len(every) == len({one.id for one in every}) > 8
    _opens(client, every[0])
    _many(client, every[1:6])
    _ends(client, every[6])
    _takes_back(client, every[7])
    _is_refused(client, every[6])
    print("stories: played to their end")


def _all(client):
    """Walk the whole list, three at a time."""
    found, cursor = [], None
    while True:
        page = subscriptions_listed.sync(client=client, limit=3, **({"cursor": cursor} if cursor else {}))
        found += page.data
        if not page.has_more:
            return found
        cursor = page.next_cursor


def _opens(client, held):
    seen = access_check.sync(client=client, customer=held.customer, product=held.product)
    assert seen.allowed is True
    assert [source.id for source in seen.from_] == [held.id]
    assert held.product in [one.id for one in products_listed.sync(client=client).data]


def _many(client, held):
    asked = AccessBatch(checks=[AccessCheck(customer=one.customer, product=one.product) for one in held])
    answers = access_check_many.sync(client=client, body=asked).data
    assert [(one.index, one.found, one.customer) for one in answers] == [
        (index, True, one.customer) for index, one in enumerate(held)
    ]


def _ends(client, held):
    """A customer stops; it is true once PayPal says so."""
    asked = end_requests_asked_for.sync(
        client=client, body=NewEndRequest(subscription=held.id), idempotency_key=f"end-{held.id}"
    )
    again = end_requests_asked_for.sync(
        client=client, body=NewEndRequest(subscription=held.id), idempotency_key=f"end-{held.id}"
    )
    assert again.id == asked.id
    deadline = time.monotonic() + PATIENCE
    while (told := end_requests_one.sync(asked.id, client=client)).status is not EndRequestStatus.CONFIRMED:
        if subscriptions_one.sync(held.id, client=client).status is SubscriptionStatus.CANCELLED:
            # between the two reads PayPal may have confirmed
            assert end_requests_one.sync(asked.id, client=client).status is EndRequestStatus.CONFIRMED
        assert time.monotonic() < deadline, told.status
        time.sleep(0.5)
    over = subscriptions_one.sync(held.id, client=client)
    assert over.status is SubscriptionStatus.CANCELLED
    assert over.ended_at is not None


def _takes_back(client, held):
    wished_on = (datetime.now(UTC).date() + timedelta(days=500)).isoformat()
    asked = end_requests_asked_for.sync(
        client=client, body=NewEndRequest.from_dict({"subscription": held.id, "wished_on": wished_on})
    )
    if asked.status is EndRequestStatus.PLANNED:
        assert end_requests_withdrawn.sync(asked.id, client=client).status is EndRequestStatus.WITHDRAWN


def _is_refused(client, held):
    refused = end_requests_asked_for.sync(client=client, body=NewEndRequest(subscription=held.id))
    assert isinstance(refused, Problem)
    assert refused.code.value == "conflict"
    nobody = customers_one.sync(f"cus_{'0' * 32}", client=client)
    assert isinstance(nobody, Problem)
    assert customers_search.sync(client=client, body=CustomerSearch(email="nobody@judges.example")).data == []


if __name__ == "__main__":
    main(*sys.argv[1:])
