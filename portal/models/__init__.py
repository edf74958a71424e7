"""One class per file: columns, named constraints, and the methods that keep them true."""

from portal.models.access_marks import AccessMark
from portal.models.account_members import AccountMember
from portal.models.address_changes import AddressChange
from portal.models.address_holds import AddressHold
from portal.models.api_keys import ApiKey, ApiReply, ApiUse
from portal.models.audit import AuditEntry, AuditHead
from portal.models.base import Base, Provider
from portal.models.bulk_acts import NOT_CONFIRMED, BulkAct, BulkRow, BulkRowState, BulkState, Hold
from portal.models.comebacks import Comeback
from portal.models.comparisons import (
    ComparisonDifference,
    ComparisonPhase,
    ComparisonRun,
    ComparisonState,
    ComparisonTrigger,
)
from portal.models.customer_erasures import CustomerErasure, ErasedPayer
from portal.models.customer_joinings import CustomerJoining
from portal.models.customer_notes import CustomerNote
from portal.models.customers import Customer
from portal.models.data_exports import DataExport, ExportState
from portal.models.edits import EditEntry
from portal.models.end_requests import EndRequest
from portal.models.event_deliveries import EventAttempt, EventDelivery
from portal.models.event_endpoints import EventEndpoint
from portal.models.figures import DailyFigure, FigureBook, FigureChange
from portal.models.file_imports import FileImport, FileImportFault, FileImportKey, FileImportPart
from portal.models.health import HealthMark
from portal.models.import_runs import ImportRun, ImportState
from portal.models.journal import Installation, JournalEntry
from portal.models.late_payments import LatePayment
from portal.models.legal_texts import LegalText
from portal.models.list_exports import ListExport, ListExportPart
from portal.models.list_views import ListView
from portal.models.logos import Logo
from portal.models.mails import Mail, MailState
from portal.models.merchant_archives import MerchantArchive, MerchantArchivePart
from portal.models.merchant_news import MerchantNews, NewsKind
from portal.models.merchants import Merchant
from portal.models.notice_texts import NoticeText
from portal.models.offer_answers import OfferAnswered
from portal.models.outgoing_events import OutgoingEvent
from portal.models.own_hosts import OwnHost
from portal.models.passkeys import Passkey, SpentChallenge
from portal.models.pauses import PauseRequest
from portal.models.payments import NOT_TAKEN, Payment, PaymentState
from portal.models.paypal_accounts import KeyState, PayPalAccount
from portal.models.paypal_events import EventSource, EventState, PayPalEvent
from portal.models.products import Grant, Plan, Product, ProductContent
from portal.models.profile_imports import ProfileImport, ProfileImportRow, ProfileRowState
from portal.models.proofs import Proof, ProofFile
from portal.models.public_declarations import PublicDeclaration
from portal.models.received_requests import ReceivedRequest
from portal.models.refunds import EndRefund, Refund
from portal.models.renewals import RenewalRefund, RenewalReminder
from portal.models.retention_runs import RetentionRun
from portal.models.search_words import SearchWord
from portal.models.sessions import LoginBrowser, LoginChallenge, LoginSession, StaffLink, Throttle
from portal.models.settlements import Settlement
from portal.models.setup_codes import SetupCode
from portal.models.signing_keys import SigningKey
from portal.models.site_logins import SiteLogin
from portal.models.staff import Invitation, Membership, RecoveryCode, Staff, StaffDevice
from portal.models.subscriptions import Subscription
from portal.models.task_links import TaskLink
from portal.models.time_stamps import TimeStamp
from portal.models.timeline import TimelineEntry, TimelineKind
from portal.models.webhook_endpoints import WebhookEndpoint, WebhookTrouble
from portal.models.withdrawals import ContractConsent, Withdrawal

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
