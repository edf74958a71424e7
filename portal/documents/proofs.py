"""The words of a proof: one function for the page, the PDF and the mail, so that all three say the same.

The sentences are those of cancellation.md's table.  Everything comes from the stored facts, so a proof says
in ten years what it says today; what changed since is for the page to add.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from portal.documents import words
from portal.documents.access import access_sentence, kept_names
from portal.documents.askings import Rows, asked_before, asked_rows, asked_when, wished_row
from portal.documents.facts import ProofFacts, clean, moment_of
from portal.documents.recaps import recap
from portal.domain.ends.end_requests import Basis
from portal.domain.ends.received_requests import was_timed
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.formatting import Formatter
from portal.i18n import Translator
from portal.mail.facts import ProofWords

A_WHILE: Final = timedelta(hours=1)  # an end that was confirmed so long after it was asked for names both times


class Kind(StrEnum):
    """Which of cancellation.md's sentences an end gets."""

    CONFIRMED = "confirmed"
    ALREADY_OVER = "already_over"  # somebody asked here, and it had ended before
    SEEN_AT_PROVIDER = "seen_at_provider"  # nobody asked here
    NEVER_STARTED = "never_started"


def kind_of(actor: Actor, basis: Basis | None, *, sent_at: datetime | None) -> Kind:
    """Return which sentence is true. One found over after our own call left is confirmed, not "already over"."""
    if basis is Basis.NEVER_STARTED:
        return Kind.NEVER_STARTED
    if actor is Actor.PROVIDER:
        return Kind.SEEN_AT_PROVIDER
    return Kind.ALREADY_OVER if basis is Basis.ALREADY_OVER and sent_at is None else Kind.CONFIRMED


def wording(facts: ProofFacts, *, code: str = "", locale: str = "") -> ProofWords:
    """Return what the proof says in a language (the customer's, unless told otherwise).

    Without a code, nothing is said about checking it.
    """
    translator = Translator(locale or facts.locale)
    proof = _Proof(facts, translator, Formatter(translator.locale, facts.time_zone, translator))
    return ProofWords(
        heading=proof.heading(),
        lede=" ".join(part for part in (proof.withdrawal(), proof.sentence(), proof.debt(), proof.access()) if part),
        reference=translator.gettext("Reference: %(reference)s.", reference=facts.asked_under),
        lines=tuple(proof.lines()),
        rows=tuple(proof.rows() + proof.check_rows(code)),
        shown=recap(facts, translator, proof.fmt),
        check_url=facts.check_url if code else "",
    )


def spoken(code: str) -> str:
    """Return a code as it is printed: XXXX-XXXX."""
    return f"{code[:4]}-{code[4:]}"


def public_rows(facts: ProofFacts, *, locale: str) -> tuple[tuple[str, str], ...]:
    """Return what a third party with the code may read: nothing personal, no product, no price, no PayPal number."""
    translator = Translator(locale)
    fmt = Formatter(translator.locale, facts.time_zone, translator)
    rows = _Proof(facts, translator, fmt).public_rows()
    for place, (label, said) in enumerate(rows):
        if (with_zone := fmt.with_zone(said)) != said:
            rows[place] = label, with_zone
            break
    return tuple(rows)


