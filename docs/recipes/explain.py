from typing import Any

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession


async def explain(db: AsyncSession, statement: Select[Any]) -> str:
    """The plan of a statement and the time of each step. ANALYZE runs the statement."""
    sql = statement.compile(dialect=db.get_bind().dialect, compile_kwargs={"literal_binds": True})
    connection = await db.connection()
    plan = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS) {sql}")
    return "\n".join(plan.scalars())
