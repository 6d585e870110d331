import sqlalchemy as sa
from alembic import op


def add_with_default() -> None:
    """Where one value suits all rows, one step does it: PostgreSQL keeps the default once, not in each row."""
    op.add_column("members", sa.Column("points", sa.Integer(), server_default="0", nullable=False))


def add() -> None:
    """Otherwise, the first release: nullable, and written by the program that comes with it."""
    op.add_column("members", sa.Column("nickname", sa.String(50), nullable=True))


def require() -> None:
    """The second, when no old program runs and a backfill has filled what was there: a row without could not change.

    NOT VALID: checked for what is written from now on.
    """
    op.create_check_constraint(
        "ck_members_nickname_not_null", "members", "nickname IS NOT NULL", postgresql_not_valid=True
    )


def validate() -> None:
    """Also the second, in a migration of its own: it reads the table, and others read and write meanwhile."""
    op.execute("ALTER TABLE members VALIDATE CONSTRAINT ck_members_nickname_not_null")


def finish() -> None:
    """With a constraint that is valid, SET NOT NULL reads nothing."""
    op.alter_column("members", "nickname", nullable=False)
    op.drop_constraint("ck_members_nickname_not_null", "members")
