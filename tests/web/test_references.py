"""References in the text of a page: each on one line, whoever's sentence it stands in; never in a tag or a field."""

from __future__ import annotations

import pytest
from markupsafe import Markup

from portal.domain.ends.end_requests import new_reference
from portal.web.formatting import _with_references

KEPT = '<span class="reference">K7QM-4TXD</span>'


def shown(page):
    return _with_references(Markup(page))  # noqa: S704 - the test's own


@pytest.mark.parametrize(
    ("page", "kept"),
    [
        ("<p>Reference: K7QM-4TXD.</p>", f"<p>Reference: {KEPT}.</p>"),
        ("<p>K7QM-4TXD, K7QM-4TXD</p>", f"<p>{KEPT}, {KEPT}</p>"),
        (
            '<a href="/requests/K7QM-4TXD" aria-label="K7QM-4TXD">K7QM-4TXD</a>',
            f'<a href="/requests/K7QM-4TXD" aria-label="K7QM-4TXD">{KEPT}</a>',
        ),
        ("<textarea>K7QM-4TXD &lt;b&gt;</textarea><p>a</p>", None),
        ("<select><option>K7QM-4TXD</option></select>", None),
        ("<p>AK7QM-4TXD K7QM-4TXDA K7QM-4TXD-K7QM A-K7QM-4TXD k7qm-4txd I-BW452GLLEP1G 2026-1130</p>", None),
        ("<p>K7QM-<b>4TXD</b></p>", None),
    ],
)
def test_each_is_kept_on_one_line_where_it_is_read(page, kept):
    assert shown(page) == (kept or page)


def test_every_reference_is_found():
    for _number in range(200):
        reference = new_reference()
        assert shown(f"<p>{reference}</p>") == f'<p><span class="reference">{reference}</span></p>'


def test_what_somebody_typed_stays_escaped():
    page = Markup("<p>{}</p>").format("<b>K7QM-4TXD</b>")
    assert _with_references(page) == f"<p>&lt;b&gt;{KEPT}&lt;/b&gt;</p>"
