"""What somebody orders who comes back: written when PayPal's plan is read, said before the order and after it."""

from __future__ import annotations

from portal.documents.orders import Ordered
from portal.domain.law.countries import known
from portal.domain.law.orders import Order
from portal.domain.law.plan_kinds import KindAnswer
from portal.domain.merchants.site_links import online_withdrawal
from portal.models import Comeback, Merchant, Product
from portal.providers.ports import PlanReading
from portal.queries.people.people import MerchantFacts
from portal.services.rules import product_rule


def order_of(product: Product, plan: PlanReading, answer: KindAnswer) -> Order:
    """Return what is ordered: what the product opens and asks for today, PayPal's plan, and the kind of contract.

    The product's contents are loaded.
    """
    return Order(
        contents=tuple((content.title, content.unlock_after_days) for content in product_rule(product).contents),
        cycles=plan.total_cycles,
        setup_fee=plan.setup_fee,
        has_trial=bool(plan.trials),
        commitment_months=product.commitment_months,
        commitment_binds=product.commitment_binds,
        notice_days=product.notice_days,
        kind=answer.kind,
        term_months=answer.term_months,
        term_notice_days=answer.notice_days,
    )


def ordered_by(
    comeback: Comeback, *, product: str, merchant: Merchant | MerchantFacts, base_url: str
) -> Ordered | None:
    """Return the order as it was read at PayPal before it was made; None of one that kept nothing of it."""
    if comeback.order is None:
        return None
    return Ordered(
        order=comeback.order,
        product=product,
        price=comeback.price,
        interval_unit=comeback.interval_unit,
        interval_count=comeback.interval_count,
        starts_at=comeback.start_at,
        merchant_name=merchant.name,
        support_email=merchant.support_email,
        online=online_withdrawal(base_url, merchant.slug, merchant.country, known(merchant.sells_to)),
        begins_early=comeback.express_at is not None,
    )
