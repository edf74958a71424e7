"""Products: what each opens, and what a customer keeps at each end."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from flask import flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.access import EndPreview, Rule
from portal.domain.errors import NotAllowed
from portal.domain.subscriptions import Status
from portal.queries import edits as versions
from portal.queries import products as queries
from portal.services import products
from portal.services.edits import EditedMeanwhile
from portal.services.products import EXAMPLE_AGE, EXAMPLE_PAID, ContentWish, ProductWish
from portal.web import labels
from portal.web.admin import bp, edits, presenting, showing, words
from portal.web.admin.forms import ProductForm
from portal.web.admin.presenting import Row
from portal.web.formatting import formatter
from portal.web.identity import by, context, person
from portal.web.typed_text import as_id

if TYPE_CHECKING:
    from portal.models import Product


@bp.get("/products", endpoint="products")
def index() -> ResponseReturnValue:
    """List them with their prices."""
    with context().db.read() as session:
        rows = queries.all_of_merchant(session, person().merchant_id)
        return showing.page(
            "products.html",
            session,
            rows=[
                {
                    "id": row.id,
                    "name": row.name,
                    "prices": _prices(row),
                    "contents": len(row.contents),
                    "self_cancellation": words.OVERRIDE[row.self_cancellation],
                }
                for row in rows
            ],
        )


@bp.route("/products/<uuid:product_id>", methods=["GET", "POST"], endpoint="product")
def edit(product_id: uuid.UUID) -> ResponseReturnValue:
    """Show one product with what each end would leave, and write it.

    Two other buttons send the same form: one shows the effect of what is typed, one adds lines; both save nothing.
    """
    merchant_id = person().merchant_id
    with context().db.read() as session:
        subject = products.subject(merchant_id, product_id)
        saves = versions.newest(session, subject)
        version = versions.version(session, subject)
        found = queries.of_merchant(session, merchant_id, product_id)
    form = ProductForm(obj=found, version=version)
    sent, meanwhile = form.validate_on_submit(), None
    only_look = "look" in request.form or "more" in request.form
    if sent and not only_look:
        wish = _wish(form)
        try:
            products.save(context(), merchant_id, product_id, wish, seen=form.seen, by=by())
        except EditedMeanwhile as edited:
            meanwhile = edits.settle(form, edited, wish.columns | {"contents": wish.listed})
        except NotAllowed:
            form.self_cancellation.errors = [
                _("This can be switched on once your PayPal key has passed its test: see the PayPal page.")
            ]
        else:
            flash(_("The product is saved."), "success")
            return redirect(url_for(".product", product_id=product_id), 303)
    _lift_errors(form)
    rule = _wish(form).rule if sent else products.rule(found)
    form.add_rows()
    return showing.page(
        "product.html",
        form=form,
        meanwhile=meanwhile,
        history=edits.history(form, saves),
        product=found,
        prices=_prices(found),
        examples=_examples(rule),
        is_draft=sent,
        self_cancellation_setting=g.merchant.self_cancellation,
        example_age=EXAMPLE_AGE.days,
        example_paid=EXAMPLE_PAID.days,
    ), (409 if meanwhile else 422 if form.errors else 200)


def _prices(product: Product) -> list[str]:
    return list(dict.fromkeys(presenting.price(plan) for plan in product.plans))


def _wish(form: ProductForm) -> ProductWish:
    return ProductWish(
        name=form.name.data,
        keep_after_completion=form.keep_after_completion.data,
        keep_after_cancellation=form.keep_after_cancellation.data,
        stops_at_once=form.stops_at_once.data,
        kept_while_paused=form.kept_while_paused.data,
        grace_days=form.grace_days.data,
        commitment_months=form.commitment_months.data,
        commitment_binds=form.commitment_binds.data,
        notice_days=form.notice_days.data or 0,
        pause_offered=form.pause_offered.data,
        pause_longest_days=form.pause_longest_days.data,
        self_cancellation=form.self_cancellation.data,
        contents=tuple(
            ContentWish(id=as_id(row.form.id.data), title=title, unlock_after_days=row.form.unlock_after_days.data or 0)
            for row in form.contents
            if (title := row.form.title.data)
        ),
    )


def _lift_errors(form: ProductForm) -> None:
    """Say the errors of lines once, in the summary's own way: each line still shows its own."""
    wrong = [error for row in form.contents for errors in row.form.errors.values() for error in errors]
    form.contents.errors = []
    form.form_errors.extend(dict.fromkeys(wrong))


def _examples(rule: Rule) -> list[Row]:
    """Return a sentence for each end, from the preview of the example's customer."""
    found = products.examples(rule, now=utc_now())
    return [(str(labels.STATUS[status]), _sentence(preview)) for status, preview in found.items()]


def _sentence(preview: EndPreview) -> str:
    kept = ", ".join(window.title for window in preview.stays)
    until = formatter().last_day(preview.access_until) if preview.access_until else ""
    if preview.stays and not preview.stops:
        return _("Keeps for good: %(kept)s.", kept=kept)
    if not preview.stays:
        is_at_once = preview.after.status is not Status.COMPLETED and preview.access_until == preview.after.ended_at
        if is_at_once and preview.after.ended_at is not None and preview.after.ended_at <= utc_now():
            return _("Keeps nothing: access stops at once.")
        return _("Keeps access until %(date)s, then nothing.", date=until)
    return _("Keeps for good: %(kept)s. The rest stops on %(date)s.", kept=kept, date=until)
