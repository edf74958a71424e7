"""What every command needs: the portal's context, and a merchant by the name in its addresses."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import click
from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from portal import releases
from portal.extensions import WORK
from portal.queries.people import merchants

if TYPE_CHECKING:
    from portal.services.context import Context


def context(*, any_schema: bool = False) -> Context:
    """Return the application's context, with the patience of work that no page waits for.

    Raises ClickException where this code must not work on the database as it is, unless it may be as it likes.
    """
    found = cast("Context", current_app.extensions["portal"])
    patient = replace(found, db=found.db.with_patience(WORK))
    current_app.extensions["portal"] = patient
    if not any_schema and "portal_schema" not in current_app.extensions:
        _refuse(patient)
    return patient


def _refuse(ctx: Context) -> None:
    """Raise ClickException where this code must not work; once a process. A database that is away the command meets."""
    try:
        with ctx.db.read() as session:
            why = releases.complaint(releases.look(session))
    except SQLAlchemyError:
        return
    if why:
        raise click.ClickException(why)
    current_app.extensions["portal_schema"] = True


def merchant_called(slug: str) -> uuid.UUID:
    """Return the merchant's id; raise ClickException when nobody is called so."""
    with context().db.read() as session:
        merchant_id = merchants.called(session, slug)
    if merchant_id is None:
        raise click.ClickException(f"There is no merchant called {slug!r}.")
    return merchant_id
