import sqlalchemy as sa
from alembic import op

# Each version writes the column it knows. The trigger copies the value to the other column.
SYNCHRONIZE = """
CREATE FUNCTION synchronize_member_names() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.full_name := coalesce(NEW.full_name, NEW.name);
        NEW.name := NEW.full_name;
    ELSIF NEW.full_name IS DISTINCT FROM OLD.full_name THEN
        NEW.name := NEW.full_name;
    ELSE
        NEW.full_name := NEW.name;
    END IF;
    RETURN NEW;
END $$
"""


def begin() -> None:
    """The first release: the new version reads and writes full_name. A backfill then fills the existing rows."""
    op.add_column("members", sa.Column("full_name", sa.String(200), nullable=True))
    op.execute(SYNCHRONIZE)
    op.execute(
        "CREATE TRIGGER synchronize_names BEFORE INSERT OR UPDATE ON members"
        " FOR EACH ROW EXECUTE FUNCTION synchronize_member_names()"
    )


def finish() -> None:
    """The second release, when no old process runs."""
    op.execute("DROP TRIGGER synchronize_names ON members")
    op.execute("DROP FUNCTION synchronize_member_names")
    op.drop_column("members", "name")
