"""What to do where a server does not answer, by what it said: one sentence for whoever installs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WRITTEN: Final = "(in it @ : / ? # $ % are written %40 %3A %2F %3F %23 %24 %25)"
# What PostgreSQL and its library say, in English; of two that are in one sentence the first counts.
DATABASE: Final = (
    ("Peer authentication failed", "By the socket the system's user is the database's: createuser portal."),
    ("authentication failed", f"Correct the user or the password in DATABASE_URL {WRITTEN}."),
    ("pg_hba.conf", "Let this machine and user in: pg_hba.conf at the database, then reload it."),
    ("role ", "Make the user (createuser portal), or correct it in DATABASE_URL."),
    ("not permitted to log in", "Correct the user in DATABASE_URL, or ALTER ROLE … LOGIN."),
    (
        "does not exist",
        "Make it (createdb --owner=portal --encoding=UTF8 --template=template0 portal), or correct its name in"
        " DATABASE_URL.",
    ),
    ("resolve host", "Correct the host in DATABASE_URL, or let this machine ask a name server (/etc/resolv.conf)."),
    ("translate host", "Correct the host in DATABASE_URL, or let this machine ask a name server (/etc/resolv.conf)."),
    ("certificate", "Set sslmode and sslrootcert in DATABASE_URL as the database's certificate wants them."),
    ("does not support SSL", "Switch ssl on at the database: what goes to another machine goes by TLS."),
    ("connection slots", "Raise max_connections at the database, or run fewer processes."),
    ("too many clients", "Raise max_connections at the database, or run fewer processes."),
    ("starting up", "Wait until it has started, then look again."),
    ("No space left", "Make room on the database's disk."),
)
DATABASE_ELSE: Final = "Start it, and look at the host and the port in DATABASE_URL."

# By the kind of the error that the mail client raised.
MAIL: Final[Mapping[str, str]] = {
    "SMTPAuthenticationError": f"Correct the user or the password in SMTP_URL {WRITTEN}.",
    "SMTPNotSupportedError": "Take the port at which it offers both (587, or smtps:// and 465); a server that wants no"
    " user gets none in SMTP_URL.",
    "SMTPServerDisconnected": "It may await TLS from the first byte (smtps:// in SMTP_URL, port 465): read its log.",
    "SSLCertVerificationError": "Name it in SMTP_URL as its certificate does; an authority of your own house stands in"
    " the file that SSL_CERT_FILE names.",
    "SSLError": "It speaks no TLS from the first byte: smtp://…:587?starttls=1 in SMTP_URL.",
    "gaierror": "Correct the host in SMTP_URL, or let this machine ask a name server (/etc/resolv.conf).",
    "SMTPSenderRefused": "Let the server take MAIL_FROM as a sender, or set the one that it takes.",
}
MAIL_ELSE: Final = "Correct host and port in SMTP_URL, and let this machine out to them (many hosts close port 25)."


def database(said: str) -> str:
    """Return what to do about a database that answered `said` to a connection."""
    return next((remedy for sign, remedy in DATABASE if sign in said), DATABASE_ELSE)


def mail(kind: str) -> str:
    """Return what to do about a mail server at which an error of this kind was met."""
    return MAIL.get(kind, MAIL_ELSE)
