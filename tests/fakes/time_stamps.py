"""A real authority for time stamps on this machine: OpenSSL signs, and the queries or answers can be spoilt."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SETTINGS = """
[tsa]
serial = {folder}/serial
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256
signer_digest = sha256
ess_cert_id_alg = sha256
"""
Spoil = Callable[[bytes], bytes]


def as_it_is(content: bytes) -> bytes:
    return content


def _name(words: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])


class Authority:
    """Its certificates in a folder; `answer` makes a reply to a query, `trust` is the file that its clients trust."""

    def __init__(self, folder: Path, *, ends: timedelta = timedelta(days=365)) -> None:
        self.folder = folder
        now = datetime.now(UTC)
        root_key, key = (rsa.generate_private_key(65537, 2048) for _ in range(2))
        root = self._signed(
            _name("Test root"), root_key.public_key(), root_key, now + timedelta(days=999), is_root=True
        )
        mine = self._signed(_name("Test authority"), key.public_key(), root_key, now + ends)
        self.trust = folder / "trust.pem"
        for path, pem in (
            (self.trust, root.public_bytes(serialization.Encoding.PEM)),
            (folder / "tsa.pem", mine.public_bytes(serialization.Encoding.PEM)),
            (
                folder / "key.pem",
                key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                ),
            ),
            (folder / "serial", b"01\n"),
            (folder / "settings", SETTINGS.format(folder=folder).encode()),
        ):
            path.write_bytes(pem)

    def _signed(self, name, public, by, until, *, is_root=False) -> x509.Certificate:
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(_name("Test root"))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.now(UTC) - timedelta(days=400))
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
        )
        if not is_root:
            usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
            made = made.add_extension(usage, critical=True)
        return made.sign(by, hashes.SHA256())

    def answer(self, query: bytes) -> bytes:
        """Return OpenSSL's reply."""
        asked, replied = self.folder / "query", self.folder / "reply"
        asked.write_bytes(query)
        subprocess.run(
            [
                *("openssl", "ts", "-reply", "-config", self.folder / "settings", "-section", "tsa"),
                *("-queryfile", asked, "-signer", self.folder / "tsa.pem", "-inkey", self.folder / "key.pem"),
                *("-out", replied),
            ],
            check=True,
            capture_output=True,
            env={**os.environ, "OPENSSL_CONF": os.devnull},
        )
        return replied.read_bytes()


class Server:
    """Serves an authority; `spoil_query` and `spoil_answer` come between, `wait` is how late it answers."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.spoil_query: Spoil = as_it_is
        self.spoil_answer: Spoil = as_it_is
        self.wait, self.status, self.queries = 0.0, 200, []
        here = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                query = self.rfile.read(int(self.headers["Content-Length"]))
                here.queries.append(query)
                assert self.headers["Content-Type"] == "application/timestamp-query"
                time.sleep(here.wait)
                body = here.spoil_answer(here.authority.answer(here.spoil_query(query)))
                self.send_response(here.status)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_words) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/tsa"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
