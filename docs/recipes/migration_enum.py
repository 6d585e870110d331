from alembic import op

STATES = "state IN ('active', 'left', 'banned')"


def allow() -> None:
    """Before the program that writes 'banned'. The old check goes and the new one comes in one transaction."""
    op.drop_constraint("ck_members_state_known", "members")
    op.create_check_constraint("ck_members_state_known", "members", STATES, postgresql_not_valid=True)


def validate() -> None:
    op.execute("ALTER TABLE members VALIDATE CONSTRAINT ck_members_state_known")


def allow_in_native_enum() -> None:
    """A native ENUM takes a new value, and never gives one back. Within its own transaction it cannot be used."""
    op.execute("ALTER TYPE member_level ADD VALUE IF NOT EXISTS 'gold' AFTER 'silver'")
