"""The portal's settings: read once from the environment, typed, frozen, complete errors at start.

There are no default secrets.  Outside the demo and the tests every setting that protects
somebody must be given; `Config.from_env()` names all missing and bad ones at once.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from urllib.parse import SplitResult, parse_qs, urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

ENVIRONMENTS = ("production", "demo", "test")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
ENCRYPTED = frozenset({"require", "verify-ca", "verify-full"})  # libpq's own default falls back to plain text
LEAST_CHARACTERS = 8  # different ones of a secret: 32 random hexadecimal digits have fewer once in ten million
LEAST_OF_A_TOKEN = 32
LEAST_BYTES = 16  # different ones of 32: a random key practically never has fewer than 22
LONGEST_BOUNCE_LOCAL = 19  # of 64: a plus and a token of 44 follow (portal/domain/people/bounces.py)
ROOT = Path(__file__).resolve().parent
MOST_BYTES_OF_KEYS = 64 * 1024  # of a file of master keys: some hundred of them
OTHERS_MAY = stat.S_IRWXO | stat.S_IWGRP


class BadConfig(Exception):
    """One or more settings are missing or unusable; the message lists every one of them."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("The portal cannot start:\n" + "\n".join(f"  - {problem}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class Config:
    """What an installation decides. See the README's table of settings."""

    environment: str
    base_url: str
    database_url: str | None = field(repr=False)  # holds a password; None: the embedded PostgreSQL under data_folder
    data_folder: Path
    secret_key: str = field(repr=False)
    master_keys: tuple[tuple[str, bytes], ...] = field(repr=False)  # newest first: (key id, 32 bytes)
    smtp_url: str = field(repr=False)
    mail_from: str
    paypal_urls: Mapping[str, str]  # environment → base address; PayPal's own unless demo or test
    paypal_trust: Path | None  # roots of a simulator's certificates; None: the public ones
    trusted_proxies: int
    log_level: str
    breach_list_url: str = ""  # empty: nobody is asked about a new password
    allow_loopback: bool = False  # addresses that merchants enter may lead to this machine: the demo and the tests
    timestamp_url: str = ""  # empty: no outside time stamps
    timestamp_trust: Path | None = None  # the certificates that their answers are checked against
    bounce_address: str = ""  # empty: a mail that comes back comes to MAIL_FROM, and the portal does not know
    security_contact: str = ""  # mailto: or https:, for /.well-known/security.txt; empty: there is none
    metrics_tokens: tuple[str, ...] = field(default=(), repr=False)  # who shows one may read /metrics; none: nobody
    metrics_worker: tuple[str, int] | None = None  # where the worker tells its own; None: nowhere
    database_direct_url: str | None = field(default=None, repr=False)  # given: a pooler stands before database_url
    operator_legal_url: str = ""  # the operator's own legal notice; empty: pages of no merchant lead to none
    journal_folder: Path | None = None  # outside the database: what people were told; None: nothing is kept there
    journal_days: int = 35  # for so long: longer than the oldest backup that anybody would restore
    former_secret_keys: tuple[str, ...] = field(default=(), repr=False)  # what they signed is still read
    api_per_minute: int = 600_000  # calls of all keys of a merchant together
    uk_regime_from: date | None = None  # the day on which the British law of subscriptions begins; None: nobody knows

    @property
    def is_pretend(self) -> bool:
        """Whether a simulator may stand in for PayPal; every page then says so (product.md, decision 11)."""
        return self.environment in ("demo", "test")

    @property
    def is_https(self) -> bool:
        """Whether visitors come by https: cookies are then `__Host-` and Secure."""
        return self.base_url.startswith("https://")

    @property
    def signing_keys(self) -> tuple[str, ...]:
        """What cookies, forms and cursors may be signed by: the last one signs, as `itsdangerous` has it."""
        return (*self.former_secret_keys, self.secret_key)

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Config:
        """Read every setting; raise BadConfig naming all that are missing or wrong."""
        read = _Reader(env)
        read.secret_keys("PORTAL_SECRET_KEY", "PORTAL_SECRET_KEYS_FORMER", "PORTAL_SECRET_KEY_FILE")
        environment = read.one_of("PORTAL_ENV", ENVIRONMENTS, default="production")
        pretend = environment in ("demo", "test")
        config = cls(
            environment=environment,
            base_url=read.address("PORTAL_BASE_URL", https_only=not pretend),
            database_url=read.database("DATABASE_URL"),
            database_direct_url=read.direct("DATABASE_DIRECT_URL", pooled="DATABASE_URL"),
            data_folder=Path(env.get("PORTAL_DATA", "") or ROOT / "var"),
            secret_key=read.secret("PORTAL_SECRET_KEY", least=32),
            former_secret_keys=read.tokens("PORTAL_SECRET_KEYS_FORMER"),
            master_keys=read.keys("PORTAL_MASTER_KEYS", "PORTAL_MASTER_KEYS_FILE"),
            smtp_url=read.smtp("SMTP_URL"),
            mail_from=read.text("MAIL_FROM", must_hold="@"),
            breach_list_url=read.breach_list("PASSWORD_BREACH_URL"),
            bounce_address=read.bounce_address("MAIL_BOUNCE_ADDRESS"),
            timestamp_url=read.time_stamps("PORTAL_TIMESTAMP_URL", "PORTAL_TIMESTAMP_TRUST"),
            timestamp_trust=read.certificates("PORTAL_TIMESTAMP_TRUST"),
            security_contact=read.contact("PORTAL_SECURITY_CONTACT"),
            metrics_tokens=read.tokens("PORTAL_METRICS_TOKEN"),
            metrics_worker=read.listening("PORTAL_METRICS_WORKER", "PORTAL_METRICS_TOKEN"),
            operator_legal_url=read.page("PORTAL_LEGAL_NOTICE_URL"),
            journal_folder=read.folder("PORTAL_JOURNAL"),
            journal_days=read.number("PORTAL_JOURNAL_DAYS", default=35, least=2),
            api_per_minute=read.number("PORTAL_API_PER_MINUTE", default=600_000, least=1),
            uk_regime_from=read.day("PORTAL_UK_REGIME_FROM"),
            paypal_urls=read.paypal(pretend),
            paypal_trust=read.trust("PAYPAL_TRUST_FILE", pretend),
            allow_loopback=read.only_pretended("PORTAL_ALLOW_LOOPBACK", pretend),
            trusted_proxies=read.number("PORTAL_TRUSTED_PROXIES", default=0),
            log_level=read.one_of("PORTAL_LOG_LEVEL", ("debug", "info", "warning", "error"), default="info"),
        )
        if read.problems:
            raise BadConfig(read.problems)
        return config


