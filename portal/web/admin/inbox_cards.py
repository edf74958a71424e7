"""From the inbox's items to cards: title, what happened, what to do, the buttons, the facts, the history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from flask import url_for
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.end_requests import Trouble
from portal.domain.policies import ROLE_RANK, Role
from portal.domain.refunds import RefundState
from portal.domain.subscriptions import Action
from portal.queries.inbox import Item, Kind
from portal.queries.paypal_accounts import Provider
from portal.services.notices import outbox
from portal.web import labels
from portal.web.admin import comparison_words, late_payment_words, presenting, words
from portal.web.admin.messages import event_words
from portal.web.admin.presenting import Happening, Row
from portal.web.formatting import formatter

if TYPE_CHECKING:
    from portal.models import EndRequest


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way on: a button that posts, or a link to the page that does it. `label` is whole for a screen reader.

    `kind` is its emphasis (buttons.html): primary is only what stops payments or gives money back.
    """

    label: str
    url: str
    posts: bool = False
    spoken: str = ""
    kind: str = ""


@dataclass(frozen=True, kw_only=True)
class Card:
    """One thing that needs the merchant, in words."""

    kind: str
    title: str
    url: str | None
    state: str  # a mark of components/status.html
    label: str
    happened: str
    todo: str
    rows: list[Row]
    ways: list[Way]
    waiting: list[str]  # requests folded under a key
    more: int
    history: list[Happening]


def cards(items: Iterable[Item], *, role: Role | None) -> list[Card]:
    """Return each item as a card; buttons that the role may not press are left out."""
    return [CARDS[item.kind](item, role or Role.READER) for item in items]


def _card(item: Item, **values: Any) -> Card:
    facts = [(_("Next payment"), presenting.day(item.at_risk_at))] if item.kind in AT_RISK else []
    values["rows"] = facts + values.get("rows", [])
    empty: dict[str, Any] = {"url": _record(item), "waiting": [], "more": 0, "state": "needs_merchant"}
    return Card(kind=item.kind.value, history=presenting.timeline(list(item.history)), **empty | values)


def _record(item: Item) -> str | None:
    return url_for(".subscription", subscription_id=item.subscription.id) if item.subscription is not None else None


def _whose(item: Item, otherwise: str = "") -> str:
    subscription = item.subscription
    if subscription is None:
        return otherwise
    customer = presenting.customer_name(subscription.customer.name, subscription.customer.email)
    return _("%(customer)s – %(product)s", customer=customer, product=subscription.product.name)


def _may(role: Role, wanted: Role, *ways: Way) -> list[Way]:
    return [way for way in ways if not way.posts or ROLE_RANK[role] >= ROLE_RANK[wanted]]


def _request(item: Item, role: Role) -> Card:
    request: EndRequest = item.about
    retry = Way(
        label=_("Try again now"),
        url=url_for(".request_retry", request_id=request.id),
        posts=True,
        spoken=_("Try request %(reference)s again now", reference=request.reference),
        kind="primary",
    )
    return _card(
        item,
        title=_whose(item),
        label=words.REQUEST_STATE[request.state],
        state=request.state.value,
        happened=presenting.trouble(request),
        todo=presenting.todo(request),
        rows=[
            (_("PayPal id"), request.subscription.provider_id),
            *presenting.request_rows(request, request.subscription, utc_now()),
        ],
        ways=[*_may(role, Role.SUPPORT, retry), *_key_page(item, request.trouble, role)],
    )


def _key_page(item: Item, trouble: Trouble | None, role: Role) -> list[Way]:
    """Return the way to the key's page, for whoever may use it, where a key is the cause."""
    if trouble not in KEY_TROUBLES or ROLE_RANK[role] < ROLE_RANK[Role.OWNER] or item.subscription is None:
        return []
    return [Way(label=_("Open the key’s page"), url=_key_url(item.subscription.provider))]


def _key_url(provider: Provider | None) -> str:
    return url_for(".paypal_classic" if provider is Provider.PAYPAL_CLASSIC else ".paypal_rest")


