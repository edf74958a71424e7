"""What a merchant decides, in groups that are saved each by itself: who may cancel, the face, addresses, language."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, fields, make_dataclass
from datetime import date
from typing import Any, ClassVar, Final, cast
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain import policies
from portal.domain.audit import PORTAL, Act, By
from portal.domain.edits import Subject
from portal.domain.law import retention
from portal.domain.law.countries import Country
from portal.domain.law.offers import FIELDS as OFFER_FIELDS
from portal.domain.law.offers import with_answer
from portal.domain.merchants.notices import OPTIONAL, is_sent, left_out_with
from portal.domain.merchants.sections import Section, hidden_with, is_shown
from portal.domain.merchants.site_links import Place, placed_with
from portal.models import KeyState, Merchant
from portal.queries import edits as stored
from portal.queries.merchants import paypal_accounts
from portal.queries.people import merchants
from portal.services import edits
from portal.services.context import Context
from portal.services.notices import end_confirmations

log = structlog.get_logger(__name__)

TEXTS: Final = frozenset(  # the audit chain holds which, not what
    {
        *("cancellation_text", "name", "sender_name", "support_email"),
        *("offer_text_fr", "offer_text_en", "offer_url"),
        *("site_url", "terms_url", "privacy_url", "legal_url", "receipt_text", "postal_address"),
    }
)


@dataclass(frozen=True, kw_only=True)
class Group:
    """Answers that are read and saved together; they bear the names of the merchant's columns.

    None has a default: an answer that a form forgets would be wiped out at each save.
    """

    kind: ClassVar[str]  # under which its versions are counted

    @staticmethod
    def row_of(merchant: Merchant) -> Any:
        """Return what bears the answers' names."""
        return merchant


@dataclass(frozen=True, kw_only=True)
class Cancellation(Group):
    """Whether customers cancel by themselves, and what they read when they cannot."""

    kind = "settings.cancellation"
    self_cancellation: bool
    cancellation_text: str


@dataclass(frozen=True, kw_only=True)
class Face(Group):
    """How customers know the merchant; `accent` is #rrggbb, empty for the portal's own."""

    kind = "settings.face"
    name: str
    sender_name: str
    accent: str


@dataclass(frozen=True, kw_only=True)
class Sign(Group):
    """The logo that stands in place of the plate (services.logos)."""

    kind = "settings.logo"
    logo_id: uuid.UUID | None


@dataclass(frozen=True, kw_only=True)
class Addresses(Group):
    """Where customers write, the merchant's own pages that they are shown, and its lines on receipts; empty: none."""

    kind = "settings.addresses"
    support_email: str
    site_url: str
    terms_url: str
    privacy_url: str
    legal_url: str
    receipt_text: str


@dataclass(frozen=True, kw_only=True)
class Returns(Group):
    """Where a link to one task may lead its customer back to; the audit chain has them, since they open a way out."""

    kind = "settings.returns"
    return_addresses: list[str]


@dataclass(frozen=True, kw_only=True)
class Language(Group):
    """`time_zone` is an IANA name, `locale` a language of the portal."""

    kind = "settings.language"
    locale: str
    time_zone: str


@dataclass(frozen=True, kw_only=True)
class Countries(Group):
    """Under which countries' consumers' law it sells (`domain.countries`), and how its public pages for that stand."""

    kind = "settings.countries"
    country: Country
    sells_to: list[str]
    public_indexed: bool
    postal_address: str
    withdrawal_informed_since: date | None


class Offered:
    """The offer beside cancelling, as columns of its own would be: `offer_kind`, and so on."""

    _merchant: Merchant

    def __init__(self, merchant: Merchant) -> None:
        object.__setattr__(self, "_merchant", merchant)

    def __getattr__(self, name: str) -> str:
        return str(self._merchant.leaving_offer.get(name, OFFER_FIELDS[name]))

    def __setattr__(self, name: str, value: str) -> None:
        merchant = self._merchant
        merchant.leaving_offer = with_answer(merchant.leaving_offer, name, value)


@dataclass(frozen=True, kw_only=True)
class Offer(Group):
    """The one thing that is offered to who is about to cancel (domain.offers)."""

    kind = "settings.offer"
    offer_kind: str
    offer_text_fr: str
    offer_text_en: str
    offer_url: str

    @staticmethod
    def row_of(merchant: Merchant) -> Offered:
        """Return the offer, answer by answer."""
        return Offered(merchant)


class Switches:
    """A merchant's sections as columns of their own would be: `shows_payments`, and so on."""

    _merchant: Merchant

    def __init__(self, merchant: Merchant) -> None:
        object.__setattr__(self, "_merchant", merchant)

    def __getattr__(self, name: str) -> bool:
        return is_shown(SECTION_OF[name], self._merchant.hidden_sections)

    def __setattr__(self, name: str, shown: bool) -> None:
        merchant = self._merchant
        merchant.hidden_sections = hidden_with(merchant.hidden_sections, SECTION_OF[name], shown=shown)


class _Shown(Group):
    kind = "settings.sections"

    @staticmethod
    def row_of(merchant: Merchant) -> Switches:
        """Return the sections, one by one."""
        return Switches(merchant)


SECTION_OF: Final = {f"shows_{section.value}": section for section in Section}
# Which sections customers see: an answer for each line of the domain's table.
Sections = cast(
    "type[Group]",
    make_dataclass("Sections", [(name, bool) for name in SECTION_OF], bases=(_Shown,), frozen=True, kw_only=True),
)


