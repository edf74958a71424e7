"""Sections of the customers' space: all shown at first, each left out by itself, none that the law wants shown."""

from __future__ import annotations

from itertools import product

from portal.domain.merchants.sections import Section, hidden_with, is_shown
from portal.web.access import ACCESS, Face

# Never behind a switch: what a customer has, ends, proves, and who is logged in as them.
ALWAYS = {
    "customer.subscriptions", "customer.subscription", "customer.cancel",
    "customer.cancellation", "customer.notification",
    "customer.request", "customer.withdrawal", "customer.request_proof", "customer.accounts",
    "auth.customer_again", "customer.profile", "customer.address_change", "customer.address_withdrawal",
    "customer.account_choice", "customer.sessions", "customer.session_end", "customer.other_sessions_end",
    "customer.resume", "customer.pause_withdrawal", "customer.late", "customer.offer",
    "customer.comeback", "customer.comeback_return", "customer.comeback_cancelled", "customer.comeback_reading",
    "customer.comeback_withdrawal", "customer.settlement", "customer.settlement_start",
    "customer.data", "customer.data_export", "customer.data_export_new",
    "customer.erasure", "customer.erasure_withdrawal",
    "customer.account_members", "customer.account_member_again", "customer.account_member_role",
    "customer.account_member_removal", "customer.account_leaving",
}  # fmt: skip


def test_each_is_left_out_and_shown_by_itself_and_what_is_unknown_stays():
    for positions in product((True, False), repeat=len(Section)):
        hidden = ["later"]
        for section, shown in zip(Section, positions, strict=True):
            hidden = hidden_with(hidden_with(hidden, section, shown=not shown), section, shown=shown)
        assert [is_shown(section, hidden) for section in Section] == list(positions)
        assert hidden == sorted(set(hidden))
        assert "later" in hidden


def test_no_page_that_the_law_or_the_promise_wants_lies_behind_a_section():
    behind = {route: line.section for route, line in ACCESS.items() if line.section is not None}
    payments = ("payments", "payments_csv", "payments_statement", "payment", "payment_receipt", "payment_search")
    assert behind == {
        "customer.pause": Section.PAUSES,
        "customer.comeback_start": Section.COMEBACKS,
        "customer.receipts": Section.PAYMENTS,
        **{f"customer.{one}": Section.PAYMENTS for one in payments},
        "customer.access": Section.ACCESS,
    }
    assert {route for route, line in ACCESS.items() if line.face is Face.CUSTOMER} == ALWAYS | behind.keys()
