from portal.domain.audit import PORTAL, Act
from portal.services import audit


def test_smoke(ctx, make, now):
    merchant = make.merchant()
    with ctx.db.begin() as session:
        audit.append(session, merchant.id, Act.SETTINGS_CHANGED, by=PORTAL, at=now, a="é", b=None)
        try:
            with session.begin_nested():
                audit.append(session, merchant.id, Act.SETTINGS_CHANGED, by=PORTAL, at=now, lost=True)
                raise ValueError
        except ValueError:
            pass
        with session.begin_nested():
            audit.append(session, merchant.id, Act.KEY_SET, by=PORTAL, at=now, kept=True)
    with ctx.db.read() as session:
        from sqlalchemy import select

        from portal.models import AuditEntry

        rows = session.scalars(select(AuditEntry)).all()
        for row in rows:
            print(row.entry, row.hash)
        assert len(rows) == 2
