"""Migrations of several processes at once, as when all replicas of a service are deployed together."""

import asyncio
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from testkit.projects import clean_environment, run
from testkit.rendering import Render
from testkit.service import until

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]

# It commits in between, and waits for every transaction that is open.
CONCURRENTLY = """
    with op.get_context().autocommit_block():
        op.create_index("ix_authors_created_at", "authors", ["created_at"], postgresql_concurrently=True)
"""
MIGRATION_LOCK = int.from_bytes(b"alembic")


@pytest.fixture
def project(render: Render) -> Path:
    project = render()
    run(project, "alembic", "revision", "-m", "index")
    (migration,) = project.glob("src/*/database/migrations/versions/*_index.py")
    text = migration.read_text().replace("    pass\n", CONCURRENTLY.lstrip("\n"), 1)
    # What an empty migration does not use, the linter has removed.
    migration.write_text(text.replace("\nrevision:", "\nfrom alembic import op\n\nrevision:", 1))
    return project


async def test_four_concurrent_migrations_succeed(project: Path, postgres: str) -> None:
    connection = await asyncpg.connect(postgres)
    # So that all four are there before the first one begins.
    await connection.execute(f"SELECT pg_advisory_lock({MIGRATION_LOCK})")
    environment = {"PYTHONPATH": str(project / "src"), "DATABASE_URL": postgres}
    migrations = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "alembic",
            "upgrade",
            "head",
            cwd=project,
            env=clean_environment() | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for _ in range(4)
    ]
    try:
        await until(lambda: all_wait(connection), 60)
        await connection.execute(f"SELECT pg_advisory_unlock({MIGRATION_LOCK})")
        async with asyncio.timeout(60):
            outputs = [(await migration.communicate())[0].decode() for migration in migrations]
    finally:
        for migration in migrations:
            if migration.returncode is None:
                migration.kill()
                await migration.wait()
    assert [migration.returncode for migration in migrations] == [0] * 4, outputs
    # Each migration ran once, whoever ran it.
    assert "".join(outputs).count("Running upgrade") == 2, outputs
    assert await connection.fetchval(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_authors_created_at'::regclass"
    )
    await connection.close()


async def all_wait(connection: asyncpg.Connection) -> bool:
    statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    return bool(await connection.fetchval(statement) == 4)
