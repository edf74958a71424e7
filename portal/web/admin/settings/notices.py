"""Every mail that leaves in the merchant's name, or to its team: when, why, and which of them are left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import g, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.domain.merchants.notices import NOTICES, OPTIONAL, Topic
from portal.i18n import pick_locale
from portal.queries.merchants import notice_texts
from portal.services.settings import Notices
from portal.web.admin import bp
from portal.web.admin.settings import settings
from portal.web.admin.settings.notice_texts import LANGUAGE
from portal.web.admin.settings.notice_words import ALWAYS, TOPIC, WHEN
from portal.web.admin.settings.settings_forms import NoticesForm
from portal.web.admin.words import MAIL_KIND
from portal.web.identity import context, person


@dataclass(frozen=True, kw_only=True)
class Row:
    """One mail of the list, in words."""

    url: str
    name: str
    note: str  # in which languages the words are the merchant's own
    when: str
    sent: str


@bp.route("/settings/notices", methods=["GET", "POST"], endpoint="setting_notices")
def index() -> ResponseReturnValue:
    """List every mail, and save which leave of those that may be left out."""
    form, meanwhile = settings.stored(NoticesForm, Notices), None
    saved = {kind for kind in OPTIONAL if form[f"sends_{kind}"].object_data}
    if form.validate_on_submit():
        meanwhile = settings.save(form, Notices(**settings.answers(form, Notices)))
        if meanwhile is None:
            return redirect(url_for(".setting_notices"), 303)
    with context().db.read() as session:
        own = list(notice_texts.written(session, person().merchant_id))
    shown: dict[str, Any] = {"topics": list(_topics(saved, own)), "optional": [f"sends_{kind}" for kind in OPTIONAL]}
    page = settings.page("setting_notices.html", form, Notices, meanwhile=meanwhile, **shown)
    return page, settings.status(form, meanwhile)


def _topics(saved: set[str], own: list[tuple[str, str]]) -> Iterator[tuple[str, str, list[Row]]]:
    for topic in Topic:
        rows = [_row(kind, saved, own) for kind, one in NOTICES.items() if one.topic is topic]
        yield topic.value, str(TOPIC[topic]), rows


def _row(kind: str, saved: set[str], own: list[tuple[str, str]]) -> Row:
    always, written = NOTICES[kind].always, sorted(language for one, language in own if one == kind)
    sent = str(ALWAYS[always]) if always is not None else _("Sent") if kind in saved else _("Not sent: left out by you")
    words = ", ".join(LANGUAGE[language] for language in written)
    return Row(
        url=url_for(".setting_notice", notice=kind, language=pick_locale(g.merchant.locale)),
        name=str(MAIL_KIND[kind]),
        note=_("Your words: %(languages)s", languages=words) if words else "",
        when=str(WHEN[kind]),
        sent=sent,
    )