def _key(item: Item, role: Role) -> Card:
    classic, account = item.provider is Provider.PAYPAL_CLASSIC, item.about
    check = url_for(".paypal_classic_check") if classic else url_for(".paypal_rest_check")
    names = [
        f"{one.reference} – {presenting.customer_name(one.subscription.customer.name, one.subscription.customer.email)}"
        for one in item.requests
    ]
    answer = (account.check_result or {}) if account is not None else {}
    rows: list[Row] = [
        (_("Kind"), str(words.PROVIDER[str(item.provider)])),
        (_("Requests that wait for it"), str(item.waiting)),
        (_("Since"), presenting.short(item.since)),
    ]
    if answer.get("debug_id"):
        rows.append((_("PayPal’s debug id"), str(answer["debug_id"])))
    ways = []
    if account is not None:
        ways.append(Way(label=_("Test the key now"), url=check, posts=True))
    if ROLE_RANK[role] >= ROLE_RANK[Role.OWNER]:
        ways.append(Way(label=_("Open the key’s page"), url=_key_url(item.provider)))
    return _card(
        item,
        title=_("A PayPal key does not work") if account is not None else _("A PayPal key is missing"),
        url=None,
        label=_("Key"),
        state="stop",
        happened=_("The portal can neither stop nor check the subscriptions of this key. No request is lost."),
        todo=_("Fix or replace the key: every waiting request is then tried again.")
        if role is Role.OWNER
        else _("Ask an owner to fix or replace the key: every waiting request is then tried again."),
        rows=rows,
        ways=_may(role, Role.OWNER, *ways),
        waiting=names,
        more=item.waiting - len(names),
    )


def _received(item: Item, role: Role) -> Card:
    received = item.about
    page = url_for(".received", received_id=received.id)
    if item.subscription is not None:
        return _notified(item, page)
    if item.over_since is not None:
        return _over(item, page, item.over_since)
    return _card(
        item,
        title=_("%(name)s asks to stop a subscription", name=received.name),
        url=page,
        label=_("To be matched"),
        happened=_("A request came by another way than the button: %(way)s.", way=labels.WAY[received.way]),
        todo=_("Find the subscription it is about and end it, or say why there is nothing to end."),
        rows=received_rows(received),
        ways=[Way(label=_("Find the subscription"), url=page, kind="primary")],
    )


def _over(item: Item, page: str, since: datetime) -> Card:
    """A letter about what has stopped meanwhile leaves nothing to end: to be closed."""
    return _card(
        item,
        title=_("%(name)s asks to stop a subscription", name=item.about.name),
        url=page,
        label=_("Over meanwhile"),
        state="info",
        happened=_("What they have here stopped on %(date)s: nothing is left to end.", date=presenting.day(since)),
        todo=_("Check that it is what they mean, and close the request."),
        rows=received_rows(item.about),
        ways=[Way(label=_("Close the request"), url=f"{page}#dismissal")],
    )


def _notified(item: Item, page: str) -> Card:
    """A customer's own notification names its subscription: one click from its end."""
    received, subscription = item.about, item.subscription
    assert subscription is not None  # noqa: S101 - whoever calls has asked
    end = url_for(
        ".subscription_end",
        subscription_id=subscription.id,
        action=Action.CANCEL.value,
        received=received.id,
    )
    return _card(
        item,
        title=_("%(name)s has notified the end of a subscription", name=received.name),
        url=page,
        label=_("Notified by the customer"),
        happened=_acknowledged(received.email),
        todo=_("Stop the subscription. Its effects are shown first."),
        rows=received_rows(received),
        ways=[
            Way(label=_("Stop this subscription"), url=end, kind="primary"),
            Way(label=_("See the notification"), url=page),
        ],
    )


def _acknowledged(address: str | None) -> str:
    if address:
        return _(
            "The customer notified on their page that the contract ends. "
            "An acknowledgement is addressed to %(address)s.",
            address=address,
        )
    return _(
        "The customer notified on their page that the contract ends. "
        "Without an address, no acknowledgement could be sent."
    )


def received_rows(received: Any) -> list[Row]:
    """Return what was declared, for a summary."""
    rows: list[Row] = [
        (_("Reference"), received.reference),
        (_("Received on"), presenting.asked_on(received.received_at, received.way)),
        (_("By"), str(labels.WAY[received.way])),
        (_("Email address"), received.email or _("none given: nothing was sent to them")),
    ]
    if received.contract:
        rows.append((_("What they say about the contract"), received.contract))
    if received.wished_on is not None:
        rows.append((_("Day chosen for the end"), formatter().date(received.wished_on)))
    if received.message:
        rows.append((_("In their words"), received.message))
    if received.recorded_by:
        rows.append((_("Recorded by"), received.recorded_by))
    return rows


