"""What the journal outside the database is written from: each change that somebody is told of, with its number."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0064'
down_revision = '0063'

MOMENT = sa.DateTime(timezone=True)
CARRIED = ('claimed_at', 'attempts', 'next_try_at', 'trouble', 'answer')
OF_SUBSCRIPTION = ('subscription_id:subscriptions',)
OF_PAYMENT = (*OF_SUBSCRIPTION, 'payment_id:payments')
OF_CUSTOMER = ('customer_id:customers',)
# table: (its key, columns whose change alone is told to nobody, heavy columns that stand in the image where they
# changed, columns that lead to rows which come from PayPal and may be missing after a restore)
WATCHED = {
    'account_members': ('id', ('last_used_at',), (), OF_CUSTOMER),
    'address_changes': ('id', (), (), OF_CUSTOMER),
    'address_holds': ('id', (), (), OF_CUSTOMER),
    'api_keys': ('id', ('last_used_at',), (), ()),
    'audit_heads': ('merchant_id', (), (), ()),
    'comebacks': ('id', CARRIED, (), ()),
    'contract_consents': ('id', (), (), OF_SUBSCRIPTION),
    'customer_erasures': ('id', (), (), OF_CUSTOMER),
    'customer_joinings': ('id', (), (), ()),
    'customer_notes': ('id', (), (), OF_CUSTOMER),
    'end_refunds': ('id', (), (), ('payment_id:payments',)),
    'end_requests': ('id', CARRIED, (), OF_SUBSCRIPTION),
    'erased_payers': ('payer_hash', (), (), ()),
    'event_endpoints': ('id', ('failing_since', 'unanswered', 'quiet_until', 'succeeded_at', 'access_since'), (), ()),
    'grants': ('id', (), (), OF_CUSTOMER),
    'invitations': ('id', (), (), ()),
    'late_payments': ('id', (), (), OF_PAYMENT),
    'legal_texts': ('id', (), (), ()),
    'mails': ('id', ('attempts', 'send_at', 'error'), ('content',), OF_CUSTOMER),
    'memberships': ('id', (), (), ()),
    'merchants': ('id', (), (), ()),
    'passkeys': ('id', ('sign_count', 'last_used_at'), (), ()),
    'pause_requests': ('id', CARRIED, (), OF_SUBSCRIPTION),
    'paypal_accounts': (
        'id', ('calm_until', 'token', 'token_expires_at', 'token_scopes', 'checked_at', 'check_result'), (), (),
    ),
    'plans': ('id', (), (), ()),
    'product_contents': ('id', (), (), ()),
    'products': ('id', (), (), ()),
    'proof_files': ('id', (), (), ()),
    'proofs': ('id', (), (), ()),
    'public_declarations': ('received_request_id', (), (), ()),
    'received_requests': ('id', (), (), OF_SUBSCRIPTION),
    'recovery_codes': ('id', (), (), ()),
    'refunds': ('id', CARRIED, (), OF_PAYMENT),
    'renewal_refunds': ('id', (), (), OF_PAYMENT),
    'renewal_reminders': ('id', (), (), OF_SUBSCRIPTION),
    'settlements': ('id', CARRIED, (), OF_SUBSCRIPTION),
    'setup_codes': ('id', (), (), ()),
    'signing_keys': ('id', (), (), ()),
    'site_logins': ('id', ('checked_at',), (), ()),
    'staff': ('id', ('totp_last_step',), (), ()),
    'staff_devices': ('id', ('last_seen_at',), (), ()),
    'staff_links': ('id', (), (), ()),
    'task_links': ('id', (), (), OF_CUSTOMER),
    'withdrawals': ('id', (), (), OF_SUBSCRIPTION),
}
# Nearly all of their rows come from PayPal, and come again with the next import: only what changed here is kept.
CUSTOMER = ('id', ('seen_at',), (), ())
SUBSCRIPTION = ('id', (), (), OF_CUSTOMER)
TOLD_OF_SUBSCRIPTION = (
    'status', 'end_requested_at', 'stopped_at_provider_at', 'ended_at', 'access_until', 'withdrawn_at', 'promised',
    'relaunch_allowed', 'customer_id', 'product_id', 'predecessor_id', 'committed_until', 'term_from', 'free_from',
)
# A timeline says what its other rows say; what an import alone finds comes again.
TIMELINE = ('id', (), (), OF_SUBSCRIPTION)
NOT_TOLD = ('imported', 'status_seen', 'unknown_word')

NOTE_ROW = """
    CREATE FUNCTION journal_note_row(of_table text, row_id text) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        found jsonb;
    BEGIN
        EXECUTE format('SELECT to_jsonb(one) FROM %I one WHERE id = $1::uuid', of_table) INTO found USING row_id;
        IF found IS NULL THEN
            RETURN;
        END IF;
        IF of_table = 'subscriptions' THEN
            PERFORM journal_note_row('customers', found->>'customer_id');
        END IF;
        INSERT INTO journal_entries (of_table, key, act, image) VALUES (of_table, row_id, 'seen', found);
    END $$
