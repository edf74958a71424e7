"""A mailer that remembers what it was given; the contract is portal.providers.ports.Mailer."""

from __future__ import annotations

from portal.providers.letters import Letter, MailRefused, MailUnavailable


class RememberingMailer:
    """Keeps letters in `sent`. `refusing` and `away` make it fail as a server would."""

    def __init__(self) -> None:
        self.sent: list[Letter] = []
        self.refusing = False
        self.away = False

    def send(self, letter: Letter) -> None:
        if self.refusing:
            raise MailRefused("550 no such user")
        if self.away:
            raise MailUnavailable("connection refused")
        self.sent.append(letter)
