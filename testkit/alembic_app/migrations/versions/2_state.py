"""As many are: it locks a table in use, and going down leaves the type."""

import sqlalchemy as sa
from alembic import op

revision = "2f0e"
down_revision = "1f0e"


def upgrade():
    sa.Enum("draft", "printed", name="state").create(op.get_bind())
    op.add_column("books", sa.Column("state", sa.Enum(name="state", create_type=False), server_default="draft"))
    op.alter_column("books", "state", nullable=False, server_default=None)


def downgrade():
    op.drop_column("books", "state")
