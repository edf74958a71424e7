"""One mail at the desk: what of its words is the merchant's, looked at with real data before it is saved."""

from __future__ import annotations

import re
from typing import Any, Final

from flask import abort, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.law.countries import Country
from portal.domain.merchants.notice_texts import PORTALS, Text
from portal.domain.merchants.notices import NOTICES, Name
from portal.services.edits import EditedMeanwhile
from portal.services.notices import notice_texts, samples
from portal.services.notices.notice_texts import TextRefused
from portal.services.notices.samples import Sample
from portal.web.admin import bp, edits, showing
from portal.web.admin.edits import Meanwhile
from portal.web.admin.settings.notice_forms import NoticeForm
from portal.web.admin.settings.notice_words import ALWAYS, FIXED, NAME, WHEN, sentences
from portal.web.admin.settings.settings import status
from portal.web.admin.words import MAIL_KIND
from portal.web.formatting import formatter
from portal.web.identity import by, context, person

STYLE: Final = re.compile(r"<style>(.*?)</style>", re.DOTALL)
LANGUAGE: Final = {"fr": "Français", "en": "English", "de": "Deutsch"}  # each in its own words


@bp.route("/settings/notices/<notice>/<language>", methods=["GET", "POST"], endpoint="setting_notice")
def edit(notice: str, language: str) -> ResponseReturnValue:
    """Show a mail, preview what is typed, and save it. `?text=` fills the form with an older text, or the portal's."""
    kind = notice
    if kind not in NOTICES or language not in languages(kind):
        abort(404)
    if NOTICES[kind].fixed is not None:
        return _fixed(kind, language)
    form, meanwhile = _form(kind, language), None
    if form.validate_on_submit():
        try:
            if "html" in request.form:
                return _html(_sample(form, kind, language))
            if "look" in request.form:
                _check(form, kind)
            else:
                _save(form, kind, language)
                return redirect(url_for(".setting_notice", notice=kind, language=language), 303)
        except TextRefused as refused:
            for part, found in refused.problems.items():
                form[part].errors = sentences(part, found)
        except EditedMeanwhile as edited:
            meanwhile = edits.settle(form, edited, form.text.as_dict())
    return _page(form, kind, language, meanwhile), status(form, meanwhile)


@bp.post("/settings/notices/<notice>/<language>/test", endpoint="setting_notice_test")
def test(notice: str, language: str) -> ResponseReturnValue:
    """Send the mail, in the words that are saved, to whoever presses the button."""
    kind = notice
    if kind not in NOTICES or language not in languages(kind) or NOTICES[kind].fixed is not None:
        abort(404)
    who = person()
    recipient = who.email or ""
    samples.send(context(), who.merchant_id, kind, language, recipient=recipient, by=by(), now=utc_now())
    flash(_("A test is on its way to %(address)s.", address=recipient), "success")
    return redirect(url_for(".setting_notice", notice=kind, language=language), 303)


def languages(kind: str) -> tuple[str, ...]:
    """Return in which languages the merchant's customers may get a mail."""
    return NOTICES[kind].languages(german=Country.DE.value in g.merchant.sells_to)


def _form(kind: str, language: str) -> NoticeForm:
    """Return the form as it is stored, as it was sent, or with the older text that the address asks for."""
    with context().db.read() as session:
        text, version = notice_texts.read(session, person().merchant_id, kind, language)
        older = _older(notice_texts.history(session, person().merchant_id, kind, language))
    return NoticeForm(data={**(older or text).as_dict(), "version": version})


def _older(saves: list[Any]) -> Text | None:
    """Return the text that the address names: the portal's, or the one before a save; None where it names none."""
    wished = request.args.get("text", "")
    if wished == "portal":
        return PORTALS
    return next((text for edit, text in saves if str(edit.version) == wished), None)


def _check(form: NoticeForm, kind: str) -> None:
    with context().db.read() as session:
        notice_texts.check(context(), session, person().merchant_id, kind, form.text)


def _sample(form: NoticeForm, kind: str, language: str) -> Sample:
    _check(form, kind)
    return samples.of_kind(context(), person().merchant_id, kind, language, form.text, now=utc_now())


def _html(sample: Sample) -> ResponseReturnValue:
    """Return the mail as a mail program shows it; its policy lets it do less than any page (`headers.mail_policy`)."""
    style = STYLE.search(sample.mail.html)
    g.shown_mail = style[1] if style else "-"
    return sample.mail.html


def _save(form: NoticeForm, kind: str, language: str) -> None:
    merchant_id = person().merchant_id
    changed = notice_texts.save(context(), merchant_id, kind, language, form.text, seen=form.seen, by=by())
    flash(_("Saved: emails that are written from now on use it.") if changed else _("Nothing was changed."), "success")


def _page(form: NoticeForm, kind: str, language: str, meanwhile: Meanwhile | None) -> str:
    sample = None
    if not form.errors:
        sample = samples.of_kind(context(), person().merchant_id, kind, language, form.text, now=utc_now())
    notice = NOTICES[kind]
    names = [(f"{{{name}}}", str(NAME[name])) for name in Name if name in (*notice.in_subject, *notice.in_text)]
    with context().db.read() as session:
        stored, _version = notice_texts.read(session, person().merchant_id, kind, language)
        saves = notice_texts.history(session, person().merchant_id, kind, language)
        return showing.page(
            "setting_notice.html",
            session,
            **_head(kind, language),
            form=form,
            meanwhile=meanwhile,
            sample=sample,
            names=names,
            is_own=stored != PORTALS,
            is_draft=sample is not None and form.text != stored,
            history=edits.history(form, [edit for edit, _text in saves]),
            earlier=[_earlier(edit, language, kind) for edit, _text in saves],
        )


def _earlier(edit: Any, language: str, kind: str) -> tuple[str, str]:
    """Return the words and the address of the text before a save."""
    when = formatter().short(edit.at)
    return (
        _("The text before %(date)s", date=when),
        url_for(".setting_notice", notice=kind, language=language, text=edit.version),
    )


def _head(kind: str, language: str) -> dict[str, Any]:
    always = NOTICES[kind].always
    others = [(one, LANGUAGE[one], url_for(".setting_notice", notice=kind, language=one)) for one in languages(kind)]
    return {
        "kind": kind,
        "written_in": language,
        "name": MAIL_KIND[kind],
        "when": WHEN[kind],
        "always": ALWAYS[always] if always is not None else _("You can leave it out, in the list of all emails."),
        "languages": others,
        "language_name": LANGUAGE[language],
    }


def _fixed(kind: str, language: str) -> str:
    fixed = NOTICES[kind].fixed
    why = FIXED[fixed] if fixed is not None else ""
    return showing.page("setting_notice_fixed.html", **_head(kind, language), why=why)
