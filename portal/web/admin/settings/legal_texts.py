"""The merchant's legal texts at the desk: what is published, what is missing, a new version, texts to paste."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.domain.law.legal_texts import NOTICE_FIELDS, LegalKind, blocks
from portal.i18n import DEFAULT
from portal.queries import edits as versions
from portal.queries.law import legal_texts as stored
from portal.services import legal_texts
from portal.services.edits import EditedMeanwhile
from portal.services.legal_texts import Wish
from portal.web import accessibility, legal_words, locale
from portal.web.admin import bp, edits, legal_standings, showing
from portal.web.admin.edits import Meanwhile
from portal.web.admin.settings.legal_forms import FORM, OWN, LegalForm
from portal.web.admin.settings.settings import status
from portal.web.formatting import formatter
from portal.web.identity import by, context, customers_address, person
from portal.web.local_days import today


@bp.get("/settings/legal-texts", endpoint="setting_legal_texts")
def index() -> str:
    """Show what is published, what is missing, and what the merchant's own pages may say."""
    with context().db.read() as session:
        return showing.page(
            "setting_legal_texts.html",
            session,
            standings=legal_standings.standings(session),
            accessibility_texts=_accessibility(),
        )


@bp.route("/settings/legal-texts/<kind>", methods=["GET", "POST"], endpoint="setting_legal_text")
def edit(kind: str) -> ResponseReturnValue:
    """Show a text as its readers would see it, and publish it."""
    if kind not in set(LegalKind):
        abort(404)
    which, meanwhile = LegalKind(kind), None
    form = _form(which)
    if form.validate_on_submit() and "look" not in request.form:
        try:
            _publish(form, which)
        except EditedMeanwhile as edited:
            meanwhile = edits.settle(form, edited, form.answers)
        else:
            return redirect(url_for(".setting_legal_texts"), 303)
    return _page(form, which, meanwhile), status(form, meanwhile)


def _accessibility() -> list[tuple[str, str]]:
    """Return what the merchant's own pages may say of accessibility, with the addresses filled in."""
    found = accessibility.audit()
    place = customers_address(url_for("public.accessibility", merchant_slug=g.merchant.slug))
    account = customers_address(url_for("auth.customer_login", merchant_slug=g.merchant.slug))
    said = _(
        "Your customer account (%(account)s) lets you see your subscriptions, what they open and your payments, and "
        "cancel. It is made to be used with a keyboard, with a screen reader, without scripts, enlarged to 200%%, on a "
        "screen of 320 pixels, in French and in English. Its emails also exist as plain text; its PDF "
        "documents are tagged. The audit of %(date)s by its makers found %(percent)s%% "
        "of the criteria of the RGAA 4.1.2 that apply met. "
        "What is not accessible and the ways of appeal: %(place)s. Something does not work for you? Write to "
        "%(email)s.",
        account=account,
        date=formatter().date(found.on),
        percent=accessibility.percent(found),
        place=place,
        email=g.merchant.support_email or "…",
    )
    declared = _(
        "The customer account at %(account)s is part of our service and is provided by a portal with its own "
        "statement: %(place)s (audit of %(date)s, by its makers). Our own pages and contents are assessed separately.",
        account=account,
        place=place,
        date=formatter().date(found.on),
    )
    return [(_("For your terms of sale"), said), (_("For your own accessibility statement"), declared)]


def _form(kind: LegalKind) -> LegalForm:
    """Return the form as the newest version was typed, or as it was sent."""
    with context().db.read() as session:
        version = versions.version(session, legal_texts.subject(person().merchant_id, kind))
        newest = stored.newest(session, person().merchant_id, kind, DEFAULT)
    return FORM[kind](data={**(newest.answers if newest else {}), "version": version})


def _publish(form: LegalForm, kind: LegalKind) -> None:
    answers = form.answers
    with context().db.read() as session:
        texts = legal_standings.facts(session, kind, answers)
    wish = Wish(
        kind=kind,
        texts=texts,
        own_text=answers.get(OWN, ""),
        own_language=g.merchant.locale,
        answers=answers,
        valid_from=form.valid_from.data or today(),
    )
    number = legal_texts.publish(context(), person().merchant_id, wish, today=today(), seen=form.seen, by=by())
    flash(_("Version %(number)s is published.", number=number), "success")


def _page(form: LegalForm, kind: LegalKind, meanwhile: Meanwhile | None) -> str:
    answers = form.answers
    with context().db.read() as session:
        saves = versions.newest(session, legal_texts.subject(person().merchant_id, kind))
        values: dict[str, Any] = {
            "kind": kind,
            "name": legal_words.TITLE[kind],
            "fields": [form[name] for name in NOTICE_FIELDS] if kind is LegalKind.NOTICE else [],
            "blocks": blocks(legal_standings.facts(session, kind, answers)[locale.current()]),
            "own_blocks": blocks(answers.get(OWN, "")),
            "history": edits.history(form, saves),
            "is_draft": "look" in request.form and not form.errors,
            "meanwhile": meanwhile,
        }
        return showing.page("setting_legal_text.html", session, form=form, **values)
