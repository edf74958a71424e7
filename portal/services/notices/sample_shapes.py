"""The facts of a sample in the shapes that mails want."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, Final

from portal.documents.facts import ProofFacts
from portal.documents.proofs import wording
from portal.documents.words import NOT_SETTLED
from portal.domain.ends.end_requests import Basis, Channel
from portal.domain.ends.pauses import PauseKind, PauseState
from portal.domain.law.withdrawals import Verdict
from portal.domain.money.money import Money
from portal.domain.money.settlements import SettlementRefusal
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.mail import customers
from portal.mail.declarations import DeclaredWords, LinkWords
from portal.mail.facts import AccessFacts, ComebackFacts, EffectFacts, EndFacts, PauseFacts, ProofWords, ReceivedFacts
from portal.mail.late_payments import LateFacts
from portal.mail.missed_payments import MissedFacts
from portal.mail.own_data import ErasureFacts
from portal.mail.prices import PriceFacts
from portal.mail.refunds import RefundFacts
from portal.mail.settlements import SettlementFacts
from portal.mail.withdrawals import WithdrawalFacts
from portal.services.notices.sample_facts import MONTH, SampleFacts

REFERENCE: Final = "K7QM-4TXD"
PAYMENT: Final = "51702746VX892953R"


@dataclass(frozen=True)
class Model(SampleFacts):
    """A sample's facts, shape by shape."""

    @cached_property
    def end(self) -> EndFacts:
        """A request to end it."""
        return EndFacts(
            **self.whose,
            **self.paid,
            **self.schedule,
            reference=REFERENCE,
            asked_at=self.now,
            asked_by=Actor.CUSTOMER,
            next_payment_at=self.until,
            now=self.now,
            path=self.account,
        )

    @property
    def effects(self) -> EffectFacts:
        """Its end."""
        return EffectFacts(
            outcome=Status.CANCELLED,
            confirmed_at=self.now,
            stopped_at=self.now,
            ended_at=self.until,
            last_payment_at=self.now - MONTH,
            access_until=self.until,
        )

    def proof(self, basis: Basis) -> ProofWords:
        """Return the proof of its end."""
        end = self.end
        facts = ProofFacts(
            **self.of("customer_name", "product", "price", "interval_unit", "interval_count", "is_schedule"),
            reference=REFERENCE,
            merchant_name=self.head.merchant_name,
            time_zone=self.head.time_zone,
            locale=self.head.locale,
            provider_id="I-…",
            environment="live",
            actor=Actor.CUSTOMER,
            channel=Channel.PORTAL,
            asked_at=end.asked_at,
            reason_code="",
            reason_text="",
            shown={},
            before={},
            sent_at=None if basis is Basis.ALREADY_OVER else self.now,
            accepted_at=self.now,
            answer={},
            provider_status="CANCELLED",
            outcome=Status.CANCELLED,
            basis=basis,
            confirmed_at=self.now,
            stopped_at=self.now,
            last_payment_at=self.now - MONTH,
            paid_until=self.until,
            access_until=self.until,
            is_access_unknown=False,
            kept=(),
            ended_at=self.until,
            made_at=self.now,
            check_url=self.head.url(f"/proof/{REFERENCE}"),
        )
        return wording(facts)

    @property
    def access(self) -> AccessFacts:
        """Access that ends."""
        return AccessFacts(**self.of("product", "customer_name"), until=self.until, kept=(), path=self.account)

    @property
    def given(self) -> customers.GivenFacts:
        """Access given by hand."""
        whose = self.of("product", "customer_name")
        return customers.GivenFacts(**whose, opens_at=None, until=self.until, has_more=False, path=self.account)

    @property
    def missed(self) -> MissedFacts:
        """A payment that did not come."""
        return MissedFacts(
            **self.of("product", "customer_name", "is_schedule"),
            amount=self.price,
            since=self.now,
            is_suspended=False,
            open_until=self.until,
            is_open=True,
            next_payment_at=self.until,
            path=self.account,
        )

    def late(self, *, back: Money | None = None) -> LateFacts:
        """Return a payment after its end, of which `back` went back."""
        back = back or self.nothing
        return LateFacts(
            **self.whose,
            **self.schedule,
            amount=self.price,
            paid_at=self.now,
            provider_id=PAYMENT,
            reference=REFERENCE,
            asked_by_customer=True,
            given_back=back,
            taken_back=self.nothing,
            left=Money(self.price.amount - back.amount, self.price.currency),
            path=self.account,
        )

    def pause(self, kind: PauseKind = PauseKind.PAUSE, **more: Any) -> PauseFacts:
        """Return a pause of it."""
        facts: dict[str, Any] = {"state": PauseState.DONE, "resumes_at": self.until, "next_payment_at": None}
        return PauseFacts(
            **self.whose,
            **self.paid,
            kind=kind,
            asked_by=Actor.CUSTOMER,
            asked_at=self.now,
            access_until=self.until,
            path=self.account,
            **{**facts, **more},
        )

    @property
    def resumed(self) -> PauseFacts:
        """The end of a pause."""
        return self.pause(PauseKind.RESUME, next_payment_at=self.until, resumes_at=None)

    @property
    def received(self) -> ReceivedFacts:
        """A notice that came another way."""
        return ReceivedFacts(
            reference=REFERENCE,
            name=self.name,
            email=self.facts["customer_email"],
            received_at=self.now,
            contract=self.product,
            wished_on=None,
            message="",
            path=self.account,
        )

    @property
    def declared(self) -> DeclaredWords:
        """A declaration on the public page."""
        _ = self.head.words.gettext
        email = self.facts["customer_email"]
        return DeclaredWords(
            heading=_("Cancel your contract"),
            reference=REFERENCE,
            declared_at=self.now,
            email=email,
            rows=((_("Name"), self.name), (_("Email address"), email)),
            path=f"/{self.slug}/declarations/{REFERENCE}",
            is_cancellation=True,
        )

    @property
    def link(self) -> LinkWords:
        """The question to the address on file."""
        return LinkWords(
            reference=REFERENCE,
            declared_at=self.now,
            customer_name=self.name,
            products=(self.product,),
            wished_on=None,
            due_at=self.now + timedelta(days=1),
            path=f"/{self.slug}/declarations/{REFERENCE}",
        )

    @property
    def withdrawal(self) -> WithdrawalFacts:
        """A withdrawal from the contract."""
        return WithdrawalFacts(
            **self.whose,
            **self.schedule,
            reference=REFERENCE,
            declared_at=self.now,
            has_hour=True,
            verdict=Verdict.IN_TIME,
            is_over=False,
            due=self.price,
            owed=None,
            refund_by=self.now + timedelta(days=14),
            path=self.account,
        )

    @property
    def refund(self) -> RefundFacts:
        """A refund."""
        return RefundFacts(
            **self.of("product", "customer_name", "is_schedule"),
            amount=self.price,
            paid=self.price,
            paid_at=self.now - MONTH,
            is_whole=True,
            now=self.now,
            payment_id=PAYMENT,
            path=self.account,
        )

    @property
    def settlement(self) -> SettlementFacts:
        """An amount that was not taken."""
        return SettlementFacts(
            **self.of("product", "customer_name"),
            amount=self.price,
            asked_at=self.now,
            why=NOT_SETTLED[SettlementRefusal.DECLINED],
            path=self.account,
        )

    @property
    def comeback(self) -> ComebackFacts:
        """A new subscription."""
        return ComebackFacts(
            **self.whose, **self.paid, provider_id="I-…", starts_at=self.until, is_ahead=True, path=self.account
        )

    @property
    def erasure(self) -> ErasureFacts:
        """An erasure of the customer."""
        return ErasureFacts(
            customer_name=self.name,
            reference=REFERENCE,
            asked_at=self.now,
            due_at=self.now + timedelta(days=14),
            path=self.account,
        )

    @property
    def new_price(self) -> PriceFacts:
        """Another price."""
        dearer = Money(self.price.amount + 1, self.price.currency)
        return PriceFacts(
            **self.of("customer_name", "product", "interval_unit", "interval_count", "is_schedule"),
            former=self.price,
            amount=dearer,
            next_payment_at=self.until,
            path=self.account,
        )
