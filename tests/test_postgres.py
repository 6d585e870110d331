"""Where a throwaway server of a rendered project has its data."""

import asyncio
from pathlib import Path
from tempfile import mkdtemp

import asyncpg
import pytest

from testkit.rendering import Render, load_devserver


@pytest.mark.parametrize("memory", [True, False])
def test_data_is_in_memory_where_there_is_some(render: Render, workspace: Path, memory: bool) -> None:
    project = render()
    postgres = load_devserver(project)
    postgres.MEMORY = Path(mkdtemp(dir=workspace)) if memory else project / "none"
    with postgres.serve() as url:
        data = Path(asyncio.run(find_data(url)))
    assert data.is_relative_to(postgres.MEMORY if memory else project / ".data")
    assert not data.exists()


async def find_data(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SHOW data_directory"))
    finally:
        await connection.close()
