"""The list of the merchant's customers, narrowed and sorted by its address."""

from __future__ import annotations

from typing import Any, Final

from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from portal.domain.desk.customer_filters import CustomerFilter
from portal.domain.desk.list_views import List
from portal.queries.access import products
from portal.queries.desk import customer_filters, desk, list_views
from portal.web.admin import bp, list_pages, list_words, showing
from portal.web.admin.list_forms import CustomerListForm
from portal.web.admin.list_pages import address
from portal.web.admin.lists import is_searchable, place
from portal.web.admin.narrowing import may_be_too_broad
from portal.web.identity import context, person

LIST: Final = "admin.customers"


def panel(session: Session, wanted: CustomerFilter) -> tuple[CustomerListForm, list[tuple[str, str]]]:
    """Return the form of the filters, and what it carries along unseen."""
    form = CustomerListForm()
    form.sort.data = str(wanted.sort)
    offered = [(str(row.id), row.name) for row in products.names(session, person().merchant_id)]
    return form, form.fill(wanted, {"product": offered})


@bp.get("/customers", endpoint="customers")
@may_be_too_broad(panel, CustomerFilter)
def index() -> ResponseReturnValue:
    """List them as the address says."""
    with context().db.browse() as session:
        return showing.page("customers.html", session, **_shown(session))


def _shown(session: Session) -> dict[str, Any]:
    whose, who = list_pages.whose(), person()
    views = list_views.of_list(session, who.merchant_id, who.id, List.CUSTOMERS)
    asked = list_pages.asked(session, CustomerFilter)
    wanted, view = asked.filter, list_pages.viewed(views)
    list_pages.remember(LIST, wanted)
    found = desk.customers_page(session, whose, wanted, place=place())
    total = list_pages.whole(found, wanted.search) or customer_filters.total(session, whose, wanted)
    filters, carried = panel(session, wanted)
    heads = {"name": _("Customer"), "-known": _("Known since")}
    return {
        "filters": filters,
        "carried": [*carried, ("view", str(view.id))] if view is not None else carried,
        "chips": list_pages.chips(LIST, asked, view),
        "views": list_pages.view_links(LIST, wanted, views),
        "export_url": address(".customers_export", wanted),
        "save_url": list_pages.new_view_url(List.CUSTOMERS, wanted),
        "altered": list_pages.altered(wanted, view),
        "faults": asked.faults,
        "rows": found.rows,
        "caption": list_pages.caption(list_words.customers(total), total, wanted.sort),
        "sorts": list_pages.sort_links(LIST, wanted, wanted.sort, heads, view),
        "is_filtered": wanted.is_narrowed,
        "is_searchable": is_searchable(wanted.search),
        "is_cut": found.is_cut,
        "next_url": list_pages.from_view(LIST, wanted, view, after=found.next_id) if found.next_id else None,
        "previous_url": list_pages.from_view(LIST, wanted, view, before=found.previous_id)
        if found.previous_id
        else None,
    }
