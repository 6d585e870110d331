"""Round trips, counted where they happen: between the driver and PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from sqlalchemy import URL


@dataclass
class Wire:
    """A way to the server that counts round trips: PostgreSQL ends each with ReadyForQuery. It can be cut."""

    url: URL
    round_trips: int = 0
    is_cut: bool = False


@asynccontextmanager
async def tap(url: URL) -> AsyncIterator[Wire]:
    wire = Wire(url)
    tasks: set[asyncio.Task[None]] = set()

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = str(url.query.get("host") or url.host), int(str(url.query.get("port") or url.port or 5432))
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)

    async def relay(client: asyncio.StreamReader, client_writer: asyncio.StreamWriter) -> None:
        server, server_writer = await connect()
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            try:
                await asyncio.gather(copy(client, server_writer), count(server, client_writer))
            finally:
                client_writer.close()
                server_writer.close()
                await asyncio.gather(client_writer.wait_closed(), server_writer.wait_closed(), return_exceptions=True)

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if not wire.is_cut:
                writer.write(data)
        writer.close()

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            header = await reader.readexactly(5)
            body = await reader.readexactly(int.from_bytes(header[1:]) - 4)
            wire.round_trips += header[:1] == b"Z"
            if not wire.is_cut:
                writer.write(header + body)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(relay(reader, writer)))

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        wire.url = url.set(host="127.0.0.1", port=port, query={"sslmode": "disable"})
        yield wire
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
