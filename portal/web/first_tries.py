"""What was recorded is tried at PayPal at once, while whoever asked for it waits for the page."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import structlog
from flask import g

from portal.services.carrying.answers import VISITOR
from portal.web.identity import context

log = structlog.get_logger("portal.web")


def try_now(carry_out: Callable[..., object], row_id: uuid.UUID, *, insist: bool = False) -> None:
    """Carry a row out within a visitor's patience; `insist` does so though a later try is planned.

    An error is not swallowed: the row has its job or its next try, and the page says where it stands.
    """
    try:
        carry_out(context(), g.merchant.id, row_id, patience=VISITOR, insist=insist)
    except Exception:
        log.exception("carrying.first_try_failed", act=carry_out.__module__.rpartition(".")[2], row_id=str(row_id))
