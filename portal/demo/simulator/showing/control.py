"""The control address: a page with buttons, and the same as JSON. Nothing of it exists at PayPal."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from portal.demo.simulator.life.happenings import HAPPENINGS
from portal.demo.simulator.messages import Reply, Request
from portal.demo.simulator.records import Delivery, Event
from portal.demo.simulator.rules import OPERATIONS
from portal.demo.simulator.world import Simulator

HERE: Final = Path(__file__).parent
PAGES: Final = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
NOTICE: Final = "This is a simulator, not PayPal."
BUTTONS: Final = (
    ("normal", "Answer late (set the delay)"),
    ("500", "Answer 500"),
    ("429", "Answer 429"),
    ("timeout", "Time out"),
    ("cut", "Cut the connection"),
    ("silent", "Cancel but do not answer"),
    ("401", "Refuse the key (401)"),
    ("403", "403"),
    ("404", "404"),
    ("422-account-closed", "422 account closed"),
    ("stale", "Still ACTIVE for the next N reads after a cancel"),
)
WHOLE_NUMBERS: Final = frozenset(
    {
        *("times", "skip", "retry_after", "reads", "latency", "seed", "shuffled", "last"),
        *("interval_count", "total_cycles", "failure_threshold", "count", "calls"),
    }
)
NUMBERS: Final = frozenset({"seconds", "minutes", "days", "hours", "probability"})
SHOWN: Final = 200  # rows of a table of the page
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def answer(simulator: Simulator, request: Request) -> Reply:
    """Answer a page or a JSON call of the control address."""
    if request.method != "GET" and _foreign(request):
        return _json(403, {"error": "this form came from another site"})
    with simulator.lock:
        try:
            return _routed(simulator, request)
        except KeyError as error:
            return _json(404, {"error": f"not known here: {error.args[0]}"})
        except (TypeError, ValueError) as error:
            return _json(422, {"error": str(error)})


def _foreign(request: Request) -> bool:
    origin = request.headers.get("origin")
    return origin is not None and origin.partition("://")[2] != request.headers.get("host")


def _routed(simulator: Simulator, request: Request) -> Reply:
    simulator.settle()
    parts = [unquote(part) for part in request.path.split("/") if part]
    match request.method, parts[1:]:
        case "GET", []:
            if request.path != "/_simulator/":
                return Reply(status=303, headers={"Location": "/_simulator/", **HEADERS})
            return _page(simulator)
        case "GET", ["style.css"]:
            return Reply(
                status=200, body=(HERE / "control.css").read_bytes(), headers={"Content-Type": "text/css", **HEADERS}
            )
        case "GET", ["rules"]:
            return _json(200, {"rules": [asdict(rule) for rule in simulator.rules]})
        case "GET", ["calls"]:
            return _json(200, {"calls": [asdict(call) for call in simulator.calls]})
        case "GET", ["subscriptions"]:
            return _json(200, {"subscriptions": [asdict(row) for row in simulator.subscriptions.values()]})
        case "GET", ["ipns"]:
            return _json(200, {"ipns": [asdict(row) for row in simulator.state.ipns]})
        case ("DELETE", ["rules"]) | ("POST", ["rules", "clear"]):
            simulator.clear_rules()
            return _done(request, 204)
        case ("DELETE", ["calls"]) | ("POST", ["calls", "clear"]):
            simulator.calls.clear()
            return _done(request, 204)
        case "GET", ["webhooks"]:
            return _json(200, {"webhooks": [asdict(row) for row in simulator.state.webhooks.values()]})
        case "GET", ["events"]:
            return _json(200, {"events": [asdict(row) for row in simulator.state.events.values()]})
        case "GET", ["deliveries"]:
            return _json(200, {"deliveries": [asdict(row) for row in simulator.state.deliveries.values()]})
        case "POST", ["many"]:
            return _done(request, 201, {"ids": simulator.add_many(**_given(request))})
        case "GET", ["count"]:
            return _json(200, {"subscriptions": len(simulator.subscriptions)})
        case "POST", ["known"]:
            return _done(request, 201, {"count": simulator.add_known(**_given(request))})
        case "POST", ["flush"]:
            simulator.flush()
            return _done(request, 204)
        case "POST", ["limit"]:
            simulator.limit(**{"calls": None} | _given(request))
            return _done(request, 200, {"calls": simulator.limits.calls})
        case "POST", ["sending"]:
            return _sending(simulator, request)
        case "POST", ["deliveries", "hurry"]:
            return _done(request, 200, {"count": simulator.hurry()})
        case "POST", ["deliveries", "repeat"]:
            return _done(request, 200, {"count": simulator.repeat(**_given(request))})
        case "POST", ["clock"]:
            simulator.advance(**_given(request))
            return _done(request, 200, {"now": simulator.now().isoformat()})
        case "POST", ["subscriptions", provider_id, action]:
            # The page's form names the action in a field, so that one button serves them all.
            action = _given(request)["action"] if action == "happening" else action
            if action == "forget":
                simulator.forget(provider_id)
                return _done(request, 204)
            return _done(request, 200, asdict(simulator.happen(provider_id, action)))
        case "POST", [kind] if kind in _adders(simulator):
            return _done(request, 201, asdict(_adders(simulator)[kind](**_given(request))))
    raise KeyError(request.path)


def _sending(simulator: Simulator, request: Request) -> Reply:
    """Hold messages back or send them; with `shuffled`, a seed, in another order than they arose."""
    given = _given(request)
    seed = given.get("shuffled")
    simulator.shuffled = None if seed is None else random.Random(int(seed))  # noqa: S311 - a run can be repeated
    simulator.automatic = bool(given.get("automatic"))
    return _done(request, 200, {"automatic": simulator.automatic, "shuffled": seed})


def _adders(simulator: Simulator) -> dict[str, Callable[..., Any]]:
    return {
        "rules": simulator.rule,
        "accounts": simulator.add_account,
        "plans": simulator.add_plan,
        "subscriptions": simulator.add_subscription,
        "ending": simulator.add_ending,
        "classic-accounts": simulator.add_classic_account,
        "profiles": simulator.add_profile,
        "webhooks": simulator.add_webhook,
    }


def _given(request: Request) -> dict[str, Any]:
    """Return the arguments of a JSON or form body; an empty form field is one that was not given."""
    if not _is_form(request):
        body = json.loads(request.body or b"{}")
        if not isinstance(body, dict):
            raise ValueError("send a JSON object")
        return body
    fields = dict(parse_qsl(request.body.decode()))
    return {key: _read(key, value.strip()) for key, value in fields.items() if value.strip()}


def _read(key: str, value: str) -> Any:
    if key in WHOLE_NUMBERS:
        return int(value)
    return float(value) if key in NUMBERS else value


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


def _done(request: Request, status: int, body: dict[str, Any] | None = None) -> Reply:
    """Answer a change: a form goes back to the page, JSON gets JSON."""
    if _is_form(request):
        return Reply(status=303, headers={"Location": "/_simulator/", **HEADERS})
    return Reply(status=204, headers=dict(HEADERS)) if body is None else _json(status, body)


def _page(simulator: Simulator) -> Reply:
    html = PAGES.get_template("control.html").render(
        notice=NOTICE,
        buttons=BUTTONS,
        operations=OPERATIONS,
        actions=(*HAPPENINGS, "forget"),
        now=simulator.now(),
        moved=simulator.state.clock_seconds,
        rules=[rule for rule in simulator.rules if rule.times is None or rule.times > 0],
        accounts=simulator.state.accounts,
        plans=simulator.state.plans,
        count=len(simulator.subscriptions),
        subscriptions=list(islice(simulator.subscriptions.values(), SHOWN)),
        limits=simulator.limits,
        automatic=simulator.automatic,
        webhooks=list(simulator.state.webhooks.values()),
        deliveries=_last_deliveries(simulator),
        calls=list(simulator.calls)[:-31:-1],
    )
    return Reply(status=200, body=html.encode(), headers={"Content-Type": "text/html; charset=utf-8", **HEADERS})


def _last_deliveries(simulator: Simulator) -> list[tuple[Delivery, Event | None]]:
    """Return what was last sent, newest first, each with its event."""
    rows = islice(reversed(simulator.state.deliveries.values()), 30)
    return [(row, simulator.state.events.get(row.event_id)) for row in rows]


def _json(status: int, body: dict[str, Any]) -> Reply:
    raw = json.dumps({"simulator": NOTICE, **body}, ensure_ascii=False, indent=1).encode("utf-8", "replace")
    return Reply(status=status, body=raw, headers={"Content-Type": "application/json", **HEADERS})
