from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# A deferred constraint: each statement succeeds, and COMMIT fails.
REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'refused at COMMIT' USING ERRCODE = '40001';
END $$
"""


async def refuse_commits(db: AsyncSession, table: str) -> None:
    """For a test with its own database: `real_database`, which no other test uses."""
    await db.execute(text(REFUSE))
    trigger = f"CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED"
    await db.execute(text(f"{trigger} FOR EACH ROW EXECUTE FUNCTION refuse()"))
