"""The page where a buyer approves a new subscription, or goes back: PayPal's own page, played by the simulator."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs, urlencode

from portal.demo.simulator.messages import Reply, Request
from portal.demo.simulator.records import Subscription, moment, new_payer_id
from portal.demo.simulator.showing.control import HEADERS, PAGES
from portal.demo.simulator.world import Simulator

PATH: Final = "/webapps/billing/subscriptions"
POLICY: Final = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"  # it leads elsewhere
BUYER: Final = ("Paula", "Payeuse", "paula@exemple.fr")  # whose PayPal account it is: not the portal's customer


def answer(simulator: Simulator, request: Request) -> Reply:
    """Show the page, or do what the buyer chose and lead back to whoever sent them."""
    with simulator.lock:
        simulator.settle()
        token = request.query.get("ba_token", "")
        row = next((row for row in simulator.subscriptions.values() if _token(row) == token), None)
        if not token or row is None:
            return _page(404, None)
        if request.method == "GET":
            return _page(200, row, simulator=simulator)
        chosen = parse_qs(request.body.decode("utf-8", "replace")).get("choice", [""])[0]
        if chosen == "approve":
            _approve(simulator, row)
        elif chosen != "cancel":
            return _page(422, row, simulator=simulator)
        back = row.return_url if chosen == "approve" else row.cancel_url
        query = urlencode({"subscription_id": row.id, "ba_token": token, "token": token.removeprefix("BA-")})
        return Reply(status=303, headers=_headers() | {"Location": f"{back}{'&' if '?' in back else '?'}{query}"})


def _approve(simulator: Simulator, row: Subscription) -> None:
    """A second click finds it approved: PayPal then just leads back."""
    if row.status != "APPROVAL_PENDING":
        return
    row.given_name, row.surname, row.email = BUYER
    row.payer_id = row.payer_id or new_payer_id()
    row.forgotten_at = None
    simulator.happen(row.id, "buyer-approves")


def _token(row: Subscription) -> str:
    return row.approve_url.partition("ba_token=")[2]


def _page(status: int, row: Subscription | None, *, simulator: Simulator | None = None) -> Reply:
    plan = simulator.plan_of(row) if simulator and row else None
    begins = moment(row.start_time) if row else None
    is_ahead = bool(simulator and begins and begins > simulator.now())
    html = PAGES.get_template("approving.html").render(row=row, plan=plan, begins=begins if is_ahead else None)
    return Reply(status=status, body=html.encode(), headers=_headers() | {"Content-Type": "text/html; charset=utf-8"})


def _headers() -> dict[str, str]:
    return HEADERS | {"Content-Security-Policy": POLICY}
