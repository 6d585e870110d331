"""${message}

Revision: ${up_revision}
% if down_revision:
Revises: ${down_revision | comma,n}
% endif
Created: ${create_date}

The old program runs while this migration does, and for a while after: each step must suit both.
- A new column is nullable or has a server default. NOT NULL comes later: add a CHECK ... NOT VALID, VALIDATE it in the next
  migration, then SET NOT NULL.
- A rename is two releases: add the new column and write both; then read the new one and drop the old.
- An index on a table with rows: `with op.get_context().autocommit_block():` and `postgresql_concurrently=True`. It may fail
  half done: DROP INDEX CONCURRENTLY IF EXISTS first.
- A backfill runs in batches, in a migration of its own.
- A type made by hand, such as an ENUM, is dropped by hand in downgrade().
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision: str = ${repr(up_revision)}
down_revision: str | None = ${repr(down_revision)}
branch_labels: str | Sequence[str] | None = ${repr(branch_labels)}
depends_on: str | Sequence[str] | None = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
