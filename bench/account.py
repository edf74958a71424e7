"""The account page, the page that is asked most: how many a second, of a customer with five subscriptions.

Product and floor run under the same gunicorn settings; the floor checks a signed cookie, reads five rows in one
statement and fills a template of the same size.  Beside the rate stand the processor time of a request and its
statements, which vary less from machine to machine.
"""

from __future__ import annotations

from typing import Final

from bench import people, serving
from bench.load import asking
from bench.measures import Measure, in_turn, processor_ms
from bench.people import ACCOUNT
from bench.stack import NOWHERE, Stack, local_http

CONNECTIONS: Final = 16


def run(stack: Stack) -> list[Measure]:
    """Measure the page, and count what one costs."""
    with stack.database() as url, stack.context(url, NOWHERE) as ctx:
        customer = people.customer(ctx)
        here = customer.as_customer
        with serving.portal(stack, url) as web, local_http() as http:
            size = len(http.get(web.address(ACCOUNT), headers=here, timeout=30).content)
            with (
                serving.account_floor(stack, url, customer.id, size) as (floor_web, there),
                asking(web.port, ACCOUNT, here, connections=CONNECTIONS) as ours,
                asking(floor_web.port, "/", there, connections=CONNECTIONS) as least,
            ):
                floor, product = in_turn(least, ours, seconds=stack.seconds)
                spent = processor_ms(web.process, ours, seconds=stack.seconds)
    about = f"{size} bytes, {CONNECTIONS} connections"
    return [
        Measure("account page, five subscriptions", product, floor, "1/s", about, "≥ 0.60"),
        Measure("processor of one, web processes alone", spent, None, "ms"),
    ]
