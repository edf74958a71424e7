"""What docs/integrations promises, with the demo: the lesson that closes, and the pages' own commands and examples.

A customer cancels, PayPal confirms, and the lesson closes on its day: by the portal's own clock, on a site that is
told by the portal's events and asks its API.  Nothing is moved on: what was paid ends a minute after they subscribed.
"""

from __future__ import annotations

import os
import queue
import re
import shutil
import subprocess
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from joserfc.errors import JoseError, SecurityWarning
from standardwebhooks import Webhook

from portal.demo.course_site import EVENTS_SECRET, KEY
from portal.demo.run import ROOT
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
    wait_for(lambda: lesson(at_lessons) == OPEN and "Closes on" in at_lessons.text, "what is paid, open until its day")

    wait_for(lambda: "access.ended" in types(demo, row["customer"]), "the end", seconds=60 * MINUTES + 30)
    assert wait_for(lambda: lesson(at_lessons) == CLOSED, "the lesson to close")
    told = next(one for one in api(demo, "events?limit=100")["data"] if one["type"] == "access.ended")
    assert told["timestamp"] == row["paid_until"], "on its day, whenever it was sent"
    assert types(demo, row["customer"]) == ["access.granted", "access.changed", "access.ended"]
    asked = api(demo, f"access?customer={row['customer']}&product={row['product']}")
    assert (asked["allowed"], asked["from"]) == (False, [])


def blocks(page: str, language: str) -> list[str]:
    """Return what a page of docs/integrations says to type, in that language."""
    text = (ROOT / "docs" / "integrations" / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def typed(demo: Demo, commands: str, folder: Path) -> str:
    """Type commands into a shell, with the demo's own address for the usual one; return what they answer."""
    given = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    shell = ("bash", "-eu", "-c", commands.replace("http://127.0.0.1:8000", demo.portal))
    done = subprocess.run(shell, cwd=folder, env=given, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_commands_of_the_page_about_the_api_work_as_they_stand(demo: Demo, tmp_path: Path) -> None:
    answers = typed(demo, "\n".join(blocks("api.md", "sh")), tmp_path)
    assert "304 NOT MODIFIED" in answers
    assert "202 ACCEPTED" in answers
    assert "Idempotency-Replayed: true" in answers
    problems = re.findall(r'"code": "([a-z-]+)"', answers)
    assert problems[0] == "unauthorized", "the example of what goes wrong"
    assert set(problems[1:]) <= {"conflict"}, "taken back too late, where PayPal was quick"
    assert '"email":"emma@example.com"' in answers


def test_the_example_that_verifies_an_access_token_does(demo: Demo) -> None:
    row = api(demo, "subscriptions?status=active")["data"][0]
    pair = {"customer": row["customer"], "product": row["product"]}
    head = {"Authorization": f"Bearer {KEY}"}
    made = demo.call("POST", f"{demo.portal}/v1/access_tokens", json=pair, headers=head).json()
    (code,) = blocks("api.md", "python")
    code = code.replace("https://portal.example", demo.portal).replace('"studio"', '"studio:test"', 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # of the name EdDSA, which RFC 9864 replaces
        said: dict[str, Any] = {"token": made["token"]}
        exec(code.replace("prod_…", row["product"]), said)  # noqa: S102 - our own page
        with pytest.raises(JoseError):
            exec(code, {"token": made["token"][:-8] + "AAAAAAAA"})  # noqa: S102
    assert said["open_now"]


def test_the_flask_application_opens_for_who_has_paid(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    (shell, *_rest) = blocks("flask.md", "sh")
    code = shell.partition("<<'PYTHON'\n")[2].partition("\nPYTHON\n")[0]
    settings = {"PORTAL": demo.portal, "PORTAL_KEY": KEY, "SECRET_KEY": "of the test"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    site: dict[str, Any] = {"__name__": "site"}
    exec(code, site)  # noqa: S102 - our own page
    site["portal"].trust_env = False
    seen = {}
    for name in ("emma", "kenji"):
        client = site["app"].test_client()
        answer = client.post("/login", data={"email": f"{name}@example.com"}, follow_redirects=True)
        seen[name] = (answer.status_code, answer.text[:4])
    assert seen == {"emma": (200, "Open"), "kenji": (403, "Clos")}


def test_the_example_that_takes_events_takes_those_that_are_signed() -> None:
    (code,) = blocks("events.md", "python")
    app, taken = Flask("site"), queue.SimpleQueue[dict[str, Any]]()
    exec(code, {"app": app, "request": request, "queue": taken, "SECRET": EVENTS_SECRET})  # noqa: S102 - our own page
    at, body = datetime.now(UTC), '{"type":"access.ended","data":{}}'
    headers = {"webhook-id": "evt_1", "webhook-timestamp": str(int(at.timestamp()))}
    headers["webhook-signature"] = Webhook(EVENTS_SECRET).sign("evt_1", at, body)
    client = app.test_client()
    assert client.post("/events", data=body, headers=headers).status_code == 204
    assert taken.get_nowait()["type"] == "access.ended"
    assert client.post("/events", data=body + " ", headers=headers).status_code == 500
    assert taken.empty()
