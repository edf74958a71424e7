"""The figures of the desk's home, in words: each number with the list that makes it up, its plot and its table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from babel.dates import format_timedelta
from flask import g, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from portal.domain.desk import figures as rules
from portal.domain.desk.figures import RUNNING, Figure
from portal.domain.desk.list_filters import Days
from portal.domain.desk.subscription_filters import SubscriptionFilter, World
from portal.domain.ends.ended_by import EndedBy
from portal.domain.money.money import Money
from portal.queries.desk import desk
from portal.queries.desk import figures as stored
from portal.queries.desk.figures import Book
from portal.queries.desk.subscription_filters import beginning
from portal.web import labels, plots
from portal.web.admin.figure_parts import Figures, Moves, Part, Said, Standing, Wait
from portal.web.admin.list_words import ENDED_BY
from portal.web.formatting import formatter

WEEK: Final = timedelta(days=7)
LONGEST: Final = 300  # characters of what a customer wrote; the record has all of it


def of_merchant(session: Session, *, now: datetime) -> Figures | None:
    """Return the merchant's figures; None while they are counted for the first time, or anew for another time zone."""
    today = rules.today(g.merchant.time_zone, now)
    first, last = rules.window(today)
    months = rules.month_ends(today)
    book = stored.read(session, g.merchant.id, since=first, until=last, days=months)
    if book is None or book.time_zone != g.merchant.time_zone:
        return None
    since = beginning(first, g.merchant.time_zone)
    wait = stored.waits(session, g.merchant.id, since=since)
    given, given_later = _given(book), _given_later(book)
    most = max([*given.values(), *given_later.values()], default=0)  # one scale for both
    return Figures(
        live=_live(book, months),
        revenue=tuple(_revenue(book, months, currency) for currency in _currencies(book)),
        moves=_moves(book, first, last),
        reasons=_reasons(given, Days(first, last), most=most),
        reasons_later=_reasons(given_later, _from(last), most=most),
        comments=tuple(_said(one) for one in stored.comments(session, g.merchant.id, since=since)),
        wait=_wait(wait, Days(first, last)) if wait is not None else None,
        since=formatter().short_date(book.begun_on) if book.begun_on > months[0] else None,
        tests_url=listed(environment=World.SANDBOX) if desk.has_tests_beside_live(session, g.merchant.id) else None,
    )


def listed(**wanted: object) -> str:
    """Return the address of the list of those subscriptions: the same filter that the number counts."""
    query: dict[str, list[str]] = {}
    for name, value in SubscriptionFilter(**wanted).query():  # type: ignore[arg-type]
        query.setdefault(name, []).append(value)
    return url_for("admin.subscriptions", **query)  # type: ignore[arg-type]


def _stands(book: Book, days: Sequence[date], figure: Figure, kinds: Iterable[str]) -> list[Decimal]:
    """Return how it stood on each of the days, the last of which is now.

    On days that nobody has opened yet it stands as on the last one that is counted: they have no row, and are not zero.
    """
    held = [*(min(day, book.day) for day in days[:-1]), book.day]
    wanted = tuple(kinds)
    return [sum((book.numbers.get((figure, kind, day), Decimal(0)) for kind in wanted), Decimal(0)) for day in held]


def _live(book: Book, months: Sequence[date]) -> Standing:
    values = _stands(book, months, Figure.STATE, RUNNING)
    parts = tuple(
        Part(
            label=_("%(label)s: %(value)s", label=labels.STATUS[status], value=_number(number)),
            number=_number(number),
            url=listed(states=(status,)),
        )
        for status in RUNNING
        if (number := book.numbers.get((Figure.STATE, status, book.day), Decimal(0)))
    )
    return Standing(
        title=_("Live subscriptions"),
        number=_number(values[-1]),
        url=listed(states=RUNNING),
        note=_compared(values),
        parts=parts if len(parts) > 1 else (),
        plot=plots.curve(values),
        rows=_rows(months, [_number(value) for value in values]),
    )


