from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# An administrator runs this once, and restarts the server.
LOAD = "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements', 'auto_explain'"

# Then these, in the service's database.
SET_UP = (
    "CREATE EXTENSION IF NOT EXISTS pg_stat_statements",
    "ALTER SYSTEM SET auto_explain.log_min_duration = '500ms'",
    # PostgreSQL measures every statement, because only its end shows that it was slow. Without timing, that is cheap.
    "ALTER SYSTEM SET auto_explain.log_analyze = on",
    "ALTER SYSTEM SET auto_explain.log_timing = off",
    "ALTER SYSTEM SET auto_explain.log_parameter_max_length = 0",
    "SELECT pg_reload_conf()",
)

# Times are in milliseconds.
SLOWEST = text("""
    SELECT calls, mean_exec_time, total_exec_time, query FROM pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY total_exec_time DESC LIMIT :limit
""")


async def slowest_statements(db: AsyncSession, limit: int = 10) -> list[str]:
    """The statements of this database that took the most time in all. Needs the privileges of pg_read_all_stats."""
    rows = await db.execute(SLOWEST, {"limit": limit})
    return [
        f"{row.calls} calls, {row.mean_exec_time:.1f} ms each, {row.total_exec_time:.0f} ms in all: {row.query}"
        for row in rows
    ]
