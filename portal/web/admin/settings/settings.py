"""The merchant's settings, a page a group: each is saved by itself, and shows what customers will see of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from decimal import Decimal
from typing import Any, TypeVar

from flask import flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.errors import NotAllowed
from portal.domain.law.countries import known
from portal.domain.law.retention import CHOSEN, COUNTED, TABLE
from portal.domain.merchants.sections import Section
from portal.domain.money.money import Money
from portal.formatting import Formatter
from portal.i18n import Translator
from portal.queries import edits as versions
from portal.queries.law import retention as nightly
from portal.queries.people import merchants
from portal.services import settings
from portal.services.edits import EditedMeanwhile
from portal.services.settings import Addresses, Cancellation, Countries, Group, Language, Retention, Returns, Sections
from portal.web import function_links
from portal.web.admin import bp, edits, first_steps, showing
from portal.web.admin.edits import Meanwhile, VersionedForm
from portal.web.admin.settings.settings_forms import (
    AddressesForm,
    CancellationForm,
    CountriesForm,
    LanguageForm,
    RetentionForm,
    ReturnsForm,
    SectionsForm,
)
from portal.web.formatting import formatter
from portal.web.identity import by, context, customers_address, person
from portal.web.retention_words import KIND, SINCE, SOURCE, length

AnyForm = TypeVar("AnyForm", bound=VersionedForm)


@bp.route("/settings", methods=["GET", "POST"], endpoint="settings")
def cancellation() -> ResponseReturnValue:
    """Whether customers cancel by themselves; the switch says why it cannot be turned on."""
    form = stored(CancellationForm, Cancellation)
    with context().db.read() as session:
        key_passed = settings.key_passed(session, person().merchant_id)
    return _edit(form, Cancellation, "settings.html", lambda: {"key_passed": key_passed})


@bp.route("/settings/addresses", methods=["GET", "POST"], endpoint="setting_addresses")
def addresses() -> ResponseReturnValue:
    """Where customers write, and the merchant's own pages."""
    form = stored(AddressesForm, Addresses)
    return _edit(form, Addresses, "setting_addresses.html", dict)


@bp.route("/settings/returns", methods=["GET", "POST"], endpoint="setting_returns")
def returns() -> ResponseReturnValue:
    """Where a link to one task may lead its customer back to."""
    form = stored(ReturnsForm, Returns)
    return _edit(form, Returns, "setting_returns.html", dict)


@bp.route("/settings/language", methods=["GET", "POST"], endpoint="setting_language")
def language() -> ResponseReturnValue:
    """Language and time zone of the merchant's pages and mails."""
    form = stored(LanguageForm, Language)
    with context().db.read() as session:
        form.offer_zone(settings.read(session, person().merchant_id, Language)["time_zone"])
    return _edit(form, Language, "setting_language.html", lambda: {"example": _example(form)})


@bp.route("/settings/countries", methods=["GET", "POST"], endpoint="setting_countries")
def countries() -> ResponseReturnValue:
    """Under which countries' law the merchant sells: the pages that follow from it, with their addresses."""
    form = stored(CountriesForm, Countries)
    return _edit(form, Countries, "setting_countries.html", lambda: {"pages": _public_pages(form)})


def _public_pages(form: CountriesForm) -> list[tuple[str, str]]:
    """Return the label and the address of each page that is chosen."""
    shown = function_links.every(known(form.sells_to.data or ()), form.country.data, merchant_slug=g.merchant.slug)
    return [(link.label, customers_address(link.url)) for link in shown]


@bp.route("/settings/sections", methods=["GET", "POST"], endpoint="setting_sections")
def sections() -> ResponseReturnValue:
    """Which sections of their space customers see, with the effect of each position."""
    form = stored(SectionsForm, Sections)
    shown = [(one, form[f"shows_{one.value}"]) for one in Section]
    return _edit(form, Sections, "setting_sections.html", lambda: {"sections": shown, "example": _sample()})


@bp.route("/settings/retention", methods=["GET", "POST"], endpoint="setting_retention")
def retention() -> ResponseReturnValue:
    """How long what is kept, within the bounds; and what the last nights have erased."""
    form = stored(RetentionForm, Retention)
    return _edit(form, Retention, "setting_retention.html", _kept)


def _kept() -> dict[str, Any]:
    with context().db.read() as session:
        chosen = merchants.of(session, person().merchant_id).retention
        nights = nightly.runs(session, person().merchant_id)
    rows = [(KIND[kind], length(kind, chosen), SINCE[kind], SOURCE[kind]) for kind in TABLE]
    return {"rows": rows, "kinds": [(kind.value, KIND[kind]) for kind in COUNTED], "nights": nights, "chosen": CHOSEN}


def stored(form: type[AnyForm], group: type[Group]) -> AnyForm:
    """Return the group's form as it is stored, or as it was sent."""
    with context().db.read() as session:
        return form(data=settings.read(session, person().merchant_id, group))


def answers(form: VersionedForm, group: type[Group]) -> dict[str, Any]:
    """Return what was typed, by the group's names."""
    return {one.name: form[one.name].data for one in fields(group)}


def save(form: VersionedForm, wish: Group) -> Meanwhile | None:
    """Save a form that was checked; return what somebody else saved meanwhile, None when all is well.

    Raises NotAllowed as `settings.save` does.
    """
    try:
        settings.save(context(), person().merchant_id, wish, seen=form.seen, by=by())
    except EditedMeanwhile as edited:
        return edits.settle(form, edited, vars(wish))
    flash(_("The settings are saved."), "success")
    return None


def status(form: VersionedForm, meanwhile: Meanwhile | None) -> int:
    """Return the status of a page that shows the form again, or for the first time."""
    return 409 if meanwhile is not None else 422 if form.errors else 200


def _edit(
    form: VersionedForm, group: type[Group], template: str, more: Callable[[], dict[str, Any]]
) -> ResponseReturnValue:
    """Show a group and write it; the button that shows the effect first saves nothing."""
    meanwhile, only_look = None, "look" in request.form
    if form.validate_on_submit() and not only_look:
        try:
            meanwhile = save(form, group(**answers(form, group)))
        except NotAllowed:
            form["self_cancellation"].errors = [_why_not()]
        else:
            if meanwhile is None:
                return redirect(url_for(request.endpoint or ".settings"), 303)
    is_draft = only_look and not form.errors
    return page(template, form, group, meanwhile=meanwhile, is_draft=is_draft, **more()), status(form, meanwhile)


def page(template: str, form: VersionedForm, group: type[Group], **values: object) -> str:
    """Return a group's page, with what was saved of it last."""
    with context().db.read() as session:
        saves = versions.newest(session, settings.subject(person().merchant_id, group))
        following = first_steps.following(session)
        history = edits.history(form, saves)
        return showing.page(template, session, form=form, history=history, following=following, **values)


def _sample() -> dict[str, str]:
    """Return a made-up payment."""
    fmt = formatter()
    return {"day": fmt.short_day(utc_now()), "amount": fmt.money(Money(Decimal("29.90"), "EUR"))}


def _why_not() -> str:
    return _("This can be switched on once your PayPal key has passed its test: see the PayPal page.")


def _example(form: LanguageForm) -> str:
    """Return the present as a customer would read it in what is chosen; empty for a zone that does not exist."""
    words = Translator(form.locale.data)
    try:
        chosen = Formatter(words.locale, form.time_zone.data or "", words)
        return chosen.with_zone(chosen.moment(utc_now()))
    except (LookupError, ValueError):  # as zoneinfo says that there is none of that name, or that it is no name
        return ""
