"""Keys of the API at the desk: made, shown once, changed, replaced, revoked.

A page that shows a key answers the form that made it, and nothing leads back there: sent once more, as by a reload,
the form makes no second key and shows nothing.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from flask import flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.integrations import api_keys as rules
from portal.domain.integrations.api_keys import CannotMakeKey, KeyStanding, Mode
from portal.queries.access import products
from portal.queries.integrations import api_keys as stored
from portal.services.api import api_keys
from portal.services.api.api_keys import MadeAlready, NotGood
from portal.web.admin import bp, showing
from portal.web.admin.integrations import api_key_examples as examples
from portal.web.admin.integrations import api_key_words as words
from portal.web.admin.integrations.api_key_forms import ChangeForm, NewForm, RevocationForm, RotationForm, hints
from portal.web.formatting import formatter
from portal.web.identity import by, context, customers_address, person

if TYPE_CHECKING:
    from portal.models import ApiKey

Row = tuple[str, str | None]


@bp.get("/integrations/keys", endpoint="api_keys")
def show_all() -> ResponseReturnValue:
    """List the merchant's keys, and how each stands."""
    now = utc_now()
    with context().db.read() as session:
        keys = stored.of_merchant(session, person().merchant_id)
        rows = [
            _line(key) | {"mark": words.MARK[key.standing(now)], "standing": words.standing(key, now)} for key in keys
        ]
        return showing.page("api_keys.html", session, rows=rows, for_people="/v1/docs")


@bp.route("/integrations/keys/new", methods=["GET", "POST"], endpoint="api_key_new")
def make() -> ResponseReturnValue:
    """Ask what a key is to be, make it, and show it this once."""
    form = NewForm(data={"per_minute": rules.PER_MINUTE})
    form.begin()
    if form.validate_on_submit():
        mode = Mode(form.mode.data)
        wanted = form.wanted(mode)
        if wanted is not None:
            merchant_id = person().merchant_id
            key_id = form.key_id(merchant_id)
            try:
                _id, text = api_keys.make(context(), merchant_id, wanted, key_id=key_id, by=by(), now=utc_now())
            except MadeAlready:
                return _shown_already(key_id)
            return _made(key_id, text)
    return showing.page("api_key_new.html", form=form, hints=hints()), 422 if form.errors else 200


@bp.get("/integrations/keys/<uuid:key_id>", endpoint="api_key")
def show(key_id: uuid.UUID) -> ResponseReturnValue:
    """Show one key, and calls that can be made with it as they stand."""
    now = utc_now()
    with context().db.read() as session:
        key = stored.one(session, person().merchant_id, key_id)
        sold = next(iter(products.names(session, person().merchant_id)), None)
        return showing.page(
            "api_key.html",
            session,
            key=key,
            rows=_rows(key),
            scopes=words.scopes(key.allowed),
            shape=words.MARK[key.standing(now)],
            standing=words.standing(key, now),
            is_good=key.standing(now) is KeyStanding.GOOD,
            is_over=key.standing(now) in (KeyStanding.EXPIRED, KeyStanding.REVOKED),
            reported=words.reported(key),
            examples=examples.of(key.allowed, context().base_url, sold),
            space=customers_address(f"/account/{g.merchant.slug}/"),
            for_people="/v1/docs",
        )


@bp.route("/integrations/keys/<uuid:key_id>/change", methods=["GET", "POST"], endpoint="api_key_change")
def change(key_id: uuid.UUID) -> ResponseReturnValue:
    """Change a key's name, what it may do, from where, and how often."""
    merchant_id = person().merchant_id
    key = _good(key_id)
    if key is None:
        return _no_longer(key_id)
    form = ChangeForm(data=_standing(key))
    form.offer(key.mode)
    if request.method == "GET":
        form.show(_standing(key))
    if form.validate_on_submit():
        wanted = form.wanted(key.mode)
        if wanted is not None:
            try:
                api_keys.change(
                    context(),
                    merchant_id,
                    key_id,
                    wanted,
                    untouched=form.untouched,
                    left_scopes=form.left_scopes,
                    by=by(),
                    now=utc_now(),
                )
            except NotGood:
                return _no_longer(key_id)
            except CannotMakeKey as found:  # nothing is left of it together with what a colleague has changed
                form.refuse(found)
            else:
                flash(_("The key is changed. That holds from its next call on."), "success")
                return redirect(url_for(".api_key", key_id=key_id), 303)
    return showing.page("api_key_change.html", form=form, key=key), 422 if form.errors else 200


