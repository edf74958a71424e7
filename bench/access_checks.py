"""May this person open this: how many answers a second, against one indexed SELECT to JSON; and of a batch of 500."""

from __future__ import annotations

import json
from typing import Final

from sqlalchemy import select

from bench import people, serving
from bench.load import asking
from bench.measures import Measure, in_turn, processor_ms
from bench.stack import NOWHERE, Stack, local_http
from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.integrations.api_keys import MOST_PER_MINUTE, Mode, Scope
from portal.domain.integrations.public_ids import Kind, public
from portal.models import Subscription
from portal.services.access_checks import MOST
from portal.services.api import api_keys
from portal.services.api.api_keys import Wanted

CONNECTIONS: Final = 16


def run(stack: Stack) -> list[Measure]:
    """Measure one check, one that has not changed, and a batch."""
    with stack.database() as url, stack.context(url, NOWHERE) as ctx:
        someone = people.customer(ctx)
        with ctx.db.read() as session:
            held = session.execute(
                select(Subscription.customer_id, Subscription.product_id)
                .where(Subscription.customer_id != someone.id)
                .limit(MOST)
            ).all()
        wanted = Wanted(name="Bench", mode=Mode.TEST, scopes=frozenset({Scope.ACCESS_READ}), per_minute=MOST_PER_MINUTE)
        _id, key = api_keys.make(ctx, someone.merchant_id, wanted, by=By(), now=utc_now())
        head = {"Host": serving.HOST, "Authorization": f"Bearer {key}"}
        one = held[0]
        pair = f"customer={public(Kind.CUSTOMER, one.customer_id)}&product={public(Kind.PRODUCT, one.product_id)}"
        checks = [
            {"customer": public(Kind.CUSTOMER, row.customer_id), "product": public(Kind.PRODUCT, row.product_id)}
            for row in held
        ]
        with serving.portal(stack, url) as web, serving.access_floor(stack, url) as floor, local_http() as http:
            there = f"/access?customer={one.customer_id}&product={one.product_id}"
            here = f"/v1/access?{pair}"
            ours_tag = http.get(web.address(here), headers=head, timeout=30).headers["ETag"]
            floor_tag = http.get(floor.address(there), headers={"Host": serving.HOST}, timeout=30).headers["ETag"]
            found = []
            for name, ours, theirs, status, target in (
                ("access check", {}, {}, 200, "≥ 0.75"),
                ("the same, not changed", {"If-None-Match": ours_tag}, {"If-None-Match": floor_tag}, 304, "≥ 0.90"),
            ):
                bare = {"Host": serving.HOST} | theirs
                with (
                    asking(web.port, here, head | ours, connections=CONNECTIONS, status=status) as product,
                    asking(floor.port, there, bare, connections=CONNECTIONS, status=status) as least,
                ):
                    least_rate, rate = in_turn(least, product, seconds=stack.seconds)
                    ms, least_ms = (
                        processor_ms(served.process, ask, seconds=stack.seconds)
                        for served, ask in ((web, product), (floor, least))
                    )
                found.append(Measure(name, rate, least_rate, "1/s", f"{CONNECTIONS} connections", target))
                found.append(Measure("processor of one, web processes alone", ms, least_ms, "ms"))
            body, body_of_one = (json.dumps({"checks": some}).encode() for some in (checks, checks[:1]))
            with (
                asking(web.port, "/v1/access/batch", head, connections=1, body=body) as batch,
                asking(web.port, "/v1/access/batch", head, connections=1, body=body_of_one) as batch_of_one,
                asking(web.port, here, head, connections=1) as single,
                asking(floor.port, "/access/batch", {"Host": serving.HOST}, connections=1, body=body) as least_batch,
            ):
                singles, batches = in_turn(single, batch, seconds=stack.seconds)
                ones, batches_beside = in_turn(batch_of_one, batch, seconds=stack.seconds)
                database = stack.database_process
                ms, least_ms = (
                    sum(processor_ms(process, ask, seconds=stack.seconds) for process in (served.process, database))
                    for served, ask in ((web, batch), (floor, least_batch))
                )
            found.append(
                Measure(f"a batch of {len(checks)}", 1000 / batches, 1000 / singles, "ms", "to a check by GET", "≤ 8")
            )
            found.append(Measure("the same", 1000 / batches_beside, 1000 / ones, "ms", "to a batch of one", "≤ 8"))
            found.append(Measure("processor of it, web and database, to the least", ms, least_ms, "ms"))
    return found
