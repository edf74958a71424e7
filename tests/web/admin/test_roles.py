"""Who may do what, tried: every route of the desk by a person of each role."""

from __future__ import annotations

from itertools import pairwise

import pytest

from portal.domain.ends.duties import LEAST, Duty, may
from portal.domain.policies import Role
from portal.web.access import ACCESS, SAFE_METHODS, Face
from tests.test_architecture import address

OWN = {
    "auth.staff_confirm",
    *("admin.sessions", "admin.session_end", "admin.other_sessions_end", "admin.desk_change"),
    *("admin.account", "admin.account_password", "admin.account_factor", "admin.account_codes"),
    *("auth.staff_confirm_passkey", "admin.account_passkeys", "admin.account_passkey_new"),
    *("admin.account_passkey", "admin.account_passkey_removal"),
    *("admin.list_view", "admin.list_view_new", "admin.list_view_filters", "admin.list_view_removal"),
}
MANAGERS = {
    *("admin.product", "admin.product_draft", "admin.product_new", "admin.product_plan"),
    *("admin.product_plan_kind", "admin.renewal_refund_settled"),
    *("admin.late_payment_refund", "admin.late_payment_explanation", "admin.payment_refund", "admin.refund_stop"),
    "admin.withdrawal_settlement",
    *("admin.subscriptions_export", "admin.customers_export", "admin.list_export_file"),
    *("admin.file_imports", "admin.file_import", "admin.file_import_run", "admin.file_import_stop"),
    *("admin.file_import_removal", "admin.file_import_refused"),
    *("admin.settings", "admin.setting_face", "admin.setting_addresses", "admin.setting_language"),
    "admin.setting_countries",
    "admin.setting_sections",
    "admin.setting_legal_text",
    *("admin.setting_notices", "admin.setting_notice", "admin.setting_notice_test"),
    *("admin.setting_reasons", "admin.setting_reason", "admin.setting_offer"),
    "admin.setting_retention",
    "admin.setting_links",
    *("admin.setting_sections", "admin.setting_returns"),
    *("admin.setting_logo", "admin.setting_logo_draft", "admin.setting_logo_removal"),
}
INTEGRATIONS = {
    "admin.integration_recipes",
    *("admin.integrations", "admin.event_endpoints", "admin.event_endpoint", "admin.event_delivery"),
    *(f"admin.event_endpoint_{act}" for act in ("new", "change", "secret", "test", "pause", "resume", "removal")),
    *("admin.event_endpoint_replay", "admin.event_delivery_replay"),
}
OWNERS = {
    *("admin.start", "admin.start_code", "admin.paypal"),
    *("admin.paypal_rest", "admin.paypal_rest_check", "admin.paypal_rest_removal"),
    *("admin.paypal_classic", "admin.paypal_classic_check", "admin.paypal_classic_removal"),
    *("admin.paypal_classic_receivers", "admin.paypal_events_register", "admin.paypal_events_test"),
    *("admin.setting_site_login", "admin.setting_site_login_check"),
    *("admin.setting_host", "admin.setting_host_check", "admin.setting_host_removal"),
    *("admin.setting_site_login_on", "admin.setting_site_login_off", "admin.setting_site_login_removal"),
    *("admin.team", "admin.team_invitation", "admin.invitation_again", "admin.invitation_withdrawal"),
    *("admin.team_member", "admin.team_member_sessions_end", "admin.team_member_renewal"),
    *("admin.team_member_suspension", "admin.team_member_reinstatement", "admin.team_member_removal"),
    *("admin.audit", "admin.audit_check", "admin.audit_export", "admin.archive", "admin.court_file"),
    *("admin.merchant_archive", "admin.merchant_archive_file"),
    *INTEGRATIONS,
    *("admin.api_keys", "admin.api_key", "admin.api_key_new"),
    *("admin.api_key_change", "admin.api_key_rotation", "admin.api_key_revocation"),
}
LOOKED_AT_BY_SUPPORT = {  # forms alone
    *("admin.customer_identity", "admin.customer_note_deletion", "admin.customer_splitting"),
    "admin.customer_address_hold",
    *("admin.grant_new", "admin.grant", "admin.grant_withdrawal"),
    *("admin.customer_link", "admin.account_member_removal"),
}
LOOKED_AT_BY_MANAGERS = {
    *(
        "admin.product_new",
        "admin.product_plan",
        "admin.product_plan_kind",
        "admin.late_payment_refund",
        "admin.payment_refund",
        "admin.setting_logo_draft",
        "admin.list_export",
        "admin.file_imports",
        "admin.file_import",
    ),
}
LOOKED_AT_BY_OWNERS = {
    *("admin.setting_site_login_removal", "admin.setting_host_removal"),
    *("admin.paypal_rest_removal", "admin.paypal_classic_removal", "admin.paypal_classic_receivers"),
    *("admin.team", "admin.team_invitation", "admin.team_member", "admin.audit", "admin.archive"),
    *("admin.court_file", "admin.merchant_archive"),
    *INTEGRATIONS,
    *("admin.api_keys", "admin.api_key", "admin.api_key_new"),
    *("admin.api_key_change", "admin.api_key_rotation", "admin.api_key_revocation"),
}
ORDER = (Role.READER, Role.SUPPORT, Role.MANAGER, Role.OWNER)


def least(endpoint: str, method: str) -> Role:
    """The least role, as the product's owner has said it."""
    if method in SAFE_METHODS:
        if endpoint in LOOKED_AT_BY_OWNERS:
            return Role.OWNER
        if endpoint in LOOKED_AT_BY_SUPPORT:
            return Role.SUPPORT
        return Role.MANAGER if endpoint in LOOKED_AT_BY_MANAGERS else Role.READER
    if endpoint in OWN:
        return Role.READER
    return Role.OWNER if endpoint in OWNERS else Role.MANAGER if endpoint in MANAGERS else Role.SUPPORT


def routes_of_the_desk(app):
    """Every route that staff alone use, with its methods."""
    return [
        (rule, method)
        for rule in app.url_map.iter_rules()
        if ACCESS[rule.endpoint].face is Face.STAFF
        for method in sorted(rule.methods & {"GET", "POST"})
    ]


@pytest.mark.parametrize("role", ORDER)
def test_a_role_is_let_in_where_its_work_is_and_nowhere_else(app, merchant, enter, role):
    person, wrong = enter(merchant, role), []
    for rule, method in routes_of_the_desk(app):
        if rule.endpoint in ("admin.session_end", "admin.other_sessions_end"):
            continue  # the role that looks at nothing else is OWN's: below
        answer = person.client.open(
            address(rule, merchant=merchant, known={}), method=method, base_url="http://portal.test"
        )
        is_in, should = answer.status_code != 403, ORDER.index(role) >= ORDER.index(least(rule.endpoint, method))
        if is_in is not should:
            wrong.append((method, rule.endpoint, answer.status))
    assert wrong == []


def test_everybody_ends_their_own_sessions():
    assert {ACCESS[name].role_for("POST") for name in OWN} == {Role.READER}


def test_a_higher_role_holds_every_duty_of_a_lower_one():
    held = [{duty for duty in Duty if may(role, duty)} for role in ORDER]
    assert all(lower < higher for lower, higher in pairwise(held))
    assert held[-1] == set(LEAST)
    assert not any(may(None, duty) for duty in Duty)