def _date(item: Item, role: Role) -> Card:
    assert item.subscription is not None  # noqa: S101 - a request has one
    enter = Way(
        label=_("Enter the date"), url=url_for(".subscription_paid_until", subscription_id=item.subscription.id)
    )
    enter_day = _("Enter the last day that was paid.")
    told = presenting.told(item.subscription.customer, _("The customer is then told."))
    return _card(
        item,
        title=_whose(item),
        label=_("Date unknown"),
        happened=_("It is over at PayPal, which does not say until when it is paid. Access stays open until you say."),
        todo=f"{enter_day} {told}",
        rows=[
            (_("Reference"), item.about.reference),
            (_("Stopped at PayPal"), presenting.short(item.subscription.stopped_at_provider_at)),
            (_("Last payment"), presenting.day(item.subscription.last_payment_at)),
            (_("PayPal id"), item.subscription.provider_id),
        ],
        ways=[enter] if ROLE_RANK[role] >= ROLE_RANK[Role.SUPPORT] else [],
    )


def _difference(item: Item, role: Role) -> Card:
    ways = [_seen(item)]
    found = _("The comparison found it otherwise at PayPal and could not correct it here.")
    if item.subscription is not None:
        read = url_for(".subscription_reading", subscription_id=item.subscription.id)
        ways.insert(0, Way(label=_("Refresh from PayPal"), url=read, posts=True))
    return _card(
        item,
        title=_whose(item, item.about.provider_id),
        label=_("Differs from PayPal"),
        happened=f"{found} {comparison_words.outcome(item.about)}.",
        todo=_("Refresh it from PayPal. If that does not help, look at it in your PayPal account."),
        rows=_found(item),
        ways=_may(role, Role.SUPPORT, *ways),
    )


def _end_seen(item: Item, role: Role) -> Card:
    seen, said = _("It ended at PayPal and nobody had asked for that here."), _("The customer was told.")
    told = presenting.told(item.subscription.customer, said) if item.subscription is not None else ""
    return _card(
        item,
        title=_whose(item, item.about.provider_id),
        label=_("For your information"),
        state="info",
        happened=f"{seen} {told}" if told else seen,
        todo=_("Nothing, if you expected it."),
        rows=_found(item),
        ways=_may(role, Role.SUPPORT, _seen(item)),
    )


def _seen(item: Item) -> Way:
    return Way(label=_("Understood"), url=url_for(".difference_seen", difference_id=item.about.id), posts=True)


def _found(item: Item) -> list[Row]:
    return [(_("PayPal id"), item.about.provider_id), (_("Found on"), presenting.short(item.about.at))]


def _event(item: Item, role: Role) -> Card:
    event = item.about
    reason, debug_id = event_words.reason_of(event.error)
    replay = Way(label=_("Handle it again"), url=url_for(".paypal_event_replay", event_id=event.id), posts=True)
    return _card(
        item,
        title=event_words.type_of(event.event_type),
        url=url_for(".paypal_event", event_id=event.id),
        label=event_words.STATE[event.state],
        state="stop",
        happened=_("A message from PayPal could not be handled for days: %(reason)s", reason=reason),
        todo=_("Handle it again. It does no harm: a message only leads to a read of PayPal."),
        rows=[
            (_("PayPal id"), event.subject or None),
            (_("Received on"), presenting.short(event.received_at)),
            *([(_("PayPal’s debug id"), debug_id)] if debug_id else []),
        ],
        ways=_may(role, Role.SUPPORT, replay),
    )


