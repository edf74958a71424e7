"""Every message about a customer's record, composed of made-up facts."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal

from portal.documents.words import NOT_SETTLED
from portal.domain.integrations.task_links import TASKS, TaskKind
from portal.domain.law.withdrawals import Verdict
from portal.domain.money.money import Money
from portal.domain.people.account_members import MemberRole
from portal.mail import account_members, customers, merchants, missed_payments, own_data, settlements, withdrawals
from portal.mail.composing import Composed
from portal.mail.declarations import DeclaredWords, LinkWords, declaration_link, declaration_received
from portal.mail.facts import RenewalFacts
from portal.mail.letterhead import Letterhead
from portal.mail.missed_payments import MissedFacts
from portal.mail.own_data import ErasureFacts
from portal.mail.prices import PriceFacts, price_changed
from portal.mail.renewals import RenewalRefundFacts, merchant_renewal_refund, renewal_reminder
from portal.mail.settlements import SettlementFacts
from portal.mail.task_links import TaskFacts, task_link
from tests.mail.facts import LATER, NOW


def about_records(whose: Letterhead, **names: str) -> list[Composed]:
    """What is told of an address, and of access given by hand."""
    given = customers.GivenFacts(
        customer_name=names.get("customer", ""),
        product=names.get("product", "Cours"),
        opens_at=None,
        until=LATER,
        has_more=False,
        path="/account/a",
    )
    masked, told = "z…@bücher.example", [customers.address_confirm(whose, path="/account/a/address/t", until=LATER)]
    for name in ("Zoé", ""):
        told.append(customers.customers_joined(whose, name=name, path="/account/a"))
        told.append(own_data.erasure_soon(whose, name=name, on=LATER, path="/account/a"))
        for shared in (True, False):
            told.append(customers.customers_split(whose, name=name, path="/account/a", is_shared=shared))
        told.append(customers.address_set(whose, name=name, path="/account/a"))
        told.append(customers.address_left(whose, name=name, address=masked))
        told.append(customers.address_moved(whose, name=name, address=masked, until=LATER, path="/account/a/t"))
        told.append(customers.address_kept(whose, name=name, address=masked))
        for own in (True, False):
            told.append(
                customers.address_asked(
                    whose, name=name, address=masked, until=LATER, path="/account/a", by_customer=own
                )
            )
        told.append(
            merchants.merchant_address_held(
                whose, customer=name, former="zoe@client.test", address="zoe@neuf.example", path="/admin/customers/a"
            )
        )
    told += about_own_data(whose, **names) + about_account_members(whose)
    return told + [
        compose(whose, dataclasses.replace(given, **more))
        for compose in (customers.access_given, customers.access_changed, customers.access_withdrawn)
        for more in ({}, {"opens_at": NOW, "until": None}, {"has_more": True, "customer_name": "Zoé"})
    ]


def about_account_members(whose: Letterhead) -> list[Composed]:
    """What is told of the people of an account."""
    link = "/account/a/invitation/t"
    told = [
        account_members.account_invitation(
            whose, path=link, role=role, by="zoe@xn--bcher-kva.example", valid_until=LATER
        )
        for role in MemberRole
    ]
    return told + [
        account_members.account_member_joined(
            whose, name=name, address="a…@bücher.example", role=role, path="/account/a"
        )
        for name in ("Zoé", "")
        for role in MemberRole
    ]


def about_own_data(whose: Letterhead, **names: str) -> list[Composed]:
    """What is told of one's own data."""
    told = [own_data.data_ready(whose, name=name, path="/account/a/data", until=LATER) for name in ("Zoé", "")]
    told += [own_data.data_failed(whose, name=name, path="/account/a/data") for name in ("Zoé", "")]
    for more in ({}, {"kept_until": LATER}):
        facts = ErasureFacts(
            customer_name=names.get("customer", ""),
            reference="K7QM-4TXD",
            asked_at=NOW,
            due_at=LATER,
            path="/account/a/data",
            **more,
        )
        compositions = (own_data.erasure_recorded, own_data.erasure_withdrawn, own_data.erasure_done)
        told += [compose(whose, facts) for compose in compositions]
    return told


def about_withdrawals(whose: Letterhead, **names: str) -> list[Composed]:
    """What is told of a withdrawal in time, doubtful and late: a refund due, none left, nothing taken or known."""
    one = withdrawals.WithdrawalFacts(
        reference="K7QM-4TXD",
        product=names.get("product", "Cours"),
        customer_name=names.get("customer", ""),
        customer_email="zoe@client.test",
        declared_at=NOW,
        has_hour=True,
        verdict=Verdict.IN_TIME,
        is_over=False,
        due=Money(Decimal("20.00"), "EUR"),
        owed=Money(Decimal("9.90"), "EUR"),
        refund_by=LATER,
        path="/account/a",
    )
    nothing = Money(Decimal(0), "EUR")
    stories = [
        one,
        dataclasses.replace(one, has_hour=False, is_over=True, due=nothing, owed=nothing, customer_email=None),
        dataclasses.replace(one, due=None, owed=None),
        dataclasses.replace(one, due=None, owed=None, are_payments_unknown=True),
        dataclasses.replace(one, verdict=Verdict.DOUBTFUL),
        dataclasses.replace(one, verdict=Verdict.LATE, due=nothing),
    ]
    compositions = (withdrawals.withdrawal_accepted, withdrawals.merchant_withdrawal)
    told = [compose(whose, story) for story in stories for compose in compositions]
    return told + [
        withdrawals.merchant_withdrawal_due(whose, story, days=days) for story in stories for days in (7, 1, 0)
    ]


