"""The mailer against a real SMTP server: what leaves, and which of the two errors each refusal becomes."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from email.header import decode_header, make_header
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portal.providers.letters import Letter, MailRefused, MailUnavailable
from portal.providers.smtp import SmtpMailer
from tests.ports import free_port


class Post:
    """What the server says at each step, and what it received."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.received: list[Envelope] = []

    async def handle_MAIL(self, server, session, envelope, address, options):
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if "RCPT" in self.answers:
            return self.answers["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.answers.get("DATA") == "close":
            server.transport.close()
            return "250 never read"
        if "DATA" in self.answers:
            return self.answers["DATA"]
        self.received.append(envelope)
        return "250 taken"

    async def handle_QUIT(self, server, session, envelope):
        return self.answers.get("QUIT", "221 Bye")

    def message(self) -> EmailMessage:
        (envelope,) = self.received
        return email.message_from_bytes(envelope.content, policy=email.policy.default)


@pytest.fixture
def start() -> Iterator[Callable[..., tuple[Post, int]]]:
    running: list[Controller] = []

    def starter(**options: object) -> tuple[Post, int]:
        post, port = Post(), free_port()
        options.setdefault("enable_SMTPUTF8", True)
        controller = Controller(post, hostname="127.0.0.1", port=port, **options)
        controller.start()
        running.append(controller)
        return post, port

    yield starter
    for controller in running:
        controller.stop()


def letter(**changes: object) -> Letter:
    values: dict[str, object] = {
        "message_id": "job-17@portal.example",
        "to": "eleve@exemple.fr",
        "sender": "École d’Été <portail@portal.example>",
        "reply_to": "aide@ecole.example",
        "subject": "Votre abonnement « Piano » est résilié",
        "text": "Bonjour Zoé,\n\nVous gardez vos accès jusqu’au 3 avril.\nhttp://127.0.0.1:8000/a?b=c&d=e\n",
        "html": "<p>Bonjour Zoé,</p><p>Vous gardez vos accès jusqu’au 3 avril.</p>",
        "language": "fr",
    }
    return Letter(**{**values, **changes})


def plain(port: int, **options: object) -> SmtpMailer:
    return SmtpMailer("127.0.0.1", port, **{"starttls": False, "timeout": 10, **options})


def test_the_letter_arrives_whole(start):
    post, port = start()
    plain(port).send(letter())

    assert post.received[0].mail_from == "portail@portal.example"
    assert post.received[0].rcpt_tos == ["eleve@exemple.fr"]
    message = post.message()
    assert message["From"].addresses[0].display_name == "École d’Été"
    assert message["To"] == "eleve@exemple.fr"
    assert message["Reply-To"] == "aide@ecole.example"
    assert message["Subject"] == "Votre abonnement « Piano » est résilié"
    assert message["Message-ID"] == "<job-17@portal.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "fr"
    assert message["Date"].datetime.tzinfo is not None
    assert message.get_content_type() == "multipart/alternative"
    assert message.get_body(("plain",)).get_content().splitlines() == letter().text.splitlines()
    assert message.get_body(("html",)).get_content().strip() == letter().html


def test_the_envelope_may_name_another_sender_than_the_reader_sees(start):
    post, port = start()
    plain(port).send(letter(envelope_sender="rebond+abc234@portal.example"))
    assert post.received[0].mail_from == "rebond+abc234@portal.example"
    assert post.message()["From"].addresses[0].addr_spec == "portail@portal.example"


def test_what_travels_is_ascii_and_in_short_lines(start):
    """Any server on the way may lack 8BITMIME and cut lines at 998 bytes (RFC 5321)."""
    post, port = start()
    long = "été " * 2000
    plain(port).send(letter(text=long, html=f"<p>{long}</p>", subject="é" * 300))

    raw = post.received[0].original_content
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert post.message()["Subject"] == "é" * 300
    assert post.message().get_body(("plain",)).get_content().strip() == long.strip()


def test_a_message_id_already_in_brackets_is_kept(start):
    post, port = start()
    plain(port).send(letter(message_id="<a@b.example>", reply_to=None))
    assert post.message()["Message-ID"] == "<a@b.example>"
    assert "Reply-To" not in post.message()


@pytest.mark.parametrize(
    "field", ["to", "sender", "sender_name", "envelope_sender", "reply_to", "subject", "message_id", "language"]
)
@pytest.mark.parametrize("breaking", ["\r\n", "\n", "\r"])
def test_a_line_break_cannot_add_a_header(start, field, breaking):
    post, port = start()
    poisoned = getattr(letter(), field) + breaking + "Bcc: other@exemple.fr"
    with pytest.raises(MailRefused):
        plain(port).send(letter(**{field: poisoned}))
    assert post.received == []


@pytest.mark.parametrize(
    "to",
    [
        "",
        "nobody",
        "@x.example",
        "a@",
        "a@x.example>",
        "a@x.example, b@x.example",
        "a@x.example;b@x.example",
        "a@x.example b@x.example",
        "team: a@x.example;",
        "<a@x.example> <b@x.example>",
        "a@b@x.example",
        "a@x..example",
        "a@-x.example",
        "a@x.exa mple",
        "a@" + "x" * 64 + ".example",
        "a\x00@x.example",
    ],
)
def test_an_address_that_is_not_one_address_is_refused(start, to):
    post, port = start()
    with pytest.raises(MailRefused):
        plain(port).send(letter(to=to))
    assert post.received == []


def test_a_name_with_accents_and_rtl_text_reaches_the_header(start):
    post, port = start()
    plain(port).send(letter(to='"O’Neil, שלום" <oneil@exemple.fr>'))
    assert post.message()["To"].addresses[0].display_name == "O’Neil, שלום"
    assert post.received[0].rcpt_tos == ["oneil@exemple.fr"]


@pytest.mark.parametrize(
    "name",
    [
        "Cours L'Atelier",
        "L’Atelier d’Anaïs, Paris",
        'Chez "Zoé" <a@x.test>, b@x.test',
        "école: musique; danse (enfants) @ Lyon \\",
        "\u2068محمد بن عبد الله\u2069",
        "日本語教室",
        "=?utf-8?q?PayPal?=",
        "A, B " * 11 + "C",
    ],
)
def test_whatever_the_name_of_the_sender_is_the_address_stays_ours(start, name):
    """RFC 5322 quotes what would be an address of its own, RFC 2047 carries what is not ASCII."""
    post, port = start()
    plain(port).send(letter(sender_name=name))
    assert post.received[0].original_content.split(b"\r\n\r\n")[0].isascii()
    (address,) = post.message()["From"].addresses
    assert address.addr_spec == "portail@portal.example"
    assert address.display_name == name.replace("=?", "= ?")
    assert post.received[0].mail_from == "portail@portal.example"
    assert "Bcc" not in post.message()


WORDY = [
    "Studio Yoga\u00a0: votre adresse e-mail a été changée",
    "cours où où résilié déjà été été » € référence Yoga élèves à »",
    "créé Studio de du L’Atelier où élèves déjà",
    "été " * 40 + "fini",
    "日本語教室の予約 " * 9 + "終",
    "plain ASCII " * 12 + "end",
    "Did you ask to cancel on Sunday 29 November 2026 at 22:46? ABCD-EFGH-IJKL",  # just too long beside « Subject: »
]


@pytest.mark.parametrize("said", WORDY)
def test_no_space_is_lost_or_added_where_a_header_is_folded(start, said):
    """As other programs read it, by RFC 2047: the white space between two encoded words is none of the text's."""
    post, port = start()
    plain(port).send(letter(subject=said, sender_name=said))
    head = email.message_from_bytes(post.received[0].original_content)
    read = {name: str(make_header(decode_header(re.sub(r"\r?\n", "", head[name])))) for name in ("Subject", "From")}
    assert read["Subject"] == said
    assert read["From"].replace('"', "").removesuffix(" <portail@portal.example>") == said
    assert all(len(line) < 79 for line in post.received[0].original_content.split(b"\r\n\r\n")[0].splitlines())


def test_a_domain_with_accents_travels_as_idna(start):
    post, port = start(enable_SMTPUTF8=False)
    plain(port).send(letter(to="eleve@été.example"))
    assert post.received[0].rcpt_tos == ["eleve@xn--t-9fab.example"]


def test_a_local_part_with_accents_needs_smtputf8(start):
    post, port = start()
    plain(port).send(letter(to="zoé@exemple.fr"))
    assert post.received[0].rcpt_tos == ["zoé@exemple.fr"]
    assert "SMTPUTF8" in post.received[0].mail_options

    other, port = start(enable_SMTPUTF8=False)
    with pytest.raises(MailRefused, match="SMTPUTF8"):
        plain(port).send(letter(to="zoé@exemple.fr"))
    assert other.received == []


@pytest.mark.parametrize(
    ("step", "answer", "error"),
    [
        ("RCPT", "550 5.1.1 <eleve@exemple.fr> unknown here", MailRefused),
        ("RCPT", "553 no such mailbox", MailRefused),
        ("DATA", "554 5.7.1 looks like spam", MailRefused),
        ("MAIL", "552 5.3.4 message too big", MailRefused),
        ("RCPT", "450 4.2.1 greylisted, eleve@exemple.fr", MailUnavailable),
        ("RCPT", "452 too many", MailUnavailable),
        ("RCPT", "421 closing", MailUnavailable),
        ("DATA", "451 4.3.0 try later", MailUnavailable),
        ("MAIL", "451 try later", MailUnavailable),
        # the sender is the installation's, not the letter's: an operator can mend it, so the letter waits
        ("MAIL", "550 5.7.1 sender portail@portal.example not allowed", MailUnavailable),
        ("MAIL", "530 authentication required", MailUnavailable),
        ("DATA", "close", MailUnavailable),
    ],
)
def test_each_refusal_is_sorted(start, step, answer, error):
    post, port = start()
    post.answers[step] = answer
    with pytest.raises(error) as caught:
        plain(port).send(letter())
    assert "@" not in str(caught.value), "the error is logged: no address in it"
    if answer[:3].isdigit():
        assert answer[:3] in str(caught.value)


def test_a_goodbye_that_goes_wrong_does_not_send_the_letter_twice(start):
    post, port = start()
    post.answers["QUIT"] = "451 no"
    plain(port).send(letter())
    assert len(post.received) == 1


def test_a_server_that_is_absent_is_unavailable():
    with pytest.raises(MailUnavailable):
        plain(free_port()).send(letter())


def test_a_server_that_never_answers_is_unavailable():
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(MailUnavailable):
        plain(silent.getsockname()[1], timeout=0.2).send(letter())


def test_a_server_that_hangs_up_at_once_is_unavailable():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            listener.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(MailUnavailable):
            plain(listener.getsockname()[1]).send(letter())
        thread.join()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail of the tests")])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "mail.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return pem


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_starttls_to_a_certificate_nobody_vouches_for_sends_nothing(start, certificate):
    post, port = start(tls_context=server_context(certificate), require_starttls=True)
    with pytest.raises(MailUnavailable, match="SSLCertVerificationError"):
        plain(port, starttls=True).send(letter())
    assert post.received == []


def test_starttls_that_the_server_does_not_offer_sends_nothing(start):
    post, port = start()
    with pytest.raises(MailUnavailable, match="SMTPNotSupportedError"):
        plain(port, starttls=True).send(letter())
    assert post.received == []


@pytest.mark.parametrize(("password", "passes"), [("right:/@", True), ("wrong", False)])
def test_a_password_is_given_over_verified_tls(start, certificate, password, passes):
    def check(server: SMTP, session, envelope, mechanism, data) -> AuthResult:
        right = (data.login, data.password) == (b"portail", b"right:/@")
        return AuthResult(success=right, handled=right)

    post, port = start(
        tls_context=server_context(certificate),
        require_starttls=True,
        auth_required=True,
        authenticator=check,
    )
    trusted = ssl.create_default_context(cafile=str(certificate))
    mailer = plain(port, starttls=True, tls_context=trusted, username="portail", password=password)
    if passes:
        mailer.send(letter())
        assert len(post.received) == 1
    else:
        with pytest.raises(MailUnavailable, match="535"):
            mailer.send(letter())
        assert post.received == []


@pytest.mark.law("R-GD-6")
def test_a_password_never_travels_in_clear_to_another_machine():
    with pytest.raises(ValueError, match="TLS"):
        SmtpMailer.from_url("smtp://user:password@mail.example")
    SmtpMailer.from_url("smtp://user:password@mail.example?starttls=1")
    SmtpMailer.from_url("smtps://user:password@mail.example")
    SmtpMailer.from_url("smtp://user:password@127.0.0.1:1025")


def test_a_password_the_protocol_library_cannot_send_is_refused_at_start():
    with pytest.raises(ValueError, match="ASCII"):
        SmtpMailer("127.0.0.1", 25, username="portail", password="clé", starttls=True)


@pytest.mark.parametrize("url", ["http://mail.example", "smtp://", "mail.example:25"])
def test_an_address_that_is_not_smtp_is_named(url):
    with pytest.raises(ValueError, match="SMTP_URL"):
        SmtpMailer.from_url(url)


def test_from_url_reaches_the_server_it_names(start):
    post, port = start()
    SmtpMailer.from_url(f"smtp://127.0.0.1:{port}").send(letter())
    assert len(post.received) == 1
