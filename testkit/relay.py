"""Relays TCP connections to a Unix socket until its input ends: `python relay.py HOST PORT SOCKET`."""

import asyncio
import sys
from contextlib import suppress


async def main(host: str, port: str, path: str) -> None:
    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def relay(client: asyncio.StreamReader, client_writer: asyncio.StreamWriter) -> None:
        server, server_writer = await asyncio.open_unix_connection(path)
        await asyncio.gather(copy(client, server_writer), copy(server, client_writer))

    async with await asyncio.start_server(relay, host, int(port)):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(main(*sys.argv[1:]))
