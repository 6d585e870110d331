"""Round trips of one request, counted between the server process and PostgreSQL."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from httpx import AsyncClient
from sqlalchemy import make_url

from testkit.rendering import load_wire

from .operations import OPERATIONS
from .servers import CONTESTANTS, serve


async def count_round_trips(contestant: str, project: Path, url: str) -> dict[str, int]:
    """After as many requests as fill every cache."""
    counts = {}
    # Rows that no other contestant has written.
    offset = -3 * (1 + [*CONTESTANTS].index(contestant))
    async with load_wire().tap(make_url(url)) as wire, AsyncExitStack() as stack:
        # In a thread: whoever waits for the server would hold the tap that the server waits for.
        serving = serve(contestant, project, wire.url.render_as_string())
        server = await asyncio.to_thread(serving.__enter__)
        stack.push_async_callback(asyncio.to_thread, serving.__exit__, None, None, None)
        client = await stack.enter_async_context(AsyncClient(base_url=server.url))
        for name, operation in OPERATIONS.items():
            for number in range(3):
                own, before = str(operation.first + offset + number), wire.round_trips
                response = await client.request(
                    operation.method,
                    operation.path.replace("#", own),
                    content=operation.body.replace("#", own),
                    headers={"Content-Type": "application/json"},
                )
                assert response.status_code == operation.status, response.text
                counts[name] = wire.round_trips - before
    return counts
