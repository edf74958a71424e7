"""A declaration from a public page, to be changed by a test."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from portal.documents.declarations import DeclaredFacts
from portal.domain.law.countries import Country, Function


def declared(**changed: Any) -> DeclaredFacts:
    """Return an extraordinary cancellation under German law, of 28 November 2026, with `changed` instead."""
    usual = {
        **{"function": Function.CANCELLATION, "country": Country.DE, "language": "de", "text_version": "DE-2026-11"},
        **{"heading": "Verträge hier kündigen", "confirm": "jetzt kündigen", "reference": "KXHT-7M4P"},
        **{"declared_at": datetime(2026, 11, 28, 14, 7, tzinfo=UTC), "name": "Zoë Grün", "email": "zoe@client.test"},
        **{"contract": "I-BW452GLLEP1G", "wished_on": None, "path": "/atelier/declared/x"},
        **{"particulars": (("kind", "extraordinary"), ("ground", "Das Studio ist geschlossen."))},
    }
    return DeclaredFacts(**(usual | changed))
