"""Test the connection: `python -m <package>.database`."""

import asyncio
import sys
from time import perf_counter

from sqlalchemy import text

from .errors import DatabaseUnavailable
from .session import close_db, init_db
from .settings import DatabaseSettings


async def main() -> None:
    settings = DatabaseSettings()
    database = await init_db(settings)
    try:
        async with database.read_scope() as db:
            start = perf_counter()
            row = (
                await db.execute(text("SELECT version(), current_database(), current_user, pg_is_in_recovery()"))
            ).one()
            milliseconds = (perf_counter() - start) * 1000
    finally:
        await close_db(database)
    version, name, user, standby = row
    print(f"Connected to database {name!r} as {user!r}{', a standby' if standby else ''}.")
    print(f"{version.split(' on ')[0]} answered in {milliseconds:.1f} ms.")


try:
    asyncio.run(main())
except (DatabaseUnavailable, ValueError) as error:
    sys.exit(str(error))
