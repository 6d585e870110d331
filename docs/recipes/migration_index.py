from alembic import op


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # A build that was cut short leaves an index that is not valid: kept up to date, and used by nobody.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_members_name")
        op.create_index("ix_members_name", "members", ["name"], postgresql_concurrently=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_members_name", postgresql_concurrently=True)
