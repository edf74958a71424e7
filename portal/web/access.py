"""Who may come where: one table for every route, closed by default (style.md, convention 13).

A route without a line here keeps the application from starting.  The guard below reads the table before
every view; tests/test_architecture.py calls every route as each kind of person to see that it is true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from flask import Flask, abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.domain.ends.duties import LEAST, Duty, may
from portal.domain.errors import Denial, NotAllowed
from portal.domain.merchants.merchants import Work
from portal.domain.merchants.sections import Section
from portal.domain.people.account_members import Part, refusal
from portal.domain.policies import Role
from portal.queries.people.people import Kind
from portal.web import drafts, standings, task_scope

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Face(StrEnum):
    """To whom a route is open."""

    PUBLIC = "public"  # everybody
    CUSTOMER = "customer"  # a logged-in customer of the merchant in the address
    STAFF = "staff"  # a logged-in staff member, of the role below or a higher one
    SIGNED = "signed"  # a message whose signature the view checks


class Again(StrEnum):
    """When the log-in is asked for again, unless it was made in the last ten minutes (`confirming`)."""

    NEVER = "never"
    ACTS = "acts"  # what was sent is kept meanwhile, and sent on afterwards
    ENTERS = "enters"  # whoever may act is asked before the page: nothing secret is typed in vain
    VIEW = "view"  # the view asks, by how much is touched


@dataclass(frozen=True)
class Access:
    """One line of the table. At the desk, whoever looks does the duty `reads`, whoever changes something `acts`."""

    face: Face
    reads: Duty = Duty.LOOK
    acts: Duty = Duty.CUSTOMERS
    again: Again = Again.NEVER
    section: Section | None = None  # of the customers' space: left out by the merchant, there is no such page
    part: Part = Part.SEEN  # of a customer's account: which of its people look, and which act
    work: Work = Work.CARRY_ON  # of whoever changes something: some is not done while a merchant is suspended or leaves

    def work_for(self, method: str) -> Work:
        """Return the work that the method is part of; a page that offers customers something is part of the offer."""
        return Work.LOOK if method in SAFE_METHODS and self.work is not Work.RETURN else self.work

    def duty_for(self, method: str) -> Duty:
        """Return the duty that the method is part of."""
        return self.reads if method in SAFE_METHODS else self.acts

    def role_for(self, method: str) -> Role:
        """Return the least role that may use the method."""
        return LEAST[self.duty_for(method)]

    def asks_again(self, method: str, role: Role | None) -> bool:
        """Say whether somebody of that role, or a customer (None), has to have logged in a moment ago."""
        if method in SAFE_METHODS:
            return self.again is Again.ENTERS and (role is None or may(role, self.acts))
        return self.again in (Again.ACTS, Again.ENTERS)


PUBLIC: Final = Access(Face.PUBLIC)
CUSTOMER: Final = Access(Face.CUSTOMER)
PAYMENTS: Final = Access(Face.CUSTOMER, section=Section.PAYMENTS)
ACTS: Final = Access(Face.CUSTOMER, part=Part.OWNERS)  # a form alone, or a button: nothing for readers
OFFER: Final = Access(Face.CUSTOMER, part=Part.OWNERS, work=Work.RETURN)
ON_FILE: Final = Access(Face.CUSTOMER, part=Part.ON_FILE)
ANYBODY: Final = Access(Face.CUSTOMER, part=Part.OWN)  # one's own sessions, and which account one sees
SIGNED: Final = Access(Face.SIGNED)
DESK: Final = Access(Face.STAFF)  # every role looks
NEW: Final = Access(Face.STAFF, work=Work.BEGIN)
CHANGE: Final = Access(Face.STAFF, reads=Duty.CUSTOMERS)  # a form alone: nothing for those who only look
NEW_ONLY: Final = Access(Face.STAFF, reads=Duty.CUSTOMERS, work=Work.BEGIN)
ENDS: Final = Access(Face.STAFF, acts=Duty.ENDS)
OWN: Final = Access(Face.STAFF, acts=Duty.LOOK)  # one's own sessions and log-in
OWN_FACTORS: Final = Access(Face.STAFF, acts=Duty.LOOK, again=Again.ENTERS)
OWN_ACTS: Final = Access(Face.STAFF, acts=Duty.LOOK, again=Again.ACTS)
REFUNDS: Final = Access(Face.STAFF, reads=Duty.REFUNDS, acts=Duty.REFUNDS, again=Again.ENTERS)
PRODUCTS: Final = Access(Face.STAFF, acts=Duty.PRODUCTS, again=Again.ACTS, work=Work.BEGIN)
PRODUCTS_ONLY: Final = Access(Face.STAFF, reads=Duty.PRODUCTS, acts=Duty.PRODUCTS, again=Again.ACTS, work=Work.BEGIN)
SETTINGS: Final = Access(Face.STAFF, acts=Duty.SETTINGS, again=Again.ACTS, work=Work.BEGIN)
PAYPAL: Final = Access(Face.STAFF, acts=Duty.PAYPAL)
KEYS: Final = Access(Face.STAFF, acts=Duty.PAYPAL, again=Again.ENTERS)
KEYS_ONLY: Final = Access(Face.STAFF, reads=Duty.PAYPAL, acts=Duty.PAYPAL, again=Again.ENTERS)
SETTINGS_ONLY: Final = replace(SETTINGS, reads=Duty.SETTINGS)
SITES: Final = Access(Face.STAFF, acts=Duty.INTEGRATIONS, again=Again.ENTERS, work=Work.BEGIN)
TEAM: Final = Access(Face.STAFF, reads=Duty.TEAM, acts=Duty.TEAM, again=Again.ACTS)
INVITES: Final = replace(TEAM, work=Work.BEGIN)
INTEGRATIONS: Final = Access(Face.STAFF, reads=Duty.INTEGRATIONS, acts=Duty.INTEGRATIONS)
INTEGRATIONS_ASKING: Final = replace(INTEGRATIONS, again=Again.ACTS)  # what sends data elsewhere, or shows a secret
AUDIT: Final = Access(Face.STAFF, reads=Duty.AUDIT, acts=Duty.AUDIT)
ARCHIVE: Final = Access(Face.STAFF, reads=Duty.ARCHIVE, acts=Duty.ARCHIVE, again=Again.ENTERS)
FILES: Final = Access(Face.STAFF, reads=Duty.EXPORT, acts=Duty.EXPORT, work=Work.BEGIN)
API_KEYS: Final = replace(INTEGRATIONS, again=Again.ENTERS)

ACCESS: Final[Mapping[str, Access]] = {
    "static": PUBLIC,
    "stylesheet": PUBLIC,
    "logo": PUBLIC,
    "public.home": PUBLIC,
    "public.accessibility": PUBLIC,
    "public.language": PUBLIC,
    **dict.fromkeys(("public.healthz", "public.livez", "public.readyz"), PUBLIC),
    "public.metrics": PUBLIC,  # of the operator: the view asks for a token of the settings
    "public.signing_keys": PUBLIC,
    "public.host_sign": PUBLIC,  # that a host leads here
    "public.host_asked": PUBLIC,  # whether a certificate may be asked for: what stands in front
    "public.security_txt": PUBLIC,
    "public.setup": PUBLIC,  # while there is no merchant; the operator's code is asked for
    "public.proof": PUBLIC,
    **dict.fromkeys(("public.legal_notice", "public.privacy", "public.terms"), PUBLIC),
    **dict.fromkeys(("public.legal_notice_fr", "public.privacy_fr", "public.terms_fr"), PUBLIC),
    **dict.fromkeys(("public.site_map", "public.site_map_fr", "public.accessibility_fr"), PUBLIC),
    "declarations.cancellation": PUBLIC,
    "declarations.withdrawal": PUBLIC,
    "declarations.declared": PUBLIC,  # whoever declared it; the address is not to be guessed
    "declarations.declared_file": PUBLIC,
    "declarations.answer": PUBLIC,  # whoever reads the mailbox on file; the link is the proof
    "auth.customer_login": PUBLIC,
    "auth.customer_code": PUBLIC,
    "auth.customer_link": PUBLIC,
    "auth.customer_address": PUBLIC,  # whoever reads the mailbox; the link is the proof
    "auth.customer_address_hold": PUBLIC,  # the same
    "auth.customer_site": PUBLIC,
    "auth.customer_site_back": PUBLIC,  # the merchant's site leads here; the round of this browser is the proof
    "auth.customer_invitation": PUBLIC,  # whoever reads the mailbox; the link is the proof
    "auth.customer_again": ANYBODY,
    "auth.customer_task": PUBLIC,  # whoever has the link, once; what it opens is no log-in (task_scope)
    "auth.customer_task_again": PUBLIC,
    "auth.portal_session": PUBLIC,  # the same: whom the merchant's server sent here
    "auth.customer_number": PUBLIC,
    "auth.customer_help": PUBLIC,
    "auth.customer_helped": PUBLIC,
    "auth.customer_logout": PUBLIC,  # logging out twice is no error
    "auth.staff_login": PUBLIC,
    "auth.staff_second_factor": PUBLIC,
    "auth.staff_passkey": PUBLIC,
    "auth.staff_second_factor_passkey": PUBLIC,
    "auth.staff_unlock": PUBLIC,
    "auth.staff_unlock_link": PUBLIC,
    "auth.staff_logout": PUBLIC,
    "auth.staff_invitation": PUBLIC,
    "auth.staff_invitation_factor": PUBLIC,
    "auth.staff_password": PUBLIC,
    "auth.staff_password_link": PUBLIC,
    "auth.staff_confirm": OWN,
    "auth.staff_confirm_passkey": OWN,
    "customer.subscriptions": CUSTOMER,
    "customer.subscription": CUSTOMER,
    "customer.cancel": ACTS,
    "customer.access": Access(Face.CUSTOMER, section=Section.ACCESS),
    "customer.cancellation": ACTS,
    "customer.notification": ACTS,
    "customer.request": CUSTOMER,
    "customer.withdrawal": ACTS,
    "customer.pause": replace(OFFER, section=Section.PAUSES),
    "customer.pause_withdrawal": ACTS,
    "customer.offer": OFFER,
    "customer.resume": OFFER,
    "customer.late": CUSTOMER,
    "customer.settlement_start": OFFER,
    "customer.settlement": CUSTOMER,
    "customer.comeback_start": replace(OFFER, section=Section.COMEBACKS),
    "customer.comeback": CUSTOMER,
    "customer.comeback_return": CUSTOMER,
    "customer.comeback_cancelled": CUSTOMER,
    "customer.comeback_reading": ACTS,
    "customer.comeback_withdrawal": ACTS,
    "customer.request_proof": CUSTOMER,
    **dict.fromkeys(("customer.payments", "customer.payments_csv", "customer.payments_statement"), PAYMENTS),
    **dict.fromkeys(("customer.payment", "customer.payment_receipt"), PAYMENTS),
    "customer.payment_search": replace(PAYMENTS, part=Part.OWN),  # a question: nothing is changed by it
    "customer.receipts": PAYMENTS,
    "customer.accounts": ANYBODY,
    "customer.account_choice": ANYBODY,
    "customer.profile": CUSTOMER,
    "customer.account_members": replace(ACTS, again=Again.ACTS),
    "customer.account_member_again": replace(ACTS, again=Again.ACTS),
    "customer.account_member_role": replace(ACTS, again=Again.ACTS),
    "customer.account_member_removal": ACTS,  # whoever takes a right away need not wait for a mail
    "customer.account_leaving": ANYBODY,
    "customer.address_change": replace(ON_FILE, again=Again.ENTERS),
    **dict.fromkeys(("customer.sessions", "customer.session_end", "customer.other_sessions_end"), ANYBODY),
    **dict.fromkeys(("customer.address_withdrawal", "customer.data", "customer.data_export_new"), ON_FILE),
    "customer.data_export": ON_FILE,
    "customer.erasure": ON_FILE,  # the view asks for a fresh log-in
    "customer.erasure_withdrawal": ON_FILE,
    "admin.sessions": OWN,
    "admin.session_end": OWN,
    "admin.other_sessions_end": OWN,
    "admin.account": OWN,
    "admin.account_passkeys": OWN,
    **dict.fromkeys(("admin.account_password", "admin.account_factor", "admin.account_passkey_new"), OWN_FACTORS),
    **dict.fromkeys(("admin.account_codes", "admin.account_passkey", "admin.account_passkey_removal"), OWN_ACTS),
    "admin.desk_change": OWN,
    "admin.team": TEAM,
    "admin.team_invitation": INVITES,
    "admin.invitation_again": INVITES,
    "admin.invitation_withdrawal": TEAM,
    "admin.team_member": TEAM,
    "admin.team_member_sessions_end": TEAM,
    "admin.team_member_renewal": TEAM,
    "admin.team_member_suspension": TEAM,
    "admin.team_member_reinstatement": TEAM,
    "admin.team_member_removal": TEAM,
    "admin.start": PAYPAL,
    "admin.start_code": PAYPAL,
    "admin.inbox": DESK,
    "admin.request_retry": ENDS,
    "admin.request_withdrawal": ENDS,
    "admin.difference_seen": DESK,
    "admin.paypal_event_seen": DESK,
    "admin.inbox_several": DESK,
    "admin.inbox_several_settled": DESK,
    "admin.mail_seen": DESK,
    "admin.mail_resend": DESK,
    "admin.received_new": DESK,
    "admin.received_lost": DESK,
    "admin.received_lost_junk": DESK,
    "admin.received": DESK,
    "admin.received_match": DESK,
    "admin.received_dismissal": DESK,
    "admin.subscription_paid_until": DESK,
    **dict.fromkeys(
        (
            "admin.subscription_renewal",
            "admin.subscription_renewal_start",
            "admin.renewal_letter",
            "admin.renewal_seen",
        ),
        DESK,
    ),
    "admin.renewal_refund_settled": Access(Face.STAFF, acts=Duty.REFUNDS),
    "admin.late_payment": DESK,
    "admin.late_payment_refund": REFUNDS,
    "admin.payment": DESK,
    "admin.payment_refund": REFUNDS,
    "admin.withdrawal": DESK,
    "admin.subscription_withdrawal": ENDS,
    "admin.withdrawal_settlement": Access(Face.STAFF, acts=Duty.REFUNDS),
    "admin.subscription_contract": DESK,
    "admin.refund_stop": Access(Face.STAFF, acts=Duty.REFUNDS),
    "admin.late_payment_explanation": Access(Face.STAFF, acts=Duty.REFUNDS),
    "admin.request_proof": DESK,
    **dict.fromkeys(
        ("admin.list_view_new", "admin.list_view", "admin.list_view_filters", "admin.list_view_removal"), OWN
    ),
    **dict.fromkeys(
        ("admin.subscriptions_export", "admin.customers_export", "admin.list_export", "admin.list_export_file"),
        Access(Face.STAFF, reads=Duty.EXPORT, acts=Duty.EXPORT),
    ),
    **dict.fromkeys(("admin.file_imports", "admin.file_import", "admin.file_import_run"), FILES),
    **dict.fromkeys(
        ("admin.file_import_stop", "admin.file_import_removal", "admin.file_import_refused"),
        replace(FILES, work=Work.CARRY_ON),
    ),
    **dict.fromkeys(("admin.merchant_archive", "admin.merchant_archive_file"), ARCHIVE),
    "admin.subscriptions": DESK,
    "admin.subscription": DESK,
    "admin.subscription_end": Access(Face.STAFF, acts=Duty.ENDS, again=Again.VIEW),
    "admin.subscription_reading": DESK,
    "admin.subscription_pause": Access(Face.STAFF, acts=Duty.ENDS, work=Work.BEGIN),
    "admin.pause_retry": ENDS,
    "admin.pause_withdrawal": ENDS,
    "admin.bulk_acts": Access(Face.STAFF, acts=Duty.ENDS, work=Work.BEGIN),
    "admin.bulk_act": Access(Face.STAFF, acts=Duty.ENDS, again=Again.VIEW, work=Work.BEGIN),
    "admin.bulk_act_stop": ENDS,
    "admin.bulk_act_resume": ENDS,
    "admin.bulk_act_end": ENDS,
    "admin.bulk_act_results": ENDS,
    "admin.customers": DESK,
    "admin.customer": DESK,
    "admin.customer_view": DESK,
    "admin.customer_link": CHANGE,
    "admin.customer_link_withdrawal": DESK,
    "admin.customer_identity": CHANGE,
    "admin.customer_address": DESK,
    "admin.customer_address_again": DESK,
    "admin.customer_address_withdrawal": DESK,
    "admin.customer_address_refusal": DESK,
    "admin.customer_address_hold": CHANGE,
    "admin.customer_joining": DESK,
    "admin.customer_splitting": CHANGE,
    "admin.account_member_removal": CHANGE,
    "admin.customer_notes": DESK,
    "admin.customer_note_deletion": CHANGE,
    "admin.grant_new": NEW_ONLY,
    "admin.grant": NEW_ONLY,
    "admin.grant_withdrawal": CHANGE,
    "admin.portal_sessions": DESK,
    "admin.import_run": DESK,
    "admin.import_start": NEW,
    "admin.paypal_profile_imports": NEW,
    "admin.paypal_profile_import": DESK,
    "admin.paypal_profile_import_failed": DESK,
    "admin.paypal_profile_import_resume": NEW,
    "admin.paypal_profile_import_end": DESK,
    "admin.products": DESK,
    "admin.product_new": PRODUCTS_ONLY,
    "admin.product": PRODUCTS,
    "admin.product_draft": Access(Face.STAFF, acts=Duty.PRODUCTS, work=Work.BEGIN),  # saves nothing: nothing to confirm
    "admin.product_plans": DESK,
    "admin.product_plan": PRODUCTS_ONLY,
    "admin.product_plan_kind": PRODUCTS_ONLY,
    "admin.paypal": PAYPAL,
    "admin.paypal_rest": KEYS,
    "admin.paypal_rest_check": KEYS,
    "admin.paypal_rest_removal": KEYS_ONLY,
    "admin.paypal_classic": KEYS,
    "admin.paypal_classic_check": KEYS,
    "admin.paypal_classic_removal": KEYS_ONLY,
    "admin.paypal_classic_receivers": replace(KEYS_ONLY, work=Work.BEGIN),
    "admin.paypal_comparisons": DESK,
    "admin.paypal_comparison": DESK,
    "admin.paypal_comparison_start": DESK,
    "admin.paypal_events": DESK,
    "admin.paypal_events_register": PAYPAL,
    "admin.paypal_events_test": PAYPAL,
    "admin.paypal_events_fetch": DESK,
    "admin.paypal_event": DESK,
    "admin.paypal_event_replay": DESK,
    "admin.settings": SETTINGS,
    "admin.setting_face": SETTINGS,
    "admin.setting_logo": replace(SETTINGS, again=Again.NEVER),  # what is brought is seen by nobody yet
    "admin.setting_logo_draft": SETTINGS_ONLY,
    "admin.setting_logo_removal": SETTINGS,
    "admin.setting_addresses": SETTINGS,
    "admin.setting_returns": SETTINGS,
    "admin.setting_language": SETTINGS,
    "admin.setting_countries": SETTINGS,
    "admin.setting_sections": SETTINGS,
    "admin.setting_notices": SETTINGS,
    "admin.setting_notice": SETTINGS,
    "admin.setting_notice_test": replace(SETTINGS_ONLY, again=Again.NEVER, work=Work.CARRY_ON),  # to oneself
    "admin.setting_reasons": SETTINGS,
    "admin.setting_reason": SETTINGS,
    "admin.setting_offer": SETTINGS,
    "admin.setting_retention": SETTINGS,
    "admin.setting_legal_texts": DESK,
    "admin.setting_legal_text": SETTINGS,
    "admin.setting_links": SETTINGS,
    "admin.setting_host": replace(SITES, again=Again.ACTS),
    "admin.setting_host_check": replace(SITES, again=Again.NEVER),
    "admin.setting_host_removal": replace(SITES, reads=Duty.INTEGRATIONS, again=Again.ACTS, work=Work.CARRY_ON),
    "admin.setting_site_login": SITES,
    "admin.setting_site_login_check": replace(SITES, again=Again.ACTS),
    "admin.setting_site_login_on": replace(SITES, again=Again.ACTS),
    "admin.setting_site_login_removal": replace(SITES, reads=Duty.INTEGRATIONS, work=Work.CARRY_ON),
    "admin.setting_site_login_off": replace(SITES, again=Again.ACTS, work=Work.CARRY_ON),
    "admin.api_keys": INTEGRATIONS,
    "admin.api_key": INTEGRATIONS,
    "admin.api_key_new": replace(API_KEYS, work=Work.BEGIN),
    **dict.fromkeys(("admin.api_key_change", "admin.api_key_rotation", "admin.api_key_revocation"), API_KEYS),
    "admin.archive": ARCHIVE,
    "admin.court_file": ARCHIVE,
    "admin.audit": AUDIT,
    "admin.audit_check": AUDIT,
    "admin.audit_export": Access(Face.STAFF, reads=Duty.AUDIT, acts=Duty.AUDIT, again=Again.ACTS),
    "admin.integrations": INTEGRATIONS,
    "admin.integration_recipes": INTEGRATIONS,
    "admin.event_endpoints": INTEGRATIONS,
    "admin.event_endpoint_new": replace(INTEGRATIONS_ASKING, work=Work.BEGIN),
    "admin.event_endpoint": INTEGRATIONS,
    "admin.event_endpoint_change": INTEGRATIONS_ASKING,
    "admin.event_endpoint_secret": INTEGRATIONS_ASKING,
    "admin.event_endpoint_test": INTEGRATIONS,
    "admin.event_endpoint_pause": INTEGRATIONS,
    "admin.event_endpoint_resume": INTEGRATIONS,
    "admin.event_endpoint_removal": INTEGRATIONS_ASKING,
    "admin.event_endpoint_replay": INTEGRATIONS,
    "admin.event_delivery": INTEGRATIONS,
    "admin.event_delivery_replay": INTEGRATIONS,
    "webhooks.paypal": SIGNED,
    "webhooks.paypal_ipn": SIGNED,
}

# The customer's alone: nobody of the desk who sees the other pages as they do sees these.
OWN_ALONE: Final = frozenset(
    {"customer.account_members", "customer.sessions", "customer.data", "customer.data_export", "customer.erasure"}
)
FACES_OF_BLUEPRINTS: Final = {"customer": Face.CUSTOMER, "admin": Face.STAFF, "webhooks": Face.SIGNED}


def install(app: Flask) -> None:
    """Ask the table before every view."""
    app.before_request(_guard)


def check_table(app: Flask) -> None:
    """Raise RuntimeError naming every route that has no line, or the wrong face for its blueprint."""
    routes = {rule.endpoint for rule in app.url_map.iter_rules()}
    missing = sorted(routes - ACCESS.keys())
    wrong = sorted(
        route
        for route in routes & ACCESS.keys()
        if ACCESS[route].face is not FACES_OF_BLUEPRINTS.get(route.partition(".")[0], ACCESS[route].face)
    )
    if missing or wrong:
        raise RuntimeError(f"portal/web/access.py: no line for {missing}, wrong face for {wrong}")


def is_of_desk(endpoint: str | None) -> bool:
    """Say whether a route wants to know which staff member asks."""
    return endpoint is not None and (
        endpoint.startswith("auth.staff_") or (endpoint in ACCESS and ACCESS[endpoint].face is Face.STAFF)
    )


def _guard() -> ResponseReturnValue | None:
    endpoint = request.endpoint
    if endpoint is None:  # no such address, or not with this method: Flask answers
        return None
    access = ACCESS[endpoint]
    if access.face in (Face.PUBLIC, Face.SIGNED):
        return None
    wanted = Kind.CUSTOMER if access.face is Face.CUSTOMER else Kind.STAFF
    if g.person is None or g.person.kind is not wanted:
        return _ask_to_log_in(access.face)
    if g.person.task is not None and not task_scope.allows(g.person.task, is_safe=request.method in SAFE_METHODS):
        return _ask_to_log_in(access.face)  # who came by a link is logged in nowhere else
    if wanted is Kind.STAFF and not may(g.person.role, access.duty_for(request.method)):
        raise NotAllowed(Denial.ROLE_TOO_LOW)
    if g.person.member is not None:
        denial = refusal(g.person.member.role, access.part, is_safe=request.method in SAFE_METHODS)
        if denial is not None:
            raise NotAllowed(denial)
    if access.section is not None and not g.merchant.shows(access.section):
        abort(404)
    standings.check(access.work_for(request.method))
    if g.person.viewer_id is not None and (request.method not in SAFE_METHODS or endpoint in OWN_ALONE):
        raise NotAllowed(Denial.VIEW_ONLY)
    return None


def _ask_to_log_in(face: Face) -> ResponseReturnValue:
    endpoint = "auth.customer_login" if face is Face.CUSTOMER else "auth.staff_login"
    back = url_for(endpoint, next=drafts.way_back(is_safe=request.method in SAFE_METHODS))
    if request.method in SAFE_METHODS:
        return redirect(back, 303)
    return render_template("errors/401_expired.html", back=back), 401
