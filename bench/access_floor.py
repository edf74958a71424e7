"""The least access check: one indexed SELECT to JSON, with an ETag of what it says."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from flask import Flask, Response, jsonify, request
from sqlalchemy import create_engine, text


def make() -> Flask:
    """Make the application; the database comes from the environment."""
    url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1)
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    read = text(
        "SELECT s.id, s.status, s.paid_until, s.started_at FROM subscriptions s"
        " WHERE s.customer_id = :customer AND s.product_id = :product"
    )
    app = Flask(__name__)

    @app.get("/ready")
    def ready() -> str:
        return "yes"

    @app.get("/access")
    def access() -> Response:
        with engine.connect() as connection:
            rows = connection.execute(read, dict(request.args.items())).all()
        now = datetime.now(UTC)
        is_open = [row for row in rows if row.status == "active" or (row.paid_until and row.paid_until > now)]
        response = jsonify(
            allowed=bool(is_open),
            sources=[{"id": str(row.id), "until": row.paid_until and row.paid_until.isoformat()} for row in is_open],
        )
        response.add_etag()
        response.make_conditional(request.environ)
        return response

    return app
