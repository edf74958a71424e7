"""The set-up code: good once, for a day, for one merchant; also when two people send theirs at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from portal.models import Merchant, SetupCode
from portal.services.merchants import setup_codes
from portal.services.merchants.setup_codes import AlreadySetUp
from portal.services.throttles import TooManyTries
from tests.services.merchants.test_creating import WISH

HERE = "192.0.2.0/24"


def merchants(ctx):
    with ctx.db.read() as session:
        return [one.slug for one in session.scalars(select(Merchant))]


def test_a_code_makes_the_first_merchant_however_it_is_typed(ctx, now):
    code = setup_codes.issue(ctx, now=now)
    made = setup_codes.redeem(ctx, f"  {code.lower().replace('-', ' ')} ", WISH, network=HERE, now=now)
    assert made.invitation.startswith("/admin/invitation/")
    assert merchants(ctx) == ["atelier"]


def test_the_code_itself_is_kept_nowhere(ctx, now):
    code = setup_codes.issue(ctx, now=now)
    with ctx.db.read() as session:
        (row,) = session.scalars(select(SetupCode))
        kept = str(session.execute(text("SELECT row_to_json(c)::text FROM setup_codes c")).scalar_one()).lower()
    assert len(row.code_hash) == 64
    assert code.lower() not in kept
    assert code.replace("-", "").lower() not in kept


@pytest.mark.parametrize("wrong", ["", "x", "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA", "\0", "é" * 5000])
def test_without_the_code_nothing_is_made(ctx, now, wrong):
    setup_codes.issue(ctx, now=now)
    assert setup_codes.redeem(ctx, wrong, WISH, network=HERE, now=now) is None
    assert merchants(ctx) == []


def test_without_any_code_nothing_is_made(ctx, now):
    assert setup_codes.redeem(ctx, "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA", WISH, network=HERE, now=now) is None


def test_it_is_good_for_a_day_and_an_older_one_not_at_all(ctx, now):
    first, second = setup_codes.issue(ctx, now=now), setup_codes.issue(ctx, now=now)
    assert setup_codes.redeem(ctx, first, WISH, network=HERE, now=now) is None
    late = now + timedelta(hours=24)
    assert setup_codes.redeem(ctx, second, WISH, network=HERE, now=late) is None
    assert setup_codes.redeem(ctx, second, WISH, network=HERE, now=late - timedelta(seconds=1)) is not None


def test_once_there_is_a_merchant_no_code_is_issued_and_none_is_good(ctx, make, now):
    code = setup_codes.issue(ctx, now=now)
    make.merchant(key=False)
    with pytest.raises(AlreadySetUp):
        setup_codes.redeem(ctx, code, WISH, network=HERE, now=now)
    with pytest.raises(AlreadySetUp):
        setup_codes.issue(ctx, now=now)


def test_of_many_at_once_one_makes_a_merchant(ctx, now):
    code = setup_codes.issue(ctx, now=now)

    def post(number):
        try:
            return setup_codes.redeem(ctx, code, replace(WISH, slug=f"atelier-{number}"), network=HERE, now=now)
        except AlreadySetUp:
            return None

    with ThreadPoolExecutor(6) as pool:
        made = [one for one in pool.map(post, range(6)) if one is not None]
    assert len(made) == len(merchants(ctx)) == 1


def test_tries_are_counted_by_network(ctx, now):
    code = setup_codes.issue(ctx, now=now)
    for _ in range(setup_codes.TRIES):
        assert setup_codes.redeem(ctx, "AAAA", WISH, network=HERE, now=now) is None
    with pytest.raises(TooManyTries):
        setup_codes.redeem(ctx, code, WISH, network=HERE, now=now)
    assert setup_codes.redeem(ctx, code, WISH, network="198.51.100.0/24", now=now) is not None
