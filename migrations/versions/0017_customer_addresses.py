"""One form for one e-mail address; two customers of one form share it until staff join them; PayPal's newer one."""

import unicodedata

import idna
import sqlalchemy as sa
from alembic import op

revision = '0017'
down_revision = '0016'

UNIQUE = 'uq_customers_merchant_id_email'
UNUSUAL = "email ~ '[^!-~]' OR email ~ '[A-Z]' OR email LIKE '%.'"


def upgrade() -> None:
    op.execute('ALTER TABLE customers ADD COLUMN email_place integer NOT NULL DEFAULT 0')
    op.execute('ALTER TABLE customers ADD COLUMN paypal_email text')
    op.execute('ALTER TABLE customers ADD COLUMN paypal_email_at timestamptz')
    op.execute('ALTER TABLE customers ADD COLUMN paypal_email_declined boolean NOT NULL DEFAULT false')
    _make_unique('merchant_id, email, email_place')
    _fold_customers()
    _fold('received_requests', only_where_free=False)
    _fold('staff', only_where_free=True)  # two of one form: the later one stays as it is, for the operator


def downgrade() -> None:
    """Give the second customer of a form the other spelling of the domain: both stood there before."""
    rows = op.get_bind().execute(sa.text('SELECT id, email, email_place FROM customers WHERE email_place > 0')).all()
    for row in rows:
        local, _at, domain = row.email.rpartition('@')
        other = f'{local}@{idna.decode(domain)}'
        if row.email_place > 1 or other == row.email:
            raise RuntimeError(f'customer {row.id} shares an address with others: join them at the desk first')
        _set('customers', row.id, other)
    _make_unique('merchant_id, email')
    for column in ('email_place', 'paypal_email', 'paypal_email_at', 'paypal_email_declined'):
        op.execute(f'ALTER TABLE customers DROP COLUMN {column}')


def _make_unique(columns: str) -> None:
    op.execute(f'DROP INDEX {UNIQUE}')
    op.execute(f'CREATE UNIQUE INDEX {UNIQUE} ON customers ({columns}) WHERE email IS NOT NULL')


def _fold_customers() -> None:
    """The customer known the longest has the address; who comes to it by another spelling has a place behind."""
    unusual = f'SELECT id, merchant_id, email FROM customers WHERE email IS NOT NULL AND ({UNUSUAL}) ORDER BY created_at, id'
    for row in op.get_bind().execute(sa.text(unusual)).all():
        email = _normal(row.email)
        if email == row.email:
            continue
        places = op.get_bind().execute(
            sa.text('SELECT count(*) FROM customers WHERE merchant_id = :merchant AND email = :email'),
            {'merchant': row.merchant_id, 'email': email},
        )
        op.get_bind().execute(
            sa.text('UPDATE customers SET email = :email, email_place = :place WHERE id = :id'),
            {'email': email, 'place': places.scalar_one(), 'id': row.id},
        )


def _fold(table: str, *, only_where_free: bool) -> None:
    found = op.get_bind().execute(sa.text(f'SELECT id, email FROM {table} WHERE email IS NOT NULL AND ({UNUSUAL})'))
    for row in found.all():
        email = _normal(row.email)
        taken = sa.text(f'SELECT 1 FROM {table} WHERE email = :email AND id <> :id')
        if only_where_free and op.get_bind().execute(taken, {'email': email, 'id': row.id}).first():
            continue
        _set(table, row.id, email)


def _set(table: str, row_id: object, email: str) -> None:
    statement = sa.text(f'UPDATE {table} SET email = :email WHERE id = :id')
    op.get_bind().execute(statement, {'email': email, 'id': row_id})


def _normal(address: str) -> str:
    """As the portal wrote addresses when this migration was made."""
    plain = unicodedata.normalize('NFC', unicodedata.normalize('NFC', address.strip()).lower())
    local, at, domain = plain.rpartition('@')
    domain = domain.rstrip('.')
    if at and not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            pass
    return f'{local}{at}{domain}' if at else plain
