"""The words of an end that waits: one function for the recap, the card, the result page and the mails."""

from __future__ import annotations

from typing import Final

from portal.documents.access import access_sentence
from portal.domain.dates.end_dates import WaitReason
from portal.formatting import Formatter
from portal.mail.facts import PlannedFacts, PlannedWords

LISTED: Final = 12  # payments that are listed one by one; the rest is counted


def planned_words(facts: PlannedFacts, fmt: Formatter, *, is_recorded: bool = True) -> PlannedWords:
    """Return what is said of a planned end; `is_recorded` is False before it is confirmed."""
    _ = fmt.words.gettext
    return PlannedWords(
        ends_on=fmt.bare_date(facts.ends_on),
        ends_on_in_short=fmt.short_date(facts.ends_on),
        heading=_("End planned on %(date)s", date=fmt.bare_date(facts.ends_on)),
        why=_why(facts, fmt),
        taken_heading=_taken_heading(facts, fmt),
        taken=_taken(facts, fmt),
        not_taken=_not_taken(facts, fmt),
        none_left=facts.prevented_at is not None and not facts.taken,
        told=_told(facts, fmt),
        avoid=_avoid(facts, fmt, is_recorded=is_recorded),
        access=access_sentence(
            until=facts.access_until,
            is_unknown=facts.is_access_unknown,
            kept=facts.kept,
            opens=facts.opens,
            merchant_name=facts.merchant_name,
            at=facts.now,
            fmt=fmt,
            translator=fmt.words,
        ),
    )


def _why(facts: PlannedFacts, fmt: Formatter) -> str:
    _, said = fmt.words.gettext, []
    if facts.wished_on not in (None, facts.ends_on):
        said.append(_("Chosen date: %(date)s.", date=fmt.date(facts.wished_on or facts.ends_on)))
    if facts.reason is WaitReason.COMMITMENT:
        said.append(_("The commitment runs until %(date)s.", date=fmt.date(facts.ends_on)))
    elif facts.reason is WaitReason.NOTICE:
        said.append(_("The notice period runs until %(date)s.", date=fmt.date(facts.ends_on)))
    return " ".join(said)


def _taken_heading(facts: PlannedFacts, fmt: Formatter) -> str:
    _, count = fmt.words.gettext, len(facts.taken)
    if count == 0:
        return ""
    said = fmt.words.ngettext("One more payment will be taken:", "%(num)s more payments will be taken:", count)
    if count > 1 and facts.price is not None:
        whole = type(facts.price)(facts.price.amount * count, facts.price.currency)
        return _("%(payments)s %(amount)s in all", payments=said, amount=fmt.money(whole))
    return said


def _taken(facts: PlannedFacts, fmt: Formatter) -> tuple[str, ...]:
    _, shown = fmt.words.gettext, facts.taken[:LISTED]
    lines = [_("%(date)s: %(amount)s", date=fmt.day(at), amount=fmt.money(facts.price)) for at in shown]
    more = len(facts.taken) - len(shown)
    if more:
        last = fmt.day(facts.taken[-1])
        lines.append(
            fmt.words.ngettext("and one more, on %(date)s", "and %(num)s more, the last on %(date)s", more, date=last)
        )
    return tuple(lines)


def _not_taken(facts: PlannedFacts, fmt: Formatter) -> str:
    _ = fmt.words.gettext
    if facts.runs_out_at is not None:
        return _(
            "It ends by itself on %(date)s: PayPal takes no further payment.",
            date=fmt.day(facts.runs_out_at),
        )
    if facts.prevented_at is None:
        return _(
            "PayPal shows no next payment at the moment. Any due before the end will still be taken.",
        )
    return _("The payment of %(date)s, and all those after it, will not be taken.", date=fmt.day(facts.prevented_at))


def _told(facts: PlannedFacts, fmt: Formatter) -> str:
    _ = fmt.words.gettext
    if facts.runs_out_at is not None and facts.taken:
        return _(
            "PayPal ends it after the last payment. If it has not by %(date)s, it will be told then.",
            date=fmt.moment(facts.due_at),
        )
    if facts.awaited_at is None or facts.earliest_at >= facts.due_at:
        return _("PayPal will be told on %(date)s.", date=fmt.moment(facts.due_at))
    earliest, latest = fmt.day(facts.earliest_at), fmt.day(facts.due_at)
    if earliest == latest:  # two moments of one day
        return _("PayPal will be told on %(date)s.", date=latest)
    payment = fmt.day(facts.awaited_at)
    if earliest != payment:  # the chosen day comes after the payment: it alone is waited for, unless that fails
        return _(
            "PayPal will be told on %(earliest)s, or on %(latest)s at the latest if the payment of %(payment)s "
            "has not been taken by then.",
            payment=payment,
            earliest=earliest,
            latest=latest,
        )
    return _(
        "PayPal will be told as soon as the payment of %(payment)s has been taken: "
        "on %(earliest)s at the earliest, on %(latest)s at the latest.",
        payment=payment,
        earliest=earliest,
        latest=latest,
    )


def _avoid(facts: PlannedFacts, fmt: Formatter, *, is_recorded: bool) -> str:
    _ = fmt.words.gettext
    if facts.avoidable_at is None:
        return ""
    payment, amount = fmt.day(facts.avoidable_at), fmt.money(facts.price)
    if facts.avoid_on is None:
        return _("To avoid the payment of %(amount)s due on %(payment)s, cancel today.", amount=amount, payment=payment)
    if is_recorded:
        return _(
            "To avoid the payment of %(amount)s due on %(payment)s, withdraw this request and cancel by %(date)s "
            "at the latest.",
            amount=amount,
            payment=payment,
            date=fmt.date(facts.avoid_on),
        )
    return _(
        "To avoid the payment of %(amount)s due on %(payment)s, cancel by %(date)s at the latest.",
        amount=amount,
        payment=payment,
        date=fmt.date(facts.avoid_on),
    )
