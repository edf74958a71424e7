"""Cards of what was asked and waits: requests to end, the keys they wait for, letters, dates nobody knows, pauses."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.clock import utc_now
from portal.domain.ends.received_requests import Way as CameBy
from portal.domain.ends.received_requests import may_answer
from portal.domain.law.countries import Function
from portal.domain.law.declarations import Carrying
from portal.domain.policies import ROLE_RANK, Role
from portal.domain.subscriptions import Action
from portal.queries.inbox import Item
from portal.queries.merchants.paypal_accounts import Provider
from portal.web import labels
from portal.web.admin import presenting, words
from portal.web.admin.ends import end_facts
from portal.web.admin.inbox.card_parts import Card, Way, key_page, key_url, may, record, whose
from portal.web.admin.presenting import Row
from portal.web.admin.received import received_pages

if TYPE_CHECKING:
    from portal.models import EndRequest, PauseRequest, PayPalAccount, PublicDeclaration, ReceivedRequest, Subscription


def of_request(item: Item, role: Role) -> Card:
    """Return the card of a request to end that PayPal holds up."""
    request: EndRequest = item.about
    retry = Way(
        label=_("Try again now"),
        url=url_for(".request_retry", request_id=request.id),
        posts=True,
        spoken=_("Try request %(reference)s again now", reference=request.reference),
        kind="primary",
    )
    return Card(
        title=whose(item),
        url=record(item),
        label=words.REQUEST_STATE[request.state],
        state=request.state.value,
        happened=end_facts.trouble(request),
        todo=end_facts.todo(request),
        rows=[
            (_("PayPal subscription ID"), request.subscription.provider_id),
            *end_facts.request_rows(request, request.subscription, utc_now()),
        ],
        ways=[*may(role, Role.SUPPORT, retry), *key_page(item, request.trouble, role)],
    )


def of_key(item: Item, role: Role) -> Card:
    """Return the card of a key that PayPal refuses, or that is missing, with the requests that wait for it."""
    account: PayPalAccount | None = item.about
    classic = item.provider is Provider.PAYPAL_CLASSIC
    check = url_for(".paypal_classic_check") if classic else url_for(".paypal_rest_check")
    names = [f"{one.reference} – {presenting.name_of(one.subscription.customer)}" for one in item.requests]
    answer = (account.check_result or {}) if account is not None else {}
    rows: list[Row] = [
        (_("Kind"), str(words.PROVIDER[str(item.provider)])),
        (_("Requests waiting for it"), str(item.waiting)),
        (_("Since"), presenting.short(item.since)),
    ]
    if answer.get("debug_id"):
        rows.append((_("PayPal debug ID"), str(answer["debug_id"])))
    ways = []
    if account is not None:
        ways.append(Way(label=_("Test the key now"), url=check, posts=True))
    if ROLE_RANK[role] >= ROLE_RANK[Role.OWNER]:
        ways.append(Way(label=_("Open the key’s page"), url=key_url(item.provider)))
    return Card(
        title=_("A PayPal key does not work") if account is not None else _("A PayPal key is missing"),
        url=None,
        label=_("Key"),
        state="stop",
        happened=_("The portal can neither end nor check the subscriptions of this key. No request is lost."),
        todo=_("Fix or replace the key: every waiting request is then tried again.")
        if role is Role.OWNER
        else _("Ask an owner to fix or replace the key: every waiting request is then tried again."),
        rows=rows,
        ways=may(role, Role.OWNER, *ways),
        waiting=names,
        more=item.waiting - len(names),
    )


def of_letter(item: Item, role: Role) -> Card:
    """Return the card of a letter, or of what a customer notified by themselves."""
    letter: ReceivedRequest = item.about
    page = url_for(".received", received_id=letter.id)
    if letter.function is Function.WITHDRAWAL:
        return _withdrawal(letter, page)
    if item.subscription is not None:
        return _notified(letter, item.subscription, page)
    if item.over_since is not None and may_answer(item.over_since, item.since):
        return _over(letter, item.over_since, page)
    if letter.declaration is not None and letter.open_since == letter.declaration.created_at:
        return _declared(letter, letter.declaration, page)
    if letter.suggested is not None:
        return _found_before(letter, letter.suggested, page)
    return Card(
        title=received_pages.title(letter, ""),
        url=page,
        label=_("To be matched"),
        happened=_("A cancellation notice arrived another way: %(way)s.", way=labels.WAY[letter.way]),
        todo=_("Find the subscription it is about and end it, or say why there is nothing to end."),
        rows=received_pages.received_rows(letter),
        ways=[Way(label=_("Find the subscription"), url=page, kind="primary")],
    )


def _withdrawal(letter: ReceivedRequest, page: str) -> Card:
    """Somebody withdraws from a contract: which one it is, and that it is carried out, is for staff or the mailbox."""
    label, declared = _("Withdrawal to be matched"), letter.declaration
    todo = _("Find the contract and carry the withdrawal out: the refund is due 14 days after you were told.")
    if declared is not None and declared.refused_at is not None:
        label, todo = _not_them()
    elif declared is not None and declared.asks_mailbox(utc_now()):
        todo = _("The customer of that address is asked by email and confirms it. You can carry it out before.")
    return Card(
        title=received_pages.title(letter, ""),
        url=page,
        label=label,
        happened=_(
            "A withdrawal from a contract was declared (%(way)s). It counts from the day it was sent.",
            way=labels.WAY[letter.way],
        ),
        todo=todo,
        rows=received_pages.received_rows(letter),
        ways=[Way(label=_("Find the contract"), url=page, kind="primary")],
    )


def _declared(letter: ReceivedRequest, declaration: PublicDeclaration, page: str) -> Card:
    """What anybody declared on the public page: who is to carry it out, and what is left for staff."""
    label, todo = (
        _("To be matched"),
        _("Find the subscription it is about and end it, or say why there is nothing to end."),
    )
    if declaration.refused_at is not None:
        label, todo = _not_them()
    elif declaration.carrying is Carrying.AFTER_DELAY and declaration.due_at is not None:
        label = _("Ends by itself")
        todo = _(
            "Number and address are those on file: it ends by itself on %(date)s unless its customer says no. You need "
            "not do anything.",
            date=presenting.short(declaration.due_at),
        )
    elif declaration.carrying is Carrying.BY_MAIL and declaration.asks_mailbox(utc_now()):
        label = _("Waits for the customer")
        todo = _("The customer of that address is asked by email and ends it with one button. You can end it before.")
    found = [(_("Subscription"), _name(letter.suggested))] if letter.suggested is not None else []
    ways = [_end(letter, letter.suggested)] if letter.suggested is not None else []
    return Card(
        title=received_pages.title(letter, letter.suggested.product.name if letter.suggested is not None else ""),
        url=page,
        label=label,
        happened=_("Declared on your public page. Who wrote it is not verified: it may be anybody."),
        todo=todo,
        rows=[*found, *received_pages.received_rows(letter)],
        ways=[*ways, Way(label=_("Find the subscription"), url=page, kind="" if ways else "primary")],
    )


def _not_them() -> tuple[str, str]:
    """Return label and task of what the mailbox on file has denied."""
    return (
        _("Not them"),
        _("End nothing by this alone. Whoever reads the address on file says that it was not them."),
    )


def of_lost(item: Item, role: Role) -> Card:
    """Return the card of who could not log in and left word, or declared among very many: of one, or of all of them."""
    word: ReceivedRequest = item.about
    is_one, is_declared = item.waiting == 1, word.way is CameBy.PUBLIC_FORM
    title, label, happened, todo, way = (_many if is_declared else _lost)(item.waiting)
    page = url_for(".received", received_id=word.id) if is_one else url_for(".received_lost")
    return Card(
        title=received_pages.title(word, "") if is_one else title,
        url=page,
        label=label,
        happened=happened,
        todo=todo,
        rows=received_pages.received_rows(word) if is_one else [(_("Messages"), str(item.waiting))],
        ways=[Way(label=way, url=page, kind="primary")],
    )


def _lost(count: int) -> tuple[str, str, str, str, str]:
    return (
        ngettext("%(num)d person could not log in", "%(num)d people could not log in", count),
        _("Could not log in"),
        _("Left on your log-in page. Who wrote it is not verified: it may be anybody."),
        _("Read it and answer. A message may ask to cancel: it counts from the day it was received."),
        _("Read the message") if count == 1 else _("Read the messages"),
    )


def _many(count: int) -> tuple[str, str, str, str, str]:
    return (
        ngettext("%(num)d declaration on your public page", "%(num)d declarations on your public page", count),
        _("Very many at once"),
        _("Very many declarations came to your public page: these are counted, and nobody was written to."),
        _("Read each one: it counts from the moment it was sent. Find its contract, or say why nothing ends."),
        _("Read the declaration") if count == 1 else _("Read the declarations"),
    )


def _over(letter: ReceivedRequest, since: datetime, page: str) -> Card:
    """A letter about what has stopped meanwhile leaves nothing to end: to be closed."""
    return Card(
        title=received_pages.title(letter, ""),
        url=page,
        label=_("Ended since"),
        state="info",
        happened=_(
            "Their subscription here ended on %(date)s: there is nothing left to end.", date=presenting.day(since)
        ),
        todo=_("Check that it is the one they mean, and close the request."),
        rows=received_pages.received_rows(letter),
        ways=[Way(label=_("Close the request"), url=f"{page}#dismissal")],
    )


def _end(letter: ReceivedRequest, subscription: Subscription) -> Way:
    end = url_for(
        ".subscription_end",
        subscription_id=subscription.id,
        action=Action.CANCEL.value,
        received=letter.id,
    )
    return Way(label=_("End this subscription"), url=end, kind="primary")


def _name(subscription: Subscription) -> str:
    customer = presenting.name_of(subscription.customer)
    return _("%(customer)s – %(product)s", customer=customer, product=subscription.product.name)


def _found_before(letter: ReceivedRequest, subscription: Subscription, page: str) -> Card:
    """A letter whose planned end was taken back: the subscription that staff had found, which they may still change."""
    return Card(
        title=received_pages.title(letter, subscription.product.name),
        url=page,
        label=_("Open again"),
        happened=_("The end planned for this notice was withdrawn. It was matched to the subscription named here."),
        todo=_("End the subscription, choose another one, or say why there is nothing to end."),
        rows=[(_("Subscription"), _name(subscription)), *received_pages.received_rows(letter)],
        ways=[_end(letter, subscription), Way(label=_("Choose another subscription"), url=page)],
    )


def _notified(letter: ReceivedRequest, subscription: Subscription, page: str) -> Card:
    """A customer's own notification names its subscription: one click from its end."""
    return Card(
        title=received_pages.title(letter, subscription.product.name),
        url=page,
        label=_("Cancellation notice"),
        happened=_acknowledged(letter.email),
        todo=_("End the subscription. You see the effects first."),
        rows=received_pages.received_rows(letter),
        ways=[
            _end(letter, subscription),
            Way(label=_("See the cancellation notice"), url=page),
        ],
    )