def _mail(item: Item, role: Role) -> Card:
    mail = item.about
    ways = [Way(label=_("Understood"), url=url_for(".mail_seen", mail_id=mail.id), posts=True)]
    todo = _("Tell the person by another way (letter, telephone).")
    if item.subscription is not None:
        record = url_for(".customer", customer_id=item.subscription.customer_id)
        ways.insert(0, Way(label=_("Open the customer’s record"), url=record))
    if mail.kind in outbox.LASTING:
        now_at = (item.subscription.customer.email if item.subscription is not None else None) or mail.recipient
        again = Way(
            label=_("Send it again to %(address)s", address=now_at),
            url=url_for(".mail_resend", mail_id=mail.id),
            posts=True,
        )
        ways.insert(0, again)
        todo = _("Send it again once the mailbox works, or tell the person by another way (letter, telephone).")
    return _card(
        item,
        title=_("“%(message)s” could not be delivered", message=words.MAIL_KIND.get(mail.kind, mail.kind)),
        label=_("Email refused"),
        happened=_("The mail server refused this message to %(address)s for good.", address=mail.recipient),
        todo=todo,
        rows=[(_("To"), mail.recipient), (_("Date"), presenting.short(mail.created_at))],
        ways=_may(role, Role.SUPPORT, *ways),
    )


def _late_payment(item: Item, role: Role) -> Card:
    alarm = item.about
    page = url_for(".late_payment", late_id=alarm.late.id)
    asked = alarm.refund
    rows: list[Row] = [
        (_("Amount"), formatter().money(alarm.amount)),
        *([(_("Still open"), formatter().money(alarm.left))] if alarm.is_partly_back else []),
        (_("Taken on"), presenting.short(alarm.late.payment.paid_at)),
        (
            _("Refund"),
            str(late_payment_words.REFUND_STATE[asked.state]) if asked is not None else _("not asked for yet"),
        ),
    ]
    if alarm.debug_id:
        rows.append((_("PayPal’s debug id"), alarm.debug_id))
    again = asked is not None and asked.state is not RefundState.FAILED
    refund = Way(
        label=_("Try the refund again now") if again else _("Refund %(amount)s…", amount=formatter().money(alarm.left)),
        url=url_for(".late_payment_refund", late_id=alarm.late.id),
        posts=again,
        kind="primary",
    )
    is_classic = alarm.late.subscription.provider is Provider.PAYPAL_CLASSIC
    ways = [Way(label=_("See this payment"), url=page), *_key_page(item, asked and asked.trouble, role)]
    return _card(
        item,
        title=_whose(item),
        url=page,
        label=_("Payment after the end"),
        state="stop",
        happened=late_payment_words.happened(alarm),
        todo=late_payment_words.todo(alarm),
        rows=rows,
        ways=[refund, *ways] if not is_classic and ROLE_RANK[role] >= ROLE_RANK[Role.SUPPORT] else ways,
    )


def _pause(item: Item, role: Role) -> Card:
    request = item.about
    retry = Way(
        label=_("Try again now"), url=url_for(".pause_retry", request_id=request.id), posts=True, kind="primary"
    )
    debug_id = (request.answer or {}).get("debug_id")
    rows: list[Row] = [(_("Asked on"), presenting.short(request.created_at))]
    if debug_id:
        rows.append((_("PayPal’s debug id"), str(debug_id)))
    return _card(
        item,
        title=_whose(item),
        label=words.PAUSE_KIND[request.kind],
        happened=str(words.PAUSE_TROUBLE[request.trouble]) if request.trouble is not None else "",
        todo=str(words.PAUSE_TODO[request.trouble] if request.trouble is not None else words.LOOK_AND_RETRY),
        rows=rows,
        ways=[*_may(role, Role.SUPPORT, retry), *_key_page(item, request.trouble, role)],
    )


KEY_TROUBLES: Final = frozenset({Trouble.BAD_CREDENTIALS, Trouble.FORBIDDEN, Trouble.NO_KEY, Trouble.NOT_FOUND})
AT_RISK: Final = frozenset({Kind.REQUEST, Kind.KEY, Kind.RECEIVED, Kind.DIFFERENCE, Kind.PAUSE})
CARDS: Final[Mapping[Kind, Callable[[Item, Role], Card]]] = {
    Kind.REQUEST: _request,
    Kind.KEY: _key,
    Kind.RECEIVED: _received,
    Kind.DATE: _date,
    Kind.DIFFERENCE: _difference,
    Kind.END_SEEN: _end_seen,
    Kind.EVENT: _event,
    Kind.MAIL: _mail,
    Kind.LATE_PAYMENT: _late_payment,
    Kind.PAUSE: _pause,
}
