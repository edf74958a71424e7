"""The demo's people: two merchants, their owners, and customers who exist only at the simulator.

« L’Atelier » begins with nothing, so that a newcomer lives the whole story: enter the key, switch
self-cancellation on, import.  « Studio Yoga » is set up already, in English.
"""

from __future__ import annotations

import json
import os
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import requests
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.demo.course_site import EVENTS_SECRET, KEY, MERCHANT
from portal.demo.mailbox import PEOPLE
from portal.demo.website import CLIENT as WEBSITE_CLIENT
from portal.domain.audit import PORTAL
from portal.domain.integrations import api_keys
from portal.domain.integrations.api_keys import Mode, Scope
from portal.domain.integrations.site_logins import Proof
from portal.domain.law.countries import Country
from portal.domain.policies import Role
from portal.models import ApiKey, EventEndpoint, Merchant, Product, ProductContent, Staff
from portal.queries.money import payments
from portal.queries.people import people, site_logins
from portal.services import figures
from portal.services.arrivals import payment_histories
from portal.services.context import Context
from portal.services.imports import imports
from portal.services.keys import paypal_keys
from portal.services.merchants import own_hosts
from portal.services.money import refunds
from portal.services.money.refunds import By
from portal.services.outgoing.event_secrets import SECRET
from portal.services.people import site_clients, staff_logins
from portal.services.people.site_clients import Wish
from portal.services.people.staff_factors import TOTP_SECRET

COURSE_SITE: Final = "Course site"  # by what the desk knows it
DEMO: Final = "Sam Taylor"  # who has made what the demo begins with
ATELIER_KEY: Final = ("demo-client-atelier", "demo-secret-atelier-3c9f")
# The old connection, for subscriptions from before REST: API user, password, signature.
ATELIER_CLASSIC_KEY: Final = ("atelier_api1.demo.example", "DEMO7PASSWORD3Q2W", "Demo.Signature-of.lAtelier-9Xk2")
ATELIER_RECEIVER: Final = "atelier@demo.example"
STUDIO_KEY: Final = ("demo-client-studio", "demo-secret-studio-81ab")
LIVE_KEY: Final = ("demo-client-live", "demo-secret-live-77de")
PASSWORD: Final = "une phrase pour la demo"  # noqa: S105 - printed on screen, opens nothing but the demo

ATELIER_PLANS: Final = (
    {"plan_id": "P-DEMOPIANO000000000000000", "name": "Cours de piano en ligne", "amount": "29.90"},
    {"plan_id": "P-DEMOPHOTO000000000000000", "name": "Club photo", "amount": "120.00", "interval_unit": "YEAR"},
    {
        "plan_id": "P-DEMOSIXMOIS0000000000000",
        "name": "Formation dessin en six mois",
        "amount": "49.00",
        "total_cycles": 6,
    },
)
STUDIO_PLANS: Final = (
    {"plan_id": "P-DEMOYOGA0000000000000000", "name": "Yoga at home", "amount": "19.00"},
    {"plan_id": "P-DEMOSKETCH00000000000000", "name": "Sketch club", "amount": "1800", "currency": "JPY"},
)
# plan, first name, name, email, days since the start, status
ATELIER_CUSTOMERS: Final = (
    (0, "Claire", "Dupont", "claire@exemple.fr", 75, "ACTIVE"),
    (1, "Claire", "Dupont", "claire@exemple.fr", 200, "ACTIVE"),
    (0, "Benoît", "L’Écuyer", "benoit@exemple.fr", 40, "ACTIVE"),
    (2, "Inès", "Châtelain-Fièvre", "ines@exemple.fr", 100, "ACTIVE"),
    (0, "Marc", "Petit", "marc@exemple.fr", 190, "SUSPENDED"),
    (1, "Amélie", "Noël", "amelie@exemple.fr", 30, "ACTIVE"),
    (0, "ليلى", "حداد", "leila@exemple.fr", 15, "ACTIVE"),
    (2, "Hugo", "Roux", "hugo@exemple.fr", 12, "ACTIVE"),
    (0, "Zoé", "Lambert", "zoe@exemple.fr", 3, "APPROVAL_PENDING"),
    (1, "Paul", "Girard", None, 90, "ACTIVE"),
    (0, "Nina", "Faure", "nina@exemple.fr", 250, "CANCELLED"),
    (2, "Louis", "Morel", "louis@exemple.fr", 400, "EXPIRED"),
)
# kind, name, id, first name, name, email, days since the start, status
ATELIER_PROFILES: Final = (
    ("express", "Cours de guitare (2012)", "I-DEMOGUITARE1", "Sylvie", "Béranger", "sylvie@exemple.fr", 130, "ACTIVE"),
    ("button", "Cours de guitare (2012)", "I-DEMOGUITARE2", "Claire", "Dupont", "claire@exemple.fr", 95, "ACTIVE"),
    ("button", "Partitions du mois", "I-DEMOPARTITIO", "Œdipe", "Garçon", "oedipe@exemple.fr", 60, "SUSPENDED"),
    ("express", "Partitions du mois", "I-DEMOPARTITI2", "Yann", "Le Goff", None, 400, "CANCELLED"),
)
PAYER: Final = "priya@example.com"  # of whose payments one failed, and one was refunded in part
STUDIO_CUSTOMERS: Final = (
    (0, "Emma", "Wright", "emma@example.com", 64, "ACTIVE"),
    (1, "Kenji", "Sato", "kenji@example.com", 20, "ACTIVE"),
    (0, "Oliver", "Byrne", "oliver@example.com", 33, "ACTIVE"),
    (0, "Priya", "Nair", PAYER, 420, "ACTIVE"),
)


