"""What the outside sees of our rows: plain values that fit in JSON, the same ones by API and in events.

Each function names every field that it shows, so that no new column ever leaves by itself.  Ids carry their kind
(domain/integrations/public_ids.py); money is a decimal text with its currency; a moment is ISO 8601
in UTC, and null when nobody knows it.
"""

from portal.services.resources.accesses import Checked, access, contents, seen
from portal.services.resources.customers import customer
from portal.services.resources.end_requests import PublicState, end_request, public_state
from portal.services.resources.grants import grant
from portal.services.resources.payments import payment
from portal.services.resources.products import product
from portal.services.resources.subscriptions import subscription
from portal.services.resources.values import Resource, moment, money

__all__ = [
    "Checked",
    "PublicState",
    "Resource",
    "access",
    "contents",
    "customer",
    "end_request",
    "grant",
    "moment",
    "money",
    "payment",
    "product",
    "public_state",
    "seen",
    "subscription",
]
