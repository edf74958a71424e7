"""The demo's course site: somebody else's small site whose lessons open and close by the portal's word.

It knows the portal by its API and its events alone, as any site would. Whoever stands for its own log-in is chosen on
the page.
"""

from __future__ import annotations

import argparse
import json
import signal
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import flask_babel
from flask import Flask, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from werkzeug.serving import make_server

from portal.demo import pages
from portal.demo.course_access import Answer, From, Portal, customer_of, is_signed
from portal.demo.pages import HOST, QuietHandler
from portal.formatting import Formatter

# Fixed, so that the site and its merchant know them from the start: they open nothing but the demo.
KEY: Final = "psk_test_demodemo_only-in-the-demo-this-opens-nothing-elsewhe"
EVENTS_SECRET: Final = "whsec_dGhlLWRlbW8tYWxvbmUtc2lnbnMtd2l0aC10aGlzLXNlY3JldA=="  # noqa: S105
MERCHANT: Final = "studio"
TIME_ZONE: Final = "Europe/Paris"  # of the course site
LESSONS: Final = 2
MOST_BYTES: Final = 256 * 1024

CAME: Final = {
    From.KEPT: _l("This answer is less than a minute old: the portal was not asked."),
    From.UNCHANGED: _l("The portal was asked, and nothing has changed (304)."),
    From.ASKED: _l("The portal was asked (200)."),
    From.OLD: _l("The portal does not answer. What it said last is used for ten minutes."),
    From.NOBODY: _l("The portal does not answer, so every lesson is closed."),
}


def make_site(portal: Portal, *, events_secret: str) -> Flask:
    """Return the web application."""
    app = pages.make_site(_l("This is a demonstration: a course site that asks the portal who may open what."))
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES

    @app.get("/")
    def lessons() -> ResponseReturnValue:
        customers = portal.list("customers")
        customer = next((one for one in customers if one["id"] == request.args.get("customer")), None)
        if customer is None:
            return render_template("course_site/who.html", customers=customers)
        courses = [_course(one, portal.access(customer["id"], one["id"])) for one in portal.list("products")]
        formatter = Formatter(pages.language(), TIME_ZONE, flask_babel)
        space = f"{portal.url}/account/{MERCHANT}/"
        page = render_template(
            "course_site/lessons.html", customer=customer, courses=courses, space=space, moment=formatter.moment
        )
        return formatter.with_zone(page)

    @app.post("/events")
    def events() -> ResponseReturnValue:
        body = request.get_data()
        if not is_signed(events_secret, request.headers.items(), body, now=time.time()):
            abort(401)
        portal.forget(customer_of(_read(body)))
        return "", 204

    return app


def _course(product: dict[str, Any], answer: Answer) -> dict[str, Any]:
    """Return a product's first lessons, each with whether it is open; one without contents is a lesson itself."""
    contents = product["contents"][:LESSONS]
    lessons = [(one["title"], answer.opens(one["id"])) for one in contents]
    return {
        "name": product["name"],
        "lessons": lessons or [(product["name"], bool(answer.access.get("allowed")))],
        "until": _moment(answer.access.get("until")),
        "next_change_at": _moment(answer.access.get("next_change_at")),
        "came": CAME[answer.came],
    }


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _read(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        abort(400)
    return found if isinstance(found, dict) else abort(400)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the site until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m portal.demo.course_site", description=__doc__)
    parser.add_argument("--port", type=int, default=8030)
    parser.add_argument("--portal", default=f"http://{HOST}:8000", help="the portal's address")
    parser.add_argument("--key", default=KEY, help="a key of the portal's API")
    parser.add_argument("--events-secret", default=EVENTS_SECRET, help="what the portal signs its events with")
    options = parser.parse_args(arguments)
    stop_signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)  # waited for here, as in the mailbox
    site = make_site(Portal(options.portal, options.key), events_secret=options.events_secret)
    server = make_server(HOST, options.port, site, threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(target=server.serve_forever, name="course site")
    thread.start()
    print(f"Course site: http://{HOST}:{options.port}", flush=True)
    signal.sigwait(stop_signals)
    server.shutdown()
    thread.join()
    server.server_close()


if __name__ == "__main__":
    main()
