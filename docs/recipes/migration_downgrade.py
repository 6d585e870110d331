import sqlalchemy as sa
from alembic import op


def upgrade() -> None:
    op.add_column("members", sa.Column("phone", sa.String(50), nullable=True))


def downgrade() -> None:
    """Refuses to drop what only this column holds."""
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM members WHERE phone IS NOT NULL)")):
        raise RuntimeError("members.phone has values. Copy them, or set them to NULL, before the downgrade.")
    op.drop_column("members", "phone")