"""
NOTE = """
    CREATE FUNCTION journal_note() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        now_is jsonb;
        was jsonb;
        heavy text;
        leads text;
    BEGIN
        IF current_setting('portal.journal', true) = 'off' OR NOT EXISTS (SELECT FROM installations WHERE journals) THEN
            RETURN NULL;
        END IF;
        IF TG_OP = 'DELETE' THEN
            INSERT INTO journal_entries (of_table, key, act)
            VALUES (TG_TABLE_NAME, to_jsonb(OLD)->>TG_ARGV[0], 'gone');
            RETURN NULL;
        END IF;
        now_is := to_jsonb(NEW);
        IF TG_OP = 'UPDATE' THEN
            was := to_jsonb(OLD);
            IF now_is - TG_ARGV[1]::text[] = was - TG_ARGV[1]::text[] THEN
                RETURN NULL;
            END IF;
            FOREACH heavy IN ARRAY TG_ARGV[2]::text[] LOOP
                IF now_is->heavy = was->heavy THEN
                    now_is := now_is - heavy;
                END IF;
            END LOOP;
        END IF;
        IF TG_OP = 'INSERT' OR TG_TABLE_NAME = 'subscriptions' THEN
            FOREACH leads IN ARRAY TG_ARGV[3]::text[] LOOP
                IF now_is->>split_part(leads, ':', 1) IS NOT NULL THEN
                    PERFORM journal_note_row(split_part(leads, ':', 2), now_is->>split_part(leads, ':', 1));
                END IF;
            END LOOP;
        END IF;
        INSERT INTO journal_entries (of_table, key, act, image)
        VALUES (TG_TABLE_NAME, now_is->>TG_ARGV[0], 'is', now_is);
        RETURN NULL;
    END $$
"""


def _watch(table: str, rule: tuple, when: str = 'INSERT OR UPDATE OR DELETE', condition: str = '') -> None:
    key, ignored, heavy, leads = rule
    given = ', '.join(f"'{{{','.join(one)}}}'" for one in (ignored, heavy, leads))
    only = f'WHEN ({condition}) ' if condition else ''
    op.execute(
        f'CREATE TRIGGER journal_{when.split()[0].lower()} AFTER {when} ON {table} FOR EACH ROW {only}'
        f"EXECUTE FUNCTION journal_note('{key}', {given})"
    )


def upgrade() -> None:
    op.create_table(
        'installations',
        sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('name', sa.Uuid(), server_default=sa.text('gen_random_uuid()'), nullable=False),
        sa.Column('journals', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column('restored_at', MOMENT, nullable=True),
        sa.Column('restored_why', sa.Text(), server_default='', nullable=False),
        sa.Column('recovered_at', MOMENT, nullable=True),
        sa.Column('adopted', postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.CheckConstraint('id = 1', name=op.f('ck_installations_one_row')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_installations')),
    )
    op.execute('INSERT INTO installations (id) VALUES (1)')
    op.create_table(
        'journal_entries',
        sa.Column('number', sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column('at', MOMENT, server_default=sa.text('clock_timestamp()'), nullable=False),
        sa.Column('xact', sa.BigInteger(), server_default=sa.text('(pg_current_xact_id()::text)::bigint'), nullable=False),
        sa.Column('of_table', sa.Text(), nullable=False),
        sa.Column('key', sa.Text(), nullable=False),
        sa.Column('act', sa.Text(), nullable=False),
        sa.Column('image', postgresql.JSONB(), nullable=True),
        sa.Column('waits', sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.PrimaryKeyConstraint('number', 'at', name=op.f('pk_journal_entries')),
    )
    op.create_index('ix_journal_entries_waits', 'journal_entries', ['xact'], postgresql_where=sa.text('waits'))
    op.create_index('ix_journal_entries_row', 'journal_entries', ['of_table', 'key'])
    op.create_index('ix_journal_entries_at', 'journal_entries', ['at'])
    op.execute(NOTE_ROW)
    op.execute(NOTE)
    for table, rule in WATCHED.items():
        _watch(table, rule)
    _watch('customers', CUSTOMER, 'UPDATE OR DELETE')
    told = ' OR '.join(f'OLD.{one} IS DISTINCT FROM NEW.{one}' for one in TOLD_OF_SUBSCRIPTION)
    _watch('subscriptions', SUBSCRIPTION, 'UPDATE', told)
    kinds = ', '.join(f"'{one}'" for one in NOT_TOLD)
    _watch('timeline_entries', TIMELINE, 'INSERT OR UPDATE', f'NEW.kind NOT IN ({kinds})')


def downgrade() -> None:
    op.execute('DROP FUNCTION journal_note() CASCADE')
    op.execute('DROP FUNCTION journal_note_row(text, text)')
    op.drop_table('journal_entries')
    op.drop_table('installations')
