"""The list of the merchant's subscriptions, narrowed and sorted by its address; from it, a choice for a bulk action."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.desk.list_views import List
from portal.domain.desk.subscription_filters import Sort, SubscriptionFilter
from portal.domain.ends.bulk_acts import MOST_ROWS
from portal.queries.access import products
from portal.queries.desk import desk, list_views, subscription_filters
from portal.queries.ends import end_requests, received_requests
from portal.web.admin import bp, list_pages, list_words, presenting, showing
from portal.web.admin.bulk import bulk_choices
from portal.web.admin.bulk.bulk_forms import ChoiceForm
from portal.web.admin.list_forms import SubscriptionListForm, reasons
from portal.web.admin.list_pages import address
from portal.web.admin.lists import is_searchable, place
from portal.web.admin.narrowing import may_be_too_broad
from portal.web.identity import context, person

LIST: Final = "admin.subscriptions"


def panel(session: Session, wanted: SubscriptionFilter) -> tuple[SubscriptionListForm, list[tuple[str, str]]]:
    """Return the form of the filters, and what it carries along unseen."""
    form, merchant_id = SubscriptionListForm(), person().merchant_id
    form.sort.data = str(wanted.order or "")
    rows = products.names_with_plans(session, merchant_id)
    names = {
        "product": list({str(row.id): (str(row.id), row.name) for row in rows}.values()),
        "plan": [(str(row.plan_id), f"{row.name} – {row.plan}") for row in rows if row.plan_id is not None],
        "reason": reasons(),
        "revenue": [(one, one) for one in sorted({row.currency for row in rows if row.currency})],
    }
    return form, form.fill(wanted, names)


@bp.route("/subscriptions", methods=["GET", "POST"], endpoint="subscriptions")
@may_be_too_broad(panel, SubscriptionFilter)
def index() -> ResponseReturnValue:
    """List them as the address says; take a choice of them for a bulk action."""
    choice = ChoiceForm()
    if choice.validate_on_submit():
        with context().db.browse() as session:
            asked = list_pages.asked(session, SubscriptionFilter)
        made = bulk_choices.draft(choice, asked)
        if made is not None:
            return redirect(url_for(".bulk_act", bulk_act_id=made), 303)
    with context().db.browse() as session:
        shown = _shown(session)
        page = showing.page("subscriptions.html", session, choice=choice, form=choice, **shown)
    return page, 422 if choice.errors else 200


def _shown(session: Session) -> dict[str, Any]:
    whose, who = list_pages.whose(), person()
    views = list_views.of_list(session, who.merchant_id, who.id, List.SUBSCRIPTIONS)
    asked = list_pages.asked(session, SubscriptionFilter)
    wanted, view = asked.filter, list_pages.viewed(views)
    list_pages.remember(LIST, wanted)
    found = desk.subscriptions_page(session, whose, wanted, place=place())
    total = list_pages.whole(found, wanted.search) or subscription_filters.total(session, whose, wanted)
    filters, carried = panel(session, wanted)
    waiting = end_requests.waiting_of(session, [row.id for row in found.rows])
    column, label = _dated(wanted.sort.column)
    heads = {"customer": _("Customer"), ("next" if column == "next_payment_at" else f"-{wanted.sort.column}"): label}
    return {
        "filters": filters,
        "carried": [*carried, ("view", str(view.id))] if view is not None else carried,
        "chips": list_pages.chips(LIST, asked, view),
        "views": list_pages.view_links(LIST, wanted, views),
        "export_url": address(".subscriptions_export", wanted),
        "save_url": list_pages.new_view_url(List.SUBSCRIPTIONS, wanted),
        "altered": list_pages.altered(wanted, view),
        "faults": asked.faults,
        "rows": found.rows,
        "caption": list_pages.caption(list_words.subscriptions(total), total, wanted.sort),
        "sorts": list_pages.sort_links(LIST, wanted, wanted.sort, heads, view),
        "dated": (column, label),
        "day": _day_of,
        "is_filtered": wanted.is_narrowed,
        # Who wrote knows the reference, and nobody has said yet which subscription it is about.
        "letters": received_requests.open_under(session, who.merchant_id, wanted.search) if not found.rows else (),
        "is_searchable": is_searchable(wanted.search),
        "is_cut": found.is_cut,
        "next_url": list_pages.from_view(LIST, wanted, view, after=found.next_id) if found.next_id else None,
        "previous_url": list_pages.from_view(LIST, wanted, view, before=found.previous_id)
        if found.previous_id
        else None,
        # What is shown is what is chosen of: not a view's address, whose view may be gone by then.
        "choice_url": address(LIST, wanted, **_kept_place()),
        "ticked": request.form.getlist("ids"),
        "plans": presenting.plans(waiting, now=utc_now()),
        "total": total,
        "most": MOST_ROWS,
    }


def _kept_place() -> dict[str, str]:
    return {name: value for name in ("after", "before") if (value := request.args.get(name))}


def _dated(column: str) -> tuple[str, str]:
    """Return which date the table shows, and its label: the one that it is sorted by, else the next payment."""
    return {
        Sort.STARTED.value: ("started_at", _("Started on")),
        Sort.ENDED.value: ("ended_at", _("Ended on")),
        Sort.CREATED.value: ("next_payment_at", _("Next payment")),
    }.get(column, ("next_payment_at", _("Next payment")))


def _day_of(at: datetime | None) -> str:
    return presenting.day(at) or _("none")
