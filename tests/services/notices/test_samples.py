"""Each mail that may be edited can be looked at, of a real subscription, with the merchant’s words around its facts."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup

from portal.domain.merchants.notice_texts import PORTALS, Part, Text, problems
from portal.domain.merchants.notices import EDITED, NOTICES
from portal.models import Merchant, NoticeText
from portal.services.notices import samples
from portal.services.notices.recipients import Post

OWN = Text(
    subject="Atelier – {fact}",
    opening="{hello}\n\nMerci d’être des nôtres !\n3 > 2 & {merchant}",
    closing="À bientôt\nhttps://studio.example/aide?a=1&b=2",
)
LINK = "https://studio.example/aide?a=1&b=2"


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", locale="fr", site_url="https://www.studio.example")


@pytest.fixture
def subscription(make, merchant):
    product = make.product(merchant, name="Cours de {product} & <piano>")
    return make.subscription(merchant=merchant, customer=make.customer(merchant, name="Zoé"), product=product)


def languages(kind):
    return ("fr", "en", "de") if NOTICES[kind].is_german else ("fr", "en")


def words(text):
    return re.sub(r"\W", "", text)


def test_every_mail_that_may_be_edited_can_be_looked_at():
    assert samples.COMPOSE.keys() == set(EDITED)


@pytest.mark.parametrize("kind", EDITED)
def test_the_facts_stay_whatever_stands_around_them(ctx, merchant, subscription, now, kind):
    """In the portal's words, then in the merchant's: all that the first says but its greeting is in the second."""
    for language in languages(kind):
        bare = samples.of_kind(ctx, merchant.id, kind, language, PORTALS, now=now)
        own = samples.of_kind(ctx, merchant.id, kind, language, OWN, now=now)
        assert bare.is_made_up is own.is_made_up is False
        assert bare.mail.kind == own.mail.kind == kind
        assert own.mail.subject.startswith("Atelier – ")
        assert own.mail.subject.removeprefix("Atelier – ") == bare.mail.subject
        assert set(bare.mail.text.splitlines()) <= set(own.mail.text.splitlines())
        added = [line for line in own.mail.text.splitlines() if line not in bare.mail.text.splitlines()]
        assert added == ["Merci d’être des nôtres !", "3 > 2 & L’Atelier", "À bientôt", LINK]


@pytest.mark.parametrize("kind", EDITED)
def test_text_and_html_say_the_same_and_the_heading_stays_the_portals(ctx, merchant, subscription, now, kind):
    bare = samples.of_kind(ctx, merchant.id, kind, "fr", PORTALS, now=now).mail
    own = samples.of_kind(ctx, merchant.id, kind, "fr", OWN, now=now).mail
    soup, before = (BeautifulSoup(mail.html, "html.parser") for mail in (own, bare))
    assert soup.h1.text == before.h1.text == bare.subject
    links = [anchor["href"] for anchor in soup.select("a")]
    assert links.count(LINK) == 1
    assert set(links) == {*(anchor["href"] for anchor in before.select("a")), LINK}
    assert not soup.select("main script, main piano")
    for line in ("Merci d’être des nôtres !", "3 > 2 & L’Atelier", "À bientôt"):
        assert words(line) in words(soup.get_text())
        assert line in own.text


def test_every_name_has_a_value_in_every_mail(ctx, merchant, subscription, now):
    for kind in EDITED:
        notice = NOTICES[kind]
        subject = " | ".join(f"{{{name}}}" for name in notice.in_subject)
        closing = "\n".join(f"[{{{name}}}]" for name in (*notice.names, "merchant"))
        text = Text(subject, "{hello}", closing)
        for part in Part:
            assert problems(part, text.as_dict()[part], notice, ()) == []
        mail = samples.of_kind(ctx, merchant.id, kind, "fr", text, now=now).mail
        assert all(piece.strip() for piece in mail.subject.split(" | ")), kind
        assert "[]" not in mail.text
        assert not re.search(r"\{(?!product\})", mail.text + mail.subject), kind  # a product may be named like a name


def test_a_mail_of_a_real_subscription_says_its_facts(ctx, merchant, subscription, now):
    mail = samples.of_kind(ctx, merchant.id, "payment_missed", "fr", now=now).mail
    assert "Cours de {product} & <piano>" in mail.text
    assert "Bonjour Zoé," in mail.text
    assert "<piano>" not in mail.html


def test_before_the_first_subscription_all_is_made_up_and_said_so(ctx, merchant, now):
    for kind in EDITED:
        assert samples.of_kind(ctx, merchant.id, kind, "fr", now=now).is_made_up


def test_what_is_saved_is_used_in_its_language_alone_and_by_nobody_else(ctx, make, merchant, subscription, now):
    make.add(NoticeText(merchant_id=merchant.id, kind="access_given", language="fr", **OWN.as_dict()))
    other = make.merchant(slug="autre")
    told = {
        (whose.slug, language): samples.of_kind(ctx, whose.id, "access_given", language, now=now).mail.text
        for whose in (merchant, other)
        for language in ("fr", "en")
    }
    assert [key for key, text in told.items() if "des nôtres" in text] == [(merchant.slug, "fr")]
    assert "des nôtres" not in samples.of_kind(ctx, merchant.id, "access_changed", "fr", now=now).mail.text


def test_a_text_stored_for_a_mail_that_has_none_of_its_own_is_not_used(ctx, make, merchant, now):
    """A row that nobody may write: the law's reminder and the mails that guard an account stay as they are."""
    for kind in ("renewal_reminder", "login_code"):
        make.add(NoticeText(merchant_id=merchant.id, kind=kind, language="fr", **OWN.as_dict()))
    with ctx.db.read() as session:
        post = Post(ctx, session, session.get_one(Merchant, merchant.id), now)
        head = post.letterhead("fr")
    from portal.mail import logins

    mail = logins.login_code(head, code="042137", path="/account/a/t", minutes=10, valid_until=now)
    assert "nôtres" not in mail.text
    assert "Atelier –" not in mail.subject
