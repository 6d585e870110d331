from alembic import op


def begin() -> None:
    """The first release reads and writes club.members; the old program meets a view of the same name as before."""
    op.execute("CREATE SCHEMA club")
    op.execute("ALTER TABLE public.members SET SCHEMA club")  # with its indexes, constraints and sequences
    op.execute("CREATE VIEW public.members AS SELECT * FROM club.members")


def finish() -> None:
    """The second, when no old program runs."""
    op.execute("DROP VIEW public.members")
