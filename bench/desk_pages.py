"""Which pages of the desk are measured: every list with each of its filters and orders, page 2 and 90 %, records."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import psycopg

from bench import desk_data
from portal.clock import utc_now

SUBSCRIPTION_FILTERS: Final = (
    *("late=yes", "failed=yes", "email=none", "planned=yes", "planned=no", "needs_you=yes", "key=classic", "key=rest"),
    *("reason=technical", "reason=not_used", "revenue=EUR", "revenue=CHF"),
    *("ended_by=customer", "ended_by=failed", "ended_by=staff&ended_from={month}", "ended_by=abandoned"),
    *("started_from={month}", "ended_from={month}", "next_from={soon}&next_to={later}"),
    *("started_from={year}&started_to={month}", "ended_from={week}&ended_by=customer&reason=not_used"),
    *("state=abandoned&state=pending", "state=past_due&email=none&ended_by=failed", "state=active&planned=no&late=yes"),
)
SUBSCRIPTION_ORDERS: Final = (
    *("created", "-created", "customer", "-customer", "next", "-next", "started", "-started", "ended", "-ended"),
)
CUSTOMER_FILTERS: Final = (
    *("email=none", "erased=yes", "erased=no", "state=abandoned", "state=active", "state=past_due", "needs_you=yes"),
    *("known_from={month}", "known_from={year}&known_to={month}", "sort=-name", "sort=known", "sort=-known"),
)
# Of these the second page is asked for as well: all orders, and the filters that read the most.
PAGED: Final = (
    *("today", "about ends", "subscriptions", "customers", "sorted ", "sort="),
    *("key=rest", "email=none", "needs_you", "state=active"),
)
ABOUT: Final = ("ends", "money", "paypal", "emails", "people")  # what there is to do
OTHERS: Final = ("products", "audit", "bulk", "team", "received/lost", "paypal/events", "paypal/comparisons", "paypal")
PLACE: Final = "SELECT id FROM {} ORDER BY {} OFFSET (SELECT count(*) * 9 / 10 FROM {}) LIMIT 1"


def days() -> dict[str, date]:
    """Return the days that filters name, as they lie about today."""
    today = utc_now().date()
    ago = {"week": 7, "month": 30, "year": 365, "soon": -1, "later": -3}
    return {name: today - timedelta(days=number) for name, number in ago.items()}


def paths(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Return the addresses of what is measured, by name."""

    def one(statement: str) -> Any:
        return connection.execute(statement).fetchone()

    products = dict(connection.execute("SELECT name, id FROM products").fetchall())
    plan = one("SELECT id FROM plans WHERE name = 'Yoga'")[0]
    email, provider_id, customer_id, subscription_id = one(
        "SELECT email, provider_id, customer_id, subscriptions.id FROM subscriptions JOIN customers"
        " ON customers.id = customer_id WHERE email IS NOT NULL AND ended_at IS NULL LIMIT 1"
    )
    searched = {
        "a word": "dupont", "two words": "marie martin", "one letter": "m", "a word without a hit": "zzyqx",
        "an address": email, "a domain": "laposte.net", "a PayPal id": provider_id,
        "a part of an id": provider_id[2:8], "a reference": one("SELECT reference FROM end_requests LIMIT 1")[0],
    }  # fmt: skip
    ninety = {
        table: one(PLACE.format(table, order, table))[0]
        for table, order in (("subscriptions", "created_at DESC, id DESC"), ("customers", f"{desk_data.ORDER}, id"))
    }
    filters = [query.format(**days()) for query in SUBSCRIPTION_FILTERS]
    of_customers = [query.format(**days()) for query in CUSTOMER_FILTERS]
    return {
        "today": "/admin/",
        **{f"inbox about {about}": f"/admin/?about={about}" for about in ABOUT},
        "subscriptions": "/admin/subscriptions",
        "subscriptions at 90 %": _listed("subscriptions", after=ninety["subscriptions"]),
        **{f"status {one}": _listed("subscriptions", status=one) for one in ("active", "past_due", "abandoned")},
        **{f"product {name}": _listed("subscriptions", product=product) for name, product in products.items()},
        "plan Yoga": _listed("subscriptions", plan=plan),
        **{f"filter {query}": f"/admin/subscriptions?{query}" for query in filters},
        **{f"sorted {order}": _listed("subscriptions", sort=order) for order in SUBSCRIPTION_ORDERS},
        **{f"active, by {one}": f"/admin/subscriptions?state=active&sort={one}" for one in ("customer", "next")},
        "a product and a status": _listed("subscriptions", product=products["Yoga"], status="paused"),
        **{f"searched: {what}": _listed("subscriptions", q=words) for what, words in searched.items()},
        "a word and a status": _listed("subscriptions", q="martin", status="abandoned"),
        "customers": "/admin/customers",
        "customers at 90 %": _listed("customers", after=ninety["customers"]),
        **{f"customers {query}": f"/admin/customers?{query}" for query in of_customers},
        **{f"customers searched: {what}": _listed("customers", q=words) for what, words in searched.items()},
        **{page: f"/admin/{page}" for page in OTHERS},
        "a subscription": f"/admin/subscriptions/{subscription_id}",
        "a customer": f"/admin/customers/{customer_id}",
    }  # fmt: skip


def is_paged(name: str) -> bool:
    """Say whether the page after it is measured too."""
    return any(one in name for one in PAGED) and "90 %" not in name and "search" not in name


def _listed(table: str, **query: object) -> str:
    return f"/admin/{table}?{urlencode(query)}"
