"""A caller of the simulator's own: PayPal's API with a token, what webhooks are told, an address that listens."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests

from tests.fakes.paypal import CLIENT_ID, SECRET

URL = "https://portal.example/webhooks/paypal/abc"


def log_in(url: str, client_id: str = CLIENT_ID, secret: str = SECRET) -> requests.Session:
    http = requests.Session()
    form = {"grant_type": "client_credentials"}
    token = http.post(f"{url}/v1/oauth2/token", data=form, auth=(client_id, secret), timeout=5).json()
    http.headers["Authorization"] = f"Bearer {token['access_token']}"
    return http


@pytest.fixture
def call(paypal, judged):
    """Call the API with the account's token; PayPal's own file judges every call and answer."""
    with judged(log_in(paypal.url)) as http:
        yield lambda method, path, **more: http.request(
            method, f"{paypal.url}/v1/notifications/{path}", timeout=5, **more
        )


@pytest.fixture
def raw(paypal):
    """The same, not judged: for requests that no contract allows."""
    with log_in(paypal.url) as http:
        yield lambda method, path, **more: http.request(
            method, f"{paypal.url}/v1/notifications/{path}", timeout=5, **more
        )


@pytest.fixture
def told(paypal):
    """What one webhook that wants everything was told, as (type, resource); nothing is sent."""
    paypal.automatic = False
    webhook = paypal.add_webhook(URL)

    def read():
        bodies = [json.loads(message.body) for message in paypal.messages(webhook.id)]
        return [(body["event_type"], body["resource"]) for body in bodies]

    return read


@pytest.fixture
def listener():
    """An address that remembers what it is sent; `.answers` are the statuses it gives, 200 when used up."""

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.got.append((dict(self.headers.items()), body))
            status = server.answers.pop(0) if server.answers else 200
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            server.came.release()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Listener)
    server.got, server.answers, server.came = [], [], threading.Semaphore(0)
    server.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
