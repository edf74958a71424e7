"""One class per file: columns, named constraints, and the methods that keep them true."""

from portal.models.base import Base
from portal.models.customers import Customer
from portal.models.end_requests import EndRequest
from portal.models.import_runs import ImportRun, ImportState
from portal.models.mails import Mail, MailState
from portal.models.merchants import Merchant
from portal.models.paypal_accounts import KeyState, PayPalAccount
from portal.models.products import Grant, Plan, Product, ProductContent
from portal.models.sessions import LoginChallenge, LoginSession, Throttle
from portal.models.staff import RecoveryCode, Staff
from portal.models.subscriptions import Provider, Subscription
from portal.models.timeline import TimelineEntry, TimelineKind

__all__ = [
    "Base",
    "Customer",
    "EndRequest",
    "Grant",
    "ImportRun",
    "ImportState",
    "KeyState",
    "LoginChallenge",
    "LoginSession",
    "Mail",
    "MailState",
    "Merchant",
    "PayPalAccount",
    "Plan",
    "Product",
    "ProductContent",
    "Provider",
    "RecoveryCode",
    "Staff",
    "Subscription",
    "Throttle",
    "TimelineEntry",
    "TimelineKind",
]
