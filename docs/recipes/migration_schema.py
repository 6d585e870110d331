from alembic import op


def begin() -> None:
    """The first release reads and writes club.members; the old version uses a view with the old name."""
    op.execute("CREATE SCHEMA club")
    op.execute("ALTER TABLE public.members SET SCHEMA club")  # with its indexes, constraints and sequences
    op.execute("CREATE VIEW public.members AS SELECT * FROM club.members")


def finish() -> None:
    """The second release, when no old process runs."""
    op.execute("DROP VIEW public.members")
