"""The facts of an end as a merchant's customer confirmed it, to be changed by a test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from portal.documents.facts import ProofFacts
from portal.domain.ends.end_requests import Basis, Channel
from portal.domain.money.money import Money
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status

AT = datetime(2026, 11, 28, 14, 7, tzinfo=UTC)
CODE = "ABCD2345"


def facts(**changed: Any) -> ProofFacts:
    """Return an end confirmed on 28 November 2026, with `changed` instead."""
    paid_until = AT + timedelta(days=12)
    usual = {
        **{"reference": "KXHT-7M4P", "merchant_name": "L’École", "time_zone": "Europe/Paris", "locale": "en"},
        **{"customer_name": "Claire Fontaine", "product": "Piano", "provider_id": "I-BW452GLLEP1G"},
        **{"price": Money(Decimal("29.90"), "EUR"), "interval_unit": "MONTH", "interval_count": 1},
        **{"environment": "live", "actor": Actor.CUSTOMER, "channel": Channel.PORTAL, "asked_at": AT},
        **{"reason_code": "", "reason_text": "", "before": {}, "answer": {}, "provider_status": "CANCELLED"},
        **{"shown": {"stops": [{"title": "Lessons", "until": paid_until.isoformat(), "end": "dated"}]}},
        **{"sent_at": AT, "accepted_at": AT, "outcome": Status.CANCELLED, "basis": Basis.READ_AFTER_CALL},
        **{"confirmed_at": AT, "stopped_at": AT, "last_payment_at": AT, "paid_until": paid_until},
        **{"access_until": paid_until, "is_access_unknown": False, "kept": (), "ended_at": paid_until},
        **{"made_at": AT, "check_url": "https://portal.test/proof/KXHT-7M4P"},
    }
    return ProofFacts(**(usual | changed))
