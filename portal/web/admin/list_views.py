"""Saved views: a list as it stands gets a name; it is renamed, narrowed anew, shared with the team, removed."""

from __future__ import annotations

import uuid
from typing import Final
from urllib.parse import parse_qsl

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, StringField, SubmitField
from wtforms.validators import DataRequired, Length

from portal.clock import utc_now
from portal.domain.desk.list_views import FILTERS, LONGEST_NAME, List, kept, may_change, may_share
from portal.queries.desk import list_views as stored
from portal.services import list_views
from portal.services.list_views import Saver, TooManyViews, ViewChanged
from portal.web.admin import bp, list_pages, list_words, showing
from portal.web.admin.list_pages import grouped
from portal.web.csrf import BaseForm, EmptyForm
from portal.web.identity import by, context, person
from portal.web.typed_text import one_line

PAGE: Final = {List.SUBSCRIPTIONS: "admin.subscriptions", List.CUSTOMERS: "admin.customers"}


class ViewForm(BaseForm):
    """What a view is called, and who sees it."""

    name = StringField(
        _l("Name of this view"),
        filters=[one_line],
        validators=[
            DataRequired(_l("Enter a name.")),
            Length(max=LONGEST_NAME, message=_l("Write at most 60 characters.")),
        ],
    )
    shared = BooleanField(_l("Share it with the whole team"))
    submit = SubmitField(_l("Save this view"))


@bp.route("/views/new", methods=["GET", "POST"], endpoint="list_view_new")
def new() -> ResponseReturnValue:
    """Give the filters of the address a name."""
    which, form = _list(request.args.get("list")), _form()
    pairs = [pair for pair in request.args.items(multi=True) if pair[0] != "list"]
    with context().db.browse() as session:
        asked = list_pages.checked(session, FILTERS[which], pairs)
    if form.validate_on_submit():
        try:
            made = list_views.save(
                context(), _saver(), which, asked.filter, name=form.name.data, shared=_shared(form), now=utc_now()
            )
        except TooManyViews:
            form.form_errors.append(_("There are 50 saved views already. Remove one first."))
        else:
            flash(_("Saved. You find it above the list."), "success")
            return redirect(url_for(PAGE[which], view=made, **grouped(kept(asked.filter))), 303)
    keeps = [list_words.value(pair, asked.names) for pair in asked.filter.narrowing()]
    back = list_pages.address(PAGE[which], asked.filter)
    page = showing.page("list_view.html", form=form, view=None, keeps=keeps, faults=asked.faults, back=back)
    return page, 422 if form.errors else 200


@bp.route("/views/<uuid:list_view_id>", methods=["GET", "POST"], endpoint="list_view")
def change(list_view_id: uuid.UUID) -> ResponseReturnValue:
    """Rename a view, share it or take it back."""
    who = person()
    with context().db.browse() as session:
        view = stored.one(session, who.merchant_id, who.id, list_view_id)
        asked = list_pages.checked(session, FILTERS[view.of_list], [(name, value) for name, value in view.query])
    is_own = view.staff_id == who.id
    form = _form(name=view.name, shared=view.is_shared)
    back = url_for(PAGE[view.of_list], view=view.id, **grouped([(name, value) for name, value in view.query]))
    if form.validate_on_submit():
        shared = _shared(form) if "shared" in form else view.is_shared
        try:
            list_views.change(context(), _saver(), view.id, name=form.name.data, shared=shared, now=utc_now())
        except TooManyViews:
            form.form_errors.append(_("There are 50 saved views already. Remove one first."))
        else:
            flash(_("The view is saved."), "success")
            return redirect(back, 303)
    page = showing.page(
        "list_view.html",
        form=form,
        view=view,
        keeps=[list_words.value(pair, asked.names) for pair in asked.filter.narrowing()],
        faults=asked.faults,
        back=back,
        may_change=may_change(who.role, is_own=is_own, is_shared=view.is_shared),
    )
    return page, 422 if form.errors else 200


@bp.post("/views/<uuid:list_view_id>/filters", endpoint="list_view_filters")
def narrow(list_view_id: uuid.UUID) -> ResponseReturnValue:
    """Let a view keep the list as it stands; what it was made to keep meanwhile is said first, and nothing saved."""
    who = person()
    with context().db.browse() as session:
        view = stored.one(session, who.merchant_id, who.id, list_view_id)
        asked = list_pages.checked(session, FILTERS[view.of_list], parse_qsl(request.form.get("filters", "")))
    if not kept(asked.filter):
        abort(422)
    if EmptyForm().validate_on_submit():
        shown = [list(pair) for pair in parse_qsl(request.form.get("shown", ""))]
        try:
            list_views.narrow(context(), _saver(), view.id, asked.filter, shown=shown, now=utc_now())
            flash(_("The view is saved."), "success")
        except ViewChanged as changed:
            flash(_changed(view.of_list, changed.query), "warning")
    return redirect(url_for(PAGE[view.of_list], view=view.id, **grouped(kept(asked.filter))), 303)


def _changed(which: List, query: list[list[str]]) -> str:
    """Return what a view keeps by now, which its page had not shown."""
    with context().db.browse() as session:
        asked = list_pages.checked(session, FILTERS[which], [(name, value) for name, value in query])
    words, order = [list_words.value(pair, asked.names) for pair in asked.filter.narrowing()], asked.filter.order
    if order is not None:
        words.append(str(list_words.ORDER[order.column][order.is_descending]))
    return _(
        "Nothing was saved. This view was changed meanwhile and now keeps: %(filters)s. Check it, then save again.",
        filters=", ".join(words),
    )


@bp.post("/views/<uuid:list_view_id>/removal", endpoint="list_view_removal")
def remove(list_view_id: uuid.UUID) -> ResponseReturnValue:
    """Forget a view; no subscription and no customer changes by it."""
    who = person()
    with context().db.browse() as session:
        view = stored.one(session, who.merchant_id, who.id, list_view_id)
    if EmptyForm().validate_on_submit():
        list_views.remove(context(), _saver(), list_view_id, now=utc_now())
        flash(_("The view is removed."), "success")
    return redirect(url_for(PAGE[view.of_list]), 303)


def _form(**values: object) -> ViewForm:
    """Return the form; who may share nothing is not asked."""
    form = ViewForm(**values)
    if not may_share(person().role):
        del form.shared
    return form


def _shared(form: ViewForm) -> bool:
    return bool(form.shared.data) if "shared" in form else False


def _list(text: str | None) -> List:
    return List(text) if text in set(List) else List.SUBSCRIPTIONS


def _saver() -> Saver:
    who = person()
    return Saver(merchant_id=who.merchant_id, id=who.id, role=who.role, by=by())
