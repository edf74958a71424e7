"""0021: of the proofs that are there, an older version may have issued files that nobody wrote down."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import select

from portal.migrating import downgrade, upgrade
from portal.models import Proof
from portal.services import proofs
from portal.services.carrying import end_carrying
from portal.services.ends import end_requests
from tests.services.carrying.carried import wish_of

pytestmark = pytest.mark.exhaustive

OLDER = "SELECT has_older_files FROM proofs"
FILES = "SELECT proof_id, length(sha256) FROM proof_files"


def test_proofs_stay_and_are_marked_as_older_and_files_are_forgotten_on_the_way_down(make, ctx, database_url, now):
    subscription = make.subscription(merchant=make.merchant(locale="en"))
    recorded = end_requests.record(ctx, wish_of(subscription), now=now)
    end_carrying.carry_out(ctx, subscription.merchant_id, recorded.request_id)
    with ctx.db.read() as session:
        proof = session.scalars(select(Proof)).one()
    proofs.issue(ctx, proof, now=now)
    ctx.db.dispose()
    with psycopg.connect(database_url) as connection:
        assert connection.execute(OLDER).fetchall() == [(False,)]
        assert connection.execute(FILES).fetchall() == [(proof.id, 64)]
    for _again in range(2):
        downgrade(database_url, "0020")
        upgrade(database_url)
        with psycopg.connect(database_url) as connection:
            assert connection.execute(OLDER).fetchall() == [(True,)]
            assert connection.execute(FILES).fetchall() == []
    proofs.issue(ctx, proof, now=now)
    with psycopg.connect(database_url, autocommit=True) as connection:
        assert connection.execute(FILES).fetchall() == [(proof.id, 64)]
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("UPDATE proof_files SET sha256 = 'ABC'")
        with pytest.raises(psycopg.errors.IntegrityError):
            connection.execute("DELETE FROM proofs")
