"""Keys are tested every day and after every refusal: whoever sells hears of a broken key before a customer does."""

from __future__ import annotations

import uuid
from datetime import datetime

from procrastinate import JobContext, RetryStrategy

from portal import queue
from portal.clock import utc_now
from portal.queries.merchants.paypal_accounts import Provider
from portal.services.keys import paypal_keys
from portal.services.keys.paypal_keys import Untested

# While PayPal is silent; the next hour's plan comes back to a key that could still not be tested.
TRY_AGAIN = RetryStrategy(max_attempts=5, exponential_wait=5, retry_exceptions={Untested})


@queue.app.task(name=queue.CHECK_KEY, pass_context=True, retry=TRY_AGAIN)
def check_key(job: JobContext, merchant_id: str, provider: str, since: str) -> None:
    """Test one key, unless it was tested or replaced after `since`."""
    paypal_keys.check_suspected(
        job.additional_context["portal"],
        uuid.UUID(merchant_id),
        Provider(provider),
        since=datetime.fromisoformat(since),
        now=utc_now(),
    )


@queue.app.periodic(cron="7 * * * *")
@queue.app.task(name="housekeeping.daily_key_tests", pass_context=True, queueing_lock="daily_key_tests")
def daily_key_tests(job: JobContext, timestamp: int) -> None:
    """Plan the test of every key that was not tested for a day."""
    paypal_keys.plan_daily_tests(job.additional_context["portal"], now=utc_now())
