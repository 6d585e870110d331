"""By the name that PostgreSQL chose."""

from alembic import op

revision = "3f0e"
down_revision = "2f0e"


def upgrade():
    op.drop_constraint("books_author_id_fkey", "books")
    op.create_foreign_key(None, "books", "authors", ["author_id"], ["id"], ondelete="CASCADE")


def downgrade():
    op.drop_constraint("books_author_id_fkey", "books")
    op.create_foreign_key(None, "books", "authors", ["author_id"], ["id"])