class _Proof:
    """One proof in one language."""

    def __init__(self, facts: ProofFacts, translator: Translator, fmt: Formatter) -> None:
        self.facts, self.translator, self.fmt = facts, translator, fmt
        self.kind = kind_of(facts.actor, facts.basis, sent_at=facts.sent_at)
        self.is_completed = facts.outcome is Status.COMPLETED

    def heading(self) -> str:
        _ = self.translator.gettext
        if self.facts.withdrawn_at is not None:
            return _("Your withdrawal is carried out")
        if self.kind is not Kind.CONFIRMED:
            return _("This contract has ended") if self.facts.is_schedule else _("This subscription has ended")
        if not self.is_completed:
            return _("Your cancellation is confirmed")
        return (
            _("Your payment schedule is completed") if self.facts.is_schedule else _("Your subscription is completed")
        )

    def withdrawal(self) -> str:
        """The contract is undone, beside what PayPal has confirmed."""
        _, at = self.translator.gettext, self.facts.withdrawn_at
        if at is None:
            return ""
        return _("You withdrew from the contract on %(date)s: your access ended then.", date=self.fmt.day(at))

    def sentence(self) -> str:
        """*Abandoned* is the merchant's word alone: to the customer it is cancelled."""
        _, facts, fmt = self.translator.gettext, self.facts, self.fmt
        day, hour = fmt.day(facts.confirmed_at), fmt.hour(facts.confirmed_at)
        if facts.is_schedule:
            return self._of_schedule(day, hour)
        match self.kind:
            case Kind.NEVER_STARTED:
                return _(
                    "This subscription had not started at PayPal. It ended here on %(date)s. No payment will be taken.",
                    date=day,
                )
            case Kind.ALREADY_OVER if facts.stopped_at is None:
                return _("This subscription had already ended, on a date that is unknown. No payment will be taken.")
            case Kind.ALREADY_OVER:
                return _(
                    "This subscription had already ended on %(date)s. No payment will be taken.",
                    date=fmt.day(facts.stopped_at),
                )
            case Kind.SEEN_AT_PROVIDER:
                return self._seen()
        if self.is_completed:
            said = _(
                "Your subscription is completed. PayPal confirmed it on %(date)s at %(time)s. "
                "You will not be charged again.",
                date=day,
                time=hour,
            )
        else:
            said = _(
                "Your subscription is cancelled. PayPal confirmed it on %(date)s at %(time)s. "
                "You will not be charged again.",
                date=day,
                time=hour,
            )
        if facts.answers and facts.actor is Actor.STAFF:
            return asked_before(facts, self.translator, fmt) + " " + said
        if facts.actor is Actor.STAFF:
            return _("%(merchant)s ended this subscription.", merchant=facts.merchant_name) + " " + said
        return said

    def _of_schedule(self, day: str, hour: str) -> str:
        """As `sentence`, of one price paid in instalments: a contract with its payments, never a subscription."""
        _, facts = self.translator.gettext, self.facts
        match self.kind:
            case Kind.NEVER_STARTED:
                return _(
                    "This contract had not started at PayPal. It ended here on %(date)s. No payment will be taken.",
                    date=day,
                )
            case Kind.ALREADY_OVER if facts.stopped_at is None:
                return _("This contract had already ended, on a date that is unknown. No payment will be taken.")
            case Kind.ALREADY_OVER:
                return _(
                    "This contract had already ended on %(date)s. No payment will be taken.",
                    date=self.fmt.day(facts.stopped_at),
                )
            case Kind.SEEN_AT_PROVIDER:
                return self._seen()
        confirmed = _(
            "PayPal confirmed it on %(date)s at %(time)s. You will not be charged again.", date=day, time=hour
        )
        said = f"{self._what()} {confirmed}"
        if facts.answers and facts.actor is Actor.STAFF:
            return asked_before(facts, self.translator, self.fmt) + " " + said
        if facts.actor is Actor.STAFF:
            return _("%(merchant)s ended this contract.", merchant=facts.merchant_name) + " " + said
        return said

    def _what(self) -> str:
        _ = self.translator.gettext
        if self.facts.is_schedule:
            return _("Your payment schedule is completed.") if self.is_completed else _("Your contract is cancelled.")
        return _("Your subscription is completed.") if self.is_completed else _("Your subscription is cancelled.")

    def _seen(self) -> str:
        _, at, what = self.translator.gettext, self.facts.stopped_at or self.facts.confirmed_at, self._what()
        where = _("It was stopped at PayPal on %(date)s at %(time)s.", date=self.fmt.day(at), time=self.fmt.hour(at))
        if self.facts.answers:
            where += " " + asked_before(self.facts, self.translator, self.fmt)
        return f"{what} {where} " + _("You will not be charged again.")

    def debt(self) -> str:
        """An end is no payment: "not charged again" settles nothing."""
        _, owed = self.translator.gettext, self.facts.owed
        if owed is None:
            return ""
        return _("This does not settle the unpaid amount of %(amount)s.", amount=self.fmt.money(owed))

    def access(self) -> str:
        """As it stood when the end was confirmed; of a withdrawal it is said with it."""
        if self.facts.withdrawn_at is not None and not self.facts.kept:
            return ""
        return access_sentence(
            until=self.facts.access_until,
            is_unknown=self.facts.is_access_unknown,
            kept=self.facts.kept,
            opens=self.facts.opens,
            merchant_name=self.facts.merchant_name,
            at=self.facts.confirmed_at,
            fmt=self.fmt,
            translator=self.translator,
        )

    def lines(self) -> Rows:
        """What people look for: five lines; a chosen day and a wait, if any."""
        _, facts, fmt = self.translator.gettext, self.facts, self.fmt
        settled = (_("Confirmed by PayPal on"), fmt.moment(facts.confirmed_at))
        if self.kind is Kind.NEVER_STARTED:
            settled = (_("Checked at PayPal on"), fmt.moment(facts.confirmed_at))
        elif self.kind is not Kind.CONFIRMED:
            settled = (_("Stopped at PayPal"), fmt.moment(facts.stopped_at or facts.confirmed_at))
            if facts.stopped_at is None:
                settled = (_("Checked at PayPal on"), fmt.moment(facts.confirmed_at))
        return [
            (_("Payment schedule") if facts.is_schedule else _("Subscription"), self._name()),
            *wished_row(facts, self.translator, fmt),
            *(
                [(_("Withdrawn from the contract on"), self._withdrawn_on(facts.withdrawn_at))]
                if facts.withdrawn_at is not None
                else []
            ),
            *([asked_when(facts, self.translator, fmt)] if self._was_waited_for() else []),
            settled,
            *self._spared(),
            (_("Your access"), self._access_line()),
            (_("Reference"), facts.asked_under),
        ]

    def _withdrawn_on(self, at: datetime) -> str:
        """Return when: the day alone of what staff recorded without an hour."""
        is_timed = was_timed(self.facts.actor, self.facts.notified_way)
        return self.fmt.moment(at) if is_timed else self.fmt.day(at)

    def _was_waited_for(self) -> bool:
        """Whether the moment of asking is news to who reads when it was confirmed."""
        return self.facts.answers or self.facts.confirmed_at - self.facts.asked_at > A_WHILE

    def _name(self) -> str:
        return self.facts.product or self.translator.gettext("Contract %(id)s", id=self.facts.provider_id)

    def _access_line(self) -> str:
        _, facts, until = self.translator.gettext, self.facts, ""
        if facts.withdrawn_at is not None and not facts.kept:
            return _("ended with the withdrawal")
        if facts.is_access_unknown:
            until = _("until a date that %(merchant)s will tell you", merchant=facts.merchant_name)
        elif facts.access_until is not None:
            until = _("until %(date)s", date=self.fmt.last_day(facts.access_until))
        if not facts.kept:
            return until or _("no access")
        kept = _("kept for good (%(contents)s)", contents=", ".join(self._kept()))
        return _("%(until)s; %(kept)s", until=until, kept=kept) if until else kept

    def _kept(self) -> list[str]:
        facts = self.facts
        at, fmt, translator = facts.confirmed_at, self.fmt, self.translator
        return kept_names(facts.kept, facts.opens, at=at, fmt=fmt, translator=translator)

    def rows(self) -> Rows:
        """Who, what, asked, answered, and the dates: the five stay five."""
        _, facts = self.translator.gettext, self.facts
        rows: Rows = [(_("Reference"), facts.asked_under), (_("Sold by"), facts.merchant_name)]
        if facts.answers:
            rows.append((_("Internal reference"), facts.reference))
        if facts.customer_name:
            rows.append((_("Your name"), facts.customer_name))
        number = facts.provider_id
        if facts.environment != "live":
            number = _("%(number)s (PayPal’s test environment: no real money)", number=number)
        rows += [
            (_("Payment schedule") if facts.is_schedule else _("Subscription"), self._name()),
            (_("Price"), self.fmt.price(facts.price, facts.interval_unit, facts.interval_count)),
            (_("PayPal subscription ID"), number),
        ]
        return rows + asked_rows(facts, self.translator, self.fmt) + self._answered() + self._dates()

    def _answered(self) -> Rows:
        """What PayPal showed before, what it answered, and the read on which the confirmation rests."""
        _, facts, rows = self.translator.gettext, self.facts, Rows()
        if facts.before.get("status"):
            state = self._status(clean(facts.before["status"]))
            at = self.fmt.moment(moment_of(facts.before, "read_at"))
            rows.append((_("PayPal status before"), _("%(state)s, read on %(date)s", state=state, date=at)))
        if facts.sent_at is not None:
            rows.append((_("Sent to PayPal on"), self.fmt.moment(facts.sent_at)))
        answer = []
        if facts.accepted_at is not None:
            answer.append(_("accepted on %(date)s", date=self.fmt.moment(facts.accepted_at)))
        if facts.answer.get("issue"):
            answer.append(clean(facts.answer["issue"]))
        if facts.answer.get("debug_id"):
            answer.append(_("response ID %(number)s", number=clean(facts.answer["debug_id"])))
        if answer:
            rows.append((_("PayPal’s answer"), ", ".join(answer)))
        rows.append((_("PayPal status after"), self._status(facts.provider_status)))
        label = _("Confirmed by PayPal on") if self.kind is Kind.CONFIRMED else _("Checked at PayPal on")
        return [*rows, (label, self.fmt.moment(facts.confirmed_at))]

    def _status(self, word: str) -> str:
        """PayPal's own word in the reader's language; one that is not known stays as PayPal wrote it."""
        said = words.PROVIDER_STATUS.get(word)
        return self.translator.gettext(said) if said is not None else word

    def _spared(self) -> Rows:
        """The payment that the end prevented; a plan that ran out by itself prevented none."""
        _, at = self.translator.gettext, moment_of(self.facts.before, "next_billing_at")
        ran_out = self.is_completed and self.kind is not Kind.CONFIRMED
        if at is None or self.kind is Kind.NEVER_STARTED or ran_out:
            return []
        price = self.fmt.money(self.facts.price)
        return [(_("First payment not taken"), _("%(amount)s, due on %(date)s", amount=price, date=self.fmt.day(at)))]

    def _dates(self) -> Rows:
        _, facts, fmt = self.translator.gettext, self.facts, self.fmt
        ended = (
            _("Contract end date") if facts.is_schedule else _("Subscription end date"),
            fmt.last_day(facts.ended_at),
        )
        if self.kind is Kind.NEVER_STARTED:
            return [(_("Stopped at PayPal"), _("never started there")), self._access_row(), ended]
        return [
            (_("Stopped at PayPal"), fmt.moment(facts.stopped_at)),
            *self._spared(),
            (_("Last payment"), fmt.day(facts.last_payment_at)),
            (_("Paid until"), _("Nothing was paid") if facts.never_paid else fmt.day(facts.paid_until)),
            self._access_row(),
            ended,
        ]

    def _access_row(self) -> tuple[str, str]:
        _, facts = self.translator.gettext, self.facts
        if facts.is_access_unknown:
            return _("Access until"), _("date unknown")
        if facts.access_until is not None:
            return _("Access until"), self.fmt.last_day(facts.access_until)
        return _("Access"), _("kept for good") if facts.kept else _("no access")

    def check_rows(self, code: str) -> Rows:
        """How somebody else can see that it is genuine."""
        return [(self.translator.gettext("Verification code"), spoken(code))] if code else []

    def public_rows(self) -> Rows:
        """*Abandoned* is said as the customer's own proof says it; the zone is the merchant's of then."""
        _, facts, fmt = self.translator.gettext, self.facts, self.fmt
        checked = _("Confirmed by PayPal on") if self.kind is Kind.CONFIRMED else _("Checked at PayPal on")
        rows = [
            (_("Merchant"), facts.merchant_name),
            (_("Reference"), facts.asked_under),
            (_("Outcome"), _("Completed") if self.is_completed else _("Cancelled")),
            asked_when(facts, self.translator, fmt),
            (checked, fmt.moment(facts.confirmed_at)),
            (_("Contract end date") if facts.is_schedule else _("Subscription end date"), fmt.last_day(facts.ended_at)),
        ]
        if facts.environment != "live":
            rows.append((_("Environment"), _("PayPal’s test environment: no real money")))
        return rows
