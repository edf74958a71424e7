"""What both archives have in common, a merchant's and a customer's: values as JSON and CSV hold them."""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final

MERCHANT: Final = "merchant_archive_parts.content"  # what the parts of a merchant's are sealed for


def plain(value: Any) -> Any:
    """Return a column's value as JSON holds it: times are UTC (ISO 8601), amounts text, bytes base64."""
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case Enum():
            return value.value
        case uuid.UUID() | Decimal():
            return str(value)
        case bytes() | memoryview():
            return base64.b64encode(value).decode()
        case _:
            return value