@bp.route("/integrations/keys/<uuid:key_id>/rotation", methods=["GET", "POST"], endpoint="api_key_rotation")
def rotate(key_id: uuid.UUID) -> ResponseReturnValue:
    """Say what a new key in an old one's place means; then show it this once."""
    key = _good(key_id)
    if key is None:
        return _no_longer(key_id)
    form = RotationForm()
    if form.validate_on_submit():
        try:
            new_id, text = api_keys.rotate(
                context(), person().merchant_id, key_id, by=by(), overlap=form.overlap, now=utc_now()
            )
        except NotGood:
            return _no_longer(key_id)
        return _made(new_id, text, replaces=key_id)
    return showing.page("api_key_rotation.html", form=form, key=key, hints=hints()), 422 if form.errors else 200


@bp.route("/integrations/keys/<uuid:key_id>/revocation", methods=["GET", "POST"], endpoint="api_key_revocation")
def revoke(key_id: uuid.UUID) -> ResponseReturnValue:
    """Say what stops without the key; on confirmation end it."""
    merchant_id, form = person().merchant_id, RevocationForm()
    with context().db.read() as session:
        key = stored.one(session, merchant_id, key_id)
    if key.standing(utc_now()) in (KeyStanding.EXPIRED, KeyStanding.REVOKED):
        return _no_longer(key_id)
    if form.validate_on_submit():
        api_keys.revoke(context(), merchant_id, key_id, by=by(), by_name=person().name, now=utc_now())
        flash(_("The key is revoked. It opens nothing from now on."), "success")
        return redirect(url_for(".api_key", key_id=key_id), 303)
    page = showing.page("api_key_revocation.html", form=form, key=key, used=words.used(key))
    return page, 422 if form.errors else 200


def _good(key_id: uuid.UUID) -> ApiKey | None:
    """Return a key that may be changed; None when it is over, or already replaced. Raises NoResultFound."""
    with context().db.read() as session:
        key = stored.one(session, person().merchant_id, key_id)
    return key if key.standing(utc_now()) is KeyStanding.GOOD else None


def _standing(key: ApiKey) -> dict[str, object]:
    """Return what its form shows first, ticks in the order in which they are offered."""
    return {
        "name": key.name,
        "reads": [one.value for one in words.READS if one in key.allowed],
        "acts": [one.value for one in words.ACTS if one in key.allowed],
        "networks": "\n".join(key.networks),
        "per_minute": key.per_minute,
    }


def _no_longer(key_id: uuid.UUID) -> ResponseReturnValue:
    flash(_("This key is replaced or revoked already: nothing of it can be changed. A key is shown only once."), "info")
    return redirect(url_for(".api_key", key_id=key_id), 303)


def _shown_already(key_id: uuid.UUID) -> ResponseReturnValue:
    flash(_("This key is made already, and was shown only once. Did you not copy it? Replace it."), "info")
    return redirect(url_for(".api_key", key_id=key_id), 303)


def _made(key_id: uuid.UUID, text: str, *, replaces: uuid.UUID | None = None) -> str:
    """Return the page that shows a key, which nobody can open again."""
    with context().db.read() as session:
        merchant_id = person().merchant_id
        key = stored.one(session, merchant_id, key_id)
        old = stored.one(session, merchant_id, replaces) if replaces is not None else None
        return showing.page(
            "api_key_made.html",
            session,
            key=key,
            text=text,
            old=words.standing(old, utc_now()) if old is not None else None,
            first=examples.first(context().base_url),
        )


def _line(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": f"{key.prefix}…",
        "mode": words.MODE[key.mode],
        "scopes": words.scopes(key.allowed),
        "used": words.used(key),
        "reported": words.reported(key),
    }


def _rows(key: ApiKey) -> list[Row]:
    """Return what is known of one key."""
    made = formatter().short(key.created_at)
    return [
        (_("Begins with"), f"{key.prefix}…"),
        (_("For"), f"{words.MODE[key.mode]} – {words.ABOUT_MODE[key.mode]}"),
        (_("Only from"), ", ".join(key.networks) or _("anywhere")),
        (_("Calls a minute, at most"), formatter().number(key.per_minute)),
        (_("Last used"), words.used(key)),
        (_("Created"), _("%(date)s, by %(who)s", date=made, who=key.made_by) if key.made_by else made),
    ]
