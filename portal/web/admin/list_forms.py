"""The panel of a list's filters: what narrows it already stays, and one more answer may be given to each question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from flask import g, request
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, Field, SelectChoice, SelectField, SelectMultipleField
from wtforms.widgets import CheckboxInput, ListWidget

from portal.domain.desk.list_filters import ListFilter, Pair
from portal.domain.merchants import leaving_reasons
from portal.web import labels
from portal.web.admin import list_words
from portal.web.admin.forms import SearchForm, choices
from portal.web.admin.words import ENVIRONMENT
from portal.web.day_field import DayField
from portal.web.labels import STATUS

ALL: Final = _l("Any")


def _several(label: LazyString, words: Mapping[Any, LazyString]) -> SelectMultipleField:
    return SelectMultipleField(
        label,
        choices=choices(words),
        validate_choice=False,
        widget=ListWidget(),
        option_widget=CheckboxInput(),
    )


def _one(label: LazyString, words: Mapping[Any, LazyString]) -> SelectField:
    return SelectField(label, choices=[SelectChoice("", ALL), *choices(words)], validate_choice=False)


def _only(pair: Pair) -> BooleanField:
    return BooleanField(list_words.ALONE[pair], render_kw={"value": pair[1]})


def _day(name: str) -> DayField:
    return DayField(list_words.NAME[name])


def _orders(*columns: str, unasked: LazyString | None = None) -> SelectField:
    """Offer each column both ways; before them, where there is a word for it, what the list does unasked."""
    offered = [SelectChoice("", unasked)] if unasked is not None else []
    offered += [
        SelectChoice(("-" if is_falling else "") + column, list_words.ORDER[column][is_falling])
        for column in columns
        for is_falling in (False, True)
    ]
    return SelectField(_l("Sorted"), choices=offered, validate_choice=False)


class ListForm(SearchForm):
    """What the forms of both lists have in common."""

    def fill(self, wanted: ListFilter, names: Mapping[str, list[tuple[str, str]]]) -> list[Pair]:
        """Show what the list is narrowed by; return what is carried along unseen.

        Of a question whose answers are many, as products, further values are: the panel adds one.  So is what the panel
        does not ask for.  `names`: id and name of what may be chosen, by parameter.
        """
        held: dict[str, list[str]] = {}
        for name, value in wanted.query():
            held.setdefault(name, []).append(value)
        self.q.data = request.args.get("q") or wanted.search  # as it was typed
        carried: list[Pair] = []
        for field in self:
            values = held.pop(field.name, [])
            if field.name in names:
                field.choices = [SelectChoice("", ALL if not values else _l("One more…"))]
                field.choices += [SelectChoice(*one) for one in names[field.name] if one[0] not in values]
                field.data = ""
                carried += [(field.name, value) for value in values]
            elif field.name != "q":
                _set(field, values)
        return carried + [(name, value) for name, values in held.items() for value in values]

    def groups(self) -> Iterable[Field]:
        """Return the fields of the panel."""
        return (field for field in self if field.name != "q")


def _set(field: Field, values: list[str]) -> None:
    if isinstance(field, SelectMultipleField):
        field.data = values
    elif isinstance(field, BooleanField):
        field.data = bool(values)
    elif isinstance(field, DayField):
        field.raw_data = values[:1] or request.args.getlist(field.name)[:1]  # what is no day, or ends too early, stays
    else:
        field.data = values[0] if values else field.data or ""


class SubscriptionListForm(ListForm):
    """What the list of subscriptions is narrowed and sorted by."""

    state = _several(list_words.NAME["state"], STATUS)
    product = SelectField(list_words.NAME["product"], validate_choice=False)
    plan = SelectField(list_words.NAME["plan"], validate_choice=False)
    needs_you = _only(("needs_you", "yes"))
    late = _only(("late", "yes"))
    failed = _only(("failed", "yes"))
    email = _only(("email", "none"))
    planned = _one(list_words.NAME["planned"], list_words.PLANNED)
    ended_by = _several(list_words.NAME["ended_by"], list_words.ENDED_BY)
    reason = SelectField(list_words.NAME["reason"], validate_choice=False)
    offer = _several(list_words.NAME["offer"], list_words.OFFER)
    revenue = SelectField(list_words.NAME["revenue"], validate_choice=False)
    key = _one(list_words.NAME["key"], list_words.KEY)
    environment = _one(list_words.NAME["environment"], ENVIRONMENT)
    next_from = _day("next_from")
    next_to = _day("next_to")
    started_from = _day("started_from")
    started_to = _day("started_to")
    ended_from = _day("ended_from")
    ended_to = _day("ended_to")
    sort = _orders(
        *("created", "customer", "next", "started", "ended"),
        unasked=_l("by the dates or planned ends chosen, else newest first"),
    )


class CustomerListForm(ListForm):
    """What the list of customers is narrowed and sorted by."""

    state = _several(_l("Has a subscription that is"), STATUS)
    product = SelectField(list_words.NAME["product"], validate_choice=False)
    needs_you = _only(("needs_you", "yes"))
    email = _only(("email", "none"))
    erased = _one(list_words.NAME["erased"], list_words.ERASED)
    known_from = _day("known_from")
    known_to = _day("known_to")
    sort = _orders("name", "known")


def reasons() -> list[tuple[str, str]]:
    """Return code and words of each reason that customers may give, or could once."""
    return [(one.code, labels.reason(one.code)) for one in leaving_reasons.read(g.merchant.leaving_reasons)]