def about_declarations(whose: Letterhead, **names: str) -> list[Composed]:
    """What is said of a declaration on the public page, to the declared address and to the one on file."""
    rows = (("Name", names.get("customer", "Zoé")), ("Email address", "zoe@client.test"))
    told = [
        declaration_received(
            whose,
            DeclaredWords(
                heading="Résilier votre contrat",
                reference="K7QM-4TXD",
                declared_at=NOW,
                email="zoe@client.test",
                rows=rows,
                path="/a/declared/t",
                is_cancellation=is_cancellation,
            ),
        )
        for is_cancellation in (True, False)
    ]
    product = names.get("product", "Cours")
    told += about_withdrawals(whose, **names)
    told += about_renewal_refunds(whose, **names)
    return told + [
        declaration_link(
            whose,
            LinkWords(
                reference="K7QM-4TXD",
                declared_at=NOW,
                customer_name=names.get("customer", ""),
                products=products,
                wished_on=wished_on,
                due_at=due_at,
                is_cancellation=is_cancellation,
                path="/a/declarations/t",
            ),
        )
        for is_cancellation in (True, False)
        for products, due_at, wished_on in (
            ((product,), LATER, None),
            ((product,), None, LATER.date()),
            ((product, "Yoga"), None, None),
        )
    ]


def links_to_tasks(whose: Letterhead, **names: str) -> list[Composed]:
    """A link to each task there is."""
    return [
        task_link(
            whose,
            TaskFacts(
                kind=kind,
                customer_name=names.get("customer", ""),
                product=names.get("product", "Cours") if TASKS[kind].is_about_subscription else "",
                path="/account/a/task/t",
                valid_until=LATER,
            ),
        )
        for kind in TaskKind
    ]


def about_missed_payments(whose: Letterhead, **names: str) -> list[Composed]:
    """What is told of a payment that did not come."""
    known = MissedFacts(
        customer_name=names.get("customer", ""),
        product=names.get("product", "Cours"),
        amount=Money(Decimal("29.90"), "EUR"),
        since=NOW,
        is_suspended=False,
        open_until=LATER,
        is_open=True,
        next_payment_at=LATER,
        path="/account/a/subscriptions/s/late",
    )
    variants = [
        known,
        dataclasses.replace(known, is_suspended=True, is_open=False),
        dataclasses.replace(known, amount=None, open_until=None, next_payment_at=None),
        dataclasses.replace(known, amount=None, since=None, customer_name="Zoé"),
    ]
    closing = [missed_payments.access_closes_soon(whose, one) for one in variants if one.open_until]
    return closing + [
        compose(whose, one)
        for compose in (missed_payments.payment_missed, missed_payments.payment_settled)
        for one in variants
    ]


def about_prices(whose: Letterhead, **names: str) -> list[Composed]:
    """Another price, with and without a day."""
    one = PriceFacts(
        customer_name=names.get("customer", ""),
        product=names.get("product", "Cours"),
        former=Money(Decimal("29.90"), "EUR"),
        amount=Money(Decimal("34.00"), "EUR"),
        interval_unit="MONTH",
        interval_count=1,
        next_payment_at=LATER,
        path="/account/a/subscriptions/s",
    )
    return [price_changed(whose, told) for told in (one, dataclasses.replace(one, next_payment_at=None))]


def about_renewals(whose: Letterhead, **names: str) -> list[Composed]:
    """The reminder before a renewal, of whom little is known too."""
    renewal = RenewalFacts(
        customer_name=names.get("customer", "Zoé Dupont"),
        product=names.get("product", "Cours"),
        merchant_name=whose.merchant_name,
        support_email=whose.support_email,
        months=12,
        renews_on=date(2027, 3, 10),
        deadline_on=date(2027, 2, 8),
        price=Money(Decimal("29.90"), "EUR"),
        interval_unit="MONTH",
        interval_count=1,
        path="/account/a/subscriptions/s",
    )
    bare = {"months": 1, "price": None, "interval_unit": None, "support_email": None, "customer_name": ""}
    return [renewal_reminder(whose, one) for one in (renewal, dataclasses.replace(renewal, **bare))]


def about_renewal_refunds(whose: Letterhead, **names: str) -> list[Composed]:
    """What the merchant is told of a refund after an end free of charge: new, soon due, and due now."""
    owed = RenewalRefundFacts(
        product=names.get("product", "Cours"),
        customer_name=names.get("customer", ""),
        customer_email="zoe@client.test",
        amount=Money(Decimal("20.00"), "EUR"),
        due_at=LATER,
        path="/account/a",
    )
    return [merchant_renewal_refund(whose, owed, days=days) for days in (None, 7, 1, 0)]


def about_settlements(whose: Letterhead, **names: str) -> list[Composed]:
    """What is told of a sum that PayPal did not take, for every reason."""
    return [
        settlements.settlement_failed(
            whose,
            SettlementFacts(
                customer_name=names.get("customer", ""),
                product=names.get("product", "Cours"),
                amount=Money(Decimal("29.90"), "EUR"),
                asked_at=NOW,
                why=why,
                path="/account/a/settlements/s",
            ),
        )
        for why in NOT_SETTLED.values()
    ]
