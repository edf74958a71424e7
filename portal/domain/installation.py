"""What `flask check` finds of an installation, and what it takes for well: pure, so that each limit has one place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from typing import Final

OLDEST_DATABASE: Final = 150000  # PostgreSQL 15, as the server counts: README.md, and what the tests run on
CLOCKS_APART: Final = timedelta(seconds=60)  # as in portal/clock.py
CERTIFICATE_WARNS: Final = timedelta(days=14)  # a renewal that works has come long before
PARTS: Final = ("machine", "database", "mail", "paypal", "public")  # that may be left out, in this order
LEAST_FREE: Final = 1 << 30  # bytes: a migration, a mail queue and some logs
LEAST_IN_MEMORY: Final = 1 << 28  # of a /tmp in memory, half of what a machine has: a file that a team imports


class State(StrEnum):
    """How something is. `left` was not looked at, and says why: it is nothing to mend."""

    OK = "ok"
    MEND = "to mend"
    LEFT = "not looked at"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what is true of it, and what to do where that is not well."""

    subject: str
    state: State
    said: str
    remedy: str = ""


def ok(subject: str, said: str) -> Finding:
    """Return that all is well."""
    return Finding(subject, State.OK, said)


def mend(subject: str, said: str, remedy: str) -> Finding:
    """Return what is not well, with the sentence that says what to do."""
    return Finding(subject, State.MEND, said, remedy)


def left(subject: str, said: str, remedy: str = "") -> Finding:
    """Return that nobody looked, and why."""
    return Finding(subject, State.LEFT, said, remedy)


def are_well(findings: list[Finding]) -> bool:
    """Say whether nothing has to be mended."""
    return all(one.state is not State.MEND for one in findings)


def clocks(subject: str, whose: str, apart: timedelta) -> Finding:
    """Judge by how much another clock is ahead of this machine's (negative: behind)."""
    seconds = round(apart.total_seconds())
    if abs(apart) <= CLOCKS_APART:
        return ok(subject, f"{whose} clock and this machine's agree ({seconds:+d} s).")
    return mend(
        subject,
        f"{whose} clock is {abs(seconds)} seconds {'ahead of' if seconds > 0 else 'behind'} this machine's.",
        "Set this machine's clock by NTP (`timedatectl set-ntp true`), the database's machine's first of all.",
    )


def certificate(subject: str, *, last: datetime, now: datetime) -> Finding:
    """Judge the last moment of a certificate that is otherwise good."""
    day = f"{last:%Y-%m-%d}"
    if last <= now:
        return mend(
            subject,
            f"The certificate ran out on {day}: no visitor and no message of PayPal's comes in.",
            "Renew it (`systemctl status caddy`, or certbot), then see why that did not happen by itself.",
        )
    if last - now < CERTIFICATE_WARNS:
        return mend(
            subject,
            f"The certificate runs out on {day}.",
            "It should have been renewed by now: read the log of whoever renews it (Caddy, certbot).",
        )
    return ok(subject, f"The certificate is trusted, and good until {day}.")


def public_addresses(subject: str, host: str, found: tuple[str, ...]) -> Finding:
    """Judge what a name leads to: visitors and PayPal come from outside."""
    inside = [one for one in found if not ip_address(one).is_global]
    if not found or len(inside) == len(found):
        return mend(
            subject,
            f"{host} leads to {', '.join(found) or 'nowhere'}, where nobody comes from outside.",
            f"Give {host} an A (or AAAA) record with this machine's public address.",
        )
    return ok(subject, f"{host} leads to {', '.join(found)}.")


def proxies(subject: str, *, trusted: int, seen: int) -> Finding:
    """Judge how many addresses a request's X-Forwarded-For had when it came, against how many are believed."""
    if trusted == seen:
        return ok(subject, f"As many proxies tell who a visitor is as are believed ({seen}).")
    if trusted > seen:
        return mend(
            subject,
            f"PORTAL_TRUSTED_PROXIES is {trusted}, but {seen} tell who a visitor is: anybody can claim to be another.",
            f"Set PORTAL_TRUSTED_PROXIES={seen}, or let the proxy set X-Forwarded-For.",
        )
    return mend(
        subject,
        f"PORTAL_TRUSTED_PROXIES is {trusted}, but {seen} tell who a visitor is: all visitors share the same limits.",
        f"Set PORTAL_TRUSTED_PROXIES={seen}.",
    )


def free_space(subject: str, place: str, free: int, *, is_in_memory: bool = False) -> Finding:
    """Judge the bytes that are free at a place."""
    least = LEAST_IN_MEMORY if is_in_memory else LEAST_FREE
    said = f"{free / (1 << 30):.1f} GiB are free at {place}."
    if free >= least:
        return ok(subject, said)
    return mend(subject, said, f"Make room at {place}: below {least / (1 << 30):g} GiB the next burst may fill it.")
