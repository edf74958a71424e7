"""Every fact that a service writes into a timeline is shown on each face, whatever words its details hold."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import pytest

import portal.services
from portal.domain.ends.end_requests import Basis, Cause, Channel, Trouble
from portal.domain.ends.pauses import PauseKind, PauseRefusal
from portal.domain.ends.received_requests import Way
from portal.domain.law.withdrawals import ConsentKind, RefundDuty, Verdict
from portal.domain.money.settlements import SettlementRefusal
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import TimelineEntry, TimelineKind
from tests.browser_client import Browser

Kind = TimelineKind
SOON: Final = "2027-02-15T11:00:00+00:00"
MONEY: Final = {"amount": "29.90", "currency": "EUR", "payment": "SALE1"}
COLUMNS: Final = {"key", "at", "by"}
QUOTED: Final = {"note", "reference", "word"}  # shown as they are

# One list of details for each kind, with every word that a service may choose.
MONEY_OF_IT: Final = {"reference": "E1", "amount": "29.90", "currency": "EUR"}
WRITTEN: Final[dict[TimelineKind, list[dict[str, Any]]]] = {
    Kind.IMPORTED: [{"word": "ACTIVE"}],
    Kind.STATUS_SEEN: [{"status": status, "before": "active"} for status in Status],
    Kind.UNKNOWN_WORD: [{"word": "NAPPING"}],
    Kind.NOTIFIED: [{"reference": "E1", "way": way, "note": "Merci", "wished_on": "2027-02-15"} for way in Way],
    Kind.NOTIFICATION_CLOSED: [{"reference": "E1"}],
    Kind.END_REQUESTED: [
        {"outcome": "cancelled", "reference": "E1", "reason_code": code, "note": "Merci"}
        for code in ("too_expensive", "no_longer_one_of_ours")
    ]
    + [{"outcome": "cancelled", "reference": "E1", "cause": Cause.WITHDRAWN}],
    Kind.WITHDRAWN: [
        {"reference": "E1", "verdict": verdict, "due": "29.90", "owed": "0.00", "currency": "EUR"}
        for verdict in Verdict
    ]
    + [{"reference": "E1", "verdict": Verdict.IN_TIME, "has_hour": False}],
    Kind.WITHDRAWAL_CLOSED: [
        *(MONEY_OF_IT | {"refund": duty, "note": "Virement"} for duty in RefundDuty),
        MONEY_OF_IT | {"refund": RefundDuty.OTHERWISE, "note": "", "coming": ["0d6e-payment-id"]},
    ],
    Kind.CONSENT_RECORDED: [
        {"consent": kind, "is_given": given, "said_at": SOON, "way": "site", "version": "CGV 3"}
        for kind in ConsentKind
        for given in (True, False)
    ],
    Kind.END_WITHDRAWN: [{"reference": "E1"}, {"reference": "E1", "is_replaced": True}],
    Kind.NEEDS_MERCHANT: [
        *({"trouble": trouble, "reference": "E1"} for trouble in Trouble),
        *({"trouble": trouble, "pause": PauseKind.PAUSE} for trouble in Trouble),
    ],
    Kind.ENDED: [
        {"outcome": outcome, "basis": basis, "reference": "E1", **cause}
        for cause in ({}, {"cause": Cause.WITHDRAWN})
        for outcome in (Status.CANCELLED, Status.COMPLETED, Status.ABANDONED)
        for basis in Basis
    ],
    Kind.MARKED_ABANDONED: [{"note": "entre nous"}],
    Kind.CLOSED: [{}],
    Kind.END_LATE: [{"reference": "E1"}],
    Kind.DATE_GIVEN: [{"paid_until": SOON, "reference": "E1"}],
    Kind.LATE_PAYMENT: [
        MONEY | {"paid_at": SOON},
        *(
            MONEY | {"left": "19.90", "is_again": True, "gone_back_by": by, "refund": ""}
            for by in ("refund", "reversal", "both")
        ),
    ],
    Kind.REFUND_REQUESTED: [MONEY],
    Kind.REFUNDED: [
        MONEY | {"left": "0.00", "is_again": False, "gone_back_by": by, "refund": "R1"}
        for by in ("refund", "reversal", "both")
    ],
    Kind.REFUND_FAILED: [{"amount": "29.90", "currency": "EUR", "refund": "R1"}],
    Kind.SETTLEMENT_REQUESTED: [{"amount": "29.90", "currency": "EUR"}],
    Kind.SETTLED: [MONEY, MONEY | {"payment": ""}],
    Kind.SETTLEMENT_FAILED: [{"amount": "29.90", "currency": "EUR", "failed_for": why} for why in SettlementRefusal],
    Kind.PAUSE_REQUESTED: [{"pause": PauseKind.PAUSE, "until": SOON}],
    Kind.PAUSED: [{"pause": PauseKind.PAUSE, "until": SOON}],
    Kind.RESUME_REQUESTED: [{"pause": PauseKind.RESUME, "until": SOON}],
    Kind.RESUMED: [{"pause": PauseKind.RESUME}],
    Kind.PAUSE_REFUSED: [{"pause": PauseKind.PAUSE, "until": SOON, "refused_for": why} for why in PauseRefusal],
    Kind.PAUSE_WITHDRAWN: [
        {"pause": PauseKind.PAUSE},
        *({"pause": kind, "is_for_end": True} for kind in PauseKind),
        {"pause": PauseKind.RESUME, "is_replaced": True},
    ],
    Kind.COMEBACK_STARTED: [{}],
    Kind.COMEBACK_APPROVED: [{"subscription_id": "b1"}],
    Kind.COMEBACK_GIVEN_UP: [{}],
    Kind.MAIL_RETURNED: [{"mail": "end_confirmed", "code": code} for code in ("5.1.1", "")],
}
# Written by the release before: such rows stay for ever.
FORMERLY: Final[dict[TimelineKind, list[dict[str, Any]]]] = {
    kind: [MONEY | {"left": "19.90", "is_again": again, "way": way} for way in ("refund", "reversal", "both")]
    for kind, again in ((Kind.REFUNDED, False), (Kind.LATE_PAYMENT, True))
}
# A release that is rolled back finds the words of a newer one.
LATER: Final[dict[TimelineKind, list[dict[str, Any]]]] = {
    kind: [dict.fromkeys(set().union(*rows) - QUOTED, "a_later_word")] for kind, rows in WRITTEN.items()
}


@pytest.fixture
def shown(make, app, seat_customer, seat_staff, hire):
    """Write facts, and read what the four pages say of them: title and details of each line, oldest first."""

    def read(facts: dict[TimelineKind, list[dict[str, Any]]], language: str) -> dict[str, list[str]]:
        merchant = make.merchant(name="L’Atelier", locale=language)
        customer = make.customer(merchant)
        subscription = make.subscription(customer=customer, at_paypal=False)
        number = 0
        for kind, rows in facts.items():
            for details in rows:
                for actor, channel in ((Actor.CUSTOMER, None), (Actor.STAFF, Channel.STAFF), (Actor.PROVIDER, None)):
                    number += 1
                    make.add(
                        TimelineEntry(
                            merchant_id=merchant.id,
                            subscription_id=subscription.id,
                            at=make.now(),
                            kind=kind,
                            key=str(number),
                            actor=actor,
                            channel=channel,
                            details=details,
                        )
                    )
        account, desk = seat_customer(Browser(app), merchant, customer), seat_staff(Browser(app), hire(merchant))
        pages = {}
        for browser, path in (
            (account, f"/account/{merchant.slug}/subscriptions/{subscription.id}"),
            (desk, f"/admin/subscriptions/{subscription.id}"),
            (desk, f"/admin/customers/{customer.id}"),
        ):
            browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
            browser.client.set_cookie("language", language)
            page = browser.get(path)
            pages[path] = [" ".join(line.get_text(" ").split()) for line in page.select("ol.timeline > li")]
        return pages

    return read


def written_by_services() -> dict[TimelineKind, set[str]]:
    """Which details the services give to which kind, read in their own text."""
    found: dict[TimelineKind, set[str]] = defaultdict(set)
    for path in Path(str(portal.services.__path__[0])).rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in ("timeline.note", "note"):
                kinds = {Kind[node.attr] for arg in call.args for node in ast.walk(arg) if _is_kind(node)}
                names = {word.arg for word in call.keywords if word.arg is not None}
                spread = {
                    key.value
                    for word in call.keywords
                    if word.arg is None
                    for node in ast.walk(word.value)
                    if isinstance(node, ast.Dict)
                    for key in node.keys
                }
                for kind in kinds:
                    found[kind] |= (names | spread) - COLUMNS
    return found


def _is_kind(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and ast.unparse(node.value) == "TimelineKind"


def test_the_table_knows_every_kind_and_every_detail_that_a_service_writes():
    assert set(WRITTEN) == set(TimelineKind)
    of_a_row = {"pause", "until", "reference", "answers"}  # what a pause and an end name themselves by
    for kind, names in written_by_services().items():
        assert names <= set().union(*WRITTEN[kind]) | of_a_row, kind
        assert set().union(*WRITTEN[kind]) <= names | of_a_row, kind


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("facts", [WRITTEN, FORMERLY, LATER], ids=["written", "formerly", "later"])
def test_every_fact_is_shown_on_each_face(shown, facts, language):
    for path, lines in shown(facts, language).items():
        assert lines, path
        for line in lines:
            assert not any(
                word in line.replace("the reversal of", "") for word in ("reversal", "a_later_word", "None", "_")
            ), line


@pytest.mark.parametrize("facts", [WRITTEN, FORMERLY], ids=["written", "formerly"])
def test_how_money_went_back_is_told_whichever_release_wrote_it(shown, facts):
    for path, lines in shown({Kind.REFUNDED: facts[Kind.REFUNDED]}, "en").items():
        for words in ("Refunded", "Reversed through PayPal", "Returned"):
            assert sum(words in line for line in lines) == 3, (path, words)


def test_only_a_notification_says_by_which_way_it_came(shown):
    for path, lines in shown({kind: [{"way": Way.LETTER}] for kind in (Kind.NOTIFIED, Kind.CLOSED)}, "en").items():
        saying = [line for line in lines if "Letter" in line]
        assert len(saying) == 2, path  # not the one that came through a page of ours
        assert all("Notice recorded" in line for line in saying), saying


@pytest.mark.parametrize("kind", PauseKind)
def test_what_gave_way_to_an_end_was_withdrawn_by_nobody(shown, kind):
    for path, lines in shown({Kind.PAUSE_WITHDRAWN: [{"pause": kind, "is_for_end": True}]}, "en").items():
        assert lines, path
        assert not [line for line in lines if "withdrawn" in line], path
        assert all("dropped because the contract ends" in line for line in lines), path


@pytest.mark.parametrize(
    ("kind", "said"), [(Kind.PAUSE_WITHDRAWN, "Planned restart"), (Kind.END_WITHDRAWN, "Planned end")]
)
def test_what_the_same_click_replaced_was_withdrawn_by_nobody(shown, kind, said):
    for path, lines in shown({kind: [{"is_replaced": True}]}, "en").items():
        assert lines, path
        assert not [line for line in lines if "withdr" in line], path
        assert all(f"{said} replaced by another" in line for line in lines), path
