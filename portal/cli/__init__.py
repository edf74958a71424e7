"""The operator's commands, one file a subject, imported when it is asked for."""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Mapping
from typing import Final

import click
from flask import Flask
from flask.cli import AppGroup

# What one types after `flask --app wsgi`: the file, and the command's name in it.
COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "check": ("check", "check"),
    "migrate": ("running", "migrate"),
    "work": ("running", "work"),
    "merchant": ("merchants", "merchant"),
    "staff": ("staff", "staff"),
    "import-subscriptions": ("imports", "import_subscriptions"),
    "reconcile": ("reconcile", "reconcile"),
    "paypal": ("paypal", "paypal"),
    "secrets": ("secrets", "secrets"),
    "sessions": ("sessions", "sessions"),
    "mail": ("mail", "mail"),
    "audit": ("audit", "audit"),
    "backup": ("backups", "backup"),
    "open-backup": ("backups", "open_backup"),
    "recover": ("recovering", "recover"),
    "stop-journal": ("recovering", "stop_journal"),
    "demo-seed": ("demo", "demo_seed"),
}


OWN_SIGNALS: Final = frozenset({"work"})  # finishes what it has in hand
STOPPED: Final = 128 + signal.SIGTERM  # as a shell counts it


def _stop(_number: int, _frame: object) -> None:
    """End a command where it stands, as Ctrl-C would: its transaction is undone, its half-written file taken away."""
    raise SystemExit(STOPPED)


class Commands(AppGroup):
    """A page or a worker does not wait until every command's libraries are there."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the name of each command."""
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, None when there is none of this name."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        if is_running() and cmd_name not in OWN_SIGNALS:
            signal.signal(signal.SIGTERM, _stop)
        module, name = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(f"{__name__}.{module}"), name)
        return command


def install(app: Flask) -> None:
    """Add the portal's commands to the flask command."""
    app.cli = Commands(app.name)


def bare() -> Flask:
    """Return an application with nothing but the commands, for `flask check`: it runs where no other can start."""
    app = Flask("portal")
    install(app)
    return app


def is_checking() -> bool:
    """Say whether the flask command was called for a look at the installation."""
    return is_running() and "check" in sys.argv and COMMANDS.keys().isdisjoint(_before("check"))


def _before(word: str) -> list[str]:
    return sys.argv[: sys.argv.index(word)]


def is_running() -> bool:
    """Say whether the flask command was called for one of these: none of them shows a page."""
    return click.get_current_context(silent=True) is not None and not COMMANDS.keys().isdisjoint(sys.argv)
