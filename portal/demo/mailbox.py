"""The demo's mailbox: a real SMTP server that delivers to nobody, and a page to read what it took.

Mails are kept as files, so that a restart of the demo keeps them.  The page can make the server refuse
(550) or put off (451) every mail, to see what the portal says then.
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import threading
from collections.abc import Sequence
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import Any

import pyotp
from aiosmtpd.controller import Controller
from flask import Flask, Response, abort, jsonify, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from werkzeug.serving import BaseWSGIServer, make_server

from portal.demo import pages
from portal.demo.mail_folder import Mail, MailFolder
from portal.demo.pages import HOST, QuietHandler

PEOPLE = "people.json"  # written by demo-seed beside the folder of mails
# A mail's HTML is somebody else's page: no script, no form, nothing loaded from anywhere.
MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


class Mode(StrEnum):
    """What the server answers to a recipient."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    DEFER = "defer"


ANSWERS = {
    Mode.REFUSE: "550 5.1.1 The demo's mailbox was told to refuse",
    Mode.DEFER: "451 4.3.0 The demo's mailbox was told to put off",
}


class Mailbox:
    """The SMTP server and its page. Both run in threads of this process until `stop`."""

    def __init__(self, folder: Path) -> None:
        self.folder = MailFolder(folder)
        self.mode = Mode.ACCEPT
        self._smtp: Controller | None = None
        self._http: BaseWSGIServer | None = None
        self._http_thread: threading.Thread | None = None

    def start(self, smtp_port: int, http_port: int) -> None:
        """Listen on both ports of the loopback address; `http_port` may be 0 (any free one), not the other.

        Raises OSError when a port is taken; nothing listens then.
        """
        # aiosmtpd finds a taken port only after seconds, werkzeug leaves the process: both are asked here.
        socket.create_server((HOST, smtp_port)).close()
        with socket.create_server((HOST, http_port)) as listener:
            port, page = listener.getsockname()[1], make_page(self)
            self._http = make_server(
                HOST, port, page, threaded=True, request_handler=QuietHandler, fd=listener.fileno()
            )
        self._smtp = Controller(self, hostname=HOST, port=smtp_port, enable_SMTPUTF8=True)
        self._smtp.start()
        self._http_thread = threading.Thread(target=self._http.serve_forever, name="mailbox page")
        self._http_thread.start()

    def stop(self) -> None:
        """Stop both servers; mails stay in the folder."""
        if self._smtp:
            self._smtp.stop()
        if self._http and self._http_thread:
            self._http.shutdown()
            self._http_thread.join()
            self._http.server_close()

    @property
    def url(self) -> str:
        """The page's address, without a slash at its end."""
        return f"http://{HOST}:{self._http.server_address[1] if self._http else 0}"

    def messages(self) -> list[Mail]:
        """Return every mail received, newest first."""
        return self.folder.all()

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]) -> str:
        """Answer to RCPT TO."""
        if self.mode in ANSWERS:
            return ANSWERS[self.mode]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Take the mail."""
        return f"250 kept as {self.folder.keep(envelope.content)}"


def make_page(mailbox: Mailbox) -> Flask:
    """Return the web application that shows `mailbox`."""
    app = pages.make_site(_l("This is the demo’s mailbox: nothing here was sent to anybody."))

    @app.before_request
    def own_pages_only() -> None:
        # Another site open in the same browser must not switch the demo's mail off.
        if request.method == "POST" and request.headers.get("Sec-Fetch-Site", "none") not in (
            "same-origin",
            "none",
        ):
            abort(403)

    @app.get("/")
    def index() -> ResponseReturnValue:
        return render_template(
            "mailbox/list.html",
            mails=mailbox.messages(),
            mode=mailbox.mode,
            modes=_mode_words(),
            factors=second_factors(mailbox.folder.path.parent),
        )

    @app.get("/messages.json")
    def messages_json() -> ResponseReturnValue:
        return jsonify([mail.as_json() for mail in mailbox.messages()])

    @app.get("/messages/<mail_id>")
    def message(mail_id: str) -> ResponseReturnValue:
        return render_template("mailbox/message.html", mail=_found(mailbox, mail_id))

    @app.get("/messages/<mail_id>/html")
    def message_html(mail_id: str) -> ResponseReturnValue:
        mail = _found(mailbox, mail_id)
        if not mail.html:
            abort(404)
        return Response(
            mail.html, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": MAIL_POLICY}
        )

    @app.get("/messages/<mail_id>/attachments/<int:place>")
    def attachment(mail_id: str, place: int) -> ResponseReturnValue:
        found = _found(mailbox, mail_id).attached[place : place + 1] or abort(404)
        return send_file(
            BytesIO(found[0].content),
            mimetype=found[0].media_type,
            as_attachment=True,
            download_name=Path(found[0].name).name or "attachment",
        )

    @app.post("/_mailbox/mode")
    def set_mode() -> ResponseReturnValue:
        try:
            mailbox.mode = Mode(request.form.get("mode", ""))
        except ValueError:
            abort(422)
        return redirect(url_for("index"), 303)

    return app


def second_factors(data: Path) -> list[tuple[str, str]]:
    """Return the demo's owners and the code their authenticator shows now; empty before they are made.

    Nobody has the demo's people in a telephone: this page is their authenticator.
    """
    people = data / PEOPLE
    if not people.exists():
        return []
    return [(person["email"], pyotp.TOTP(person["totp_secret"]).now()) for person in json.loads(people.read_text())]


def _found(mailbox: Mailbox, mail_id: str) -> Mail:
    return mailbox.folder.find(mail_id) or abort(404)


def _mode_words() -> list[tuple[Mode, str]]:
    return [
        (Mode.ACCEPT, gettext("Accept every email")),
        (Mode.DEFER, gettext("Postpone every email (451, the portal tries again)")),
        (Mode.REFUSE, gettext("Refuse every email (550, for good)")),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the mailbox until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m portal.demo.mailbox", description=__doc__)
    parser.add_argument("--smtp-port", type=int, default=1025)
    parser.add_argument("--http-port", type=int, default=8025)
    parser.add_argument("--folder", type=Path, default=Path("var/demo/mails"))
    options = parser.parse_args(arguments)
    # Blocked in every thread, then waited for here: a handler could run in the middle of anything.
    stop_signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)
    mailbox = Mailbox(options.folder)
    mailbox.start(options.smtp_port, options.http_port)
    print(f"Mailbox: {mailbox.url}, SMTP on {HOST}:{options.smtp_port}", flush=True)
    signal.sigwait(stop_signals)
    mailbox.stop()


if __name__ == "__main__":
    main()
