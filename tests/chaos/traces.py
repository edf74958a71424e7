"""Where something of somebody still stands: a name, an address or a PayPal account, in any table, sealed or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import psycopg
from psycopg import sql

from portal.secrets import Vault

CONTENT: Final = "mails.content"
# A proof holds the name, or it would prove nothing: law.md R-GD-2, and the page before the click says so.
KEPT: Final = ("proofs",)
TABLES: Final = """SELECT table_name AS name FROM information_schema.tables
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name"""
WORDS: Final = ("surname", "email", "payer_id")


def traces_of(db: psycopg.Connection[dict[str, Any]], vault: Vault, people: Sequence[dict[str, Any]]) -> list[str]:
    """Return where something of these people stands, as PayPal names them: a sentence for each row."""
    if not people:
        return []
    sought = [(row["id"], row[word]) for row in people for word in WORDS if row[word]]
    return [
        f"{what} names {said}, of {provider_id} who was erased"
        for what, text in (*_rows(db, [said for _, said in sought]), *_bodies(db), *_mails(db, vault))
        for provider_id, said in sought
        if said.lower() in text.lower()
    ]


def _rows(db: psycopg.Connection[dict[str, Any]], sought: list[str]) -> Iterator[tuple[str, str]]:
    """Return each row that has one of the words, and its text."""
    like = [f"%{said}%" for said in sought]
    for table in db.execute(TABLES).fetchall():
        if table["name"] in KEPT:
            continue
        query = sql.SQL("SELECT t::text AS said FROM {} t WHERE t::text ILIKE ANY(%s)").format(
            sql.Identifier(table["name"])
        )
        for row in db.execute(query, (like,)):
            yield f"the table {table['name']}", row["said"]


def _bodies(db: psycopg.Connection[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Return what PayPal's messages said, as far as it is kept."""
    for row in db.execute("SELECT event_id, event_type, body FROM paypal_events WHERE body IS NOT NULL"):
        yield f"the body of PayPal's message {row['event_id']} ({row['event_type']})", bytes(row["body"]).decode()


def _mails(db: psycopg.Connection[dict[str, Any]], vault: Vault) -> Iterator[tuple[str, str]]:
    """Return the words of every mail that are kept."""
    for row in db.execute("SELECT kind, key, content FROM mails WHERE content IS NOT NULL"):
        yield f"the mail {row['kind']} ({row['key']})", vault.open(bytes(row["content"]), purpose=CONTENT)
