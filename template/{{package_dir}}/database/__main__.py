"""Test the connection: `python -m <package>.database`."""

import asyncio
import sys
from time import perf_counter

from sqlalchemy import text

from .environment import InvalidSettings
from .errors import DatabaseUnavailable
from .settings import DatabaseSettings
from .startup import open_db


async def main() -> None:
    settings = DatabaseSettings()
    async with open_db(settings) as database, database.read_scope() as db:
        start = perf_counter()
        statement = text("SELECT version(), current_database(), current_user, pg_is_in_recovery()")
        version, name, user, standby = (await db.execute(statement)).one()
        milliseconds = (perf_counter() - start) * 1000
    print(f"Connected to database {name!r} as {user!r}{', a standby' if standby else ''}.")
    print(f"{version.split(' on ')[0]} answered in {milliseconds:.1f} ms.")


try:
    asyncio.run(main())
except (DatabaseUnavailable, InvalidSettings) as error:
    sys.exit(str(error))
