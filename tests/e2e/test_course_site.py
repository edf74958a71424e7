"""A customer cancels, PayPal confirms, and the lesson closes on its day: by the portal's own clock, on a site that is
told by the portal's events and asks its API.  Nothing is moved on: what was paid ends a minute after they subscribed.
"""

from __future__ import annotations

from typing import Any

from portal.demo.course_site import KEY
from portal.demo.seed import STUDIO_PLANS
from tests.e2e.conftest import NewVisitor
from tests.e2e.demo import Demo, wait_for
from tests.e2e.visitor import Visitor

MINUTES = 1.5  # of paid time that are left: enough to log in and cancel on a busy machine
OPEN, CLOSED = "Open: here the lesson would begin.", "Closed."
SKETCH = STUDIO_PLANS[1]


def api(demo: Demo, path: str) -> dict[str, Any]:
    answer = demo.call("GET", f"{demo.portal}/v1/{path}", headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def subscribe(demo: Demo) -> dict[str, Any]:
    """Let somebody subscribe at PayPal whose month ends soon; return it as the portal knows it by PayPal's message."""
    wish = {"minutes": MINUTES, "plan_id": SKETCH["plan_id"], "email": "lena@example.com"}
    made = demo.call("POST", f"{demo.simulator}/_simulator/ending", json=wish).json()

    def look() -> dict[str, Any] | None:
        rows = api(demo, "subscriptions?status=active")["data"]
        return next((row for row in rows if row["paypal_id"] == made["id"] and row["paid_until"]), None)

    return wait_for(look, "the portal to know the new subscriber")


def types(demo: Demo, customer: str) -> list[str]:
    """Return what the portal told of that customer's access, oldest first."""
    told = api(demo, "events?limit=100")["data"]
    return [
        one["type"] for one in reversed(told) if one["type"].startswith("access.") and one["data"]["id"] == customer
    ]


def lesson(visitor: Visitor) -> str:
    """Load the page of the lessons again, and return what it says under the name of the course."""
    visitor.page.reload()
    shown = visitor.page.locator("ul", has_text=str(SKETCH["name"])).locator("[data-open]")
    return shown.inner_text()


def cancels(demo: Demo, lena: Visitor) -> None:
    lena.open(f"{demo.portal}/account/studio/cancel")
    lena.type("Your email address", "lena@example.com")
    lena.press("button", "Send me a code")
    code, _link = demo.login_mail("lena@example.com")
    lena.type("6-digit code", code)
    lena.press("button", "Log in")
    lena.press("button", "Cancel now")


def test_a_customer_cancels_and_the_lesson_closes_on_its_day(demo: Demo, new_visitor: NewVisitor) -> None:
    """It takes two minutes since a whole demo starts, and real time goes by."""
    row = subscribe(demo)
    at_lessons, lena = new_visitor("Lena at the lessons", locale="en"), new_visitor("Lena", locale="en")
    site = f"http://127.0.0.1:{demo.ports['COURSE_SITE_PORT']}"
    at_lessons.open(f"{site}/?customer={row['customer']}")
    assert lesson(at_lessons) == OPEN

    cancels(demo, lena)
    assert "PayPal confirmed it" in lena.text, lena.text
    assert demo.at_paypal(row["paypal_id"])["status"] == "CANCELLED"
    ended = api(demo, f"subscriptions/{row['id']}")
    assert (ended["status"], ended["access_until"]) == ("cancelled", row["paid_until"])
    wait_for(lambda: "access.changed" in types(demo, row["customer"]), "the site to be told of the last day")
    assert lesson(at_lessons) == OPEN, "what is paid stays open"
    assert "Closes on" in at_lessons.text

    wait_for(lambda: "access.ended" in types(demo, row["customer"]), "the end", seconds=60 * MINUTES + 30)
    assert wait_for(lambda: lesson(at_lessons) == CLOSED, "the lesson to close")
    told = next(one for one in api(demo, "events?limit=100")["data"] if one["type"] == "access.ended")
    assert told["timestamp"] == row["paid_until"], "on its day, whenever it was sent"
    assert types(demo, row["customer"]) == ["access.granted", "access.changed", "access.ended"]
    asked = api(demo, f"access?customer={row['customer']}&product={row['product']}")
    assert (asked["allowed"], asked["from"]) == (False, [])
