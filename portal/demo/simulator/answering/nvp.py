"""The classic API: name-value pairs at `/nvp`, 200 to everything, ACK and errors inside (FACTS.md 3.1).

And `/cgi-bin/webscr`, where IPNs are posted back (3.2).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from portal.demo.simulator.answering import calls
from portal.demo.simulator.messages import Reply, Request
from portal.demo.simulator.profiles import profile_fields
from portal.demo.simulator.records import ClassicAccount, Subscription, stamp
from portal.demo.simulator.rules import Behaviour, Rule, chosen
from portal.demo.simulator.shapes import PayPalError
from portal.demo.simulator.world import Simulator

METHODS: Final = {
    "GetRecurringPaymentsProfileDetails": "nvp_get",
    "ManageRecurringPaymentsProfileStatus": "nvp_manage",
    "GetBalance": "nvp_balance",
}
ACTIONS: Final = {"Cancel": "cancel", "Suspend": "suspend", "Reactivate": "activate"}
PREFIX: Final = b"cmd=_notify-validate&"

SECURITY_HEADER: Final = ("Authentication/Authorization Failed", "Security header is not valid")
ERRORS: Final[Mapping[str, tuple[str, str]]] = {
    "10001": ("Internal Error", "Internal Error"),
    "10002": SECURITY_HEADER,
    "10004": ("Transaction refused because of an invalid argument. See additional error messages for details.", ""),
    "10008": ("Security error", "Security header is not valid"),
    "10101": ("This API Temporarily Unavailable", "This API is temporarily unavailable. Please try later."),
    "11552": ("Invalid profile ID", "The profile ID is invalid"),
    "11556": ("Invalid profile status for cancel action; profile should be active or suspended", ""),
    "11557": ("Invalid profile status for suspend action; profile should be active", ""),
    "11558": ("Invalid profile status for reactivate action; profile should be suspended", ""),
    "11592": (
        "Subscription Profiles not supported by Recurring Payment APIs",
        "Subscription Profiles not supported by Recurring Payment APIs",
    ),
}
NO_PERMISSION: Final = ("Authentication/Authorization Failed", "You do not have permissions to make this API call")
REFUSED: Final = {"cancel": "11556", "suspend": "11557", "activate": "11558"}
FORCED: Final = {
    Behaviour.NVP_INTERNAL: "10001",
    Behaviour.NVP_AWAY: "10101",
    Behaviour.NOT_FOUND: "11552",
    Behaviour.KEY_REFUSED: "10002",
}
HTTP: Final = {
    Behaviour.SERVER_ERROR: 500,
    Behaviour.SERVICE_UNAVAILABLE: 503,
    Behaviour.RATE_LIMITED: 429,
    Behaviour.HTML: 502,
}
HTML: Final = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


class NvpError(Exception):
    """A failure on its way out."""

    def __init__(self, code: str, texts: tuple[str, str] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.short, self.long = texts or ERRORS[code]


@dataclass(frozen=True)
class Asked(calls.Asked):
    """One call to this API, with its fields."""

    fields: Mapping[str, str]


def answer(simulator: Simulator, request: Request) -> Reply:
    """Answer one call to the classic API and write it in the log of calls."""
    fields = dict(parse_qsl(request.body.decode("utf-8", "replace"))) if request.method == "POST" else {}
    operation = METHODS.get(fields.get("METHOD", ""), "unknown")
    asked = Asked(simulator, _environment(request), operation, fields.get("PROFILEID", ""), fields)
    with simulator.lock:
        simulator.settle()
        rule, wait = chosen(simulator.rules, asked.operation, asked.provider_id)
        reply = _disturbed(asked, rule) if rule else _undisturbed(asked)
        reply.wait = wait
        calls.note(asked, reply, fields.get("NOTE", ""))
    return reply


def _undisturbed(asked: Asked) -> Reply:
    try:
        return _success(asked, _perform(asked))
    except NvpError as error:
        return _failure(asked, error)


def _perform(asked: Asked) -> dict[str, str]:
    account = _account(asked)
    if asked.operation == "nvp_balance":
        return {"L_AMT0": account.balance, "L_CURRENCYCODE0": account.currency}
    if asked.operation == "unknown":
        raise NvpError("10004")
    row = asked.simulator.subscriptions.get(asked.provider_id)
    if asked.provider_id.startswith("S-"):
        raise NvpError("11592")
    if row is None or not row.classic or row.client_id != account.user:
        raise NvpError("11552")
    if asked.operation == "nvp_get":
        old = asked.simulator.stale.get(row.id)
        return profile_fields(old.pop() if old else row, asked.simulator.plan_of(row))
    return _manage(asked, row)


def _account(asked: Asked) -> ClassicAccount:
    key = tuple(asked.fields.get(name, "") for name in ("USER", "PWD", "SIGNATURE"))
    for row in asked.simulator.state.classic_accounts:
        if (row.user, row.password, row.signature) == key and row.environment == asked.environment:
            return row
    raise NvpError("10002")


def _manage(asked: Asked, row: Subscription) -> dict[str, str]:
    action = ACTIONS.get(asked.fields.get("ACTION", ""))
    if action is None or len(asked.fields.get("NOTE", "")) > 255:
        raise NvpError("10004")
    try:
        asked.simulator.act(row, action, note=asked.fields.get("NOTE", ""))
    except PayPalError as error:
        raise NvpError("10004" if error.issue == "USER_ACCOUNT_CLOSED" else REFUSED[action]) from None
    return {"PROFILEID": row.id}


def _success(asked: Asked, fields: Mapping[str, str], ack: str = "Success") -> Reply:
    common = {
        "TIMESTAMP": stamp(asked.simulator.now()),
        "CORRELATIONID": secrets.token_hex(7)[:13],
        "ACK": ack,
        "VERSION": asked.fields.get("VERSION", "0"),
        "BUILD": "000000",
    }
    return _reply({**fields, **common})


def _failure(asked: Asked, error: NvpError) -> Reply:
    found = {
        "L_ERRORCODE0": error.code,
        "L_SHORTMESSAGE0": error.short,
        "L_LONGMESSAGE0": error.long or error.short,
        "L_SEVERITYCODE0": "Error",
    }
    return _success(asked, found, "Failure")


def _reply(fields: Mapping[str, str]) -> Reply:
    """Encode as PayPal does: everything but letters and digits, in lower case."""
    pairs = "&".join(f"{key}={_encode(value)}" for key, value in fields.items())
    return Reply(status=200, body=pairs.encode(), headers={"Content-Type": "text/plain; charset=utf-8"})


def _encode(value: str) -> str:
    return "".join(sign if sign.isascii() and sign.isalnum() else _hex(sign) for sign in value)


def _hex(sign: str) -> str:
    return "".join(f"%{byte:02x}" for byte in sign.encode())


def _disturbed(asked: Asked, rule: Rule) -> Reply:
    reply = calls.disturbed(asked, rule, _undisturbed, _forced)
    if rule.behaviour is Behaviour.OTHER_ID:
        reply.body = reply.body.replace(_encode(asked.provider_id).encode(), b"I%2dOTHER0000000")
    return reply


def _forced(asked: Asked, rule: Rule) -> Reply:
    behaviour = rule.behaviour
    if behaviour in HTTP:
        headers = {"Content-Type": "text/html"}
        if behaviour is Behaviour.RATE_LIMITED and rule.retry_after:
            headers["Retry-After"] = str(rule.retry_after)
        return Reply(status=HTTP[behaviour], body=HTML, headers=headers)
    if behaviour is Behaviour.EMPTY:
        return Reply(status=200)
    if behaviour is Behaviour.ARRAY:
        return Reply(status=200, body=b'["not", "pairs"]', headers={"Content-Type": "application/json"})
    if behaviour is Behaviour.NO_ACK:
        return _reply({"PROFILEID": asked.provider_id, "STATUS": "Active"})
    if behaviour is Behaviour.FORBIDDEN:
        return _failure(asked, NvpError("10002", NO_PERMISSION))
    if behaviour is Behaviour.STATUS_INVALID:
        return _failure(asked, NvpError(REFUSED[ACTIONS.get(asked.fields.get("ACTION", ""), "cancel")]))
    return _failure(asked, NvpError(FORCED.get(behaviour, "10004")))


def postback(simulator: Simulator, request: Request) -> Reply:
    """Say VERIFIED to bytes that were sent from here, exactly as they were sent; INVALID to any others."""
    with simulator.lock:
        rule, wait = chosen(simulator.rules, "ipn_postback", "")
        sent = {row.body.encode("latin-1") for row in simulator.state.ipns if row.environment == _environment(request)}
        known = request.body.startswith(PREFIX) and request.body.removeprefix(PREFIX) in sent
        reply = _odd_word(rule.behaviour) if rule else None
        reply = reply or Reply(status=200, body=b"VERIFIED" if known else b"INVALID")
        reply.wait = wait
        if rule and rule.behaviour in (Behaviour.TIMEOUT, Behaviour.SILENT):
            reply.hold = rule.seconds
        calls.note(calls.Asked(simulator, _environment(request), "ipn_postback", ""), reply)
    reply.headers.setdefault("Content-Type", "text/html; charset=UTF-8")
    return reply


def _odd_word(behaviour: Behaviour) -> Reply | None:
    if behaviour is Behaviour.EMPTY:
        return Reply(status=200)
    if behaviour in (Behaviour.SERVER_ERROR, Behaviour.SERVICE_UNAVAILABLE, Behaviour.RATE_LIMITED):
        return Reply(status=int(behaviour.value), body=b"error")
    if behaviour is Behaviour.HTML:
        return Reply(status=502, body=b"<html><body>VERIFIED</body></html>")
    return Reply(status=200, body=b"<html>VERIFIED?</html>") if behaviour is Behaviour.ARRAY else None


def _environment(request: Request) -> str:
    return "live" if request.path.startswith("/live/") else "sandbox"


DOORS: Final = {"/nvp": answer, "/cgi-bin/webscr": postback}
