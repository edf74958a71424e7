"""Log in by a number read off a receipt: the code goes to the address on file, which is shown to nobody.

What finds nobody goes the same way as what does: a number becomes an address that cannot be, and that address is asked
for as any unknown one is (`logins.ask`), with the same work, rows and limits.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final

from portal.domain import paypal_numbers
from portal.queries.people import known_numbers
from portal.services import throttles
from portal.services.context import Context
from portal.services.throttles import Limit

QUARTER: Final = timedelta(minutes=15)
OF_NETWORK: Final = 10  # numbers tried by one network in a quarter of an hour
OF_MERCHANT: Final = 400  # and at one merchant: the log-in by address has no such limit, and stays open
NOBODY: Final = "number.invalid"  # no mail reaches it (RFC 2606)


def address_for(ctx: Context, merchant_id: uuid.UUID, typed: str, *, network: str, now: datetime) -> str:
    """Return the address to ask for a code in the name of a number; raise TooManyTries."""
    throttles.hit(
        ctx,
        Limit(name="login_number_network", who=network, count=OF_NETWORK, window=QUARTER),
        Limit(name="login_number_merchant", who=str(merchant_id), count=OF_MERCHANT, window=QUARTER),
        now=now,
    )
    number = paypal_numbers.normal(typed)
    with ctx.db.read() as session:
        known = known_numbers.of_number(session, merchant_id, number)
    return (known.email if known is not None else None) or f"{number or 'none'}@{NOBODY}"
