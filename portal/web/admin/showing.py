"""Render a page of the desk: its words, what the person may do, and the count of what needs the merchant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import g, render_template
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.ends.duties import Duty, may
from portal.domain.merchants.merchants import MerchantState, Work
from portal.extensions import keep_plans
from portal.queries import inbox
from portal.queries.merchants import departures
from portal.web import labels, standings
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
    "LANGUAGE": labels.LANGUAGE,
    "ROLE": labels.ROLE,
    "MAIL_KIND": words.MAIL_KIND,
    "MAIL_STATE": words.MAIL_STATE,
    "mail_report": presenting.mail_report,
    "asked_on": presenting.asked_on,
    "request_rows": end_facts.request_rows,
    "todo": end_facts.todo,
}

RULES: Final = frozenset({Duty.PRODUCTS, Duty.SETTINGS})  # whatever changes them begins something

bp.add_app_template_filter(presenting.price, "price_of")


def page(template: str, session: Session | None = None, /, **values: object) -> str:
    """Return the page; `session` is the view's own reading session, when it has one open."""
    if session is None:
        with context().db.read() as reading:
            return page(template, reading, **values)
    who, begins = person(), standings.allows(Work.BEGIN)
    keep_plans(session)
    return render_template(
        f"admin/{template}",
        **WORDS,
        inbox_count=inbox.count(session, who.merchant_id, now=utc_now()),
        may_act=may(who.role, Duty.CUSTOMERS),
        may_begin=may(who.role, Duty.CUSTOMERS) and begins,
        may={duty.value: may(who.role, duty) and (begins or duty not in RULES) for duty in Duty},
        locked=_locked,
        live_subscriptions=_live(session),
        is_restored=context().is_restored,
        **values,
    )


def _live(session: Session) -> int | None:
    """Return how many subscriptions PayPal goes on charging when the merchant leaves; None for one that stays."""
    if g.merchant.state is not MerchantState.LEAVING:
        return None
    return sum(departures.live(session, g.merchant.id).values())


def _locked(duty: str) -> str | None:
    """Return why this reader may only look at a form of rules, None for whoever may change them."""
    if not may(person().role, Duty(duty)):
        return _("Only a manager or an owner can change this.")
    return None if standings.allows(Work.BEGIN) else _("Nothing can be changed here at the moment.")
