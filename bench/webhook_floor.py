"""The least program that accepts a signed message: one RSA-2048 verification, one idempotent INSERT, a commit."""

from __future__ import annotations

import base64
import os
import zlib
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from flask import Flask, Response, request
from sqlalchemy import create_engine, text

WEBHOOK_ID = "1JE4291016473214C"


def make() -> Flask:
    """Make the application; the signer's certificate and the database come from the environment."""
    key = x509.load_pem_x509_certificate(Path(os.environ["FLOOR_SIGNER"]).read_bytes()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)  # noqa: S101
    engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1))
    write = text("INSERT INTO floor (id, body) VALUES (:id, :body) ON CONFLICT DO NOTHING")
    app = Flask(__name__)

    @app.get("/")
    def ready() -> str:
        return "ready"

    @app.post("/webhook")
    def webhook() -> Response:
        body, given = request.get_data(cache=False), request.headers
        name, at = given["PayPal-Transmission-Id"], given["PayPal-Transmission-Time"]
        signed = f"{name}|{at}|{WEBHOOK_ID}|{zlib.crc32(body)}".encode()
        try:
            signature = base64.b64decode(given["PayPal-Transmission-Sig"])
            key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return Response(status=400)
        with engine.begin() as connection:
            connection.execute(write, {"id": name, "body": body})
        return Response(status=200)

    return app