def _compared(values: Sequence[Decimal]) -> str:
    """Return how much more, or fewer, there are than at the end of last month, and than a year ago."""
    month, year = (int(values[-1] - value) for value in (values[-2], values[0]))
    return _("%(month)s since the end of last month, %(year)s in a year", month=_signed(month), year=_signed(year))


def _signed(number: int) -> str:
    sign = "+" if number > 0 else "−" if number < 0 else "±"
    return f"{sign}\N{NO-BREAK SPACE}{formatter().number(abs(number))}"


def _currencies(book: Book) -> list[str]:
    """Return the currencies of now, the largest number of the first."""
    worth = {key: number for key, number in book.numbers.items() if key[0] is Figure.REVENUE}
    now = {kind: number for (_figure, kind, day), number in worth.items() if day == book.day}
    return sorted(now, key=lambda currency: (-now[currency], currency))


def _revenue(book: Book, months: Sequence[date], currency: str) -> Standing:
    values = _stands(book, months, Figure.REVENUE, (currency,))
    return Standing(
        title=_("Monthly recurring revenue, %(currency)s", currency=currency),
        number=_money(values[-1], currency),
        url=listed(revenue=(currency,)),
        note=_("what active and late subscriptions pay in a month"),
        parts=(),
        plot=plots.curve(values),
        rows=_rows(months, [_money(value, currency) for value in values]),
        means=_(
            "Price times quantity as PayPal shows them, taxes included where the price includes them. A yearly price "
            "counts for a twelfth, a weekly one for 52 twelfths, a daily one for 365 twelfths. A subscription counts "
            "from its first payment on: not during a free trial, and not while it is paused. Currencies are not added "
            "up."
        ),
    )