def _split(value: str) -> SplitResult | None:
    """Return the parts of an address; None when it has no host, or a host or port that cannot be."""
    try:
        parts = urlsplit(value)
        return parts if parts.hostname and parts.port != 0 else None
    except ValueError:  # "https://[::1" or port 99999
        return None


def _repeats(value: str | bytes) -> bool:
    """Return whether the value is one shorter piece over and over."""
    return (value + value).find(value, 1) < len(value)  # type: ignore[arg-type, operator]


class _Reader:
    """Reads settings and collects what is wrong with them."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.problems: list[str] = []

    def text(self, name: str, *, must_hold: str = "") -> str:
        value = self.env.get(name, "").strip()
        if not value:
            self.problems.append(f"{name} is missing")
        elif must_hold not in value:
            self.problems.append(f"{name} must hold {must_hold!r}")
        return value

    def bounce_address(self, name: str) -> str:
        """Read the address that each mail's own envelope sender is made from: `local+token@domain`, 64 before the @."""
        value = self.env.get(name, "").strip()
        local, _, domain = value.rpartition("@")
        is_one = re.fullmatch(r"[A-Za-z0-9._=-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", value)
        if value and not (is_one and domain):
            self.problems.append(
                f"{name} must look like rebond@mail.example: one address, without a name and without +"
            )
        elif len(local) > LONGEST_BOUNCE_LOCAL:
            self.problems.append(f"{name} may have at most {LONGEST_BOUNCE_LOCAL} characters before the @")
        return value

    def contact(self, name: str) -> str:
        """Read how somebody is reached, as RFC 9116 has it."""
        value = self.env.get(name, "").strip()
        if value and not re.fullmatch(r"(mailto:[^\s@]+@[^\s@]+|https://\S+)", value):
            self.problems.append(f"{name} must look like mailto:security@portal.example, or https://…")
        return value

    def breach_list(self, name: str) -> str:
        """Read the address of a list of stolen passwords; five letters of a hash are added to it."""
        value = self.env.get(name, "").strip()
        parts = _split(value)
        if value and (parts is None or parts.scheme != "https" or not value.endswith("/")):
            self.problems.append(f"{name} must look like https://api.pwnedpasswords.com/range/")
        return value

    def page(self, name: str) -> str:
        """Read the address of a page that visitors are led to."""
        value = self.env.get(name, "").strip()
        parts = _split(value)
        if value and (parts is None or parts.scheme != "https"):
            self.problems.append(f"{name} must look like https://host.example/legal")
        return value

    def time_stamps(self, name: str, trust: str) -> str:
        """Read the address of an authority; http will do, since its answers are signed."""
        value = self.env.get(name, "").strip()
        parts = _split(value)
        if value and (parts is None or parts.scheme not in ("https", "http")):
            self.problems.append(f"{name} must look like https://tsa.example/")
        elif value and not self.env.get(trust, "").strip():
            self.problems.append(f"{name} needs {trust}: a stamp that nobody can check proves nothing")
        return value

    def certificates(self, name: str) -> Path | None:
        """Read the name of a file of certificates (PEM)."""
        value = self.env.get(name, "").strip()
        if not value:
            return None
        from cryptography.x509 import load_pem_x509_certificates  # most installations need none

        path = Path(value)
        try:
            load_pem_x509_certificates(path.read_bytes())
        except (OSError, ValueError):
            self.problems.append(f"{name} must name a file with certificates (PEM)")
        return path

    def one_of(self, name: str, allowed: tuple[str, ...], *, default: str) -> str:
        value = self.env.get(name, "").strip() or default
        if value not in allowed:
            self.problems.append(f"{name} is {value!r}; it must be one of {', '.join(allowed)}")
        return value

    def folder(self, name: str) -> Path | None:
        """Read a folder's name, from the root: commands are called from anywhere."""
        value = self.env.get(name, "").strip()
        if value and not value.startswith("/"):
            self.problems.append(f"{name} is {value!r}; it must begin with /")
        return Path(value) if value else None

    def number(self, name: str, *, default: int, least: int = 0) -> int:
        value = self.env.get(name, "").strip()
        if not value:
            return default
        if not value.isdecimal():
            self.problems.append(f"{name} is {value!r}; it must be a whole number")
            return default
        if int(value) < least:
            self.problems.append(f"{name} is {value}; it must be {least} or more")
        return int(value)

    def day(self, name: str) -> date | None:
        value = self.env.get(name, "").strip()
        try:
            return date.fromisoformat(value) if value else None
        except ValueError:
            self.problems.append(f"{name} is {value!r}; it must look like 2027-04-06")
            return None

    def secret(self, name: str, *, least: int) -> str:
        value = self.env.get(name, "")
        if not value:
            self.problems.append(f"{name} is missing")
        elif len(value) < least:
            self.problems.append(f"{name} is too short: at least {least} characters")
        elif len(set(value)) < LEAST_CHARACTERS or _repeats(value):
            self.problems.append(f"{name} is weak: the same characters over and over; make it at random")
        return value

    def secret_keys(self, name: str, former: str, file_name: str) -> None:
        """Take both settings from a file where one is named: a key a line, the one of now first."""
        file = self.env.get(file_name, "").strip()
        if not file:
            return
        if self.env.get(name) or self.env.get(former):
            self.problems.append(f"{file_name} is given beside {name} or {former}: only one may be")
            return
        keys = (self._private_file(file_name, Path(file)) or "").split()
        self.env = {**self.env, name: "".join(keys[:1]), former: ",".join(keys[1:])}

    def tokens(self, name: str) -> tuple[str, ...]:
        """Read tokens separated by commas, so that one can be changed without a stop; each as strong as a secret."""
        found = tuple(filter(None, (piece.strip() for piece in self.env.get(name, "").split(","))))
        if any(len(one) < LEAST_OF_A_TOKEN for one in found):
            self.problems.append(f"{name} is too short: at least {LEAST_OF_A_TOKEN} characters each")
        elif any(len(set(one)) < LEAST_CHARACTERS or _repeats(one) for one in found):
            self.problems.append(f"{name} is weak: the same characters over and over; make it at random")
        return found

    def listening(self, name: str, token: str) -> tuple[str, int] | None:
        """Read `host:port` to listen at; what is told there is for those who show a token."""
        value = self.env.get(name, "").strip()
        parts = _split(f"//{value}")
        if not value:
            return None
        if parts is None or parts.port is None or parts.path:
            self.problems.append(f"{name} is {value!r}; it must look like 127.0.0.1:9464")
            return None
        if not self.env.get(token, "").strip():
            self.problems.append(f"{name} needs {token}: nobody could read what is told there")
        return str(parts.hostname), parts.port

    def address(self, name: str, *, https_only: bool) -> str:
        value = self.text(name).rstrip("/")
        if not value:
            return value
        parts = _split(value)
        if parts is None or parts.scheme not in ("http", "https"):
            self.problems.append(f"{name} is {value!r}; it must look like https://portal.example")
        elif https_only and parts.scheme != "https":
            self.problems.append(f"{name} must begin with https:// outside the demo")
        elif parts.path or parts.query or parts.fragment:
            self.problems.append(f"{name} must hold no path")
        return value

    def database(self, name: str) -> str | None:
        value = self.env.get(name, "").strip()
        if not value:
            return None
        if not value.startswith(("postgresql://", "postgres://")):
            self.problems.append(f"{name} must begin with postgresql:// (no other database is supported)")
            return value
        try:
            parts = conninfo_to_dict(value)
        except ProgrammingError:  # whose message repeats the password
            self.problems.append(f"{name} must look like postgresql://user:password@host/database?sslmode=require")
            return value
        hosts = str(parts.get("hostaddr") or parts.get("host") or self.env.get("PGHOST", "")).split(",")
        if str(parts.get("sslmode") or self.env.get("PGSSLMODE", "")) not in ENCRYPTED:
            local = {host for host in hosts if not host or host.startswith(("/", "@"))} | LOOPBACK
            for host in hosts:
                self.plain(name, host, "sslmode=require", allowed_by="PORTAL_ALLOW_PLAIN_DATABASE", local=local)
        return value

    def direct(self, name: str, *, pooled: str) -> str | None:
        """Read the way to the database past its pooler; it says that the other one leads through a pooler."""
        value = self.database(name)
        if value and not self.env.get(pooled, "").strip():
            self.problems.append(f"{name} needs {pooled}: the same database through its pooler")
        elif value and value == self.env.get(pooled, "").strip():
            self.problems.append(f"{name} is the same as {pooled}: leave it out where there is no pooler")
        return value

    def plain(self, name: str, host: str, remedy: str, *, allowed_by: str, local: Set[str] = LOOPBACK) -> None:
        """Refuse a way to another machine that anybody between could read, unless a setting names that machine."""
        allowed = {one.strip() for one in self.env.get(allowed_by, "").split(",")}
        if host not in local and host not in allowed:
            self.problems.append(f"{name} goes to {host} without TLS: add {remedy}, or set {allowed_by}={host}")

    def keys(self, name: str, file_name: str) -> tuple[tuple[str, bytes], ...]:
        """Read the master keys from the setting, or from the file that the other setting names."""
        file = self.env.get(file_name, "").strip()
        if not file:
            return self._keys(name, self.text(name))
        if self.env.get(name, "").strip():
            self.problems.append(f"{name} and {file_name} are both given: only one may be")
            return ()
        value = self._private_file(file_name, Path(file))
        return self._keys(file_name, ",".join(value.splitlines())) if value is not None else ()

    def _private_file(self, name: str, path: Path) -> str | None:
        """Return what the file holds; one that others can read, or anybody else write, protects nothing.

        Its group may read it: that is how some container platforms hand a secret to a process without root.
        """
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                value = file.read(MOST_BYTES_OF_KEYS + 1)
        except OSError as error:
            self.problems.append(f"{name}: {path} cannot be read ({error.strerror})")
            return None
        if status.st_mode & OTHERS_MAY:
            self.problems.append(f"{name}: {path} is open to others; close it with chmod 400")
            return None
        if len(value) > MOST_BYTES_OF_KEYS or not value.isascii() or not value.strip():
            self.problems.append(f"{name}: {path} holds no keys")
            return None
        return value.decode("ascii")

    def _keys(self, name: str, value: str) -> tuple[tuple[str, bytes], ...]:
        keys: list[tuple[str, bytes]] = []
        for part in filter(None, (piece.strip() for piece in value.split(","))):
            key_id, _, encoded = part.partition(":")
            try:
                key = base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                key = b""
            if not (key_id.isalnum() and key_id.isascii()) or len(key) != 32:
                self.problems.append(f"{name}: each key is id:base64 of 32 bytes, separated by commas")
                return ()
            keys.append((key_id, key))
            if len(set(key)) < LEAST_BYTES or _repeats(key):
                self.problems.append(f"{name}: key {key_id} is weak: the same bytes over and over; make it at random")
        if value and not keys:
            self.problems.append(f"{name} holds no key")
        if len({key_id for key_id, _ in keys}) != len(keys):
            self.problems.append(f"{name}: two keys have the same id")
        return tuple(keys)

    def smtp(self, name: str) -> str:
        value = self.text(name)
        parts = _split(value)
        if parts is None or parts.scheme not in ("smtp", "smtps"):
            if value:
                self.problems.append(f"{name} must look like smtp://user:password@host:587?starttls=1")
        elif parts.scheme == "smtp" and parse_qs(parts.query).get("starttls", ["0"])[-1] not in ("1", "true", "yes"):
            self.plain(name, parts.hostname or "", "starttls=1 (or smtps://)", allowed_by="PORTAL_ALLOW_PLAIN_SMTP")
        return value

    def paypal(self, pretend: bool) -> Mapping[str, str]:
        urls = {"live": "https://api-m.paypal.com", "sandbox": "https://api-m.sandbox.paypal.com"}
        for environment, name in (("live", "PAYPAL_LIVE_URL"), ("sandbox", "PAYPAL_SANDBOX_URL")):
            if not self.env.get(name):
                continue
            if not pretend:
                self.problems.append(f"{name} is only for the demo and the tests")
            urls[environment] = self.env[name].rstrip("/")
        return MappingProxyType(urls)

    def only_pretended(self, name: str, pretend: bool) -> bool:
        value = self.env.get(name, "").strip()
        if value not in ("", "0") and not pretend:
            self.problems.append(f"{name} is only for the demo and the tests")
        return value not in ("", "0")

    def trust(self, name: str, pretend: bool) -> Path | None:
        value = self.env.get(name, "").strip()
        if value and not pretend:
            self.problems.append(f"{name} is only for the demo and the tests")
        return Path(value) if value else None
