"""A list of stolen passwords: asked by five letters, and never in the way of somebody who wants to come in."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from portal.providers.breaches import BreachList

STOLEN = "correct horse battery staple"
HASH = hashlib.sha1(STOLEN.encode(), usedforsecurity=False).hexdigest().upper()


@pytest.fixture
def served():
    """A service whose answer a test decides, and the requests that it got."""
    asked = []

    class Answers(BaseHTTPRequestHandler):
        status, body = 200, b""

        def do_GET(self):
            asked.append((self.path, dict(self.headers)))
            self.send_response(Answers.status)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()
            self.wfile.write(Answers.body)

        def log_message(self, *_said):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Answers.asked, Answers.url = asked, f"http://127.0.0.1:{server.server_port}/range/"
    yield Answers
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_stolen_one_is_known_and_only_five_letters_leave(served):
    served.body = f"{'0' * 35}:3\r\n{HASH[5:]}:12\r\n".encode()
    assert BreachList(served.url).holds(STOLEN)
    ((path, headers),) = served.asked
    assert path == f"/range/{HASH[:5]}"
    assert HASH[5:] not in str(headers)
    assert headers["Add-Padding"] == "true"


@pytest.mark.parametrize(
    "body",
    [b"", f"{HASH[5:]}:0".encode(), f"{HASH[5:]}".encode(), f"{'A' * 35}:7".encode(), b"\xff\x00 rubbish" * 100],
)
def test_padding_rubbish_and_others_are_no_reason(served, body):
    served.body = body
    assert not BreachList(served.url).holds(STOLEN)


@pytest.mark.parametrize("status", [302, 404, 429, 500])
def test_a_service_that_does_not_answer_keeps_nobody_out(served, status):
    served.status, served.body = status, f"{HASH[5:]}:12".encode()
    assert not BreachList(served.url).holds(STOLEN)
    assert len(served.asked) == 1, "a redirection is not followed"


def test_nobody_is_asked_unless_an_address_is_named(served):
    assert not BreachList("").holds(STOLEN)
    assert not BreachList("http://127.0.0.1:1/range/").holds(STOLEN)
    assert served.asked == []
