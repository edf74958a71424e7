"""Sends letters through a mail server (SMTP), and sorts its answers into two errors.

`MailRefused`: this letter will never pass; trying again is useless.  `MailUnavailable`: nothing is known
against the letter itself (network, 4xx, TLS, a wrong password or sender): it is tried again later, because
an operator can mend the installation and the letter must then still leave.
"""

from __future__ import annotations

import re
import smtplib
import ssl
import textwrap
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from portal.clock import utc_now
from portal.providers.letters import Letter, MailRefused, MailUnavailable

MESSAGE_TOO_BIG = 552  # the one refusal at MAIL FROM that is about the letter and not about the sender
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_PLACE = r"[^\s<>()\[\],;:\"\\@]+"
_SPEC = f"{_PLACE}@{_PLACE}"
ADDRESS = re.compile(f"(?P<bare>{_SPEC})|(?P<name>[^<>]*)<(?P<inside>{_SPEC})>")
LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")


class SmtpMailer:
    """A `ports.Mailer` over one SMTP server; makes a connection per letter, so threads may share it."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        username: str | None = None,
        password: str | None = None,
        starttls: bool,
        implicit_tls: bool = False,
        timeout: float = 20,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        """Remember where to send; `timeout` is in seconds and counts for each step of the dialogue.

        Raises ValueError when a password would travel in clear to another machine, or cannot travel at all.
        """
        if not f"{username or ''}{password or ''}".isascii():
            raise ValueError("the mail server's user and password must be ASCII")  # smtplib sends no other
        if username and not (starttls or implicit_tls) and host not in LOOPBACK:
            raise ValueError("a mail password needs TLS: starttls=1 or smtps://")
        self._host = host
        self._port = port
        self._username = username
        self._password = password
        self._starttls = starttls
        self._implicit_tls = implicit_tls
        self._timeout = timeout
        self._tls_context = tls_context

    @classmethod
    def from_url(cls, url: str, *, timeout: float = 20) -> SmtpMailer:
        """Read `smtp://user:password@host:587?starttls=1` or `smtps://…` (TLS from the first byte)."""
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("SMTP_URL must look like smtp://user:password@host:587?starttls=1")
        implicit = parts.scheme == "smtps"
        starttls = parse_qs(parts.query).get("starttls", ["0"])[-1] in ("1", "true", "yes")
        return cls(
            parts.hostname,
            parts.port or (465 if implicit else 587 if starttls else 25),
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            starttls=starttls and not implicit,
            implicit_tls=implicit,
            timeout=timeout,
        )

    def send(self, letter: Letter) -> None:
        """Hand the letter to the server; return once it has taken responsibility for it.

        Raises MailRefused (5xx about this letter, an address or header that cannot be) or MailUnavailable.
        No message of these errors holds an address: they are logged.
        """
        message = compose(letter)
        with _sorted_errors():
            server = self._connect(message)
            try:
                self._log_in(server)
                _deliver(server, message, letter.envelope_sender)
            finally:
                _say_goodbye(server)

    def _connect(self, message: EmailMessage) -> smtplib.SMTP:
        # The sender's domain as our name: smtplib would otherwise look the host's name up in the DNS.
        name = message["From"].addresses[0].domain
        if self._implicit_tls:
            return smtplib.SMTP_SSL(
                self._host, self._port, local_hostname=name, timeout=self._timeout, context=self._context()
            )
        return smtplib.SMTP(self._host, self._port, local_hostname=name, timeout=self._timeout)

    def _log_in(self, server: smtplib.SMTP) -> None:
        server.ehlo_or_helo_if_needed()
        if self._starttls:
            server.starttls(context=self._context())
            server.ehlo()
        if self._username:
            server.login(self._username, self._password or "")

    def _context(self) -> ssl.SSLContext:
        return self._tls_context or ssl.create_default_context()


LONGEST_LINE: Final = 998  # RFC 5322


class _WholeWords(EmailPolicy):
    """Folds subjects and names that are not ASCII: the library's policy drops a space, or adds one, where it folds."""

    def fold(self, name: str, value: Any) -> str:
        if self.utf8 or name not in ("Subject", "From"):
            return str(super().fold(name, value))
        if str(value).isascii():
            return self._plain(name, value)
        if name == "Subject":
            return f"Subject: {_encoded(str(value), name, self.linesep)}{self.linesep}"
        (sender,) = value.addresses
        name_of = _encoded(sender.display_name, name, self.linesep)
        return f"From: {name_of}{self.linesep} <{sender.addr_spec}>{self.linesep}"

    def _plain(self, name: str, value: Any) -> str:
        """Begin the text on the header's own line: the library puts one that would just not fit there below it."""
        lines = textwrap.wrap(f"{name}: {value}", 78, break_long_words=False, break_on_hyphens=False)
        if max(map(len, lines)) > LONGEST_LINE:
            return str(super().fold(name, value))
        return f"{self.linesep} ".join(lines) + self.linesep

    def fold_binary(self, name: str, value: Any) -> bytes:
        return self.fold(name, value).encode("utf-8" if self.utf8 else "ascii", "surrogateescape")


