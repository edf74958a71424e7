"""Events that other systems are told: the facts, the endpoints, what became of each at each, and every try."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0053'
down_revision = '0052'

MOMENT = sa.DateTime(timezone=True)
TYPES = (
    'subscription.started', 'subscription.updated', 'subscription.end_requested', 'subscription.ended',
    'subscription.paused', 'subscription.resumed', 'subscription.payment_failed', 'payment.completed',
    'payment.refunded', 'access.granted', 'access.changed', 'access.ended', 'customer.updated', 'customer.erased',
    'request.needs_merchant', 'endpoint.test',
)
KINDS = ('cus', 'sub', 'prod', 'cont', 'grant', 'pay', 'end', 'evt', 'ep', 'dlv', 'ps', 'key')


def _words(*words: str, name: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)


def _merchant(table: str) -> tuple:
    return (
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f(f'fk_{table}_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('id', name=op.f(f'pk_{table}')),
    )


def upgrade() -> None:
    # The default stays: a process of the older version that still runs does not know the column.
    op.execute('ALTER TABLE subscriptions ADD COLUMN event_number integer NOT NULL DEFAULT 0')
    op.create_table(
        'event_endpoints',
        sa.Column('address', sa.Text(), nullable=False),
        sa.Column('description', sa.Text(), nullable=False),
        sa.Column('types', postgresql.JSONB(), nullable=False),
        sa.Column('is_full', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column('secret', sa.LargeBinary(), nullable=False),
        sa.Column('secret_set_at', MOMENT, nullable=False),
        sa.Column('former_secret', sa.LargeBinary(), nullable=True),
        sa.Column('former_secret_until', MOMENT, nullable=True),
        sa.Column('made_by', sa.Text(), nullable=False),
        sa.Column('state', _words('enabled', 'paused', 'disabled', name='state'), nullable=False),
        sa.Column('state_at', MOMENT, nullable=True),
        sa.Column('is_by_hand', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column('failing_since', MOMENT, nullable=True),
        sa.Column('unanswered', sa.Integer(), server_default='0', nullable=False),
        sa.Column('quiet_until', MOMENT, nullable=True),
        sa.Column('succeeded_at', MOMENT, nullable=True),
        sa.Column('access_since', MOMENT, nullable=True),
        sa.CheckConstraint('(former_secret IS NULL) = (former_secret_until IS NULL)', name=op.f('ck_event_endpoints_former_secret_has_an_end')),
        *_merchant('event_endpoints'),
    )
    op.create_index(op.f('ix_event_endpoints_merchant_id'), 'event_endpoints', ['merchant_id'])
    op.create_table(
        'outgoing_events',
        sa.Column('type', _words(*TYPES, name='type'), nullable=False),
        sa.Column('key', sa.Text(), nullable=False),
        sa.Column('at', MOMENT, nullable=False),
        sa.Column('subject_kind', _words(*KINDS, name='subject_kind'), nullable=False),
        sa.Column('subject_id', sa.Uuid(), nullable=False),
        sa.Column('subscription_id', sa.Uuid(), nullable=True),
        sa.Column('sequence', sa.Integer(), nullable=True),
        sa.Column('facts', postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(['subscription_id'], ['subscriptions.id'], name=op.f('fk_outgoing_events_subscription_id'), ondelete='CASCADE'),
        sa.UniqueConstraint('merchant_id', 'type', 'key', name='uq_outgoing_events_fact'),
        sa.UniqueConstraint('subscription_id', 'sequence', name='uq_outgoing_events_sequence'),
        *_merchant('outgoing_events'),
    )
    op.create_index(op.f('ix_outgoing_events_merchant_id'), 'outgoing_events', ['merchant_id'])
    op.create_index('ix_outgoing_events_created_at', 'outgoing_events', ['created_at'])
    op.create_table(
        'event_deliveries',
        sa.Column('event_id', sa.Uuid(), nullable=False),
        sa.Column('endpoint_id', sa.Uuid(), nullable=False),
        sa.Column('state', _words('waiting', 'delivered', 'failed', name='state'), nullable=False),
        sa.Column('failed', sa.Integer(), server_default='0', nullable=False),
        sa.Column('next_try_at', MOMENT, nullable=True),
        sa.Column('tried_at', MOMENT, nullable=True),
        sa.Column('delivered_at', MOMENT, nullable=True),
        sa.Column('replayed_at', MOMENT, nullable=True),
        sa.ForeignKeyConstraint(['event_id'], ['outgoing_events.id'], name=op.f('fk_event_deliveries_event_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['endpoint_id'], ['event_endpoints.id'], name=op.f('fk_event_deliveries_endpoint_id'), ondelete='CASCADE'),
        sa.UniqueConstraint('event_id', 'endpoint_id', name='uq_event_deliveries_event'),
        *_merchant('event_deliveries'),
    )
    op.create_index(op.f('ix_event_deliveries_merchant_id'), 'event_deliveries', ['merchant_id'])
    op.create_index('ix_event_deliveries_due', 'event_deliveries', ['endpoint_id', 'next_try_at'], postgresql_where=sa.text("state = 'waiting'"))
    op.create_index('ix_event_deliveries_endpoint_id_created_at', 'event_deliveries', ['endpoint_id', 'created_at', 'id'])
    op.create_table(
        'event_attempts',
        sa.Column('delivery_id', sa.Uuid(), nullable=False),
        sa.Column('at', MOMENT, nullable=False),
        sa.Column('took_ms', sa.Integer(), nullable=False),
        sa.Column('status', sa.Integer(), nullable=True),
        sa.Column('fault', _words('timeout', 'unreachable', 'certificate', 'not_public', 'secret', name='fault'), nullable=True),
        sa.Column('answer', sa.Text(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['delivery_id'], ['event_deliveries.id'], name=op.f('fk_event_attempts_delivery_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_event_attempts')),
    )
    op.create_index('ix_event_attempts_delivery_id_at', 'event_attempts', ['delivery_id', 'at'])
    op.create_table(
        'access_marks',
        sa.Column('customer_id', sa.Uuid(), nullable=False),
        sa.Column('product_id', sa.Uuid(), nullable=False),
        sa.Column('environment', sa.Text(), nullable=False),
        sa.Column('due_at', MOMENT, nullable=True),
        sa.Column('next_at', MOMENT, nullable=True),
        sa.Column('told', postgresql.JSONB(), nullable=True),
        sa.Column('is_silent', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column('number', sa.Integer(), server_default='0', nullable=False),
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_access_marks_merchant_id'), ondelete='RESTRICT'),
        sa.PrimaryKeyConstraint('customer_id', 'product_id', 'environment', name=op.f('pk_access_marks')),
    )
    op.create_index(op.f('ix_access_marks_merchant_id'), 'access_marks', ['merchant_id'])
    op.create_index('ix_access_marks_product_id', 'access_marks', ['product_id'])
    op.create_index('ix_access_marks_due_at', 'access_marks', ['due_at'], postgresql_where=sa.text('due_at IS NOT NULL'))


def downgrade() -> None:
    for table in ('access_marks', 'event_attempts', 'event_deliveries', 'outgoing_events', 'event_endpoints'):
        op.drop_table(table)
    op.drop_column('subscriptions', 'event_number')