def seed(ctx: Context, *, simulator: str, folder: Path, website: str = "", course_site: str = "") -> str:
    """Make the demo's world unless it stands, and return what to tell the person who started it.

    `website`: where the Studio's own site answers; empty: nobody logs in with it.  `course_site`: where somebody else's
    site answers that asks who may open what; empty: it is told nothing.
    """
    _fill_simulator(simulator)
    people = _people(ctx)
    _set_up_studio(ctx)
    if website:
        _connect_website(ctx, website)
    _name_atelier(ctx)
    _give_studio_a_key(ctx)
    if course_site:
        _tell_course_site(ctx, course_site)
    # The mailbox page reads it to show the second factor's code of the moment.
    with os.fdopen(os.open(folder / PEOPLE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(people, file)
    return _words(people)


def _fill_simulator(url: str) -> None:
    if requests.get(f"{url}/_simulator/count", timeout=60).json()["subscriptions"]:
        return
    for (client_id, secret), environment in ((ATELIER_KEY, "sandbox"), (STUDIO_KEY, "sandbox"), (LIVE_KEY, "live")):
        _add(url, "accounts", client_id=client_id, secret=secret, environment=environment)
    for key, plans, customers in (
        (ATELIER_KEY, ATELIER_PLANS, ATELIER_CUSTOMERS),
        (STUDIO_KEY, STUDIO_PLANS, STUDIO_CUSTOMERS),
    ):
        for plan in plans:
            _add(url, "plans", client_id=key[0], **plan)
        for which, given, surname, email, days, status in customers:
            start = datetime.now(UTC) - timedelta(days=days)
            _add(
                url,
                "subscriptions",
                plan_id=plans[which]["plan_id"],
                given_name=given,
                surname=surname,
                email=email,
                started_at=start.strftime("%Y-%m-%dT10:00:00Z"),
                status=status,
            )

    rows = requests.get(f"{url}/_simulator/subscriptions", timeout=10).json()["subscriptions"]
    payer = next(row["id"] for row in rows if row["email"] == PAYER)
    _add(url, f"subscriptions/{payer}/deny-payment")
    _fill_classic(url)


def _fill_classic(url: str) -> None:
    """Add what only the classic API knows of L’Atelier."""
    user, password, signature = ATELIER_CLASSIC_KEY
    _add(url, "classic-accounts", user=user, password=password, signature=signature, email=ATELIER_RECEIVER)
    for kind, name, provider_id, given, surname, email, days, status in ATELIER_PROFILES:
        start = datetime.now(UTC) - timedelta(days=days)
        _add(
            url,
            "profiles",
            kind=kind,
            name=name,
            amount="15.00",
            provider_id=provider_id,
            given_name=given,
            surname=surname,
            email=email,
            started_at=start.strftime("%Y-%m-%dT10:00:00Z"),
            status=status,
        )


def _add(url: str, what: str, /, **fields: Any) -> None:
    requests.post(f"{url}/_simulator/{what}", json=fields, timeout=10).raise_for_status()


def _people(ctx: Context) -> list[dict[str, str]]:
    """Return the desks' people with their second factor, making them the first time."""
    _merchant(
        ctx,
        slug="atelier",
        name="L’Atelier",
        locale="fr",
        support_email="anne@atelier.example",
        accent="#0c5d6d",
        sells_to=[Country.FR.value, Country.DE.value],
    )
    _merchant(
        ctx,
        slug="studio",
        name="Studio Yoga",
        locale="en",
        support_email="sam@studio.example",
        receipt_text="Studio Yoga SARL, 4 rue du Moulin, 69005 Lyon\nVAT FR 12 345678901",
    )
    return [
        _member(ctx, slug="atelier", email="anne@atelier.example", name="Anne Martin", role=Role.OWNER),
        _member(ctx, slug="studio", email="sam@studio.example", name="Sam Taylor", role=Role.OWNER),
        _member(ctx, slug="studio", email="robin@studio.example", name="Robin Clark", role=Role.SUPPORT),
    ]


def _merchant(ctx: Context, *, slug: str, **columns: Any) -> None:
    with ctx.db.begin() as session:
        if session.scalars(select(Merchant.id).where(Merchant.slug == slug)).one_or_none() is None:
            session.add(Merchant(id=uuid.uuid4(), slug=slug, **columns))


def _member(ctx: Context, *, slug: str, email: str, name: str, role: Role) -> dict[str, str]:
    with ctx.db.begin() as session:
        merchant = session.scalars(select(Merchant).where(Merchant.slug == slug)).one()
        staff = session.scalars(select(Staff).where(Staff.email == email)).one_or_none()
        if staff is None:
            staff = staff_logins.create_staff(
                ctx, session, merchant_id=merchant.id, email=email, name=name, role=role, password=PASSWORD
            ).staff
        secret = ctx.vault.open(staff.totp_secret, purpose=TOTP_SECRET, row=staff.id)
        return {"merchant": merchant.name, "email": email, "name": name, "totp_secret": secret}


def _set_up_studio(ctx: Context) -> None:
    """Give the second merchant a working key, its subscriptions, and content that unlocks over time."""
    with ctx.db.read() as session:
        studio = session.scalars(select(Merchant).where(Merchant.slug == "studio")).one()
        done = session.scalars(select(Product.id).where(Product.merchant_id == studio.id).limit(1)).first()
    if done is not None:
        return
    client_id, secret = STUDIO_KEY
    paypal_keys.save(ctx, studio.id, environment="sandbox", client_id=client_id, secret=secret, now=utc_now())
    imports.run_import(ctx, imports.start_or_resume(ctx, studio.id).id)
    with ctx.db.begin() as session:
        session.get_one(Merchant, studio.id).self_cancellation = True
        yoga = session.scalars(
            select(Product).where(Product.merchant_id == studio.id, Product.name == "Yoga at home")
        ).one()
        yoga.keep_after_cancellation = True
        yoga.pause_offered = True
        for place, (title, days) in enumerate((("First steps", 0), ("Breathing", 30), ("Balance", 90))):
            session.add(ProductContent(product_id=yoga.id, position=place, title=title, unlock_after_days=days))
    _refund_a_part(ctx, studio.id)
    take_first_steps(ctx, studio.id)


def take_first_steps(ctx: Context, merchant_id: uuid.UUID) -> None:
    """Let a merchant be past the first steps (rules read, a customer was in): the desk opens with figures."""
    now = utc_now()
    with ctx.db.begin() as session:
        session.execute(update(Product).where(Product.merchant_id == merchant_id).values(reviewed_at=now))
        session.execute(update(Merchant).where(Merchant.id == merchant_id).values(first_customer_at=now))
    figures.keep(ctx, now=now)


def _name_atelier(ctx: Context) -> None:
    """Let L’Atelier have entered a name of its own, which nobody can prove."""
    with ctx.db.read() as session:
        atelier = session.scalars(select(Merchant.id).where(Merchant.slug == "atelier")).one()
    own_hosts.enter(ctx, atelier, "compte.atelier.example", by=PORTAL, now=utc_now())


def _connect_website(ctx: Context, website: str) -> None:
    """Let the Studio's customers log in with its site, wherever that answers today."""
    with ctx.db.read() as session:
        studio = session.scalars(select(Merchant.id).where(Merchant.slug == "studio")).one()
        known = site_logins.of_merchant(session, studio)
    if known is not None and known.issuer == website:
        return
    client_id, secret = WEBSITE_CLIENT
    wish = Wish(
        issuer=website,
        client_id=client_id,
        secret=secret,
        proof=Proof.EMAIL,
        claim="",
        label_fr="",
        label_en="",
    )
    site_clients.save(ctx, studio, wish, by=PORTAL, now=utc_now())
    if known is None:
        site_clients.switch(ctx, studio, on=True, by=PORTAL, now=utc_now())


def _give_studio_a_key(ctx: Context) -> None:
    """Let the course site in, by a key whose text it knows; one that was revoked at the desk stays so."""
    with ctx.db.begin() as session:
        prefix = api_keys.prefix_of(KEY)
        if session.scalars(select(ApiKey.id).where(ApiKey.prefix == prefix)).one_or_none() is not None:
            return
        studio = session.scalars(select(Merchant).where(Merchant.slug == MERCHANT)).one()
        session.add(
            ApiKey(
                id=uuid.uuid4(),
                merchant_id=studio.id,
                name=COURSE_SITE,
                mode=Mode.TEST,
                prefix=prefix,
                digest=api_keys.digest(KEY),
                scopes=sorted(set(Scope) - api_keys.NOT_IN_TEST),
                networks=[],
                made_by="Sam Taylor",
            )
        )


def _tell_course_site(ctx: Context, course_site: str) -> None:
    """Have it told when something of a customer's access changes, signed with the secret that it knows."""
    address = f"{course_site}/events"  # wherever it answers today
    with ctx.db.begin() as session:
        studio = session.scalars(select(Merchant).where(Merchant.slug == MERCHANT)).one()
        of_studio = EventEndpoint.merchant_id == studio.id, EventEndpoint.description == COURSE_SITE
        # Its owner adds others by hand, of the same name maybe: the first one is ours.
        known = session.scalars(select(EventEndpoint).where(*of_studio).order_by(EventEndpoint.created_at)).first()
        if known is not None:
            known.address = address
            return
        endpoint = EventEndpoint(
            id=uuid.uuid4(),
            merchant_id=studio.id,
            address=address,
            description=COURSE_SITE,
            is_full=True,
            made_by=DEMO,
        )
        endpoint.secret = ctx.vault.seal(EVENTS_SECRET, purpose=SECRET, row=endpoint.id)
        endpoint.secret_set_at = utc_now()
        session.add(endpoint)


def _refund_a_part(ctx: Context, merchant_id: uuid.UUID) -> None:
    """Ask for a part of one payment back, as the owner; the worker takes it to PayPal."""
    payment_histories.run(ctx, seconds=10, calls_a_second=100)
    with ctx.db.read() as session:
        payer = people.customer_by_email(session, merchant_id, PAYER)
        sam = session.scalars(select(Staff).where(Staff.email == "sam@studio.example")).one()
        paid = payments.of_customer(session, merchant_id, payer, 3) if payer is not None else []
    if paid:
        by = By(id=sam.id, name=sam.name)
        refunds.record(ctx, merchant_id, paid[-1].id, by, amount=Decimal(5), now=utc_now())


def _words(people: list[dict[str, str]]) -> str:
    owners = "\n".join(
        f"  {person['merchant']:<12} {person['email']:<24} password: {PASSWORD}\n"
        f"  {'':<12} second factor: {person['totp_secret']} (the mailbox page shows its code of the moment)"
        for person in people
    )
    return (
        f"At the desk:\n{owners}\n\n"
        f"PayPal key of L’Atelier, to enter at the desk (sandbox):\n"
        f"  client id {ATELIER_KEY[0]}   secret {ATELIER_KEY[1]}\n"
        f"Its classic key, for the oldest subscriptions (sandbox):\n"
        f"  user {ATELIER_CLASSIC_KEY[0]}   password {ATELIER_CLASSIC_KEY[1]}\n"
        f"  signature {ATELIER_CLASSIC_KEY[2]}   email address at PayPal {ATELIER_RECEIVER}\n"
        f"  profile ids to add: {', '.join(row[2] for row in ATELIER_PROFILES)}\n\n"
        f"API key of Studio Yoga (test), which the course site uses:\n"
        f"  {KEY}\n\n"
        f"Customers, once imported (their mails arrive in the mailbox):\n"
        f"  L’Atelier   /account/atelier/   claire@exemple.fr, ines@exemple.fr, marc@exemple.fr …\n"
        f"  Studio Yoga /account/studio/    emma@example.com, kenji@example.com …"
    )
