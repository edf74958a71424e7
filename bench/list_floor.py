"""The least list at the desk: a signed cookie, one SELECT of fifty rows by status and a word's beginning, a table."""

from __future__ import annotations

import os

from flask import Flask, abort, request, session
from sqlalchemy import create_engine, text

PAGE = """<!doctype html><html lang="en"><head><title>Subscriptions</title></head>
<body><main><h1>Subscriptions</h1>
<form><input name="q" value="{{ q }}"><input name="status" value="{{ status }}"></form>
<table>
<thead><tr><th>Customer</th><th>Product</th><th>Status</th><th>Price</th><th>Next payment</th></tr></thead><tbody>
{% for row in rows %}<tr><td><a href="/subscriptions/{{ row.id }}">{{ row.name }}</a> {{ row.email }}</td>
<td>{{ row.product }}</td><td>{{ row.status }}</td><td>{{ row.amount }} {{ row.currency }}</td>
<td>{{ row.next_payment_at }}</td></tr>{% endfor %}</tbody></table>
<p>{{ filling }}</p></main></body></html>"""
READ = """
    SELECT s.id, s.status, s.amount, s.currency, s.next_payment_at, c.name, c.email, p.name AS product
    FROM search_words w
    JOIN subscriptions s ON s.customer_id = w.customer_id
    JOIN customers c ON c.id = s.customer_id
    JOIN products p ON p.id = s.product_id
    WHERE w.merchant_id = :merchant_id AND w.word >= :first AND w.word < :last AND s.status = :status
    ORDER BY s.created_at DESC LIMIT 50
"""


def make() -> Flask:
    """Make the application; the database and the page's size come from the environment."""
    engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1))
    read = text(READ)
    app = Flask(__name__)
    page = app.jinja_env.from_string(PAGE)
    app.secret_key = "made up for this harness, long enough"  # noqa: S105
    size = int(os.environ["FLOOR_BYTES"])

    @app.get("/login/<merchant_id>")
    def log_in(merchant_id: str) -> str:
        session["merchant"] = merchant_id
        return "in"

    @app.get("/")
    def subscriptions() -> str:
        if "merchant" not in session:
            abort(401)
        q, status = request.args["q"], request.args["status"]
        wanted = {"merchant_id": session["merchant"], "first": q, "last": q + "\U0010ffff", "status": status}
        with engine.connect() as connection:
            rows = connection.execute(read, wanted).all()
        bare = 440 + 216 * len(rows)
        return page.render(rows=rows, q=q, status=status, filling="x" * max(size - bare, 0))

    return app
