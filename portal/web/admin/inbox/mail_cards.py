"""Cards of the portal's own messages that reached nobody: refused or never taken by the mail server, or come back."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from flask import url_for
from flask_babel import gettext as _

from portal.domain.ends import duties
from portal.domain.ends.duties import Duty
from portal.domain.people.bounces import TO_MERCHANTS
from portal.domain.policies import Role
from portal.queries.inbox import Item
from portal.queries.mails import MailState
from portal.services.notices import outbox
from portal.web.admin import presenting, words
from portal.web.admin.inbox.card_parts import Card, Way, may, record

if TYPE_CHECKING:
    from portal.models import Mail


def of_refused(item: Item, role: Role) -> Card:
    """Return the card of a message that a mail server refused, or has not taken for a day."""
    mail: Mail = item.about
    is_tried = mail.state is MailState.WAITING
    todo = _("Contact the person another way (letter, telephone).")
    if mail.kind in outbox.LASTING and not is_tried:
        todo = _("Send it again once the mailbox works, or contact the person another way (letter, telephone).")
    customer_id = _customer(item)
    see = []
    if customer_id is not None:
        see.append(Way(label=_("Open the customer’s record"), url=url_for(".customer", customer_id=customer_id)))
    refused = _("The mail server permanently refused this message to %(address)s.", address=mail.recipient)
    put_off = _(
        "The mail server has not accepted this message to %(address)s for a day. The portal keeps trying.",
        address=mail.recipient,
    )
    return Card(
        title=_("“%(message)s” could not be delivered", message=_name(mail)),
        url=record(item),
        label=_("Email put off") if is_tried else _("Email refused"),
        happened=put_off if is_tried else refused,
        todo=todo,
        rows=[(_("To"), mail.recipient), (_("Date"), presenting.short(mail.created_at))],
        ways=may(role, Role.SUPPORT, *_again(item), *see, _understood(mail)),
    )


def of_returned(item: Item, role: Role) -> Card:
    """Return the card of a message of the promise that came back: the address is corrected, or it is sent anew."""
    mail: Mail = item.about
    todo = _("Contact the person another way (letter, telephone), or correct the address.")
    if mail.kind in outbox.LASTING:
        todo = _("Correct the address: once it is confirmed, the message is sent again automatically.")
    customer_id = _customer(item)
    correct = []
    if customer_id is not None and duties.may(role, Duty.CUSTOMERS):
        page = url_for(".customer_identity", customer_id=customer_id)
        correct.append(Way(label=_("Correct the address"), url=page))
    elif mail.kind.startswith(TO_MERCHANTS):
        todo = _("Correct the address in the settings: what is to be done is sent there.")
        if duties.may(role, Duty.SETTINGS):
            correct.append(Way(label=_("Open the settings"), url=url_for(".settings")))
    return Card(
        title=_("“%(message)s” did not arrive", message=_name(mail)),
        url=record(item),
        label=_("Email returned"),
        happened=_(
            "The message to %(address)s came back: %(reason)s.",
            address=mail.recipient,
            reason=words.returned_for(mail.report_code),
        ),
        todo=todo,
        rows=[
            (_("To"), mail.recipient),
            (_("Sent on"), presenting.short(mail.sent_at or mail.created_at)),
            (_("Returned on"), presenting.short(mail.reported_at)),
            *([(_("The mail server says"), mail.report_words)] if mail.report_words else []),
        ],
        ways=may(role, Role.SUPPORT, *correct, *_again(item), _understood(mail)),
    )


def _name(mail: Mail) -> str:
    return str(words.MAIL_KIND.get(mail.kind, mail.kind))


def _customer(item: Item) -> uuid.UUID | None:
    subscription = item.subscription
    return subscription.customer_id if subscription is not None else item.about.customer_id


def _understood(mail: Mail) -> Way:
    return Way(label=_("Understood"), url=url_for(".mail_seen", mail_id=mail.id), posts=True)


def _again(item: Item) -> list[Way]:
    """Return the button of what stays true whenever it arrives."""
    mail: Mail = item.about
    if mail.kind not in outbox.LASTING or mail.content is None or mail.state is MailState.WAITING:
        return []
    member, subscription = item.copied_to, item.subscription
    if member is not None and member.removed_at is not None:
        return []
    holder = member or (subscription.customer if subscription is not None else None)
    now_at = (holder.email if holder is not None else None) or mail.recipient
    url = url_for(".mail_resend", mail_id=mail.id)
    return [Way(label=_("Send it again to %(address)s", address=now_at), url=url, posts=True)]