def _encoded(text: str, name: str, linesep: str) -> str:
    return Header(text, "utf-8", header_name=name).encode(linesep=linesep)


def compose(letter: Letter) -> EmailMessage:
    """Return the letter as a message: text, HTML as its alternative, and the files.

    Raises MailRefused for a header with a line break, or an address that is not exactly one address.
    """
    message = EmailMessage(policy=_WholeWords())
    # Quoted-printable keeps accents readable in the source and needs no 8BITMIME from any server on the way.
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    for file in letter.attachments:
        main, _, kind = file.media_type.partition("/")
        message.add_attachment(file.content, maintype=main, subtype=kind, filename=file.name)
    try:
        message["From"] = _signed(read_address(letter.sender), letter.sender_name)
        message["To"] = read_address(letter.to)
        if letter.reply_to:
            message["Reply-To"] = read_address(letter.reply_to)
        message["Subject"] = letter.subject
        message["Message-ID"] = f"<{letter.message_id.strip('<>')}>"
        message["Content-Language"] = letter.language
    except ValueError as error:  # the library's own guard against CR and LF
        raise MailRefused("a header holds a line break or cannot be read") from error
    message["Date"] = format_datetime(utc_now())
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers to the portal
    return message


def read_address(text: str) -> Address:
    """Read `person@place` or `Name <person@place>`; the domain comes back in ASCII (IDNA).

    Raises MailRefused for anything else: a list, or a piece of an address, would mail somebody else. Read
    here because the library's parser is lenient, and fails with IndexError on some texts. Quoted local
    parts ("a b"@place) exist on paper only and are refused.
    """
    found = ADDRESS.fullmatch(text.strip(" "))
    if not found or _has_control(text):
        raise MailRefused("an address of the letter is not exactly one address")
    name, spec = (found["name"] or "").strip(), found["inside"] or found["bare"]
    username, _, domain = spec.partition("@")
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise MailRefused("the domain of an address cannot exist") from error
    if not all(LABEL.fullmatch(label) for label in ascii_domain.split(".")):
        raise MailRefused("the domain of an address cannot exist")
    if name[:1] == name[-1:] == '"' and len(name) > 1:
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return Address(display_name=name, username=username, domain=ascii_domain)


def _signed(address: Address, name: str) -> Address:
    """Return the address under another name, which stays a name: one that looks encoded (RFC 2047) is not decoded."""
    shown = name.replace("=?", "= ?") or address.display_name
    return Address(display_name=shown, username=address.username, domain=address.domain)


def _has_control(text: str) -> bool:
    return any(unicodedata.category(letter) == "Cc" for letter in text)


def _deliver(server: smtplib.SMTP, message: EmailMessage, envelope_sender: str) -> None:
    sender, recipient = (message[header].addresses[0].addr_spec for header in ("From", "To"))
    if envelope_sender:
        sender = read_address(envelope_sender).addr_spec
    try:
        server.send_message(message, from_addr=sender, to_addrs=[recipient])
    except smtplib.SMTPNotSupportedError as error:
        raise MailRefused("the address has letters that this mail server cannot carry (no SMTPUTF8)") from error


def _say_goodbye(server: smtplib.SMTP) -> None:
    # A letter already taken must not be called failed, and so sent twice, because QUIT went wrong.
    with suppress(smtplib.SMTPException, OSError):
        server.quit()
    server.close()


@contextmanager
def _sorted_errors() -> Iterator[None]:
    """Turn smtplib's errors into the port's two."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()))
        raise _verdict(code, text, step="recipient", is_about_letter=True) from error
    except smtplib.SMTPDataError as error:
        raise _verdict(error.smtp_code, error.smtp_error, step="message", is_about_letter=True) from error
    except smtplib.SMTPSenderRefused as error:
        too_big = error.smtp_code == MESSAGE_TOO_BIG
        raise _verdict(error.smtp_code, error.smtp_error, step="sender", is_about_letter=too_big) from error
    except smtplib.SMTPResponseException as error:
        raise _verdict(error.smtp_code, error.smtp_error, step="session", is_about_letter=False) from error
    except (smtplib.SMTPException, OSError) as error:  # ssl.SSLError and timeouts are OSError
        raise MailUnavailable(f"mail server: {type(error).__name__}") from error


def _verdict(code: int, text: bytes | str, *, step: str, is_about_letter: bool) -> MailRefused | MailUnavailable:
    # Servers repeat addresses in their sentences; only the enhanced status code (RFC 3463) is kept.
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    enhanced = re.match(r"[245]\.\d{1,3}\.\d{1,3}\b", words)
    reason = f"mail server answered {code}{' ' + enhanced[0] if enhanced else ''} to the {step}"
    if is_about_letter and 500 <= code < 600:
        return MailRefused(reason)
    return MailUnavailable(reason)
