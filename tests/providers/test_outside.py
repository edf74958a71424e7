"""How the installation is seen from the net: answers that are late, malformed or absent never fail a look."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portal.providers import outside
from portal.providers.outside import NoAnswer
from tests.fakes.raw_server import Raw, http


@pytest.fixture
def raw(request):
    server = Raw(request.param)
    yield server
    server.stop()


@pytest.fixture
def tls(tmp_path):
    """Start a server whose certificate for localhost has these days of life; its trust, and its port."""
    stops = []

    def start(days: int) -> tuple[ssl.SSLContext, int]:
        file = tmp_path / "certificate.pem"
        file.write_bytes(_certificate(days))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        listening = socket.create_server(("127.0.0.1", 0))
        stops.append(listening)
        threading.Thread(target=_greet, args=(listening, context), daemon=True).start()
        return ssl.create_default_context(cafile=file), listening.getsockname()[1]

    yield start
    for listening in stops:
        listening.close()


def _greet(listening, context):
    while True:
        try:
            plain, _ = listening.accept()
        except OSError:
            return
        try:
            context.wrap_socket(plain, server_side=True).close()
        except OSError:
            plain.close()


def _certificate(days: int) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=500))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_a_good_certificate_is_believed_and_its_last_day_read(tls):
    trust, port = tls(30)
    shown = outside.certificate("localhost", port, trust=trust)
    assert shown.distrust == ""
    assert timedelta(days=29) < shown.last - datetime.now(UTC) <= timedelta(days=30)


def test_one_that_ran_out_is_read_all_the_same(tls):
    trust, port = tls(-3)
    shown = outside.certificate("localhost", port, trust=trust)
    assert "expired" in shown.distrust
    assert shown.last < datetime.now(UTC) - timedelta(days=2)


def test_one_of_nobody_s_says_why(tls):
    _trust, port = tls(30)
    assert "self-signed" in outside.certificate("localhost", port).distrust.replace("self signed", "self-signed")


@pytest.mark.parametrize("raw", [b"HTTP/1.1 400 Bad Request\r\n\r\n"], indirect=True)
def test_a_port_that_speaks_no_tls_is_no_answer(raw):
    with pytest.raises(NoAnswer):
        outside.certificate("127.0.0.1", int(raw.url.rpartition(":")[2]))


def test_nobody_listening_is_no_answer(unused_tcp_port):
    with pytest.raises(NoAnswer, match="refused"):
        outside.certificate("127.0.0.1", unused_tcp_port)
    with pytest.raises(NoAnswer, match="refused"):
        outside.ask(f"http://127.0.0.1:{unused_tcp_port}/")


@pytest.mark.parametrize(
    ("raw", "status", "date", "told"),
    [
        (http("200 OK", b'{"a": 1}', "Date: Sun, 29 Nov 2026 12:00:00 GMT"), 200, (2026, 11, 29), {"a": 1}),
        (http("404 Not Found", b"no", "Date: yesterday"), 404, None, {}),
        (http("503 Away", b"[1]", "Date: Sun, 99 Nov 2026 12:00:00 GMT"), 503, None, {}),
        (http("200 OK", b"[" * 60_000), 200, None, {}),
        (http("302 Found", b"", "Location: http://127.0.0.1:1/"), 302, None, {}),
        (http("200 OK", b"\xff\xfe\x00", "Date: "), 200, None, {}),
    ],
    indirect=["raw"],
)
def test_whatever_is_answered_is_read_as_far_as_it_can_be(raw, status, date, told):
    answer = outside.ask(raw.url)
    assert (answer.status, answer.told) == (status, told)
    assert (answer.date.timetuple()[:3] if answer.date else None) == date


@pytest.mark.parametrize("raw", [b"", b"\x16\x03\x01 no http", b"HTTP/1.1 \r\n"], indirect=True)
def test_what_is_no_http_is_no_answer(raw):
    with pytest.raises(NoAnswer):
        outside.ask(raw.url)


def test_who_takes_too_long_is_left_behind():
    hanging = threading.Event()
    with pytest.raises(NoAnswer, match="no answer within"):
        outside.within(0.05, hanging.wait)
    hanging.set()


def test_a_name_that_leads_nowhere_is_no_answer(monkeypatch):
    with pytest.raises(NoAnswer):
        outside.addresses("a" * 64 + ".test")  # no label is that long

    def unknown(*_args, **_more):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NoAnswer, match="not known"):
        outside.addresses("nobody.invalid")


def test_each_address_of_a_name_counts_once():
    assert outside.addresses("127.0.0.1") == ("127.0.0.1",)


def test_an_answer_behind_a_certificate_of_nobody_s_says_so(tls):
    _trust, port = tls(30)
    with pytest.raises(NoAnswer, match="its certificate is not trusted"):
        outside.ask(f"https://localhost:{port}/")
