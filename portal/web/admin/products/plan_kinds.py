"""Which kind of contract a PayPal plan makes: asked, with what each means, and never guessed."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.domain.law.plan_kinds import WrongKind
from portal.queries.access import products as queries
from portal.services import product_plans
from portal.services.product_plans import AnsweredMeanwhile
from portal.web.admin import bp, presenting, showing
from portal.web.admin.products import plan_kind_words as words
from portal.web.admin.products.product_forms import PlanKindForm
from portal.web.identity import by, context, person

if TYPE_CHECKING:
    from portal.models import Plan


@bp.route("/products/plans/<uuid:plan_id>/kind", methods=["GET", "POST"], endpoint="product_plan_kind")
def kind(plan_id: uuid.UUID) -> ResponseReturnValue:
    """Show the plan's kind of contract with what it means, and write another answer."""
    merchant_id = person().merchant_id
    with context().db.read() as session:
        plan = queries.plan(session, merchant_id, plan_id)
        running = queries.running_by_plan(session, merchant_id).get(plan.id, 0)
    form = PlanKindForm(data=_shown(plan))
    if form.validate_on_submit():
        try:
            product_plans.answer_kind(context(), merchant_id, plan.id, form.answer, seen=_seen(form), by=by())
        except WrongKind as wrong:
            form.refuse(wrong.why)
        except AnsweredMeanwhile:
            form.seen.data = _stamp(plan.kind_answered_at)
            form.form_errors.append(_("Somebody answered meanwhile. Check your answer, then save it again."))
        else:
            flash(_("The kind of contract is saved."), "success")
            return redirect(url_for(".product_plans", product_id=plan.product_id), 303)
    page = showing.page(
        "plan_kind.html",
        form=form,
        plan=plan,
        plan_name=plan.name or plan.provider_id,
        price=presenting.price(plan),
        running=running,
        cautions=words.cautions_of(plan),
        hints=words.PLAN_KIND_HINT,
        supply_hints=words.SUPPLY_HINT,
        why=words.WHY_SUPPLY,
    )
    return page, 409 if form.form_errors else 422 if form.errors else 200


def _shown(plan: Plan) -> dict[str, object]:
    """Return the answer as the form holds it: no kind is chosen where nobody has answered."""
    answer = plan.answer
    return {
        "seen": _stamp(plan.kind_answered_at),
        "kind": answer.kind if plan.kind_answered_at is not None else None,
        "term_months": answer.term_months,
        "notice_days": answer.notice_days,
        "supply": answer.supply,
    }


def _stamp(at: datetime | None) -> str:
    return at.isoformat() if at is not None else ""


def _seen(form: PlanKindForm) -> datetime | None:
    try:
        return datetime.fromisoformat(form.seen.data) if form.seen.data else None
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)  # no answer was given then: it counts as another one
