"""Limits when PostgreSQL fails: what is lost is lost for everybody, and nobody is refused for it."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from testkit.projects import run
from testkit.rendering import Render, load_devserver
from testkit.service import Postgres

CHECKS = """
import asyncio
from my_service.database import DatabaseSettings, open_db
from my_service.limits import RateLimit, RateLimitedError

async def main():
    async with open_db(DatabaseSettings()) as database:
        for _ in range(6):
            try:
                await RateLimit("logins", quota=5, window=3600).check(database, "ann")
                print("allowed", end=" ")
            except RateLimitedError as error:
                print(error.status_code)

asyncio.run(main())
"""


@pytest.mark.slow
def test_after_a_crash_there_is_a_new_quota(render: Render) -> None:
    shop = render(auth="oidc")
    devserver = load_devserver(shop)
    # Not in pytest's folder: the next run closes that to others, and with it to the account of PostgreSQL under root.
    with TemporaryDirectory() as folder, devserver.serve(data := Path(folder) / "data", database="shop") as url:
        run(shop, "alembic", "upgrade", "head", DATABASE_URL=url)
        assert run(shop, "python", "-c", CHECKS, DATABASE_URL=url) == "allowed " * 5 + "429\n"
        postgres = Postgres(devserver, data, url)
        with postgres.stopped("immediate"):
            pass
        assert asyncio.run(postgres.fetch("SELECT count(*) FROM rate_limits")) == 0
        assert run(shop, "python", "-c", CHECKS, DATABASE_URL=url) == "allowed " * 5 + "429\n"
