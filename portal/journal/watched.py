"""Which tables the database notes (triggers of migration 0064 and later ones), and how a row of each is found again.

Keys are random UUIDs or hashes: no other row takes one after a restore.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WITNESSES: Final = frozenset({"audit_heads"})  # say how far something went; they are not put back
OTHER_KEYS: Final[Mapping[str, str]] = {
    "audit_heads": "merchant_id",
    "erased_payers": "payer_hash",
    "public_declarations": "received_request_id",
}
WATCHED: Final = frozenset(
    {
        "account_members",
        "address_changes",
        "address_holds",
        "api_keys",
        "audit_heads",
        "comebacks",
        "contract_consents",
        "customer_erasures",
        "customer_joinings",
        "customer_notes",
        "customers",
        "end_refunds",
        "end_requests",
        "erased_payers",
        "event_endpoints",
        "grants",
        "invitations",
        "late_payments",
        "legal_texts",
        "mails",
        "memberships",
        "merchants",
        "notice_texts",
        "offer_answers",
        "own_hosts",
        "passkeys",
        "pause_requests",
        "paypal_accounts",
        "plans",
        "product_contents",
        "products",
        "proof_files",
        "proofs",
        "public_declarations",
        "received_requests",
        "recovery_codes",
        "refunds",
        "renewal_refunds",
        "renewal_reminders",
        "settlements",
        "setup_codes",
        "signing_keys",
        "site_logins",
        "staff",
        "staff_devices",
        "staff_links",
        "subscriptions",
        "task_links",
        "timeline_entries",
        "webhook_endpoints",
        "withdrawals",
    }
)
REFERRED: Final = frozenset({"payments"})  # only noted where a watched row refers to it


def key_of(table: str) -> str:
    """Return the column that names a row of the table."""
    return OTHER_KEYS.get(table, "id")
