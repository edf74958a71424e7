"""Which PayPal plans sell a product, and moving one to another product: shown before it is done."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.queries.access import products as queries
from portal.services import product_plans
from portal.services.edits import EditedMeanwhile
from portal.services.product_plans import MovedMeanwhile, MoveEffect, Seen
from portal.web.admin import bp, presenting, showing
from portal.web.admin.products import plan_kind_words
from portal.web.admin.products.product_forms import PlanForm, ProductForm
from portal.web.admin.products.products import rows_of
from portal.web.identity import by, context, person
from portal.web.typed_text import as_id

if TYPE_CHECKING:
    from portal.models import Plan, Product

OWN = "own"  # in place of a product's id: the plan gets one of its own


@bp.get("/products/<uuid:product_id>/plans", endpoint="product_plans")
def plans(product_id: uuid.UUID) -> ResponseReturnValue:
    """List every plan that is known: those that sell the product, and those that could."""
    merchant_id = person().merchant_id
    with context().db.read() as session:
        product = queries.of_merchant(session, merchant_id, product_id)
        running = queries.running_by_plan(session, merchant_id)
        every = queries.plans_of_merchant(session, merchant_id)
        return showing.page(
            "product_plans.html",
            session,
            product=product,
            cautions=_cautions(every, product_id),
            own=[_row(plan, running) for plan in every if plan.product_id == product_id],
            others=[_row(plan, running) for plan in every if plan.product_id != product_id],
        )


def _cautions(every: list[Plan], product_id: uuid.UUID) -> list[str]:
    """Return what the kinds of contract of the product's plans call for, and which of them nobody has answered."""
    own = [plan for plan in every if plan.product_id == product_id]
    open_ones = [plan.name or plan.provider_id for plan in own if plan.kind_answered_at is None]
    said = (
        [_("Say what kind of contract these plans make: %(plans)s.", plans=", ".join(open_ones))] if open_ones else []
    )
    named = ((plan.name or plan.provider_id, line) for plan in own for line in plan_kind_words.cautions_of(plan))
    return [*said, *(_("%(plan)s: %(caution)s", plan=name, caution=line) for name, line in named)]


def _row(plan: Plan, running: dict[uuid.UUID, int]) -> dict[str, object]:
    return {
        "id": plan.id,
        "name": plan.name or plan.provider_id,
        "provider_id": plan.provider_id,
        "price": presenting.price(plan),
        "kind": plan_kind_words.kind_of(plan),
        "product": plan.product.name,
        "running": running.get(plan.id, 0),
    }


@bp.route("/products/plans/<uuid:plan_id>", methods=["GET", "POST"], endpoint="product_plan")
def move(plan_id: uuid.UUID) -> ResponseReturnValue:
    """Show whom moving the plan touches; on confirmation move it. `to` in the address says where; without it, ask."""
    wanted = request.args.get("to", "")
    if not wanted and request.method != "POST":
        return _ask_where(plan_id)
    to = as_id(wanted)
    if to is None and wanted != OWN:
        abort(404)
    shown = _read(plan_id, to)
    form = PlanForm(data=shown.told)
    if not form.validate_on_submit():
        return _page(shown, form)
    left, merchant_id = as_id(form.left.data) or shown.left, person().merchant_id
    try:
        new = product_plans.move(context(), merchant_id, plan_id, left=left, to=to, seen=form.seen, by=by())
    except MovedMeanwhile:
        said = _("Somebody moved this plan meanwhile. Check what is shown now, then confirm again.")
        return _again(shown, form, said)
    except EditedMeanwhile:
        said = _("Somebody saved one of these two products meanwhile. Check what is shown now, then confirm again.")
        return _again(shown, form, said)
    flash(_("The plan “%(plan)s” sells this product now.", plan=shown.name), "success")
    return redirect(url_for(".product_plans", product_id=new), 303)


def _ask_where(plan_id: uuid.UUID) -> str:
    merchant_id = person().merchant_id
    with context().db.read() as session:
        plan = queries.plan(session, merchant_id, plan_id)
        every = queries.plans_of_merchant(session, merchant_id)
        return showing.page(
            "product_plan_places.html",
            session,
            plan=plan,
            plan_name=plan.name or plan.provider_id,
            price=presenting.price(plan),
            others=[one for one in queries.names(session, merchant_id) if one.id != plan.product_id],
            is_one_of_several=sum(one.product_id == plan.product_id for one in every) > 1,
        )


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The plan with where it goes, as the page shows it; `left` and `seen` were read before the rest."""

    left: uuid.UUID
    seen: Seen
    plan: Plan
    target: Product | None  # None: one of its own
    effect: MoveEffect | None  # None: nobody's rules change

    @property
    def name(self) -> str:
        """The plan's name, or PayPal's id of it."""
        return self.plan.name or self.plan.provider_id

    @property
    def told(self) -> dict[str, str]:
        """What the form carries, by field."""
        return {
            "left": str(self.left),
            "left_version": str(self.seen.left),
            "to_version": str(self.seen.to),
        }


def _read(plan_id: uuid.UUID, to: uuid.UUID | None) -> Shown:
    merchant_id = person().merchant_id
    with context().db.read() as session:
        left = queries.sold_by(session, merchant_id, plan_id)
        seen = product_plans.seen(session, merchant_id, left=left, to=to)
        plan = queries.plan(session, merchant_id, plan_id)
        target = queries.of_merchant(session, merchant_id, to) if to is not None else None
        is_there = target is not None and target.id == plan.product_id
        effect = product_plans.effect(session, plan, target) if target is not None and not is_there else None
    return Shown(left=left, seen=seen, plan=plan, target=target, effect=effect)


def _again(shown: Shown, form: PlanForm, said: str) -> ResponseReturnValue:
    """Show the page as it is now, with what happened: sent once more, it is done."""
    for name, value in shown.told.items():
        form[name].data = value
    form.form_errors.append(said)
    return _page(shown, form)


def _page(shown: Shown, form: PlanForm) -> ResponseReturnValue:
    plan, target, effect = shown.plan, shown.target, shown.effect
    page = showing.page(
        "product_plan.html",
        form=form,
        plan=plan,
        plan_name=shown.name,
        price=presenting.price(plan),
        target=target,
        touched=_touched(effect) if effect is not None else [],
        closed=effect.closed if effect is not None else [],
        changes=rows_of(ProductForm(formdata=None), effect.changed if effect is not None else {}),
        is_there=target is not None and target.id == plan.product_id,
    )
    return page, 409 if form.form_errors else 422 if form.errors else 200


def _touched(effect: MoveEffect) -> list[str]:
    said = [
        ngettext(
            "%(num)s subscription under way goes with the plan, and follows the rules of the new product.",
            "%(num)s subscriptions under way go with the plan, and follow the rules of the new product.",
            effect.running,
        )
    ]
    if effect.over:
        said.append(
            ngettext(
                "%(num)s subscription that has ended, or whose end was requested, stays with the old product.",
                "%(num)s subscriptions that have ended, or whose end was requested, stay with the old product.",
                effect.over,
            )
        )
    return said
