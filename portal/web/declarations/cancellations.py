"""« Résilier votre contrat »: form, summary, notification; no account, no code, no puzzle (law.md 1.1).

The three steps have one address: what was typed travels in the form, so that nothing runs out and « Modifier » is a
button.  Whether whoever declares is a customer is not looked up here.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final
from uuid import UUID

from flask import abort, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.exc import DBAPIError
from wtforms import SelectChoice

from portal.clock import utc_now
from portal.documents.declarations import PARTICULAR, SAID
from portal.domain.law.countries import Field, Function, Labels, Strategy, known, of_page, pages
from portal.domain.law.withdrawals import LONGEST
from portal.queries import subscriptions
from portal.queries.law import declarations as stored
from portal.queries.people.people import Kind, Person
from portal.services.declarations import deciding, declarations
from portal.services.declarations.declarations import ANYBODY, Declared
from portal.services.people.acting import by_person
from portal.web import identity, locale
from portal.web.declarations import bp, sealing
from portal.web.declarations.forms import DeclarationForm
from portal.web.formatting import formatter
from portal.web.local_days import today
from portal.web.typed_text import as_id

if TYPE_CHECKING:
    from portal.models import PublicDeclaration, Subscription

PAGES: Final = ", ".join(f"'{page}'" for page in pages(Function.CANCELLATION))
SUMMARY, CHANGE, NOTIFY = "summary", "change", "notify"  # what a button of the page asks for


@bp.route(f"/<merchant_slug>/<any({PAGES}):page>", methods=["GET", "POST"])
def cancellation(page: str) -> ResponseReturnValue:
    """Show the form; its summary; take the notification."""
    return take(Function.CANCELLATION, page)


def take(function: Function, page: str) -> ResponseReturnValue:
    """Go the way of a function by its strategy: the form, its summary where there is one, the declaration."""
    strategy = strategy_of(function, page)
    form = _form(strategy)
    step = request.form.get("step", SUMMARY) if request.method == "POST" else ""
    if step in (SUMMARY, NOTIFY) and (before := _declared_before(form, strategy)) is not None:
        return redirect(url_for(".declared", token=sealing.address_of(before), page=page), 303)
    if step in (SUMMARY, NOTIFY) and form.validate_on_submit():
        if step == NOTIFY or not strategy.has_summary:
            return _notify(form, strategy, page)
        return _summary(form, strategy, page)
    if step == CHANGE:
        form.validate_on_submit()  # the token is checked; what is wrong is said on the form all the same
    return _shown(form, strategy, page)


def strategy_of(function: Function, page: str) -> Strategy:
    """Return the strategy of a page's name, and let the page speak that name's language.

    404 where the merchant sells to no consumers of that country.
    """
    try:
        strategy, language = of_page(function, page, home=g.merchant.country)
    except KeyError:
        abort(404)
    if strategy.country not in known([*g.merchant.sells_to, g.merchant.country]):
        abort(404)
    locale.speak(language, tuple(strategy.labels))
    return strategy


def labels(strategy: Strategy) -> Labels:
    """Return the labels in the language of the page."""
    return strategy.said(locale.current())


def answer(page: str, status: int) -> ResponseReturnValue:
    """Return a page of a declaration, which search engines list only where the merchant wants it."""
    response = make_response(page, status)
    if not g.merchant.public_indexed or request.method != "GET":
        response.headers["X-Robots-Tag"] = "noindex"
    return response


def _form(strategy: Strategy) -> DeclarationForm:
    """Return the form: filled in for whoever is logged in, and only confirms (R-FR-6).

    A contract of theirs that a page from before still named stays what is declared, though no page offers it now.
    """
    who, sent = own(), request.form.get("subscription", "")
    with identity.context().db.read() as session:
        has_ground = stored.binding_products(session, g.merchant.id)
        theirs = subscriptions.all_of_customer(session, g.merchant.id, who.id) if who is not None else []
    meant = [one for one in theirs if _can_be_meant(strategy.function, one) or _is_sent_again(sent, one)]
    choices = [SelectChoice(str(one.id), f"{one.product.name} – {one.provider_id}") for one in meant]
    own_data = {"name": who.name, "email": who.own_email} if who is not None else {}
    asked = request.args.get("subscription", "")
    form = DeclarationForm(data=own_data | {"subscription": asked})
    form.fit(strategy, has_ground=has_ground, choices=choices)
    is_another = asked not in {"", *(one.value for one in choices)}  # whose link is old means no other contract
    if choices and (len(choices) > 1 or is_another):
        form.subscription.choices = [SelectChoice("", _("Choose one")), *choices]
    return form


def _can_be_meant(function: Function, subscription: Subscription) -> bool:
    """Say whether who is logged in can mean it: what runs; to withdraw, also what is over and began not long ago."""
    if function is Function.CANCELLATION:
        return not subscription.is_over
    began = subscription.started_at
    may_run = not subscription.is_over or (began is not None and began > utc_now() - LONGEST)
    return subscription.withdrawn_at is None and may_run


def _is_sent_again(sent: str, subscription: Subscription) -> bool:
    """Say whether a form names it that was drawn before it was over, or withdrawn from."""
    return sent == str(subscription.id) and (subscription.is_over or subscription.withdrawn_at is not None)


def _declared_before(form: DeclarationForm, strategy: Strategy) -> PublicDeclaration | None:
    """Return what who is logged in has declared of this very contract already, by such a page; it counts."""
    chosen = _chosen(form)
    if chosen is None or form.contract.data:
        return None
    with identity.context().db.read() as session:
        return stored.first_that_counts(
            session, chosen, strategy.function, wished_on=_wished_on(form), particulars=_particulars(form)
        )


def _chosen(form: DeclarationForm) -> UUID | None:
    """Return the subscription that who is logged in has chosen, which is theirs; None where nobody has."""
    if own() is None or "subscription" not in form:
        return None
    offered = {one.value for one in form.subscription.choices}
    return as_id(form.subscription.data) if form.subscription.data in offered else None


def _wished_on(form: DeclarationForm) -> date | None:
    """Return the day that was chosen; None: as soon as possible, as of a day that is past."""
    day: date | None = form.wished_on.data if "wished_on" in form else None
    return day if day is not None and day > today() else None


def _particulars(form: DeclarationForm) -> dict[str, str]:
    asked = (Field.KIND.value, Field.GROUND.value)
    return {name: form[name].data for name in asked if name in form and form[name].data}


def own() -> Person | None:
    """Return who is logged in to an account and may end something in it; None for everybody else."""
    who: Person | None = g.person
    if who is None or who.task is not None or who.viewer_id is not None or who.kind is not Kind.CUSTOMER:
        return None
    return None if who.member is not None and who.member.role.value == "reader" else who


def _shown(
    form: DeclarationForm, strategy: Strategy, page: str, *, asks: str = "", status: int = 200
) -> ResponseReturnValue:
    if not strategy.has_summary:
        form.seal.data = sealing.seal(_place(page), {})
    text = render_template(
        f"declarations/{strategy.function.value}.html",
        form=form,
        strategy=strategy,
        labels=labels(strategy),
        asks=asks,
        is_unrecorded=status == 503,
    )
    return answer(text, 422 if form.errors else status)


def _summary(
    form: DeclarationForm, strategy: Strategy, page: str, *, asks: str = "", status: int = 200
) -> ResponseReturnValue:
    """Show what was typed once more, to check and to change (R-FR-10)."""
    values = form.values()
    form.seal.data = sealing.seal(_place(page), values)
    text = render_template(
        "declarations/summary.html",
        labels=labels(strategy),
        rows=_rows(form),
        values={**values, "seal": form.seal.data},
        asks=asks,
        is_past=_is_past(form),
        is_unrecorded=status == 503,
    )
    return answer(text, status)


def _notify(form: DeclarationForm, strategy: Strategy, page: str) -> ResponseReturnValue:
    """Take it, and show at once what was taken; whatever was not on the summary is shown there first."""
    token = sealing.opened(form.seal.data or "", _place(page), form.values(), is_whole=strategy.has_summary)
    if token is None:
        asks = _("Check what you declare, then notify it.")
        return (
            _summary(form, strategy, page, asks=asks, status=422)
            if strategy.has_summary
            else _shown(form, strategy, page, asks=asks, status=422)
        )
    try:
        declared = _declared(form, strategy, token)
        received_id = declarations.declare(identity.context(), declared, network=identity.network(), now=utc_now())
    except DBAPIError:  # nothing was recorded: it is said, and nothing that was typed is lost (R-FR-13)
        if strategy.has_summary:
            return _summary(form, strategy, page, status=503)
        return _shown(form, strategy, page, status=503)
    if declared.subscription_id is not None:
        deciding.decide_now(identity.context(), received_id, now=utc_now())
    return redirect(url_for(".declared", token=token, page=page), 303)


def _declared(form: DeclarationForm, strategy: Strategy, token: str) -> Declared:
    who, chosen, particulars = own(), _chosen(form), _particulars(form)
    return Declared(
        merchant_id=g.merchant.id,
        strategy=strategy,
        language=locale.current(),
        page_token=token,
        name=form.name.data,
        email=form.email.data,
        contract=form.contract.data or _chosen_words(form),
        wished_on=_wished_on(form),
        particulars=particulars,
        message=particulars.get(Field.GROUND.value, ""),
        subscription_id=chosen,
        by=by_person(who) if who is not None and chosen is not None else ANYBODY,
    )


def _rows(form: DeclarationForm) -> list[tuple[str, str]]:
    """Return what was typed, as the summary says it."""
    rows = [(_("Name"), form.name.data), (_("Email address"), form.email.data)]
    for name, label in PARTICULAR.items():
        if name in form and form[name].data:
            said = form[name].data
            rows.append((_(label), _(SAID[said]) if said in SAID else said))
    contract = form.contract.data or _chosen_words(form)
    rows.append((_("Contract"), contract or _("no number given")))
    if "wished_on" in form:
        day = form.wished_on.data
        is_ahead = day is not None and day > today()
        rows.append((_("Requested end date"), formatter().date(day) if is_ahead else _("as soon as possible")))
    return rows


def _chosen_words(form: DeclarationForm) -> str:
    """Return the subscription that who is logged in has chosen, in words."""
    if "subscription" not in form or not form.subscription.data:
        return ""
    return next((str(one.label) for one in form.subscription.choices if one.value == form.subscription.data), "")


def _is_past(form: DeclarationForm) -> bool:
    return "wished_on" in form and form.wished_on.data is not None and form.wished_on.data <= today()


def _place(page: str) -> str:
    return f"{g.merchant.slug}/{page}"
