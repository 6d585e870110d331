import sqlalchemy as sa
from alembic import op


def add_with_default() -> None:
    """If one value suits all rows, one step is enough: PostgreSQL stores the default once, not in each row."""
    op.add_column("members", sa.Column("points", sa.Integer(), server_default="0", nullable=False))


def add() -> None:
    """Otherwise, the first release: a nullable column, which the new version of the service writes."""
    op.add_column("members", sa.Column("nickname", sa.String(50), nullable=True))


def require() -> None:
    """The second release, after the backfill, when no old process runs: rows without a value could not be updated.

    NOT VALID: PostgreSQL checks only rows written from now on.
    """
    op.create_check_constraint(
        "ck_members_nickname_not_null", "members", "nickname IS NOT NULL", postgresql_not_valid=True
    )


def validate() -> None:
    """Also the second release, in its own migration: it scans the table while others read and write."""
    op.execute("ALTER TABLE members VALIDATE CONSTRAINT ck_members_nickname_not_null")


def finish() -> None:
    """With a valid constraint, SET NOT NULL does not scan the table."""
    op.alter_column("members", "nickname", nullable=False)
    op.drop_constraint("ck_members_nickname_not_null", "members")
