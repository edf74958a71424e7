"""How keys, messages and the nightly comparison are, in words, for the desk's home."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import g, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from portal.queries.comparisons import comparisons
from portal.queries.operating import paypal_health as stored
from portal.queries.operating.paypal_health import Health, Provider
from portal.web.admin import presenting


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing: a mark of components/status.html and the word for how it is, what is known of it, and its page."""

    name: str
    mark: str
    word: str
    note: str
    url: str

    @property
    def is_well(self) -> bool:
        """Whether nothing is to be done about it."""
        return self.mark in ("ok", "next")


def of_merchant(session: Session, *, is_late: bool, now: datetime) -> list[Line]:
    """Return how everything is that the merchant's work with PayPal rests on; `is_late`: the nightly comparison."""
    health = stored.of_merchant(session, g.merchant.id, now=now)
    lines = [_key(health, provider) for provider in Provider if provider in health.keys]
    if not lines:
        url = url_for("admin.paypal")
        return [Line(name=_("PayPal key"), mark="warn", word=_("Not entered"), note="", url=url)]
    lines += [_messages(health)] if Provider.PAYPAL_REST in health.keys else []
    return [*lines, _comparison(session, is_late=is_late)]


def _key(health: Health, provider: Provider) -> Line:
    account = health.keys[provider]
    is_rest = provider is Provider.PAYPAL_REST
    works = account.broken_since is None
    return Line(
        name=_("REST key") if is_rest else _("Classic key"),
        mark="ok" if works else "stop",
        word=_("Valid") if works else _("Does not work"),
        note=_(
            "tested on %(moment)s, ends in …%(ending)s",
            moment=presenting.short(account.checked_at),
            ending=account.secret_ending,
        ),
        url=url_for("admin.paypal_rest" if is_rest else "admin.paypal_classic"),
    )


def _messages(health: Health) -> Line:
    last = presenting.short(health.last_message_at)
    note = _("last one on %(moment)s", moment=last) if last else _("none so far")
    mark, word, url = "ok", _("Arriving"), url_for("admin.paypal_events")
    if health.trouble is not None:
        mark, word = "warn", _("PayPal does not send them here")
    elif health.has_given_up:
        mark, word, url = "warn", _("Some could not be processed"), url_for("admin.paypal_events", status="failed")
    elif health.is_slow:
        mark, word = "warn", _("Processed late")
    elif health.last_message_at is None:
        mark, word = "next", _("None so far")
        note = _("they start with the first payment or change")
    return Line(name=_("Messages from PayPal"), mark=mark, word=word, note=note, url=url)


def _comparison(session: Session, *, is_late: bool) -> Line:
    last = comparisons.last_whole(session, g.merchant.id)
    moment = presenting.short(last.finished_at) if last is not None else None
    word = _("Late") if is_late else _("Done") if last is not None else _("None so far")
    return Line(
        name=_("Comparison with PayPal"),
        mark="warn" if is_late else "ok" if last is not None else "next",
        word=word,
        note=_("last one on %(moment)s", moment=moment) if moment else _("the first one runs at night"),
        url=url_for("admin.paypal_comparisons"),
    )
