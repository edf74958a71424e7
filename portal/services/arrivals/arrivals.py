"""A subscription that PayPal shows, wherever the news came from: a webhook, an IPN, a list, the nightly comparison.

It is read with no transaction open, then written in one: a new row, or the one door for a known one.
"""

from __future__ import annotations

from datetime import datetime

from portal.clock import utc_now
from portal.providers.ports import Page, Reading, RestGateway
from portal.services.arrivals.import_pages import Written, gather, write_page
from portal.services.arrivals.import_rows import Origin
from portal.services.context import Context


def take_in(
    ctx: Context, origin: Origin, gateway: RestGateway, reading: Reading, *, asked_at: datetime | None = None
) -> Written:
    """Write one subscription of the REST world with its plan; say what became of it.

    What `reading` leaves out is asked for at PayPal.  Raises GatewayRefused when the key is refused,
    GatewayUnavailable when PayPal does not answer.
    """
    page = gather(ctx, origin, gateway, Page(readings=(reading,), has_next=False))
    with ctx.db.begin() as session:
        return write_page(ctx, session, origin, page, now=utc_now(), asked_at=asked_at)
