"""Customers are found by the beginning of any word: folded words, kept by the database itself (docs/decisions/0020)."""

from alembic import op
import sqlalchemy as sa

revision = '0024'
down_revision = '0023'

BATCH = 10_000
# What is neither letter nor digit: the punctuation of ASCII, Latin-1, U+2000-206F and U+3000-303F.
# By number, since [[:alnum:]] depends on how the server was set up.
APART = r'\s\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u2000-\u206f\u3000-\u303f\ufeff'

FUNCTIONS = (
    # As one would type it: small letters, no accents, ligatures in two letters.
    r"""
    CREATE FUNCTION search_folded(typed text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT CASE WHEN typed ~ '[^\u0001-\u007f]' THEN
            replace(replace(replace(replace(translate(
                lower(regexp_replace(normalize(typed, NFKD), '[\u0300-\u036f]', '', 'g')),
                'øłđðıς’‘ʼ', 'olddiσ'''''''), 'œ', 'oe'), 'æ', 'ae'), 'ß', 'ss'), 'þ', 'th')
        ELSE lower(typed) END
    $$
    """,
    # Each word once, 64 letters of it at most, without those that another one begins with: who seeks « dupont » finds
    # « dupont@exemple.fr ».
    """
    CREATE FUNCTION search_longest(words text[]) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT coalesce(array_agg(word) FILTER (WHERE next IS NULL OR NOT starts_with(next, word)), '{}') FROM (
            SELECT word, lead(word) OVER (ORDER BY word) AS next
            FROM (SELECT DISTINCT left(one, 64) COLLATE "C" AS word FROM unnest(words) AS one) AS short
        ) AS sorted
    $$
    """,
    # What a text is found by: each of its words, from the beginning of each of its parts on.
    rf"""
    CREATE FUNCTION search_words_of(said text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
    DECLARE
        rest text;
        found text[];
    BEGIN
        FOREACH rest IN ARRAY regexp_split_to_array(search_folded(left(said, 500)), '\s+') LOOP
            rest := regexp_replace(rest, '^[{APART}]+|[{APART}]+$', '', 'g');
            WHILE rest <> '' LOOP
                found := found || rest;
                rest := regexp_replace(rest, '^[^{APART}]+[{APART}]*', '');
            END LOOP;
        END LOOP;
        RETURN search_longest(found);
    END $$
    """,
    # What is sought: a piece of an address or of a domain stays whole, anything else is taken apart.
    rf"""
    CREATE FUNCTION search_words_in(typed text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT search_longest(array_agg(part) FILTER (WHERE part <> ''))
        FROM regexp_split_to_table(search_folded(typed), '\s+') AS token,
             regexp_replace(token, '^[{APART}]+|[{APART}]+$', '', 'g') AS whole,
             regexp_split_to_table(whole, CASE WHEN whole ~ '[.@_+]' THEN '\s' ELSE '[{APART}]+' END) AS part
    $$
    """,
    """
    CREATE FUNCTION search_words_follow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM search_words WHERE customer_id = OLD.id;
        IF TG_OP = 'UPDATE' THEN
            INSERT INTO search_words (merchant_id, word, customer_id)
            SELECT NEW.merchant_id, unnest(search_words_of(concat_ws(' ', NEW.name, NEW.email, NEW.payer_id))), NEW.id;
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION search_words_begin() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO search_words (merchant_id, word, customer_id)
        SELECT merchant_id, unnest(search_words_of(concat_ws(' ', name, email, payer_id))), id FROM arrived;
        RETURN NULL;
    END $$
    """,
)
TRIGGERS = (
    """
    CREATE TRIGGER search_words_begin AFTER INSERT ON customers
        REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION search_words_begin()
    """,
    """
    CREATE TRIGGER search_words_follow AFTER UPDATE OF merchant_id, name, email, payer_id ON customers
        FOR EACH ROW WHEN ((NEW.merchant_id, NEW.name, NEW.email, NEW.payer_id)
            IS DISTINCT FROM (OLD.merchant_id, OLD.name, OLD.email, OLD.payer_id))
        EXECUTE FUNCTION search_words_follow()
    """,
    """
    CREATE TRIGGER search_words_end AFTER DELETE ON customers FOR EACH ROW EXECUTE FUNCTION search_words_follow()
    """,
)
FILL = """
    WITH these AS (
        SELECT merchant_id, id, concat_ws(' ', name, email, payer_id) AS said FROM customers
        WHERE id > :after ORDER BY id LIMIT :batch
    ), written AS (
        INSERT INTO search_words (merchant_id, word, customer_id)
        SELECT merchant_id, unnest(search_words_of(said)), id FROM these
    )
    SELECT id FROM these ORDER BY id DESC LIMIT 1
"""
IDS = {'subscriptions': 'provider_id', 'end_requests': 'reference', 'received_requests': 'reference'}


def upgrade() -> None:
    op.create_table(
        'search_words',
        sa.Column('merchant_id', sa.Uuid(), nullable=False),
        sa.Column('word', sa.Text(collation='C'), nullable=False),
        sa.Column('customer_id', sa.Uuid(), nullable=False),
    )
    for statement in FUNCTIONS + TRIGGERS:
        op.execute(statement)
    _fill()
    op.create_primary_key(op.f('pk_search_words'), 'search_words', ['merchant_id', 'word', 'customer_id'])
    op.create_index(op.f('ix_search_words_customer_id'), 'search_words', ['customer_id'])
    for table, column in IDS.items():
        name, ops = f'ix_{table}_merchant_id_{column}', {column: 'text_pattern_ops'}
        op.create_index(name, table, ['merchant_id', column], postgresql_ops=ops)
    op.create_index('ix_subscriptions_product_id_created_at', 'subscriptions', ['product_id', 'merchant_id', 'created_at', 'id'])
    op.create_index('ix_subscriptions_product_id_status', 'subscriptions', ['product_id', 'merchant_id', 'status', 'created_at', 'id'])
    op.drop_index('ix_subscriptions_product_id', table_name='subscriptions')


def downgrade() -> None:
    op.create_index('ix_subscriptions_product_id', 'subscriptions', ['product_id'])
    op.drop_index('ix_subscriptions_product_id_status', table_name='subscriptions')
    op.drop_index('ix_subscriptions_product_id_created_at', table_name='subscriptions')
    for table, column in IDS.items():
        op.drop_index(f'ix_{table}_merchant_id_{column}', table_name=table)
    for name in ('begin', 'follow', 'end'):
        op.execute(f'DROP TRIGGER search_words_{name} ON customers')
    op.drop_table('search_words')
    for function in ('search_words_begin()', 'search_words_follow()', 'search_words_in(text)',
                     'search_words_of(text)', 'search_longest(text[])', 'search_folded(text)'):
        op.execute(f'DROP FUNCTION {function}')


def _fill() -> None:
    """Write the words of who is there, some at a time: a million customers at once would fill the memory."""
    connection, after = op.get_bind(), '00000000-0000-0000-0000-000000000000'
    while after is not None:
        after = connection.scalar(sa.text(FILL), {'after': after, 'batch': BATCH})
