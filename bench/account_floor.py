"""The least account page: a signed cookie, one indexed SELECT of five rows, a page of the same size."""

from __future__ import annotations

import os

from flask import Flask, abort, session
from sqlalchemy import create_engine, text

PAGE = """<!doctype html><html lang="en"><head><title>My subscriptions</title></head>
<body><main><h1>My subscriptions</h1>
{% for row in rows %}<article><h2>{{ row.name }}</h2><p>{{ row.status }}</p><dl><dt>Price</dt><dd>{{ row.amount }}</dd>
<dt>Next payment</dt><dd>{{ row.next_payment_at }}</dd></dl></article>{% endfor %}
<p>{{ filling }}</p></main></body></html>"""


def make() -> Flask:
    """Make the application; the database and the page's size come from the environment."""
    engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1))
    read = text(
        "SELECT s.status, s.amount, s.next_payment_at, p.name"
        " FROM subscriptions s JOIN products p ON p.id = s.product_id"
        " WHERE s.customer_id = :customer_id ORDER BY s.created_at DESC"
    )
    app = Flask(__name__)
    page = app.jinja_env.from_string(PAGE)
    app.secret_key = "made up for this harness, long enough"  # noqa: S105
    size = int(os.environ["FLOOR_BYTES"])

    @app.get("/login/<customer_id>")
    def log_in(customer_id: str) -> str:
        session["customer"] = customer_id
        return "in"

    @app.get("/")
    def account() -> str:
        if "customer" not in session:
            abort(401)
        with engine.connect() as connection:
            rows = connection.execute(read, {"customer_id": session["customer"]}).all()
        bare = 300 + 160 * len(rows)
        return page.render(rows=rows, filling="x" * max(size - bare, 0))

    return app
