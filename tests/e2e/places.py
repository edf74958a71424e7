"""Where the names in the pages' paths lead (`*` is one part of a path), and the addresses that no line opens, with why.

Together they are every address of the portal: tests/web/test_every_page_is_opened.py.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from tests.e2e.pages import PAGES

PART = "00000000-0000-4000-8000-000000000000"  # stands for any part of a path, an id too
SUBSCRIPTION, REQUEST = "/account/studio/subscriptions/*", "/account/studio/requests/*"
PLACES = {
    **dict.fromkeys(("emma", "kenji", "oliver", "noor", "lena", "mia", "ana"), SUBSCRIPTION),
    **dict.fromkeys(("emma-request", "kenji-request", "oliver-request", "lena-request"), REQUEST),
    "lena-comeback": "/account/studio/comebacks/*",
    "mia-settlement": "/account/studio/settlements/*",
    "link": "/account/studio/login/link/*",
    "declaration": "/studio/declarations/*",
    "address-link": "/account/studio/address/*",
    "account-invitation": "/account/studio/invitation/*",
    "account-member": "/admin/customers/*/people/*/removal",
    "proof": "/proof/*",
    **dict.fromkeys(("desk-emma", "desk-kenji", "desk-noor"), "/admin/subscriptions/*"),
    **dict.fromkeys(("desk-customer", "desk-worked-on", "desk-joined"), "/admin/customers/*"),
    "gift": "/admin/customers/*/grants/*",
    "note": "/admin/customers/*/notes/*/deletion",
    "joining": "/admin/customers/*/joining/*",
    "splitting": "/admin/customers/*/splitting/*",
    "product": "/admin/products/*",
    "plan-move": "/admin/products/plans/*",
    "plan-kind": "/admin/products/plans/*/kind",
    "message": "/admin/paypal/events/*",
    "comparison": "/admin/paypal/comparisons/*",
    "profiles": "/admin/paypal/profiles/*",
    "endpoint": "/admin/integrations/endpoints/*",
    "delivery": "/admin/integrations/endpoints/*/deliveries/*",
    "key": "/admin/integrations/keys/*",
    "letter": "/admin/received/*",
    "bulk": "/admin/bulk/*",
    "bulk-done": "/admin/bulk/*",
    "payment": "/admin/payments/*",
    "late": "/admin/late-payments/*",
    "invitation": "/admin/invitation/*",
    "invited": "/admin/invitation/*",
    "member": "/admin/team/*",
    "password": "/admin/password/link/*",
    "unlock": "/admin/login/link/*",
}
APART, DEVICES = "opened in tests/e2e/test_apart.py", "opened in tests/e2e/test_passkeys.py, with a device"
NOT_OPENED = {
    **dict.fromkeys(
        (
            "static",
            "stylesheet",
            "logo",
            "admin.start_code",
            "public.healthz",
            "public.signing_keys",
            "public.host_sign",
            "public.host_asked",
            "public.security_txt",
        ),
        "no page",
    ),
    **dict.fromkeys(("public.livez", "public.readyz", "public.metrics"), "for machines"),
    **dict.fromkeys(
        ("customer.request_proof", "admin.request_proof", "customer.payment_receipt", "customer.payments_statement"),
        "a PDF, looked at in tests/documents",
    ),
    "customer.payments_csv": "a table to keep, no page",
    **dict.fromkeys(("public.legal_notice_fr", "public.privacy_fr", "public.terms_fr"), "leads to the one address"),
    **dict.fromkeys(("public.site_map_fr", "public.accessibility_fr"), "leads to the one address"),
    "auth.customer_site": "leads to the merchant's site, opened in tests/e2e/test_site_logins.py",
    "admin.withdrawal": "comes with a withdrawal, which is for good; tests/web/admin/test_withdrawals.py",
    "declarations.declared_file": "a PDF, looked at in tests/documents",
    "customer.receipts": "leads on to the payments",
    "customer.address_change": "wants a log-in of the last ten minutes; tests/web/customer",
    "admin.customer_address_hold": "comes with a hold that a customer made; tests/web/admin/customers",
    "customer.data_export": "a file, looked at in tests/services/own_data",
    "customer.comeback_return": "PayPal sends the buyer there; it leads on to the attempt",
    **dict.fromkeys(
        ("auth.staff_passkey", "auth.staff_second_factor_passkey", "auth.staff_confirm_passkey"),
        "takes an answer; opened, it leads to the form beside it",
    ),
    **dict.fromkeys(("admin.account_passkey", "admin.account_passkey_new"), DEVICES),
    "admin.list_export": "comes with a list of more than 5,000 rows; tests/web/admin/test_list_exports.py",
    "admin.file_import": "comes with a file that somebody brought; tests/web/admin/test_file_imports.py",
    "admin.product_draft": "the product's own page, with what was typed",
    **dict.fromkeys(("public.setup", "admin.subscription_paid_until", "admin.archive", "admin.court_file"), APART),
}


def is_at(path: str, place: str) -> bool:
    """Say whether a path, or an address, is one of a place."""
    return re.fullmatch(place.replace("*", "[^/]+"), urlsplit(path).path) is not None


def opened() -> set[str]:
    """Return a path of the shape of each page that the list opens or comes to."""
    shapes = {where for shown in PAGES.values() for where in (shown.path, shown.lands) if where}
    return {shape.partition("?")[0].format_map(PLACES).replace("*", PART) for shape in shapes}
