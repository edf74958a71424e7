"""The merchant's list of reasons for leaving: a place higher or lower, other words, one retired, one more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.documents import words as documents
from portal.domain.edits import Edit
from portal.domain.merchants import leaving_reasons as rules
from portal.domain.merchants.leaving_reasons import LANGUAGES, MOST, MOST_KEPT, Reason, TooMany, TooManyKept, Unknown
from portal.i18n import Translator
from portal.queries import edits as versions
from portal.queries.people import merchants
from portal.services import leaving_reasons
from portal.services.edits import EditedMeanwhile
from portal.services.leaving_reasons import ASKED, Reasons
from portal.web.admin import bp, edits, showing
from portal.web.admin.edits import Change
from portal.web.admin.settings.reason_forms import NewReasonForm, ReasonForm
from portal.web.admin.settings.settings import status
from portal.web.identity import by, context, person
from portal.web.labels import LANGUAGE, reason

ACTS: Final[Mapping[str, Callable[[Reasons, str], Reasons]]] = {
    "up": partial(rules.moved, down=False),
    "down": partial(rules.moved, down=True),
    "retire": rules.retired,
    "bring_back": rules.brought_back,
    "usual": lambda held, _code: rules.usual(held),
}


LACKING: Final = {
    "fr": _l("No words in French: the English ones are shown."),
    "en": _l("No words in English: the French ones are shown."),
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One reason in plain values: its words as customers read them, in the reader's language and in the other one."""

    code: str
    words: str
    other: str
    other_language: str  # in which these are written
    note: str
    is_first: bool
    is_last: bool


@bp.route("/settings/reasons", methods=["GET", "POST"], endpoint="setting_reasons")
def index() -> ResponseReturnValue:
    """Show the list with what can be done about each, and do it."""
    form, clashed = NewReasonForm(), False
    if form.is_submitted():
        change = _wanted(form)
        try:
            if change is not None:
                leaving_reasons.arrange(context(), person().merchant_id, change, seen=form.seen, by=by())
                flash(_("The list is saved."), "success")
                return redirect(url_for(".setting_reasons"), 303)
        except EditedMeanwhile:
            clashed = True
        except TooManyKept:
            form.fr.errors = [
                _(
                    "The list keeps at most %(num)s reasons, with those that are retired: ask one of these again.",
                    num=MOST_KEPT,
                )
            ]
        except TooMany:
            form.fr.errors = [_("At most %(num)s reasons can be asked. Retire one first.", num=MOST)]
        except Unknown:
            abort(404)
    code = 409 if clashed else 422 if form.errors else 200
    return _list(form, is_edited=clashed), code


def _wanted(form: NewReasonForm) -> Callable[[Reasons], Reasons] | None:
    """Return the change that was asked for: by a button of a row, or by the form of a new one; None: it is wrong."""
    act, code = request.form.get("act", ""), request.form.get("code", "")
    if act in ACTS:
        is_known = form.csrf_token.validate(form)  # not on a page that was open while its reader logged in anew
        return (lambda held: ACTS[act](held, code)) if is_known else None
    form.refuse_what_is_said(_said(_held()))
    return partial(rules.added, words=form.words) if form.validate() else None


def _held() -> Reasons:
    with context().db.read() as session:
        return rules.read(merchants.of(session, person().merchant_id).leaving_reasons)


def _said(held: Reasons, but: str = "") -> dict[str, set[str]]:
    """Return what the list says already in each language, apart from one reason."""
    stored, others = rules.write(held), [one.code for one in held if one.code != but]
    return {
        language: {documents.reason(code, stored, language, Translator(language).gettext) for code in others}
        for language in LANGUAGES
    }


def _list(form: NewReasonForm, *, is_edited: bool) -> str:
    with context().db.read() as session:
        edited = leaving_reasons.subject(person().merchant_id)
        version, saves = versions.version(session, edited), versions.newest(session, edited)
        held = rules.read(merchants.of(session, person().merchant_id).leaving_reasons)
        shown = rules.asked(held)
        form.version.data = str(version)
        form.version.raw_data = None
        return showing.page(
            "setting_reasons.html",
            session,
            form=form,
            version=version,
            other=LANGUAGE[_other()],
            asked=[_row(one, shown, held) for one in shown],
            retired=[_row(one, shown, held) for one in held if not one.is_asked],
            is_usual=held == rules.USUAL,
            is_edited=is_edited,
            is_full=len(shown) >= MOST,
            history=_history(saves),
        )


def _row(one: Reason, shown: Reasons, held: Reasons) -> Row:
    language, stored = _other(), rules.write(held)
    at = shown.index(one) if one in shown else -1
    lacking = [] if one.is_portals else [LACKING[name] for name in LANGUAGES if not one.words.get(name)]
    own = [_("Your words in place of the portal’s.")] if one.is_portals and one.words else []
    return Row(
        code=one.code,
        words=reason(one.code),
        other=documents.reason(one.code, stored, language, Translator(language).gettext),
        other_language=one.said(language)[1] or language,
        note=" – ".join((one.code, *map(str, lacking), *own)),
        is_first=at == 0,
        is_last=at == len(shown) - 1,
    )


def _other() -> str:
    """Return the language that the reader's page is not in."""
    return "en" if str(get_locale()).startswith("fr") else "fr"


@bp.route("/settings/reasons/<code>", methods=["GET", "POST"], endpoint="setting_reason")
def edit(code: str) -> ResponseReturnValue:
    """Give one reason other words. Its code stays: what was answered is counted as ever."""
    with context().db.read() as session:
        version = versions.version(session, leaving_reasons.subject(person().merchant_id))
        held = rules.read(merchants.of(session, person().merchant_id).leaving_reasons)
    try:
        one = rules.find(held, code)
    except Unknown:
        abort(404)
    form = ReasonForm(data={"version": version, **one.words})
    form.needs_words = not one.is_portals
    form.refuse_what_is_said(_said(held, but=code))
    meanwhile = None
    if form.validate_on_submit():
        try:
            leaving_reasons.reword(context(), person().merchant_id, code, form.words, seen=form.seen, by=by())
            flash(_("The words are saved."), "success")
            return redirect(url_for(".setting_reasons"), 303)
        except EditedMeanwhile as edited:
            meanwhile = edits.settle(form, edited, form.words)
    usual = {language: _usual(one, language) for language in LANGUAGES}
    shown = {"form": form, "code": code, "usual": usual, "meanwhile": meanwhile, "title": reason(code)}
    return showing.page("setting_reason.html", **shown), status(form, meanwhile)


def _usual(one: Reason, language: str) -> str:
    return documents.reason(one.code, (), language, Translator(language).gettext) if one.is_portals else ""


def _history(saves: list[Edit]) -> list[Change]:
    found: list[Change] = []
    for save in saves:
        for name, pair in save.changes.items():
            label, before, after = _change(name, pair)
            found.append(Change(label=label, before=before, after=after, who=edits.who(save), at=save.at))
    return found


def _change(name: str, pair: Any) -> tuple[str, str, str]:
    if name == ASKED:
        before, after = (", ".join(reason(code) or code for code in codes) for codes in pair)
        return _("Reasons asked, in their order"), before or _("Empty"), after or _("Empty")
    code, _dot, language = name.rpartition(".")
    label = _("%(label)s: %(value)s", label=LANGUAGE.get(language, language), value=code)
    return label, pair[0] or _("Empty"), pair[1] or _("Empty")
