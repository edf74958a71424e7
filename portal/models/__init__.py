"""One class per file: columns, named constraints, and the methods that keep them true."""

from portal.models.access.access_marks import AccessMark
from portal.models.access.products import Grant, Plan, Product, ProductContent
from portal.models.base import Base, Provider
from portal.models.comparisons import (
    ComparisonDifference,
    ComparisonPhase,
    ComparisonRun,
    ComparisonState,
    ComparisonTrigger,
)
from portal.models.desk.figures import DailyFigure, FigureBook, FigureChange
from portal.models.desk.file_imports import FileImport, FileImportFault, FileImportKey, FileImportPart
from portal.models.desk.import_runs import ImportRun, ImportState
from portal.models.desk.list_exports import ListExport, ListExportPart
from portal.models.desk.list_views import ListView
from portal.models.desk.profile_imports import ProfileImport, ProfileImportRow, ProfileRowState
from portal.models.edits import EditEntry
from portal.models.ends.bulk_acts import NOT_CONFIRMED, BulkAct, BulkRow, BulkRowState, BulkState, Hold
from portal.models.ends.comebacks import Comeback
from portal.models.ends.end_requests import EndRequest
from portal.models.ends.offer_answers import OfferAnswered
from portal.models.ends.pauses import PauseRequest
from portal.models.ends.received_requests import ReceivedRequest
from portal.models.integrations.api_keys import ApiKey, ApiReply, ApiUse
from portal.models.integrations.event_deliveries import EventAttempt, EventDelivery
from portal.models.integrations.event_endpoints import EventEndpoint
from portal.models.integrations.outgoing_events import OutgoingEvent
from portal.models.integrations.signing_keys import SigningKey
from portal.models.integrations.site_logins import SiteLogin
from portal.models.integrations.task_links import TaskLink
from portal.models.law.legal_texts import LegalText
from portal.models.law.proofs import Proof, ProofFile
from portal.models.law.public_declarations import PublicDeclaration
from portal.models.law.renewals import RenewalRefund, RenewalReminder
from portal.models.law.retention_runs import RetentionRun
from portal.models.law.time_stamps import TimeStamp
from portal.models.law.withdrawals import ContractConsent, Withdrawal
from portal.models.merchants.logos import Logo
from portal.models.merchants.merchant_archives import MerchantArchive, MerchantArchivePart
from portal.models.merchants.merchant_news import MerchantNews, NewsKind
from portal.models.merchants.merchants import Merchant
from portal.models.merchants.notice_texts import NoticeText
from portal.models.merchants.own_hosts import OwnHost
from portal.models.merchants.paypal_accounts import KeyState, PayPalAccount
from portal.models.messages.mails import Mail, MailState
from portal.models.messages.paypal_events import EventSource, EventState, PayPalEvent
from portal.models.messages.webhook_endpoints import WebhookEndpoint, WebhookTrouble
from portal.models.money.late_payments import LatePayment
from portal.models.money.payments import NOT_TAKEN, Payment, PaymentState
from portal.models.money.refunds import EndRefund, Refund
from portal.models.money.settlements import Settlement
from portal.models.operating.audit import AuditEntry, AuditHead
from portal.models.operating.health import HealthMark
from portal.models.operating.journal import Installation, JournalEntry
from portal.models.people.account_members import AccountMember
from portal.models.people.address_changes import AddressChange
from portal.models.people.address_holds import AddressHold
from portal.models.people.customer_erasures import CustomerErasure, ErasedPayer
from portal.models.people.customer_joinings import CustomerJoining
from portal.models.people.customer_notes import CustomerNote
from portal.models.people.customers import Customer
from portal.models.people.data_exports import DataExport, ExportState
from portal.models.people.passkeys import Passkey, SpentChallenge
from portal.models.people.sessions import LoginBrowser, LoginChallenge, LoginSession, StaffLink, Throttle
from portal.models.people.setup_codes import SetupCode
from portal.models.people.staff import Invitation, Membership, RecoveryCode, Staff, StaffDevice
from portal.models.search_words import SearchWord
from portal.models.subscriptions import Subscription
from portal.models.timeline import TimelineEntry, TimelineKind

__all__ = [
    "NOT_CONFIRMED",
    "NOT_TAKEN",
    "AccessMark",
    "AccountMember",
    "AddressChange",
    "AddressHold",
    "ApiKey",
    "ApiReply",
    "ApiUse",
    "AuditEntry",
    "AuditHead",
    "Base",
    "BulkAct",
    "BulkRow",
    "BulkRowState",
    "BulkState",
    "Comeback",
    "ComparisonDifference",
    "ComparisonPhase",
    "ComparisonRun",
    "ComparisonState",
    "ComparisonTrigger",
    "ContractConsent",
    "Customer",
    "CustomerErasure",
    "CustomerJoining",
    "CustomerNote",
    "DailyFigure",
    "DataExport",
    "EditEntry",
    "EndRefund",
    "EndRequest",
    "ErasedPayer",
    "EventAttempt",
    "EventDelivery",
    "EventEndpoint",
    "EventSource",
    "EventState",
    "ExportState",
    "FigureBook",
    "FigureChange",
    "FileImport",
    "FileImportFault",
    "FileImportKey",
    "FileImportPart",
    "Grant",
    "HealthMark",
    "Hold",
    "ImportRun",
    "ImportState",
    "Installation",
    "Invitation",
    "JournalEntry",
    "KeyState",
    "LatePayment",
    "LegalText",
    "ListExport",
    "ListExportPart",
    "ListView",
    "LoginBrowser",
    "LoginChallenge",
    "LoginSession",
    "Logo",
    "Mail",
    "MailState",
    "Membership",
    "Merchant",
    "MerchantArchive",
    "MerchantArchivePart",
    "MerchantNews",
    "NewsKind",
    "NoticeText",
    "OfferAnswered",
    "OutgoingEvent",
    "OwnHost",
    "Passkey",
    "PauseRequest",
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
    "ProofFile",
    "Provider",
    "PublicDeclaration",
    "ReceivedRequest",
    "RecoveryCode",
    "Refund",
    "RenewalRefund",
    "RenewalReminder",
    "RetentionRun",
    "SearchWord",
    "Settlement",
    "SetupCode",
    "SigningKey",
    "SiteLogin",
    "SpentChallenge",
    "Staff",
    "StaffDevice",
    "StaffLink",
    "Subscription",
    "TaskLink",
    "Throttle",
    "TimeStamp",
    "TimelineEntry",
    "TimelineKind",
    "WebhookEndpoint",
    "WebhookTrouble",
    "Withdrawal",
]
