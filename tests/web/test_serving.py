"""A real gunicorn with the settings that are shipped, and visitors who send half a request."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager

import pytest

from config import ROOT

pytestmark = pytest.mark.drill

HALF = b"GET /accessibility HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half"
HASTY = """
from portal.web.serving import Worker


class Hasty(Worker):
    head, whole = 1.0, 2.0


exec(open({shipped!r}).read())
worker_class, threads = Hasty, 4
"""


@pytest.fixture
def serve(tmp_path, database_url, unused_tcp_port):
    """Run `gunicorn wsgi:app` as the README does."""

    @contextmanager
    def start(*options):
        env = {
            **os.environ,
            "PORTAL_ENV": "test",
            "PORTAL_BASE_URL": f"http://127.0.0.1:{unused_tcp_port}",
            "PORTAL_SECRET_KEY": "made up for the tests, long enough",
            "PORTAL_MASTER_KEYS": "test:" + base64.b64encode(bytes(range(32))).decode(),
            "DATABASE_URL": database_url,
            "SMTP_URL": "smtp://127.0.0.1:1",
            "MAIL_FROM": "portal@portal.test",
        }
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "wsgi:app",
            "--workers",
            "1",
            "--bind",
            f"127.0.0.1:{unused_tcp_port}",
            *options,
        ]
        process = subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.DEVNULL)
        try:
            assert opens(unused_tcp_port, patience=120)  # it has started, and its one process is warm
            yield unused_tcp_port
        finally:
            process.terminate()
            process.wait(timeout=60)

    return start


def opens(port, *, patience=25):
    """Whether a page comes, by default before gunicorn's own thirty seconds for a process that hangs."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/accessibility", timeout=patience) as answer:
                return answer.status == 200
        except ConnectionError:
            time.sleep(0.1)
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionError):
                raise
            time.sleep(0.1)
    return False


def half_open(port, sent=HALF):
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.sendall(sent)
    return connection


def test_half_a_request_and_a_silent_visitor_keep_nobody_waiting(serve):
    with serve() as port, ExitStack() as held:
        for sent in [HALF] * 6 + [b""] * 40:
            held.enter_context(half_open(port, sent))
        assert opens(port)


def test_a_request_that_does_not_end_is_ended_and_frees_its_thread(serve, tmp_path):
    conf = tmp_path / "conf.py"
    conf.write_text(HASTY.format(shipped=str(ROOT / "gunicorn.conf.py")))
    body = b"POST /language HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000\r\n\r\nlanguage="
    with serve("--config", str(conf)) as port, ExitStack() as held:
        sent = [(HALF, b"x"), (HALF, b""), (body, b"x"), (body, b"")]  # as many as there are threads
        for connection, more in [(held.enter_context(half_open(port, begun)), more) for begun, more in sent]:
            _trickle_until_closed(connection, more)
        assert opens(port)


HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
TWO_ENDS = (
    b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    b"Content-Length: 4\r\nContent-Length: 0\r\n\r\n",
    b"Content-Length: +4\r\n\r\n",
    b"Transfer-Encoding: xchunked\r\n\r\n",
    b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
)


def test_a_request_that_says_two_ends_hides_no_second_one(serve):
    """Else a proxy that takes the other end lets somebody speak in the next visitor's place (ASVS 4.2.1)."""
    with serve() as port:
        for ends in TWO_ENDS:
            with half_open(port, b"POST /language HTTP/1.1\r\nHost: 127.0.0.1\r\n" + ends + HIDDEN) as connection:
                connection.settimeout(30)
                answers = b"".join(iter(lambda: connection.recv(65536), b""))
            assert answers.count(b"HTTP/1.1 ") == 1, (ends, answers)
            assert answers.split()[1] in (b"400", b"501"), (ends, answers)


def _trickle_until_closed(connection, more):
    connection.settimeout(0.3)
    for _ in range(200):
        try:
            connection.sendall(more)
            if not connection.recv(65536):
                return
        except TimeoutError:
            continue
        except OSError:
            return
    raise AssertionError("the connection stays open")