class Letters:
    """Which mails a merchant sends of those that it may leave out, as columns of their own: `sends_access_given`…"""

    _merchant: Merchant

    def __init__(self, merchant: Merchant) -> None:
        object.__setattr__(self, "_merchant", merchant)

    def __getattr__(self, name: str) -> bool:
        return is_sent(NOTICE_OF[name], self._merchant.notices_left_out)

    def __setattr__(self, name: str, sent: bool) -> None:
        merchant = self._merchant
        merchant.notices_left_out = left_out_with(merchant.notices_left_out, NOTICE_OF[name], sent=sent)


class _Sent(Group):
    kind = "settings.notices"

    @staticmethod
    def row_of(merchant: Merchant) -> Letters:
        """Return the mails, one by one."""
        return Letters(merchant)


NOTICE_OF: Final = {f"sends_{kind}": kind for kind in OPTIONAL}
# Which mails leave: an answer for each that the law and the promise allow to leave out.
Notices = cast(
    "type[Group]",
    make_dataclass("Notices", [(name, bool) for name in NOTICE_OF], bases=(_Sent,), frozen=True, kw_only=True),
)


class Spans:
    """How long a merchant keeps what, as columns of their own would be: `keeps_proofs`, and so on."""

    _merchant: Merchant

    def __init__(self, merchant: Merchant) -> None:
        object.__setattr__(self, "_merchant", merchant)

    def __getattr__(self, name: str) -> int:
        return retention.span(KIND_OF[name], self._merchant.retention)

    def __setattr__(self, name: str, value: int) -> None:
        self._merchant.retention = retention.chosen_with(self._merchant.retention, KIND_OF[name], value)


class _Kept(Group):
    kind = "settings.retention"

    @staticmethod
    def row_of(merchant: Merchant) -> Spans:
        """Return the spans, one by one."""
        return Spans(merchant)


KIND_OF: Final = {f"keeps_{kind.value}": kind for kind in retention.CHOSEN}
# How long what is kept: an answer for each kind that has something to choose.
Retention = cast(
    "type[Group]",
    make_dataclass("Retention", [(name, int) for name in KIND_OF], bases=(_Kept,), frozen=True, kw_only=True),
)


class Places:
    """What a merchant says stands on its own site, as columns of their own would be: `placed_notice`, and so on."""

    _merchant: Merchant

    def __init__(self, merchant: Merchant) -> None:
        object.__setattr__(self, "_merchant", merchant)

    def __getattr__(self, name: str) -> bool:
        return PLACE_OF[name].value in self._merchant.placed_links

    def __setattr__(self, name: str, value: bool) -> None:
        merchant = self._merchant
        today = utc_now().astimezone(ZoneInfo(merchant.time_zone)).date()
        merchant.placed_links = placed_with(merchant.placed_links, PLACE_OF[name], on=today, is_placed=value)


class _Placed(Group):
    kind = "settings.links"

    @staticmethod
    def row_of(merchant: Merchant) -> Places:
        """Return the places, one by one."""
        return Places(merchant)


PLACE_OF: Final = {f"placed_{place.value}": place for place in Place}
# What stands on the merchant's own site: an answer for each line of the domain's table.
Links = cast(
    "type[Group]",
    make_dataclass("Links", [(name, bool) for name in PLACE_OF], bases=(_Placed,), frozen=True, kw_only=True),
)


def read(session: Session, merchant_id: uuid.UUID, group: type[Group]) -> dict[str, Any]:
    """Return a group's answers as they are stored, and as `version` the one that a form of them carries."""
    version = stored.version(session, subject(merchant_id, group))  # before the values: see there
    row = group.row_of(merchants.of(session, merchant_id))
    return {one.name: getattr(row, one.name) for one in fields(group)} | {"version": version}


def key_passed(session: Session, merchant_id: uuid.UUID) -> bool:
    """Say whether a stored key passed its last live test: what switching on needs (product.md, decision 6)."""
    accounts = paypal_accounts.all_of_merchant(session, merchant_id).values()
    return any(account.state is KeyState.WORKING for account in accounts)


def save(ctx: Context, merchant_id: uuid.UUID, wish: Group, *, seen: int | None = None, by: By = PORTAL) -> None:
    """Write a group; `seen` is the version that its form showed, None where there was no form.

    Raises EditedMeanwhile when somebody saved it since, and NotAllowed(KEY_NOT_TESTED) when the switch may not be
    turned on yet. Leaving it on with a key that broke later is no turning on: the button stays (decision 6).
    """
    edited, answers = subject(merchant_id, type(wish)), vars(wish)
    with ctx.db.begin() as session:
        row = wish.row_of(merchants.lock(session, merchant_id))
        changed = edits.changes(row, answers)
        if not changed:  # also a form that was sent twice: nothing of anybody's is overwritten
            return
        edits.check(session, edited, read=seen)
        if "self_cancellation" in changed:
            _check_switch(session, merchant_id, on=answers["self_cancellation"])
        edits.note(session, edited, changed, act=Act.SETTINGS_CHANGED, texts=TEXTS, by=by)
        for name, value in answers.items():
            setattr(row, name, value)
        if changed.get("shows_comebacks") == [True, False]:
            end_confirmations.invitations_withdrawn(ctx, session, merchant_id, now=utc_now())


def _check_switch(session: Session, merchant_id: uuid.UUID, *, on: bool) -> None:
    if on:
        policies.check_switch_on(key_passed_its_test=key_passed(session, merchant_id))
    log.info("self_cancellation_switched", merchant_id=str(merchant_id), on=on)


def subject(merchant_id: uuid.UUID, group: type[Group]) -> Subject:
    """Return a group as what several people edit."""
    return Subject(merchant_id=merchant_id, kind=group.kind, id=merchant_id)
