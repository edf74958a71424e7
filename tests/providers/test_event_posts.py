"""One try at an address that somebody entered: it leads to no place inside, and costs no more than its bounds."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portal.domain.integrations.outgoing_events import Fault
from portal.providers.event_posts import MOST, HttpEventPosts, NotPosted
from tests.fakes.raw_server import Raw, http
from tests.fakes.receivers import receiving

HEADERS = {"webhook-id": "evt_1", "Content-Type": "application/json"}


def post(address, *, posts=None, **options):
    return (posts or HttpEventPosts(**{"loopback": True, "whole": 2.0, **options})).post(
        address, headers=HEADERS, body=b"{}"
    )


def refusal(address, **options):
    with pytest.raises(NotPosted) as refused:
        post(address, **options)
    return refused.value.fault


def leads_to(*answers):
    """A resolver whose look-ups give one address after the other, the last for ever."""
    asked = []

    def resolve(host, port, *_more, **_kinds):
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        several = found if isinstance(found, tuple) else (found,)
        return [(socket.AF_INET6 if ":" in one else socket.AF_INET, 1, 6, "", (one, port)) for one in several]

    resolve.asked = asked
    return resolve


@pytest.fixture
def raw():
    servers = []

    def start(answer):
        servers.append(Raw(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.mark.parametrize(
    "inside",
    [
        *("127.0.0.1", "10.0.0.5", "192.168.1.1", "169.254.169.254", "100.64.0.1", "::1", "fd00::1"),
        *("fe80::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", ("93.184.215.14", "127.0.0.1")),
    ],
)
def test_a_name_that_leads_inside_leads_nowhere(inside):
    resolve = leads_to(inside)
    assert refusal("https://inside.example.com/hook", loopback=False, resolver=resolve) is Fault.NOT_PUBLIC
    assert resolve.asked == ["inside.example.com"]


def test_a_name_is_looked_up_once_a_connection_and_one_that_turns_inside_is_refused():
    resolve = leads_to("93.184.215.14", "127.0.0.1")
    posts = HttpEventPosts(resolver=resolve)
    with pytest.raises(UserWarning, match=r"93\.184\.215\.14"):  # the tests' own guard: there it would have gone
        post("https://turning.example.com/", posts=posts)
    assert len(resolve.asked) == 1
    with pytest.raises(NotPosted) as refused:
        post("https://turning.example.com/", posts=posts)
    assert refused.value.fault is Fault.NOT_PUBLIC


@pytest.mark.parametrize(
    "address",
    [
        *("http://example.com/", "https://127.0.0.1/", "https://[::1]/", "https://2130706433/", "https://0x7f.1/"),
        *("https://example.com:22/", "https://user@example.com/", "ftp://example.com/", "https://①②⑦.0.0.1/"),
    ],
)
def test_an_address_that_is_none_is_not_even_looked_up(address):
    resolve = leads_to("127.0.0.1")
    assert refusal(address, loopback=False, resolver=resolve) is Fault.NOT_PUBLIC


def test_a_redirect_is_an_answer_and_is_not_followed(raw):
    with receiving() as other:
        server = raw(http("302 Found", b"moved", f"Location: {other.url}"))
        posted = post(server.url)
        assert (posted.status, posted.answer, other.got) == (302, b"moved", [])


def test_no_more_of_an_answer_is_read_than_its_bound():
    """A server that never stops sending."""
    server = _Endless()
    posted = post(server.url, whole=10.0)
    assert (posted.status, len(posted.answer)) == (200, MOST)
    server.stop()
    assert server.sent < 200 * 1024 * 1024


@pytest.mark.parametrize("drips", ["head", "nothing"])
def test_who_answers_a_byte_at_a_time_is_cut_off_when_the_time_is_over(drips):
    server = _Dripping(drips)
    assert refusal(server.url, whole=0.6) is Fault.TIMEOUT
    server.stop()


def test_an_answer_whose_body_drips_has_said_its_status():
    server = _Dripping("body")
    assert post(server.url, whole=0.6).status == 200
    server.stop()


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n"])
def test_what_is_no_answer_is_told_apart(raw, answer):
    assert refusal(raw(answer).url, whole=1.0) in (Fault.UNREACHABLE, Fault.TIMEOUT)


def test_nobody_listens(unused_tcp_port):
    assert refusal(f"http://127.0.0.1:{unused_tcp_port}/") is Fault.UNREACHABLE


def test_cookies_are_not_kept_and_nothing_of_the_environment_is_sent(raw, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    posts = HttpEventPosts(loopback=True)
    server = raw(http("200 OK", b"", "Set-Cookie: session=1"))
    for _ in range(2):
        post(server.url, posts=posts)
    assert len(server.asked) == 2
    assert "cookie" not in server.asked[1].lower()
    assert "authorization" not in server.asked[1].lower()


def test_a_receiver_that_closed_what_was_kept_open_is_asked_anew(raw):
    posts, server = HttpEventPosts(loopback=True), raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert [post(server.url, posts=posts).status for _ in range(3)] == [200] * 3


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("120", 120), ("soon", None), ("", None), ("Wed, 21 Oct 2015 07:28:00 GMT", "past"), ("9" * 40, None)],
)
def test_how_long_it_asks_us_to_wait(raw, header, seconds):
    found = post(raw(http("429 Too Many Requests", b"", f"Retry-After: {header}")).url).retry_after
    assert found < 0 if seconds == "past" else found == seconds


@pytest.mark.parametrize(
    ("name", "days", "fault"),
    [
        ("127.0.0.1", (-1, 30), None),
        ("127.0.0.1", (-60, -1), Fault.CERTIFICATE),
        ("other", (-1, 30), Fault.CERTIFICATE),
    ],
)
def test_a_certificate_must_be_valid_today_and_of_that_name(tmp_path, name, days, fault):
    path = certificate(tmp_path, name, days)
    with receiving(path) as receiver:
        posts = HttpEventPosts(loopback=True, trust=path)
        if fault is None:
            assert post(receiver.url, posts=posts).status == 204
        else:
            assert refusal(receiver.url, posts=posts) is fault
        assert refusal(receiver.url) is Fault.CERTIFICATE, "nobody known has signed it"


def certificate(folder, name, days):
    """A file with a key and a certificate that is its own root."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    names = [x509.IPAddress(ipaddress.ip_address(name))] if name[0].isdigit() else [x509.DNSName(f"{name}.example")]
    begin, end = (datetime.now(UTC) + timedelta(days=day) for day in days)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "receiver.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


class _Slowly:
    """Accepts one connection after the other and writes what `_write` says."""

    def __init__(self):
        self.over, self.sent = False, 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while not self.over:
            try:
                connection, _ = self.socket.accept()
                with connection:
                    connection.recv(65536)
                    self._write(connection)
            except OSError:
                continue

    def stop(self):
        self.over = True
        self.socket.close()


class _Endless(_Slowly):
    def _write(self, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 209715200\r\n\r\n")
        while not self.over:
            self.sent += connection.send(b"x" * 65536)


class _Dripping(_Slowly):
    def __init__(self, what):
        self.what = what
        super().__init__()

    def _write(self, connection):
        if self.what == "body":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not self.over:
            if self.what != "nothing":
                connection.sendall(b"a")
            time.sleep(0.05)
