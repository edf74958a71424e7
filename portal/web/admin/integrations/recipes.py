"""Recipes: what is typed elsewhere to connect something, filled in with this merchant's addresses and products.

No secret stands in them: keys are named by the variable `PORTAL_KEY`, as on the page of a key.
"""

from __future__ import annotations

from typing import Any

from flask import g
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import Row

from portal.domain.integrations.public_ids import Kind, public
from portal.queries.access import products
from portal.queries.integrations import event_endpoints
from portal.web.admin import bp, showing
from portal.web.admin.integrations import api_key_examples, endpoint_words
from portal.web.admin.integrations.api_key_examples import HEAD, Example
from portal.web.identity import context, customers_address, person

NO_SITE = "https://www.example.com/"


@bp.get("/integrations/recipes", endpoint="integration_recipes")
def show() -> ResponseReturnValue:
    """Show the merchant's addresses and ids, and recipes made of them."""
    with context().db.read() as session:
        sold = products.all_of_merchant(session, person().merchant_id)
        named = products.names(session, person().merchant_id)
        return showing.page(
            "integration_recipes.html",
            session,
            base=context().base_url,
            for_people="/v1/docs",
            space=_space(),
            returns=g.merchant.return_addresses,
            products=[(one.name, public(Kind.PRODUCT, one.id), one.external_id) for one in sold],
            endpoints=event_endpoints.all_of(session, person().merchant_id),
            words=endpoint_words,
            recipes=_recipes(named[0] if named else None),
        )


def _space() -> str:
    return customers_address(f"/account/{g.merchant.slug}/")


def _recipes(product: Row[Any] | None) -> list[Example]:
    """Return them; where nothing is sold yet, and no address is on the list, a place is left for it."""
    site = next(iter(g.merchant.return_addresses), NO_SITE)
    shown = public(Kind.PRODUCT, product.id) if product is not None else "prod_…"
    return [
        Example(
            title=_("Links on your site"),
            call="\n".join(
                f'<a href="{_space()}{page}">{words}</a>'
                for page, words in (("", _("My subscriptions")), ("cancel", _("Cancel a subscription")))
            ),
            note=_("Your customers log in where these lead. No key is needed."),
        ),
        api_key_examples.access(context().base_url, product),
        Example(
            title=_("A passage on a WordPress page"),
            call=f'[portal_access product="{shown}"]…[/portal_access]',
            note=_(
                "In the plugin’s settings: the portal’s address is %(base)s, the shop is %(shop)s.",
                base=context().base_url,
                for_people="/v1/docs",
                shop=g.merchant.slug,
            ),
        ),
        _told(),
        _session(site),
    ]


def _post(path: str, body: str) -> str:
    head = f'curl -X POST {HEAD} \\\n  -H "Content-Type: application/json" \\\n'
    return f"{head}  -d '{body}' \\\n  {context().base_url}/v1/{path}"


def _told() -> Example:
    return Example(
        title=_("Be told when an access opens or closes"),
        call=_post(
            "webhook_endpoints",
            '{"url": "https://www.example.com/events", "types": ["access.granted", "access.ended"]}',
        ),
        note=_("Put the address of your system in its place. The answer has the secret of the signature, this once."),
    )


def _session(site: str) -> Example:
    return Example(
        title=_("Send a customer who is logged in on your site to their space"),
        call=_post("portal_sessions", f'{{"customer": "cus_…", "return_url": "{site}"}}'),
        note=_("Lead the browser to the address in the answer at once: it works once, within ten minutes."),
    )
