"""What the salon's customers do: log in by a mailed code, look around, change their profile, pause, resume, export."""

from __future__ import annotations

import random
import re
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bs4 import BeautifulSoup, Tag

from portal.clock import utc_now
from portal.queries.people.people import Kind
from tests.chaos.browsing import form_of
from tests.chaos.linking import mails_since
from tests.soak.salon import SLUG, Regular, Salon
from tests.soak.stand import SoakStack
from tests.soak.visits import Visitor, walk

HOME: Final = f"/account/{SLUG}/"
CODE: Final = re.compile(r"\b\d{6}\b")
MAIL: Final = 30.0  # seconds until somebody stops looking for their code
STEPS: Final = 7  # pages of one visit
MOST_LOG_INS: Final = 3  # of one customer in a run of an hour: the portal asks for patience after a few more
CHANGED: Final = ("Europe/Paris", "America/Guadeloupe", "Indian/Reunion")


@dataclass
class Regulars:
    """The salon's customers; two acts of one of them never overlap."""

    stack: SoakStack
    salon: Salon
    tokens: dict[Regular, str] = field(default_factory=dict)
    lost_codes: int = 0
    _busy: set[Regular] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def one(self, chance: random.Random) -> Regular:
        """Take somebody who is not here already; to be given back."""
        with self._lock:
            found = chance.choice([one for one in self.salon.regulars if one not in self._busy])
            self._busy.add(found)
            return found

    def leaves(self, regular: Regular) -> None:
        """Give somebody back."""
        with self._lock:
            self._busy.discard(regular)

    def come_in(self, visitor: Visitor, regular: Regular) -> None:
        """Be logged in since another day."""
        if regular not in self.tokens:
            self.tokens[regular] = self.salon.token(Kind.CUSTOMER, regular.customer_id)
        visitor.http.cookies.set("portal_customer", self.tokens[regular])

    def look_around(self, visitor: Visitor, regular: Regular, chance: random.Random) -> None:
        """Read pages, receipts and files."""
        self.come_in(visitor, regular)
        walk(visitor, chance, begin=HOME, within=HOME, steps=STEPS)

    def receipts(self, visitor: Visitor, regular: Regular, chance: random.Random) -> None:
        """Take a receipt of a payment home, as a file."""
        self.come_in(visitor, regular)
        walk(visitor, chance, begin=f"{HOME}payments", within=f"{HOME}payments", steps=4)

    def log_in(self, visitor: Visitor, regular: Regular, chance: random.Random) -> None:
        """Ask for a code, read it in the mail, enter it, look, log out."""
        path, since = f"{HOME}login", utc_now() - timedelta(seconds=1)
        asked = visitor.post(path, {**form_of(visitor.text(path), "/login"), "email": regular.email})
        if asked is None or asked.status_code != 303:
            return
        code = self._code(regular, since)
        if not code:
            self.lost_codes += 1
            return
        form = form_of(visitor.text(f"{path}/code"), "/login/code")
        entered = visitor.post(f"{path}/code", {**form, "code": code})
        if entered is not None and entered.status_code == 303:
            page = visitor.text(HOME)
            visitor.post(f"{HOME}logout", form_of(page, "/logout"))

    def profile(self, visitor: Visitor, regular: Regular, chance: random.Random) -> None:
        """Change the time zone."""
        self.come_in(visitor, regular)
        path = f"{HOME}profile"
        fields = filled(visitor.text(path), path)
        if fields:
            visitor.post(path, {**fields, "time_zone": chance.choice(CHANGED)})

    def export(self, visitor: Visitor, regular: Regular, chance: random.Random) -> None:
        """Ask for what is kept of oneself, and take it home once it is there."""
        self.come_in(visitor, regular)
        path = f"{HOME}data"
        fields = form_of(visitor.text(path), f"{path}/exports")
        if fields:
            visitor.post(f"{path}/exports", fields)
        for _ in range(5):
            if f"{path}/export.zip" in visitor.text(path):
                visitor.get(f"{path}/export.zip")
                return
            time.sleep(1.0)

    def pause(self, visitor: Visitor, regular: Regular, chance: random.Random) -> None:
        """Pause for some weeks; resume where it is paused."""
        self.come_in(visitor, regular)
        page = f"{HOME}subscriptions/{regular.subscription_id}"
        day = (utc_now() + timedelta(days=chance.randint(10, 40))).date().isoformat()
        for way, more in (("pause", {"until": day}), ("resume", {"at_once": "1"})):
            fields = filled(visitor.text(f"{page}/{way}"), f"{page}/{way}")
            if fields:
                visitor.post(f"{page}/{way}", {**fields, **more})
                visitor.get(page)
                return

    def _code(self, regular: Regular, since: datetime) -> str:
        deadline = time.monotonic() + MAIL
        while time.monotonic() < deadline:
            time.sleep(0.7)
            for mail in mails_since(self.stack.folder / "mails", since):
                if regular.email in mail.to and (found := CODE.search(mail.text)):
                    return found.group()
        return ""


def filled(page: str, action: str) -> dict[str, str]:
    """Return a form's fields as the page has them, its choices too; empty where it has no such form."""
    for form in BeautifulSoup(page, "html.parser").find_all("form", method="post"):
        if str(form.get("action") or action).endswith(action):
            fields = form_of(str(form), action)
            for one in form.find_all("select"):
                chosen = one.find("option", selected=True) or one.find("option")
                if isinstance(chosen, Tag):
                    fields[str(one.get("name"))] = str(chosen.get("value"))
            ticked = form.find_all("input", type=("radio", "checkbox"), checked=True)
            return {**fields, **{str(one["name"]): str(one.get("value", "y")) for one in ticked}}
    return {}
