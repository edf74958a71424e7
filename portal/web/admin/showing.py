"""Render a page of the desk: its words, what the person may do, and the count of what needs the merchant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import render_template
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.duties import Duty, may
from portal.queries import inbox
from portal.web import labels
from portal.web.admin import bp, presenting, words
from portal.web.admin.ends import end_facts
from portal.web.identity import context, person

WORDS: Final[Mapping[str, object]] = {
    "STATUS": labels.STATUS,
    "REQUEST_STATE": words.REQUEST_STATE,
    "request_state": words.request_state,
    "TROUBLE": labels.TROUBLE,
    "ACTION": words.ACTION,
    "ENVIRONMENT": words.ENVIRONMENT,
    "provider_status": words.provider_status,
    "LANGUAGE": words.LANGUAGE,
    "ROLE": labels.ROLE,
    "MAIL_KIND": words.MAIL_KIND,
    "MAIL_STATE": words.MAIL_STATE,
    "mail_report": presenting.mail_report,
    "asked_on": presenting.asked_on,
    "request_rows": end_facts.request_rows,
    "todo": end_facts.todo,
}

bp.add_app_template_filter(presenting.price, "price_of")


def page(template: str, session: Session | None = None, /, **values: object) -> str:
    """Return the page; `session` is the view's own reading session, when it has one open."""
    if session is None:
        with context().db.read() as reading:
            return page(template, reading, **values)
    who = person()
    return render_template(
        f"admin/{template}",
        **WORDS,
        inbox_count=inbox.count(session, who.merchant_id, now=utc_now()),
        may_act=may(who.role, Duty.CUSTOMERS),
        may={duty.value: may(who.role, duty) for duty in Duty},
        **values,
    )
