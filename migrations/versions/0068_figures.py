"""What is counted of subscriptions, day by day; triggers note each change in the transaction that makes it."""

from alembic import op
import sqlalchemy as sa

from portal import gently

revision = '0068'
down_revision = '0067'

MOMENT = sa.DateTime(timezone=True)
NUMBER = sa.Numeric(24, 4)
FIGURES = ('state', 'revenue', 'started', 'ended', 'reason')

# What is counted: portal/domain/desk/figures.py. What stands is noted at the time of the change; what happens once, at its
# own time, to a quarter of an hour: every zone's midnight is on one, so that the day stays open until it is counted in.
FIGURES_OF = """
    CREATE OR REPLACE FUNCTION figures_of(
        status text, amount numeric, currency text, unit text, count int, paid_at timestamptz,
        started_at timestamptz, ended_at timestamptz, ended_by text
    ) RETURNS TABLE (figure text, kind text, at timestamptz, number numeric) LANGUAGE sql STABLE PARALLEL SAFE AS $$
        SELECT 'state', $1, now(), 1::numeric
        UNION ALL
        SELECT 'revenue', $3, now(), figure_monthly($2, $4, $5)
        WHERE $1 IN ('active', 'past_due') AND $6 IS NOT NULL AND $3 <> '' AND figure_monthly($2, $4, $5) <> 0
        UNION ALL
        SELECT 'started', '', date_bin('15 minutes', $7, '2000-01-01 00:00+00'), 1 WHERE $7 IS NOT NULL
        UNION ALL
        SELECT 'ended', coalesce($9, ''), date_bin('15 minutes', $8, '2000-01-01 00:00+00'), 1 WHERE $8 IS NOT NULL
    $$
"""
MONTHLY = """
    CREATE OR REPLACE FUNCTION figure_monthly(amount numeric, unit text, count int) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT CASE WHEN $3 >= 1 THEN
            round($1 * CASE $2 WHEN 'DAY' THEN 365 WHEN 'WEEK' THEN 52 WHEN 'MONTH' THEN 12 WHEN 'YEAR' THEN 1 END / (12 * $3), 4)
        END
    $$
"""
COLUMNS = (
    'status', 'amount', 'currency', 'interval_unit', 'interval_count', 'last_payment_at', 'started_at', 'ended_at',
    'ended_by',
)


def _of(row: str) -> str:
    return f'figures_of({", ".join(f"{row}.{column}" for column in COLUMNS)})'


FOLLOW = f"""
    CREATE OR REPLACE FUNCTION figures_follow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO figure_changes (merchant_id, figure, kind, at, number)
        SELECT NEW.merchant_id, figure, kind, at, sum(number)
        FROM (
            SELECT figure, kind, at, number FROM {_of('NEW')}
            UNION ALL
            SELECT figure, kind, at, -number FROM {_of('OLD')}
        ) both_ways
        GROUP BY figure, kind, at HAVING sum(number) <> 0;
        IF OLD.ended_at IS DISTINCT FROM NEW.ended_at THEN
            INSERT INTO figure_changes (merchant_id, figure, kind, at, number)
            SELECT NEW.merchant_id, 'reason', reason_code, date_bin('15 minutes', moved.at, '2000-01-01 00:00+00'), number
            FROM (VALUES (OLD.ended_at, -1), (NEW.ended_at, 1)) AS moved(at, number),
                (SELECT DISTINCT reason_code FROM end_requests
                 WHERE subscription_id = NEW.id AND reason_code <> '' AND state <> 'withdrawn') given
            WHERE moved.at IS NOT NULL;
        END IF;
        RETURN NULL;
    END $$
"""


# A reason counts once for a subscription that has ended, in however many requests it was given. Whoever changes a
# request holds its subscription (queries/subscriptions.py): neither of the two changes unseen by the other.
REASON = """
    CREATE OR REPLACE FUNCTION figure_reason(of_subscription uuid, reason text, but_request uuid, sign int)
    RETURNS void LANGUAGE sql AS $$
        INSERT INTO figure_changes (merchant_id, figure, kind, at, number)
        SELECT merchant_id, 'reason', reason, date_bin('15 minutes', ended_at, '2000-01-01 00:00+00'), sign
        FROM subscriptions
        WHERE id = of_subscription AND ended_at IS NOT NULL AND reason <> '' AND NOT EXISTS (
            SELECT FROM end_requests
            WHERE subscription_id = of_subscription AND id <> but_request AND reason_code = reason AND state <> 'withdrawn'
        )
    $$
"""
REASONS = """
    CREATE OR REPLACE FUNCTION figures_reasons() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP <> 'INSERT' AND OLD.state <> 'withdrawn' THEN
            PERFORM figure_reason(OLD.subscription_id, OLD.reason_code, OLD.id, -1);
        END IF;
        IF TG_OP <> 'DELETE' AND NEW.state <> 'withdrawn' THEN
            PERFORM figure_reason(NEW.subscription_id, NEW.reason_code, NEW.id, 1);
        END IF;
        RETURN NULL;
    END $$
"""


