from alembic import op


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # An interrupted build leaves an invalid index, which is maintained but never used.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_members_name")
        op.create_index("ix_members_name", "members", ["name"], postgresql_concurrently=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_members_name", postgresql_concurrently=True)
