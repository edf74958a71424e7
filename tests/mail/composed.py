"""Every message there is, composed of made-up facts."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from decimal import Decimal

from portal.documents.orders import Ordered, order_words
from portal.documents.planned_ends import planned_words
from portal.domain.dates.end_dates import WaitReason
from portal.domain.ends.end_requests import Trouble
from portal.domain.ends.pauses import PauseKind, PauseRefusal, PauseState
from portal.domain.law.orders import Order
from portal.domain.money.money import Money
from portal.domain.policies import Actor, Role
from portal.domain.subscriptions import Status
from portal.mail import comebacks, ends, late_payments, logins, merchants, pauses, refunds, staff_alerts
from portal.mail.composing import Composed
from portal.mail.facts import EndFacts, NotifiedFacts, ReceivedFacts, WaitingFacts
from portal.mail.late_payments import LateFacts
from portal.mail.letterhead import Letterhead
from portal.mail.refunds import RefundFacts
from portal.services.keys.key_checks import BROKEN
from tests.mail.composed_records import (
    about_declarations,
    about_missed_payments,
    about_prices,
    about_records,
    about_renewals,
    about_settlements,
    links_to_tasks,
)
from tests.mail.facts import ALL_BLANK, LATER, NOW, access, already_over, comeback, confirmed, effects, end, pause, plan

PLANS = (
    *(plan(reason=why) for why in WaitReason),
    plan(prevented_at=None, runs_out_at=LATER, wished_on=date(2028, 1, 1)),
    plan(taken=(), prevented_at=None, runs_out_at=LATER, avoidable_at=None),
    plan(taken=(), prevented_at=None, price=None, access_until=None, is_access_unknown=True, wished_on=None),
    plan(taken=(NOW,) * 40, awaited_at=NOW, earliest_at=NOW, avoid_on=None),
    plan(avoidable_at=None, kept=(), access_until=None),
)

ORDERED = Ordered(
    order=Order(contents=(("Cours", 0),), commitment_months=6, notice_days=1),
    product="Cours",
    price=None,
    interval_unit=None,
    interval_count=1,
    starts_at=None,
    merchant_name="L’Atelier d’Anaïs",
    support_email=None,
)

CUSTOMERS = (ends.end_recorded, ends.end_moved)


def about_pauses(whose: Letterhead, changes: dict[str, object]) -> list[Composed]:
    """Each message about a pause, in each of its variants."""
    blank = {key: value for key, value in ALL_BLANK.items() if key != "next_payment_at"}
    stories = [
        pause(**changes),
        pause(**{**blank, "resumes_at": None, "access_until": None, "is_access_unknown": True} | changes),
        pause(**{"asked_by": Actor.STAFF, "access_until": None, "access_stays": True} | changes),
        pause(**{"kind": PauseKind.RESUME, "next_payment_at": LATER, "access_until": None} | changes),
    ]
    told = [
        compose(whose, story)
        for story in stories
        for compose in (
            pauses.pause_confirmed,
            pauses.pause_taken_back,
            pauses.resume_soon,
            pauses.resume_confirmed,
            pauses.merchant_pause,
        )
    ]
    refused = [
        pause(kind=kind, state=PauseState.REFUSED, refused_for=why, **changes)
        for kind in PauseKind
        for why in PauseRefusal
    ]
    told += [compose(whose, story) for story in refused for compose in (pauses.pause_refused, pauses.merchant_pause)]
    stuck = [pause(kind=kind, trouble=trouble, **changes) for kind in PauseKind for trouble in Trouble]
    return told + [pauses.merchant_pause_stuck(whose, story) for story in stuck]


def needs_you(whose: Letterhead, trouble: Trouble | None, **names: str) -> Composed:
    one = WaitingFacts(
        reference="K7QM-4TXD",
        product="Cours",
        customer="Zoé",
        asked_at=NOW,
        next_payment_at=None,
        trouble=trouble,
        issue="NOT_AUTHORIZED",
    )
    one = dataclasses.replace(one, **names)
    return merchants.merchant_needs_you(whose, (one, one), more=3, path="/admin", now=NOW)


def of_several(whose: Letterhead, stories: list[EndFacts]) -> list[Composed]:
    """What the merchant is told of one request, of several, and of more than are listed."""
    lists = [((story,), 0) for story in stories] + [(tuple(stories), 0), (tuple(stories[:2]), 31)]
    waits = tuple(
        WaitingFacts(
            reference="K7QM-4TXD", product="Cours", customer="", asked_at=NOW, next_payment_at=NOW, trouble=why
        )
        for why in Trouble
    )
    return [
        compose(whose, those, more=more, path="/admin/")
        for those, more in lists
        for compose in (merchants.merchant_end_requested, merchants.merchant_overdue)
    ] + [merchants.merchant_needs_you(whose, those, more=0, path="/admin/", now=NOW) for those in (waits, waits[:1])]


def key_broken(
    whose: Letterhead, *, is_classic: bool = False, finding: str = "wrong_key", waiting: int = 0
) -> Composed:
    path = "/admin/paypal/classic" if is_classic else "/admin/paypal/rest"
    return merchants.merchant_key_broken(
        whose, is_classic=is_classic, finding=finding, since=NOW, waiting=waiting, path=path
    )


def endpoint_stopped(whose: Letterhead, *, is_gone: bool) -> Composed:
    return merchants.merchant_endpoint_stopped(
        whose, host="course.example.com", is_gone=is_gone, since=NOW, path="/admin/integrations/endpoints/1"
    )


def late_money(whose: Letterhead, **names: str) -> list[Composed]:
    one = LateFacts(
        product=names.get("product", "Cours"),
        customer_name=names.get("customer", "Zoé"),
        customer_email="zoe@client.test",
        amount=Money(Decimal("29.90"), "EUR"),
        paid_at=NOW,
        provider_id="51702746VX892953R",
        reference="K7QM-4TXD",
        asked_by_customer=True,
        given_back=Money(Decimal(0), "EUR"),
        taken_back=Money(Decimal(0), "EUR"),
        left=Money(Decimal("29.90"), "EUR"),
        path="/account/atelier/requests/K7QM-4TXD",
    )
    bare = dataclasses.replace(one, reference="", asked_by_customer=False, customer_email=None, is_classic=True)
    stuck = dataclasses.replace(one, refund_is_stuck=True)
    whole, ten, rest = (Money(Decimal(sum_), "EUR") for sum_ in ("29.90", "10.00", "19.90"))
    none = one.given_back
    given = dataclasses.replace(one, given_back=whole, left=none)
    taken_back = dataclasses.replace(one, taken_back=whole, left=none)
    both = dataclasses.replace(one, given_back=rest, taken_back=ten, left=none)
    parts = [
        dataclasses.replace(one, given_back=given, taken_back=taken, left=left, is_kept=is_kept, came_again=again)
        for given, taken, left in ((ten, none, rest), (none, ten, rest), (ten, ten, Money(Decimal("9.90"), "EUR")))
        for is_kept in (False, True)
        for again in (None, ten)
    ]
    back = RefundFacts(
        product=one.product,
        customer_name=one.customer_name,
        amount=ten,
        paid=whole,
        paid_at=NOW,
        is_whole=False,
        now=NOW,
        payment_id=one.provider_id,
        path="/account/atelier",
    )
    return [
        *(
            refunds.payment_refunded(whose, told)
            for told in (
                back,
                dataclasses.replace(back, amount=whole, is_whole=True),
                dataclasses.replace(back, is_access_told=True, access_until=LATER),
                dataclasses.replace(back, is_access_told=True, access_until=NOW),
            )
        ),
        *(late_payments.late_payment(whose, late) for late in (one, bare)),
        *(late_payments.late_payment_refunded(whose, late) for late in (given, bare, taken_back, both)),
        *(late_payments.late_payment_open(whose, late) for late in parts),
        late_payments.late_payment(whose, parts[0]),
        *(late_payments.late_payment_kept(whose, late) for late in (one, bare)),
        late_payments.merchant_late_payments(whose, rows=(one,), more=0),
        late_payments.merchant_late_payments(whose, rows=(one, bare, stuck), more=3),
    ]


def every_message(whose: Letterhead, **names: str) -> list[Composed]:
    """Each message in each of its variants."""
    changes = {"product": names["product"], "customer_name": names["customer"]} if names else {}
    ended = [
        effects(outcome=outcome, **more)
        for outcome in (Status.CANCELLED, Status.COMPLETED, Status.ABANDONED)
        for more in (
            {},
            {"access_until": NOW - timedelta(seconds=1), "ended_at": NOW},
            {"is_access_unknown": True, "access_until": None, "last_payment_at": None, "ended_at": None, "kept": ()},
            {"was_at_provider": True, "stopped_at": None},
            {"was_at_provider": True},
            {"never_started": True, "kept": (), "access_until": None, "stopped_at": None},
            {"may_come_back": True} if outcome is Status.CANCELLED else {},
            {"may_come_back": True, "comeback_path": "/account/a"} if outcome is Status.CANCELLED else {},
        )
    ]
    stories = [
        end(**changes),
        end(**{**ALL_BLANK, "is_payment_near": True} | changes),
        end(**{"is_payment_near": True, "next_payment_at": NOW + timedelta(hours=2), "reason": "Trop cher"} | changes),
        end(**{"is_payment_near": True, "next_payment_at": NOW - timedelta(hours=2)} | changes),
        end(**{"needs_merchant": True, "trouble": Trouble.FORBIDDEN} | changes),
        end(**{"reason_label": "It costs too much", "notified_under": "AB7D-4TXD"} | changes),
        *(
            end(
                **{"due_at": LATER, "wished_on": one.wished_on, "planned": planned_words(one, whose.formatter)}
                | changes
            )
            for one in PLANS
        ),
        end(**{"may_be_charged": False, "asked_by": Actor.STAFF} | changes),
        end(**{"asked_by": Actor.PROVIDER} | changes),
    ]
    told = [
        compose(whose, story)
        for story in stories
        for compose in (
            ends.end_recorded,
            ends.end_withdrawn,
            ends.end_plan_withdrawn,
            ends.end_overdue,
            merchants.merchant_end_withdrawn,
        )
    ]
    told += [
        ends.end_overdue(whose, end(**{"in_place_of": "WXYZ-6789", "needs_merchant": stuck} | changes))
        for stuck in (False, True)
    ]
    told += [ends.end_moved(whose, story) for story in stories if story.due_at]
    told += of_several(whose, stories)
    told += [
        compose(whose, story, what)
        for story in (stories[0], stories[1], stories[-1])
        for what in ended
        for compose in (confirmed, already_over, merchants.merchant_end_confirmed)
    ]
    ending = access(**{"product": names["product"], "customer_name": names["customer"]} if names else {})
    told += [
        compose(whose, comeback(**changes, **more))
        for compose in (comebacks.comeback_approved, comebacks.merchant_comeback_approved)
        for more in (
            {},
            {"starts_at": NOW, "is_ahead": False, "has_another": True},
            {"order": order_words(ORDERED, whose.formatter)},
            {"starts_at": None, "is_ahead": False, "price": None, "interval_unit": None, "customer_email": None},
        )
    ]
    told += [ends.access_ends_soon(whose, ending), ends.access_ended(whose, ending)]
    letter = ReceivedFacts(
        reference="K7QM-4TXD",
        name=names.get("customer", "Zoé Dupont"),
        email="zoe@client.test",
        received_at=NOW,
        contract=names.get("product", ""),
        wished_on=LATER.date(),
        message="Merci",
        path="/account/atelier",
    )
    told += [
        ends.request_received(whose, letter),
        ends.request_received(whose, dataclasses.replace(letter, email=None, wished_on=None, message="")),
        ends.request_received(whose, dataclasses.replace(letter, is_theirs=True)),
        ends.request_dismissed(whose, letter),
        ends.request_dismissed(whose, dataclasses.replace(letter, over_on=LATER.date())),
        ends.request_received(whose, dataclasses.replace(letter, is_lost=True)),
        ends.request_received(whose, dataclasses.replace(letter, is_lost=True, contract="")),
        ends.request_dismissed(whose, dataclasses.replace(letter, is_lost=True)),
    ]
    waits = NotifiedFacts(
        reference="K7QM-4TXD",
        name=letter.name,
        email=letter.email,
        contract=letter.contract,
        product=letter.contract,
        way_label="Letter",
        is_theirs=True,
        planned_on=None,
        received_at=NOW,
        wished_on=LATER.date(),
        message="Merci",
        recorded_by="",
        next_payment_at=LATER,
        waits_again=False,
        path="/admin/received/7",
    )
    by_post = dataclasses.replace(waits, product="", email=None, is_theirs=False, wished_on=None, recorded_by="Léa")
    beside = dataclasses.replace(waits, planned_on=LATER.date())
    lost = dataclasses.replace(by_post, email=letter.email, recorded_by="", is_lost=True)
    bare = dataclasses.replace(by_post, contract="", message="", next_payment_at=None, waits_again=True)
    told += [
        merchants.merchant_notified(whose, those, more=more, path="/admin/")
        for those, more in (
            ((waits,), 0),
            ((by_post,), 0),
            ((bare,), 0),
            ((waits, bare), 0),
            ((waits, by_post), 3),
            ((beside,), 0),
            ((lost,), 0),
            ((waits, lost), 1),
        )
    ]
    told += [
        ends.end_dated(whose, story, what, by_hand=by_hand)
        for story in stories[:2]
        for what in ended[:3]
        for by_hand in (True, False)
    ]
    told += [needs_you(whose, trouble, **names) for trouble in (*Trouble, None)]
    told += [
        key_broken(whose, is_classic=is_classic, finding=finding, waiting=waiting)
        for is_classic in (False, True)
        for finding, waiting in zip(BROKEN, (0, 1, 7, 2), strict=True)
    ]
    told += [endpoint_stopped(whose, is_gone=is_gone) for is_gone in (True, False)]
    late = WaitingFacts(reference="K7QM-4TXD", product="Cours", customer="", asked_at=NOW, next_payment_at=LATER)
    late = dataclasses.replace(late, **names)
    told += [merchants.merchant_end_late(whose, (late,) * count, more=count - 1, path="/admin/") for count in (1, 2)]
    told += late_money(whose, **names)
    told += about_records(whose, **names)
    told += about_missed_payments(whose, **names)
    told += about_prices(whose, **names)
    told += about_settlements(whose, **names)
    told += about_renewals(whose, **names)
    told += links_to_tasks(whose, **names)
    told += about_declarations(whose, **names)
    told += [
        logins.login_code(whose, code=code, path="/account/a/login/link/t", minutes=10, valid_until=NOW)
        for code in ("042137", "")
    ]
    cancels = {"minutes": 10, "valid_until": NOW, "cancels": names.get("product", "Cours de piano")}
    told.append(logins.login_code(whose, code="042137", path="/account/a/login/link/t", **cancels))
    told.append(logins.staff_unlock(whose, path="/admin/login/link/t", minutes=10, valid_until=NOW))
    told.append(logins.staff_password(whose, path="/admin/password/link/t", minutes=10, valid_until=NOW))
    told += [
        logins.staff_invitation(whose, path="/admin/invitation/t", role=role, by=by, valid_until=NOW)
        for role, by in zip(Role, ("Anne", "", "Zoé", "Max"), strict=True)
    ]
    told += [staff_alerts.list_ready(whose, path="/admin/exports/t", rows=rows, until=NOW) for rows in (0, 1, 12_345)]
    told.append(staff_alerts.list_failed(whose, path="/admin/exports/t"))
    told.append(staff_alerts.archive_failed(whose))
    told.append(staff_alerts.archive_ready(whose, until=NOW))
    told += [
        staff_alerts.import_failed(whose, path="/admin/data/imports/t", name="clients.csv", is_check=check)
        for check in (True, False)
    ]
    told += [
        staff_alerts.import_finished(whose, path="/admin/data/imports/t", name=name, lines=9, refused=n, is_check=check)
        for name, n, check in (
            ("clients.csv", 0, False),
            ("b.csv", 1, False),
            ("liste.csv", 9, True),
            ("a.csv", 0, True),
        )
    ]
    told += [staff_alerts.suspended(whose, why="The invoice of May is unpaid")]
    told += [staff_alerts.leaving(whose, day=NOW, live=live) for live in (0, 1, 3)]
    told += [logins.staff_renewal_asked(whose, by=by, at=NOW) for by in ("Anne", "")]
    told.append(logins.staff_renewal(whose, path="/admin/invitation/t", valid_until=NOW))
    told += [staff_alerts.password_changed(whose, at=NOW), staff_alerts.factor_changed(whose, at=NOW)]
    told.append(staff_alerts.refusals(whose, number=5, at=NOW))
    told += [
        staff_alerts.new_device(whose, browser=one, network=one and "192.0.2.0/24", at=NOW)
        for one in ("Firefox · Linux", "Firefox", "")
    ]
    for tell in (staff_alerts.passkey_added, staff_alerts.passkey_removed, staff_alerts.passkey_copied):
        told.append(tell(whose, name="Clé bleue & co", at=NOW))
    told += [staff_alerts.recovery_code(whose, left=left, at=NOW) for left in (0, 1, 9)]
    told += [
        staff_alerts.api_key_reported(whose, name="Clé & co", prefix="psk_live_abcdefgh", is_revoked=is_revoked)
        for is_revoked in (True, False)
    ]
    told += about_pauses(whose, changes)
    return told
