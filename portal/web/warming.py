"""What a fresh process would do while its first visitor waits: compile templates and SQL, read languages, connect."""

from __future__ import annotations

import uuid
from typing import Final

import structlog
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from portal import i18n
from portal.clock import utc_now
from portal.queries import inbox
from portal.queries.access import access_by_key, access_checks
from portal.queries.account import account_page

log = structlog.get_logger(__name__)

SHARED: Final = ("layouts/", "components/")  # what every page is made of; a page's own template takes milliseconds
NOBODY: Final = uuid.UUID(int=0)


def warm(app: Flask) -> None:
    """Make a process ready for its first request; a database that is away is no reason not to start."""
    for name in app.jinja_env.list_templates(filter_func=lambda name: name.startswith(SHARED)):
        app.jinja_env.get_template(name)
    for language in i18n.DECLARED:
        i18n.catalogue(language)
    try:
        with app.extensions["portal"].db.browse() as session:
            inbox.page(session, NOBODY, now=utc_now())  # the desk's first page asks the most
            inbox.count(session, NOBODY, now=utc_now())
            account_page.of_customer(session, NOBODY, NOBODY)
            connection = session.connection()
            access_by_key.facts(connection, b"", NOBODY, NOBODY)
            access_checks.of_pairs(connection, NOBODY, "live", [access_checks.pair_of(NOBODY, NOBODY)])
    except SQLAlchemyError as error:
        log.warning("not_warm", reason=type(error).__name__)
