"""Days and the moments they stand for, in the merchant's time zone."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import g

from portal.clock import utc_now


def local_day(at: datetime, zone: str | None = None) -> date:
    """Return the day on which a moment falls; `zone`: another one than the merchant's."""
    return at.astimezone(ZoneInfo(zone or g.merchant.time_zone)).date()


def today() -> date:
    """Return the day that it is."""
    return local_day(utc_now())


def noon_of(day: date) -> datetime:
    """Return a moment of that day, for something whose hour nobody knows."""
    return datetime.combine(day, time(12), ZoneInfo(g.merchant.time_zone))


def end_of(day: date) -> datetime:
    """Return the midnight that ends the day."""
    return datetime.combine(day + timedelta(days=1), time(0), ZoneInfo(g.merchant.time_zone))
