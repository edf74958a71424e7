"""Which pages a customer sees who came by a link and is not logged in: those of their task (domain.task_links)."""

from __future__ import annotations

from typing import Final

from flask import g, request
from sqlalchemy.exc import NoResultFound

from portal.domain.integrations.return_addresses import is_allowed
from portal.domain.integrations.task_links import TASKS, After, is_part_of
from portal.queries.ends import end_requests
from portal.queries.people.people import OwnTask
from portal.web import identity

# What stands after an end was asked for; to take it back one has to have proven who one is.
RESULTS: Final = frozenset({"customer.request", "customer.request_proof"})
UNDO: Final = "customer.withdrawal"
PERSONAL: Final = frozenset(
    {
        *("customer.sessions", "customer.session_end", "customer.other_sessions_end"),
        *("customer.data", "customer.data_export", "customer.data_export_new"),
        *("customer.erasure", "customer.erasure_withdrawal"),
        *("customer.accounts", "customer.account_choice"),
        *("customer.address_change", "customer.address_withdrawal"),
        *("customer.account_members", "customer.account_member_again"),
        *("customer.account_member_role", "customer.account_member_removal"),
    }
)
WRITES_OF_PERSON: Final = frozenset({"customer.profile"})


def allows(task: OwnTask, *, is_safe: bool) -> bool:
    """Say whether what is asked for, by a safe method or not, is of the task; one that is done has its result alone."""
    if TASKS[task.kind].acts and _is_own_result(task):
        return True
    path = request.path.removeprefix(f"/account/{g.merchant.slug}/")
    is_its_page = not task.is_done and is_part_of(path, task.kind, task.subscription_id)
    return is_its_page and (is_safe or TASKS[task.kind].acts)


def return_address() -> str:
    """Return where the task may lead back to; empty where nothing was named, or the merchant's list has it no more."""
    person = g.get("person")
    task = (person.task or person.vouched) if person is not None else None
    return task.return_to if task is not None and is_allowed(task.return_to, g.merchant.return_addresses) else ""


def leads_on_to() -> str:
    """Return the address to which somebody is led once the task is done; empty where its result is shown."""
    vouched = identity.person().vouched
    return return_address() if vouched is not None and vouched.after is After.REDIRECT else ""


def is_proven_for(endpoint: str, *, is_safe: bool) -> bool:
    """Say whether the server's word is enough for the page of a portal session, or a code has to be sent first.

    It says who buys there.  It does not say that they read the mailbox: so nothing that is theirs alone is shown by it,
    nothing about the person is written, and nobody else of the same address is reached.
    """
    return endpoint not in PERSONAL and (is_safe or endpoint not in WRITES_OF_PERSON)


def _is_own_result(task: OwnTask) -> bool:
    """Say whether it is the page of a request to end the task's subscription, its proof, or its undoing."""
    if request.endpoint not in RESULTS and not (request.endpoint == UNDO and task.is_proven):
        return False
    reference = str((request.view_args or {}).get("reference", ""))
    if "\x00" in reference:  # PostgreSQL cannot even compare it
        return False
    with identity.context().db.read() as session:
        try:
            found = end_requests.of_customer(session, g.merchant.id, g.person.id, reference)
        except NoResultFound:
            return False
    return found.subscription_id == task.subscription_id
