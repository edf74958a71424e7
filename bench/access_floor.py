"""The least access check: one indexed SELECT to JSON, with an ETag of what it says; and the least batch of them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

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
    read_all = text(
        "SELECT s.id, s.status, s.paid_until, s.started_at"
        " FROM unnest(CAST(:customers AS uuid[]), CAST(:products AS uuid[])) WITH ORDINALITY AS q(customer, product, n)"
        " LEFT JOIN subscriptions s ON s.customer_id = q.customer AND s.product_id = q.product ORDER BY q.n"
    )
    app = Flask(__name__)
    app.json.sort_keys = False  # type: ignore[attr-defined]

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

    @app.post("/access/batch")
    def batch() -> Response:
        """The answers of the product to customers who have one subscription each, by a rule that knows two states."""
        checks = request.get_json()["checks"]
        ids = {
            "customers": [one["customer"].removeprefix("cus_") for one in checks],
            "products": [one["product"].removeprefix("prod_") for one in checks],
        }
        with engine.connect() as connection:
            rows = connection.execute(read_all, ids).all()
        return jsonify(object="list", data=[_answer(*one) for one in enumerate(zip(checks, rows, strict=True))])

    return app


def _answer(index: int, both: tuple[dict[str, str], Any]) -> dict[str, Any]:
    asked, row = both
    is_open = row.status == "active"
    until = {"until": None, "until_is": "running" if is_open else None}
    return {
        "object": "access",
        "index": index,
        "asked": asked,
        "found": True,
        **asked,
        "allowed": is_open,
        **until,
        "from": [{"type": "subscription", "id": f"sub_{row.id.hex}", **until}] if is_open else [],
        "next_change_at": row.paid_until and row.paid_until.isoformat(),
    }
