"""Products: what each opens, what a customer keeps at each end, and for whom a change of that holds."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.errors import NotAllowed
from portal.domain.integrations.external_ids import ExternalIdTaken
from portal.queries import edits as versions
from portal.queries.access import products as queries
from portal.queries.law import renewals
from portal.services import products
from portal.services.edits import EditedMeanwhile
from portal.services.edits import changes as changes_of
from portal.services.products import Effect, NameTaken, ProductWish, wish_of
from portal.services.rules import product_rule
from portal.web.admin import bp, edits, first_steps, showing, words
from portal.web.admin.edits import Meanwhile
from portal.web.admin.products import product_words
from portal.web.admin.products.product_forms import (
    MORE_ROWS,
    MOVES,
    SPARE_ROWS,
    NewProductForm,
    ProductForm,
    rearranged,
)
from portal.web.identity import by, context, person

if TYPE_CHECKING:
    from portal.domain.edits import Edit
    from portal.models import Product


@bp.get("/products", endpoint="products")
def index() -> ResponseReturnValue:
    """List them with their prices."""
    with context().db.read() as session:
        rows = queries.all_of_merchant(session, person().merchant_id)
        unanswered = renewals.unanswered_plans(session, person().merchant_id)
        return showing.page(
            "products.html",
            session,
            following=first_steps.following(session),
            rows=[
                {
                    "id": row.id,
                    "name": row.name,
                    "prices": product_words.prices(row),
                    "contents": len(row.contents),
                    "unanswered": unanswered.get(row.id, 0),
                    "self_cancellation": words.OVERRIDE[row.self_cancellation],
                }
                for row in rows
            ],
        )


@bp.route("/products/new", methods=["GET", "POST"], endpoint="product_new")
def new() -> ResponseReturnValue:
    """Make a product without a plan, and go on with its rules."""
    form = NewProductForm()
    if form.validate_on_submit():
        try:
            product_id = products.make(context(), person().merchant_id, form.name.data, by=by())
        except NameTaken:
            form.name.errors = [_("You already have a product with this name.")]
        else:
            flash(_("The product is created. Now say what it opens, and what stays after an end."), "success")
            return redirect(url_for(".product", product_id=product_id), 303)
    return showing.page("product_new.html", form=form), 422 if form.errors else 200


@bp.route("/products/<uuid:product_id>", methods=["GET", "POST"], endpoint="product")
def edit(product_id: uuid.UUID) -> ResponseReturnValue:
    """Show one product with what each end would leave, and write it; whom that touches is shown first."""
    shown = _read(product_id)
    form = ProductForm(obj=shown.product, version=shown.version)
    if not form.validate_on_submit():
        return _page(shown, form)
    wish = form.wish
    effect = products.effect(shown.product, wish, shown.audience)
    is_newest = form.seen == shown.version
    if is_newest and effect.is_to_be_seen and "confirmed" not in request.form:
        return _check_page(shown, form, effect)
    return _save(shown, form, wish)


@bp.route("/products/<uuid:product_id>/draft", methods=["GET", "POST"], endpoint="product_draft")
def draft(product_id: uuid.UUID) -> ResponseReturnValue:
    """Show the product as it was typed, saving nothing: its example, more lines, contents moved or taken out."""
    shown = _read(product_id)
    if any(move in request.form for move in MOVES):
        sent, gone = rearranged(request.form)
        probe = ProductForm(formdata=sent)
        return _page(shown, ProductForm(formdata=sent), probe.wish if probe.validate() else None, gone=gone)
    form = ProductForm(obj=shown.product, version=shown.version)
    return _page(shown, form, form.wish if form.validate_on_submit() else None)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The product as its page shows it, read together."""

    saves: list[Edit]
    version: int
    product: Product
    audience: queries.Audience
    following: first_steps.Way | None  # step of the set-up


def _read(product_id: uuid.UUID) -> Shown:
    """Read the product with its version, the version first; raise NoResultFound for another merchant's."""
    merchant_id = person().merchant_id
    with context().db.read() as session:
        subject = products.subject(merchant_id, product_id)
        return Shown(
            saves=versions.newest(session, subject),
            version=versions.version(session, subject),
            product=queries.of_merchant(session, merchant_id, product_id),
            audience=queries.audience(session, product_id, now=utc_now()),
            following=first_steps.following(session),
        )


def _save(shown: Shown, form: ProductForm, wish: ProductWish) -> ResponseReturnValue:
    meanwhile, product = None, shown.product
    try:
        is_confirmed = "confirmed" in request.form
        products.save(
            context(), product.merchant_id, product.id, wish, seen=form.seen, replaces_id=is_confirmed, by=by()
        )
    except EditedMeanwhile as edited:
        meanwhile = edits.settle(form, edited, wish.columns | {"contents": wish.listed})
    except ExternalIdTaken:
        form.external_id.errors = [_("Another of your products has this ID.")]
    except NotAllowed:
        form.self_cancellation.errors = [
            _("This can be switched on once your PayPal key has passed its test: see the PayPal page.")
        ]
    else:
        flash(_("The product is saved."), "success")
        return redirect(url_for(".product", product_id=product.id), 303)
    return _page(shown, form, wish, meanwhile=meanwhile)


def _page(
    shown: Shown,
    form: ProductForm,
    wish: ProductWish | None = None,
    *,
    meanwhile: Meanwhile | None = None,
    gone: str = "",
) -> ResponseReturnValue:
    """Return the product's page, for the answers that were sent, None where there are none, or none that can be read.

    `gone` is the title of the line that was taken out of the form.
    """
    product, now = shown.product, utc_now()
    rule = wish.rule if wish is not None else product_rule(product)
    form.add_rows(MORE_ROWS if "more" in request.form else SPARE_ROWS)
    page = showing.page(
        "product.html",
        form=form,
        meanwhile=meanwhile,
        history=edits.history(form, shown.saves),
        product=product,
        following=shown.following,
        sold=product_words.sold(product, shown.audience),
        examples=product_words.example_rows(rule, now=now),
        example_hint=product_words.example_hint(now=now),
        said=_said(wish or wish_of(product)),
        is_draft=request.method == "POST",
        gone=gone,
        filled=sum(1 for row in form.contents if row.form.title.data),
    )
    return page, 409 if meanwhile else 422 if form.errors else 200


def _said(wish: ProductWish) -> dict[str, str]:
    """Return what each folded group says of itself while it is closed."""
    return {
        "late": product_words.late_said(wish),
        "pauses": product_words.pauses_said(wish),
        "commitment": product_words.commitment_said(wish),
        "cancelling": product_words.cancelling_said(wish, setting=g.merchant.self_cancellation),
    }


def _check_page(shown: Shown, form: ProductForm, effect: Effect) -> ResponseReturnValue:
    """Show whom the answers touch, with the answers along: nothing is saved yet."""
    product = shown.product
    pairs = changes_of(product, form.wish.columns) | {"contents": [wish_of(product).listed, form.wish.listed]}
    return showing.page(
        "product_check.html",
        product=product,
        touched=product_words.touched(effect),
        removals=product_words.removals(effect),
        changes=rows_of(form, {name: pairs[name] for name in effect.changed}),
        sent=[(name, value) for name, value in request.form.items(multi=True) if name != "csrf_token"],
    )


def rows_of(form: ProductForm, changed: Mapping[str, list[Any]]) -> list[tuple[str, str, str]]:
    """Return each answer that changes, with how it reads before and after."""
    return [
        (str(form[name].label.text), edits.said(form[name], before), edits.said(form[name], after))
        for name, (before, after) in changed.items()
    ]
