"""How the installation is seen from outside, and what it reaches there, as `flask check` sees it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parseaddr
from urllib.parse import urlsplit

from config import Config
from portal.domain import remedies, sending_domains
from portal.domain.installation import Finding, certificate, clocks, left, mend, ok, proxies, public_addresses
from portal.providers import outside
from portal.providers.host_names import NoAnswer as NoRecords
from portal.providers.letters import Letter, MailRefused, MailUnavailable
from portal.providers.outside import NoAnswer
from portal.services.context import Context
from portal.version import VERSION

NOBODY_BEHIND = (502, 503, 504)  # what a proxy says where nothing answers it
TEXT = (
    "This is the test message of `flask check`. Whoever reads it knows that the portal’s mails leave and arrive.\n\n"
    "Look at it once more as a stranger would: is it in the spam folder, is the sender right?\n"
)


def paypal(config: Config) -> Iterator[Finding]:
    """Ask PayPal, live and sandbox, for anything at all: what it answers without a key says that it is reached."""
    for environment, url in sorted(config.paypal_urls.items()):
        subject = f"PayPal {environment}"
        host = urlsplit(url).hostname
        try:
            answer = outside.ask(url)
        except NoAnswer as error:
            yield mend(
                subject,
                f"{host} is not reached: {error}.",
                f"Let this machine speak to {host} on port 443, or name a proxy in HTTPS_PROXY.",
            )
            continue
        yield ok(subject, f"{host} answers ({answer.status}).")
        if answer.date is not None:
            yield clocks(f"clock of PayPal {environment}", "PayPal's", answer.date - datetime.now(UTC))
        else:
            yield left(f"clock of PayPal {environment}", "Its answer told no time.")


def public(config: Config) -> Iterator[Finding]:
    """Follow the way that visitors take: the name, the certificate, the proxy, and this release behind it."""
    parts = urlsplit(config.base_url)
    host = parts.hostname or ""
    try:
        found = outside.addresses(host)
    except NoAnswer as error:
        yield mend("public name", f"{host} is not known: {error}.", f"Give {host} an A (or AAAA) record.")
        return
    yield public_addresses("public name", host, found)
    if config.is_https:
        yield _certificate(host, parts.port or 443)
    yield from _behind(config)


def _certificate(host: str, port: int) -> Finding:
    try:
        shown = outside.certificate(host, port)
    except NoAnswer as error:
        return mend(
            "certificate",
            f"Nobody speaks TLS at {host}:{port}: {error}.",
            "Start the proxy (Caddy, nginx), and let 80 and 443 through.",
        )
    judged = certificate("certificate", last=shown.last, now=datetime.now(UTC))
    if shown.distrust and shown.last > datetime.now(UTC):
        return mend(
            "certificate",
            f"The certificate is not trusted: {shown.distrust}.",
            "Have it signed by a public authority for this name, and let the server send the intermediate too: "
            "PayPal calls no other.",
        )
    return judged


def _behind(config: Config) -> Iterator[Finding]:
    """Ask the public address who answers there: this portal, of this release, told who the visitor is."""
    try:
        answer = outside.ask(f"{config.base_url}/healthz")
    except NoAnswer as error:
        yield mend(
            "public address",
            f"{config.base_url} does not answer: {error}.",
            "Start web and proxy. If others reach it, only this machine's own way there is closed.",
        )
        return
    version, seen = answer.told.get("version"), answer.told.get("forwarded")
    if not isinstance(version, str) or not isinstance(seen, int):
        yield mend(
            "public address",
            f"{config.base_url}/healthz answers {answer.status}, and it is not the portal that does.",
            "Start the web: `systemctl restart portal-web`, in containers `docker compose up -d web`."
            if answer.status in NOBODY_BEHIND
            else "Have the proxy pass every path on to the portal.",
        )
        return
    yield _release(version)
    yield proxies("proxies", trusted=config.trusted_proxies, seen=seen)


def _release(version: str) -> Finding:
    if version == VERSION:
        return ok("public address", f"The portal {VERSION} answers there.")
    return mend(
        "public address",
        f"The portal {version} answers there, this is {VERSION}.",
        "Restart web and worker with this release.",
    )


def sending_domain(ctx: Context, selector: str) -> Iterator[Finding]:
    """Look at what the zone of the sender's domain says of its mail; `selector` names the key that signs (DKIM)."""
    sender = _domain(ctx.mail_from)
    envelope = _domain(ctx.bounce_address) if ctx.bounce_address else sender
    try:
        yield from sending_domains.look(ctx.host_names.texts, sender=sender, envelope=envelope, selector=selector)
    except NoRecords as error:
        yield mend(
            "mail domain",
            f"The name servers said nothing of {sender} ({error}).",
            "Let this machine ask a name server (/etc/resolv.conf), then look again.",
        )


def _domain(address: str) -> str:
    return parseaddr(address)[1].rpartition("@")[2].lower()


def mail(ctx: Context, recipient: str) -> Finding:
    """Send a real message; whether it arrives, only its reader knows."""
    if not recipient:
        return left("mail", "No message was sent.", "Add --mail-to with an address that you read.")
    letter = Letter(
        message_id=f"check-{uuid.uuid4()}@{urlsplit(ctx.base_url).hostname}",
        to=recipient,
        sender=ctx.mail_from,
        reply_to=None,
        subject="The portal’s mails leave",
        text=TEXT,
        html=f"<p>{TEXT.strip().replace(chr(10) * 2, '</p><p>')}</p>",
        language="en",
    )
    try:
        ctx.mailer.send(letter)
    except MailRefused as error:
        return mend("mail", f"The message was refused: {error}.", "Look at --mail-to, MAIL_FROM, and the server's log.")
    except MailUnavailable as error:
        return _unsent(error)
    return ok("mail", f"The mail server took a message to {recipient}. See that it arrived, and not as spam.")


def _unsent(error: MailUnavailable) -> Finding:
    """Say why no message left: by the server's own number where it gave one, else by what failed on the way."""
    cause = error.__cause__ or error
    reason = str(error) if hasattr(cause, "smtp_code") or cause is error else outside.reason(cause)
    return mend("mail", f"The mail server took no message: {reason}.", remedies.mail(type(cause).__name__))
