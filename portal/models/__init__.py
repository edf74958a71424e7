"""One class per file: columns, named constraints, and the methods that keep them true."""

from portal.models.base import Base, Provider
from portal.models.comparisons import (
    ComparisonDifference,
    ComparisonPhase,
    ComparisonRun,
    ComparisonState,
    ComparisonTrigger,
)
from portal.models.customers import Customer
from portal.models.end_requests import EndRequest
from portal.models.import_runs import ImportRun, ImportState
from portal.models.mails import Mail, MailState
from portal.models.merchants import Merchant
from portal.models.payments import Payment, PaymentState
from portal.models.paypal_accounts import KeyState, PayPalAccount
from portal.models.paypal_events import EventSource, EventState, PayPalEvent
from portal.models.products import Grant, Plan, Product, ProductContent
from portal.models.profile_imports import ProfileImport, ProfileImportRow, ProfileRowState
from portal.models.proofs import Proof
from portal.models.sessions import LoginChallenge, LoginSession, Throttle
from portal.models.staff import RecoveryCode, Staff
from portal.models.subscriptions import Subscription
from portal.models.timeline import TimelineEntry, TimelineKind
from portal.models.webhook_endpoints import WebhookEndpoint, WebhookTrouble

__all__ = [
    "Base",
    "ComparisonDifference",
    "ComparisonPhase",
    "ComparisonRun",
    "ComparisonState",
    "ComparisonTrigger",
    "Customer",
    "EndRequest",
    "EventSource",
    "EventState",
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
    "PayPalEvent",
    "Payment",
    "PaymentState",
    "Plan",
    "Product",
    "ProductContent",
    "ProfileImport",
    "ProfileImportRow",
    "ProfileRowState",
    "Proof",
    "Provider",
    "RecoveryCode",
    "Staff",
    "Subscription",
    "Throttle",
    "TimelineEntry",
    "TimelineKind",
    "WebhookEndpoint",
    "WebhookTrouble",
]
