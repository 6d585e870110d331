from alembic import op

STATES = "state IN ('active', 'left', 'banned')"


def allow() -> None:
    """Run before the release that writes 'banned'. One transaction replaces the old check."""
    op.drop_constraint("ck_members_state_known", "members")
    op.create_check_constraint("ck_members_state_known", "members", STATES, postgresql_not_valid=True)


def validate() -> None:
    op.execute("ALTER TABLE members VALIDATE CONSTRAINT ck_members_state_known")


def allow_in_native_enum() -> None:
    """A native ENUM gains a value and can never lose it. The same transaction cannot use the new value."""
    op.execute("ALTER TYPE member_level ADD VALUE IF NOT EXISTS 'gold' AFTER 'silver'")
