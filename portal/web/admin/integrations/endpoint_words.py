"""Events, endpoints and deliveries in the desk's words. Lazy: said in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.domain.integrations.outgoing_events import DeliveryState, EndpointState, EventType, Fault
from portal.formatting import Formatter

if TYPE_CHECKING:
    from portal.models import EventAttempt, EventEndpoint

TYPE: Final[Mapping[EventType, LazyString]] = {
    EventType.SUBSCRIPTION_STARTED: _l("A subscription has started"),
    EventType.SUBSCRIPTION_UPDATED: _l("A subscription has changed"),
    EventType.SUBSCRIPTION_END_REQUESTED: _l("The end of a subscription was requested"),
    EventType.SUBSCRIPTION_ENDED: _l("PayPal has confirmed the end of a subscription"),
    EventType.SUBSCRIPTION_PAUSED: _l("A subscription is paused"),
    EventType.SUBSCRIPTION_RESUMED: _l("A paused subscription goes on"),
    EventType.SUBSCRIPTION_PAYMENT_FAILED: _l("PayPal could not take a payment"),
    EventType.PAYMENT_COMPLETED: _l("A payment was received"),
    EventType.PAYMENT_REFUNDED: _l("Money of a payment went back"),
    EventType.ACCESS_GRANTED: _l("A customer may open something"),
    EventType.ACCESS_CHANGED: _l("What a customer may open has changed"),
    EventType.ACCESS_ENDED: _l("An access has ended"),
    EventType.CUSTOMER_UPDATED: _l("A customer’s details have changed"),
    EventType.CUSTOMER_ERASED: _l("A customer’s data was erased"),
    EventType.REQUEST_NEEDS_MERCHANT: _l("A request waits for you"),
    EventType.ENDPOINT_TEST: _l("Test event"),
}
STATE: Final[Mapping[EndpointState, LazyString]] = {
    EndpointState.ENABLED: _l("On"),
    EndpointState.PAUSED: _l("Paused"),
    EndpointState.DISABLED: _l("Off"),
}
MARK: Final[Mapping[EndpointState, str]] = {
    EndpointState.ENABLED: "active",
    EndpointState.PAUSED: "paused",
    EndpointState.DISABLED: "cancelled",
}
DELIVERY: Final[Mapping[DeliveryState, LazyString]] = {
    DeliveryState.WAITING: _l("Waiting"),
    DeliveryState.DELIVERED: _l("Delivered"),
    DeliveryState.FAILED: _l("Not delivered"),
}
DELIVERY_MARK: Final[Mapping[DeliveryState, str]] = {
    DeliveryState.WAITING: "recorded",
    DeliveryState.DELIVERED: "ok",
    DeliveryState.FAILED: "stop",
}
FAULT: Final[Mapping[Fault, LazyString]] = {
    Fault.TIMEOUT: _l("No answer in time"),
    Fault.UNREACHABLE: _l("Nobody answers at this address"),
    Fault.CERTIFICATE: _l("The certificate of the site is not valid"),
    Fault.NOT_PUBLIC: _l("The address does not lead to a public server"),
    Fault.SECRET: _l("The portal could not open the secret; its operator has to look"),
}
CONTENT: Final[Mapping[str, LazyString]] = {
    "thin": _l("Only the id: your system asks the API for the rest"),
    "full": _l("The whole object, with your customers’ data"),
}
WORLD: Final[Mapping[str, LazyString]] = {
    "both": _l("Real subscriptions and those of PayPal’s sandbox: each event says which"),
    "live": _l("Real subscriptions only"),
    "sandbox": _l("PayPal’s sandbox only"),
}
BAD_ADDRESS: Final[Mapping[str, LazyString]] = {
    "not_https": _l("Enter an address that begins with https://."),
    "port": _l("Events are sent to the ports 443 and 8443 alone. Enter an address with one of them, or with none."),
    "userinfo": _l("Leave out the user name and the password: the signature proves that the portal sends it."),
    "fragment": _l("Leave out what comes after the #: no server receives it."),
    "too_long": _l("This address is too long."),
    "unreadable": _l("Enter the whole address, for example https://www.example.com/events."),
}


def short_address(address: str) -> str:
    """Return host and path: what stands behind a question mark may be a secret."""
    parts = urlsplit(address)
    return f"{parts.netloc}{parts.path}"


def result(attempt: EventAttempt) -> str:
    """Return what a try came to."""
    if attempt.fault is not None:
        return str(FAULT[attempt.fault])
    return _("Answer %(status)s", status=attempt.status)


def seconds(attempt: EventAttempt, fmt: Formatter) -> str:
    """Return how long a try took."""
    return _("%(number)s s", number=fmt.tenths(attempt.took_ms / 1000))


def wanted(endpoint: EventEndpoint) -> str:
    """Return what it is told, in a line."""
    return ", ".join(endpoint.types) if endpoint.types else _("All events")
