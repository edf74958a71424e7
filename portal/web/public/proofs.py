"""A third party checks a proof with the code printed on it, and learns nothing personal.

The same page for a reference that nobody has; a wrong code and an unknown reference get the same words.
"""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.datastructures import FileStorage

from portal.clock import utc_now
from portal.services import proofs
from portal.web import identity, locale
from portal.web.public import bp
from portal.web.public.forms import ProofForm


@bp.route("/proof/<reference>", methods=["GET", "POST"])
def proof(reference: str) -> ResponseReturnValue:
    """Ask for the code; with the right one, say what is proven. A PDF sent along is compared and not kept."""
    form, checked, is_same = ProofForm(), None, None
    reference = reference.strip().upper()
    if form.validate_on_submit():
        checked = proofs.check(
            identity.context(),
            reference.replace("\0", ""),  # PostgreSQL cannot even compare it
            form.code.data,
            network=identity.network(),
            locale=locale.current(),
            now=utc_now(),
        )
        if checked is None:
            form.code.errors = [_("This code does not match this reference. Check both on the proof.")]
        elif form.file.data:
            is_same = checked.knows(_content(form.file.data))
    page = render_template("public/proof.html", form=form, reference=reference, checked=checked, is_same=is_same)
    return page, 422 if form.errors else 200


def _content(sent: FileStorage) -> bytes:
    """Return a file sent along; the size of a request is limited (web.MOST_BYTES)."""
    content = sent.stream.read()
    sent.close()  # a large one lies in a temporary file
    return content