def _rows(months: Sequence[date], numbers: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple((formatter().short_date(day), number) for day, number in zip(months, numbers, strict=True))


def _moves(book: Book, first: date, last: date) -> Moves:
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    begun = [int(book.numbers.get((Figure.STARTED, "", day), 0)) for day in days]
    ended = {kind: [int(book.numbers.get((Figure.ENDED, kind, day), 0)) for day in days] for kind in (*EndedBy, "")}
    totals = {kind: sum(numbers) for kind, numbers in ended.items()}
    shown = [kind for kind in EndedBy if totals[kind]]
    over, period = sum(totals.values()), Days(first, last)
    stacks = [[(kind.value, ended[kind][at]) for kind in shown if ended[kind][at]] for at in range(len(days))]
    return Moves(
        number=_signed(sum(begun) - over),
        begun=Part(
            label=_grouped(ngettext("%(num)s start", "%(num)s starts", sum(begun)), sum(begun)),
            number=_number(sum(begun)),
            url=listed(started=period),
            mark="begun",
        ),
        ended=Part(
            label=_grouped(ngettext("%(num)s end", "%(num)s ends", over), over),
            number=_number(over),
            url=listed(ended=period),
        ),
        later=_later(book, last),
        kinds=tuple(
            Part(
                label=_grouped(_counted(kind, totals[kind]), totals[kind]),
                number=_number(totals[kind]),
                url=listed(ended=period, ended_by=(kind,)),
                mark=kind.value,
            )
            for kind in shown
        ),
        plot=plots.moves(begun, stacks),
        days=(formatter().short_date(first), formatter().short_date(last)),
        columns=(_("Days"), _("Starts"), *(str(ENDED_BY[kind]) for kind in shown)),
        rows=_weeks(days, [begun, *(ended[kind] for kind in shown)]),
    )


def _counted(kind: EndedBy, number: int) -> str:
    match kind:
        case EndedBy.CUSTOMER:
            return ngettext("%(num)s by the customer", "%(num)s by customers", number)
        case EndedBy.STAFF:
            return ngettext("%(num)s by your team", "%(num)s by your team", number)
        case EndedBy.PAYPAL:
            return ngettext("%(num)s at PayPal", "%(num)s at PayPal", number)
        case EndedBy.COMPLETED:
            return ngettext("%(num)s completed", "%(num)s completed", number)
        case EndedBy.ABANDONED:
            return ngettext("%(num)s abandoned", "%(num)s abandoned", number)
        case EndedBy.FAILED:
            return ngettext("%(num)s after failed payments", "%(num)s after failed payments", number)


def _grouped(said: str, number: int) -> str:
    """Return what is said of a number with its digits in groups, as beside it: « 7 577 débuts »."""
    return said.replace(str(number), _number(number), 1)


def _weeks(days: Sequence[date], columns: Sequence[Sequence[int]]) -> tuple[tuple[str, ...], ...]:
    """Return the numbers of each seven days, and of all of them."""
    say, size = formatter().short_date, WEEK.days
    weeks = [range(start, min(start + size, len(days))) for start in range(0, len(days), size)]
    rows = [
        (
            f"{say(days[week[0]])} – {say(days[week[-1]])}",
            *(_number(sum(column[day] for day in week)) for column in columns),
        )
        for week in weeks
    ]
    return (*rows, (_("Total"), *(_number(sum(column)) for column in columns)))


def _from(today: date) -> Days:
    return Days(today + timedelta(days=1), None)


def _later(book: Book, today: date) -> Part | None:
    over = sum(int(number) for (figure, _kind), number in book.later.items() if figure is Figure.ENDED)
    words = ngettext(
        "%(num)s end to come: stopped at PayPal, paid until a later day",
        "%(num)s ends to come: stopped at PayPal, paid until a later day",
        over,
    )
    label = _grouped(words, over)
    return Part(label=label, number=_number(over), url=listed(ended=_from(today))) if over else None


def _given(book: Book) -> dict[str, int]:
    totals: dict[str, int] = {}
    for (figure, code, _day), number in book.numbers.items():
        if figure is Figure.REASON:
            totals[code] = totals.get(code, 0) + int(number)
    return totals


def _given_later(book: Book) -> dict[str, int]:
    return {code: int(number) for (figure, code), number in book.later.items() if figure is Figure.REASON}


def _reasons(totals: Mapping[str, int], period: Days, *, most: int) -> tuple[Part, ...]:
    return tuple(
        Part(
            label=labels.reason(code) or code,
            number=_number(number),
            url=listed(reasons=(code,), ended=period),
            share=plots.percent(number, most),
        )
        for code, number in sorted(totals.items(), key=lambda one: (-one[1], one[0]))
        if number > 0
    )


def _said(comment: stored.Comment) -> Said:
    words, day = labels.reason(comment.reason) or comment.reason, formatter().short_day(comment.at)
    return Said(
        text=comment.text if len(comment.text) <= LONGEST else comment.text[:LONGEST] + "…",
        about=f"{words}, {day}" if words else day,
        url=url_for("admin.subscription", subscription_id=comment.subscription_id),
    )


def _wait(wait: stored.Wait, days: Days) -> Wait:
    return Wait(
        median=_lasting(wait.median),
        slowest=_lasting(wait.slowest),
        url=url_for("admin.subscription", subscription_id=wait.slowest_id),
        note=ngettext(
            "over %(num)s end that a customer asked for in 30 days",
            "over the last %(num)s ends that customers asked for in 30 days",
            wait.number,
        ),
        list_url=listed(confirmed=days) if wait.number < stored.MOST_TIMED else None,
    )


def _lasting(seconds: float) -> str:
    """Return how long that is: « 12 secondes », « 3 minutes », « 2 jours »."""
    whole = timedelta(seconds=max(1, round(seconds)))
    return format_timedelta(whole, threshold=2, locale=formatter().locale)


def _number(value: Decimal | int) -> str:
    return formatter().number(int(value))


def _money(value: Decimal, currency: str) -> str:
    return formatter().money(Money(value, currency))
