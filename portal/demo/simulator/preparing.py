"""Making the simulator's world: accounts, plans, subscriptions that were there before, webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from portal.demo.simulator.life import making
from portal.demo.simulator.life.agenda import Agenda
from portal.demo.simulator.life.payments import tell
from portal.demo.simulator.profiles import OWN_PLAN
from portal.demo.simulator.records import (
    SCOPES,
    Account,
    ClassicAccount,
    Plan,
    Subscription,
    Webhook,
    moment,
    new_id,
    new_payer_id,
    stamp,
)
from portal.demo.simulator.sending.announcing import Announcing

# What a classic profile has of its own, where a subscription has a plan's.
TERMS: Final = ["name", "amount", "currency", "interval_unit", "interval_count", "total_cycles", "failure_threshold"]
MOST_MINUTES: Final = 24 * 60


class Preparing(Announcing):
    """The part that adds what PayPal is to know."""

    def add_account(
        self,
        client_id: str = "demo-client",
        secret: str = "demo-secret",  # noqa: S107 - made up, of a simulated account
        *,
        environment: str = "sandbox",
        scopes: list[str] | None = None,
    ) -> Account:
        """Add a merchant's REST app; the first one is the default of plans and subscriptions."""
        account = Account(client_id, secret, _known(environment), list(SCOPES) if scopes is None else scopes)
        with self.lock:
            self.state.accounts = [row for row in self.state.accounts if row.client_id != client_id]
            self.state.accounts.append(account)
            self.save()
        return account

    def add_plan(
        self,
        name: str = "Club",
        *,
        amount: str = "29.90",
        currency: str = "EUR",
        interval_unit: str = "MONTH",
        interval_count: int = 1,
        total_cycles: int = 0,
        failure_threshold: int = 3,
        status: str = "ACTIVE",
        description: str | None = None,
        plan_id: str | None = None,
        product_id: str | None = None,
        client_id: str | None = None,
        trial_days: int = 0,
        month_ends: str = "clamp",
    ) -> Plan:
        """Add a plan with one regular cycle, after a free trial of `trial_days`."""
        if month_ends not in ("clamp", "move"):
            raise ValueError("month_ends is clamp or move")
        with self.lock:
            plan = Plan(
                id=plan_id or new_id("P-", 24),
                client_id=client_id or self._first_account(),
                name=name,
                amount=amount,
                currency=currency,
                interval_unit=interval_unit,
                interval_count=interval_count,
                total_cycles=total_cycles,
                failure_threshold=failure_threshold,
                product_id=product_id or new_id("PROD-", 17),
                status=status,
                description=description,
                create_time=stamp(self.now()),
                trial_days=trial_days,
                month_ends=month_ends,
            )
            self.state.plans[plan.id] = plan
            self.save()
        return plan

    def add_subscription(
        self,
        *,
        plan_id: str | None = None,
        status: str = "ACTIVE",
        given_name: str | None = "Claire",
        surname: str | None = "Dupont",
        email: str | None = "claire@example.com",
        custom_id: str | None = None,
        quantity: str = "1",
        started_at: datetime | str | None = None,
        provider_id: str | None = None,
        note: str | None = None,
        own_amount: str | None = None,
        merchant_activates: bool = False,
        extra: dict[str, Any] | None = None,
        announce: bool = False,
        classic: str = "",
    ) -> Subscription:
        """Add a subscription with the payments it has had since `started_at` (default ten days ago).

        `status` is reached the way PayPal reaches it; an unknown word is kept as it is.  `plan_id` may name
        a plan that does not exist (then nothing is billed).  `extra` is laid over PayPal's answer.  Webhooks
        hear of it only with `announce`, then from its creation on; as a rule it was there before them.
        """
        with self.lock:
            now = self.now()
            start = started_at or now - timedelta(days=10)
            at = start if isinstance(start, str) else stamp(start)
            chosen = plan_id or self._first_plan()
            plan = self.state.plans.get(chosen)
            row = Subscription(
                id=provider_id or new_id("I-", 12),
                client_id=plan.client_id if plan else self._first_account(),
                plan_id=chosen,
                status="APPROVAL_PENDING",
                status_update_time=at,
                start_time=at,
                create_time=at,
                update_time=at,
                given_name=given_name,
                surname=surname,
                email=email,
                payer_id=new_payer_id(),
                custom_id=custom_id,
                quantity=quantity,
                own_amount=own_amount,
                merchant_activates=merchant_activates,
                classic=classic,
                extra=extra or {},
            )
            tell(row, "BILLING.SUBSCRIPTION.CREATED", moment(at))
            making.lead_to(row, plan, status=status, note=note, now=now)
            if not announce:
                row.untold.clear()
            self.state.subscriptions[row.id] = row
            self.changed(row)
        return row

    def add_ending(
        self,
        *,
        minutes: float = 3,
        plan_id: str | None = None,
        given_name: str = "Lena",
        surname: str = "Vogel",
        email: str = "lena@example.com",
    ) -> Subscription:
        """Add a subscription whose paid time ends so many minutes from now, and tell the webhooks of it.

        Whoever cancels it meanwhile has until then what is paid; else the next payment is taken then.
        """
        if not 0 < minutes <= MOST_MINUTES:
            raise ValueError(f"minutes: more than 0, at most {MOST_MINUTES}")
        with self.lock:
            plan = self.state.plans[plan_id or self._first_plan()]
            end = (self.now() + timedelta(minutes=minutes)).replace(microsecond=0)
            start = making.start_of_period_ending(plan, end)
            return self.add_subscription(
                plan_id=plan.id, started_at=start, given_name=given_name, surname=surname, email=email, announce=True
            )

    def add_many(self, count: int, *, plan_id: str | None = None, seed: int = 0) -> list[str]:
        """Add `count` active subscriptions in a moment (making.many) and return their ids; no event tells of them."""
        with self.lock:
            chosen = plan_id or self._first_plan()
            rows = {row.id: row for row in making.many(count, self.state.plans[chosen], now=self.now(), seed=seed)}
            self.state.subscriptions.update(rows)
            self.agenda = Agenda(self.state.subscriptions.values())
            self.version += 1
            self.save()
        return list(rows)

    def add_known(self, rows: list[dict[str, Any]]) -> int:
        """Add what is described (making.known), each with its plan_id, and return how many; no event tells of them."""
        with self.lock:
            now = self.now()
            for row in rows:
                made = making.known(self.state.plans[row.pop("plan_id")], now=now, **row)
                self.state.subscriptions[made.id] = made
            self.agenda = Agenda(self.state.subscriptions.values())
            self.version += 1
            self.save()
        return len(rows)

    def add_classic_account(
        self,
        user: str = "seller_api1.demo.example",
        password: str = "demo-password",  # noqa: S107 - made up, of a simulated account
        signature: str = "demo-signature",
        *,
        environment: str = "sandbox",
        email: str = "seller@demo.example",
        ipn_url: str = "",
        balance: str = "1250.40",
        currency: str = "EUR",
    ) -> ClassicAccount:
        """Add a merchant's key to the classic API; the first one is the default of profiles.

        Its IPNs go to `ipn_url`.
        """
        account = ClassicAccount(
            user=user,
            password=password,
            signature=signature,
            environment=_known(environment),
            email=email,
            payer_id=new_payer_id(),
            ipn_url=ipn_url,
            balance=balance,
            currency=currency,
        )
        with self.lock:
            self.state.classic_accounts = [row for row in self.state.classic_accounts if row.user != user] + [account]
            self.save()
        return account

    def add_profile(self, *, user: str | None = None, kind: str = "express", **given: Any) -> Subscription:
        """Add a classic profile, which REST does not know.

        It takes the arguments of add_subscription, and TERMS of its own, those of add_plan, in place of a plan.
        `kind` is express (Express Checkout) or button (a subscribe button).
        """
        if kind not in ("express", "button"):
            raise ValueError("kind is express or button")
        with self.lock:
            accounts = self.state.classic_accounts
            plan = self.add_plan(
                plan_id=new_id(OWN_PLAN, 17),
                client_id=user or (accounts[0].user if accounts else self.add_classic_account().user),
                **{name: given.pop(name) for name in TERMS if name in given},
            )
            return self.add_subscription(plan_id=plan.id, classic=kind, **given)

    def add_webhook(self, url: str, event_types: Sequence[str] = ("*",), *, client_id: str | None = None) -> Webhook:
        """Register an address without asking whether PayPal would take it."""
        with self.lock:
            webhook = Webhook(new_id("", 17), client_id or self._first_account(), url, list(event_types))
            self.state.webhooks[webhook.id] = webhook
            self.save()
        return webhook

    def _first_plan(self) -> str:
        """Return the first plan of REST, making one where there is none; a profile's own terms are nobody else's."""
        return next((key for key in self.state.plans if not key.startswith(OWN_PLAN)), "") or self.add_plan().id

    def _first_account(self) -> str:
        return self.state.accounts[0].client_id if self.state.accounts else self.add_account().client_id


def _known(environment: str) -> str:
    if environment not in ("sandbox", "live"):
        raise ValueError("environment is sandbox or live")
    return environment
