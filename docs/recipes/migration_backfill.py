import logging

import sqlalchemy as sa
from alembic import op

logger = logging.getLogger("alembic.members")  # alembic.ini shows the log of `alembic`

BATCH = sa.text("""
WITH batch AS (SELECT id FROM members WHERE id > :last ORDER BY id LIMIT 1000 FOR UPDATE),
changed AS (
    UPDATE members SET nickname = lower(name) FROM batch WHERE members.id = batch.id AND nickname IS NULL
)
SELECT max(id) FROM batch
""")


def upgrade() -> None:
    """Each batch is a transaction, so locks are short, and a second run continues after a failure."""
    with op.get_context().autocommit_block():
        last = 0
        while last is not None:
            last = op.get_bind().scalar(BATCH, {"last": last})
            logger.info("Filled members up to id %s", last)