def _acknowledged(address: str | None) -> str:
    if address:
        return _(
            "The customer sent this notice from their account page. An acknowledgement goes to %(address)s.",
            address=address,
        )
    return _(
        "The customer sent this notice from their account page. Without an address, no acknowledgement could be sent."
    )


def of_missing_date(item: Item, role: Role) -> Card:
    """Return the card of an end of which nobody knows until when it is paid."""
    request: EndRequest = item.about
    subscription = request.subscription
    enter = Way(label=_("Enter the date"), url=url_for(".subscription_paid_until", subscription_id=subscription.id))
    enter_day = _("Enter the last paid day.")
    told = presenting.told(subscription.customer, _("The customer is then emailed."))
    return Card(
        title=whose(item),
        url=record(item),
        label=_("Date unknown"),
        happened=_(
            "It has ended at PayPal, which does not say until when it is paid. Access stays open until you "
            "enter the date."
        ),
        todo=f"{enter_day} {told}",
        rows=[
            (_("Reference"), request.reference),
            (_("Stopped at PayPal"), presenting.short(subscription.stopped_at_provider_at)),
            (_("Last payment"), presenting.day(subscription.last_payment_at)),
            (_("PayPal subscription ID"), subscription.provider_id),
        ],
        ways=[enter] if ROLE_RANK[role] >= ROLE_RANK[Role.SUPPORT] else [],
    )


def of_pause(item: Item, role: Role) -> Card:
    """Return the card of a request to pause or to resume that PayPal holds up."""
    request: PauseRequest = item.about
    retry = Way(
        label=_("Try again now"), url=url_for(".pause_retry", request_id=request.id), posts=True, kind="primary"
    )
    debug_id = (request.answer or {}).get("debug_id")
    rows: list[Row] = [(_("Requested on"), presenting.short(request.created_at))]
    if debug_id:
        rows.append((_("PayPal debug ID"), str(debug_id)))
    return Card(
        title=whose(item),
        url=record(item),
        label=words.PAUSE_KIND[request.kind],
        happened=str(words.PAUSE_TROUBLE[request.trouble]) if request.trouble is not None else "",
        todo=str(words.PAUSE_TODO[request.trouble] if request.trouble is not None else words.LOOK_AND_RETRY),
        rows=rows,
        ways=[*may(role, Role.SUPPORT, retry), *key_page(item, request.trouble, role)],
    )