def _whole(name: str, sign: str) -> str:
    return f"""
        CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO figure_changes (merchant_id, figure, kind, at, number)
            SELECT merchant_id, figure, kind, at, {sign}sum(number)
            FROM changed, LATERAL {_of('changed')}
            GROUP BY merchant_id, figure, kind, at;
            RETURN NULL;
        END $$
    """


CHANGES = ' OR '.join(
    f'(OLD.{one} IS NULL) IS DISTINCT FROM (NEW.{one} IS NULL)'
    if one == 'last_payment_at'
    else f'OLD.{one} IS DISTINCT FROM NEW.{one}'
    for one in COLUMNS
)
REASON_CHANGES = (
    "OLD.reason_code IS DISTINCT FROM NEW.reason_code OR OLD.subscription_id IS DISTINCT FROM NEW.subscription_id "
    "OR (OLD.state = 'withdrawn') IS DISTINCT FROM (NEW.state = 'withdrawn')"
)
NEW_ROWS = 'AFTER INSERT ON subscriptions REFERENCING NEW TABLE AS changed FOR EACH STATEMENT'
OLD_ROWS = 'AFTER DELETE ON subscriptions REFERENCING OLD TABLE AS changed FOR EACH STATEMENT'
TRIGGERS = (
    ('figures_follow', f'AFTER UPDATE ON subscriptions FOR EACH ROW WHEN ({CHANGES})', 'figures_follow'),
    ('figures_begin', NEW_ROWS, 'figures_begin'),
    ('figures_go', OLD_ROWS, 'figures_go'),
    ('figures_reasons', f'AFTER UPDATE ON end_requests FOR EACH ROW WHEN ({REASON_CHANGES})', 'figures_reasons'),
    (
        'figures_reasons_begin',
        "AFTER INSERT ON end_requests FOR EACH ROW WHEN (NEW.reason_code <> '')",
        'figures_reasons',
    ),
    ('figures_reasons_go', "AFTER DELETE ON end_requests FOR EACH ROW WHEN (OLD.reason_code <> '')", 'figures_reasons'),
)


def upgrade() -> None:
    op.create_table(
        'figure_books',
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.Column('time_zone', sa.Text(), nullable=False),
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('begun_on', sa.Date(), nullable=False),
        sa.Column('counted_at', MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ['merchant_id'], ['merchants.id'], name=op.f('fk_figure_books_merchant_id'), ondelete='RESTRICT'
        ),
        sa.PrimaryKeyConstraint('merchant_id', name=op.f('pk_figure_books')),
        if_not_exists=True,
    )
    op.create_table(
        'daily_figures',
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.Column('figure', sa.String(40), nullable=False),
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('kind', sa.Text(), nullable=False),
        sa.Column('number', NUMBER, nullable=False),
        sa.CheckConstraint(
            f'figure IN ({", ".join(repr(one) for one in FIGURES)})', name=op.f('ck_daily_figures_figure')
        ),
        sa.ForeignKeyConstraint(
            ['merchant_id'], ['merchants.id'], name=op.f('fk_daily_figures_merchant_id'), ondelete='RESTRICT'
        ),
        sa.PrimaryKeyConstraint('merchant_id', 'figure', 'day', 'kind', name=op.f('pk_daily_figures')),
        if_not_exists=True,
    )
    op.create_table(
        'figure_changes',
        sa.Column('id', sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.Column('figure', sa.Text(), nullable=False),
        sa.Column('kind', sa.Text(), nullable=False),
        sa.Column('at', MOMENT, server_default=sa.text('now()'), nullable=False),
        sa.Column('number', NUMBER, nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_figure_changes')),
        if_not_exists=True,
    )
    op.create_index('ix_figure_changes_merchant_id', 'figure_changes', ['merchant_id'], if_not_exists=True)
    for function in (MONTHLY, FIGURES_OF, FOLLOW, REASON, REASONS, _whole('figures_begin', ''), _whole('figures_go', '-')):
        op.execute(function)
    for name, when, function in TRIGGERS:
        op.execute(f'CREATE OR REPLACE TRIGGER {name} {when} EXECUTE FUNCTION {function}()')
    # The newest confirmations, whose time is looked at.
    gently.index(
        'ix_end_requests_merchant_id_confirmed_at',
        'end_requests',
        ['merchant_id', 'confirmed_at'],
        where='confirmed_at IS NOT NULL',
    )


def downgrade() -> None:
    gently.drop_index('ix_end_requests_merchant_id_confirmed_at', 'end_requests')
    for function in ('figures_follow()', 'figures_begin()', 'figures_go()', 'figures_reasons()'):
        op.execute(f'DROP FUNCTION IF EXISTS {function} CASCADE')
    op.execute('DROP FUNCTION IF EXISTS figure_reason(uuid, text, uuid, int)')
    moments = 'timestamptz, timestamptz, timestamptz'
    op.execute(f'DROP FUNCTION IF EXISTS figures_of(text, numeric, text, text, int, {moments}, text)')
    op.execute('DROP FUNCTION IF EXISTS figure_monthly(numeric, text, int)')
    for table in ('figure_changes', 'daily_figures', 'figure_books'):
        op.drop_table(table, if_exists=True)
